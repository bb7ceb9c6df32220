# SPDX-License-Identifier: MIT
# packages: pigz=pigz
# command: pigz
# locks: mutexes and condition variables around its list of jobs, 4 threads
# unit: s
version() { pigz --version 2>&1; }
prepare() { data 16; }
correct() {
	under pigz -c -p 4 -b 64 "$(data 16)" >"$DIR/z" && cksum <"$DIR/z"
	under pigz -dc "$DIR/z" | cmp - "$(data 16)" && echo round trip
}
speed() { seconds under pigz -c -p 4 -b 32 -1 "$(data 16)"; }
