# SPDX-License-Identifier: MIT
# packages: java=default-jre-headless javac=default-jdk-headless
# command: java javac
# locks: mutexes and condition variables below its parked threads and its own tasks (monitors spin and queue by themselves); 4 producers, 4 consumers
# unit: item/s
# limit: 120
version() { java -version 2>&1 | sed -n 's/^openjdk version "\([^"]*\)".*/OpenJDK \1/p'; }
prepare() { mkdir -p "$DIR/classes" && javac -d "$DIR/classes" "$here/Queues.java"; }
queues() { under java -Xshare:auto -XX:+UseSerialGC -Xmx64m -cp "$DIR/classes" Queues "$@"; }
correct() { queues items 20000; }
speed() { queues seconds 1; }
