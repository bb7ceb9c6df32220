# SPDX-License-Identifier: MIT
# packages: pbzip2=pbzip2
# command: pbzip2
# locks: mutexes and condition variables around its queues, 4 threads
# unit: s
version() { pbzip2 --version 2>&1 | grep -o 'v[0-9.]*' | head -n 1 | sed 's/^v/pbzip2 /'; }
prepare() { data 8; }
correct() {
	under pbzip2 -kc -p4 -b1 "$(data 8)" >"$DIR/z" && cksum <"$DIR/z"
	under pbzip2 -dc -p4 "$DIR/z" | cmp - "$(data 8)" && echo round trip
}
speed() { seconds under pbzip2 -kc -p4 -b1 "$(data 8)"; }
