# SPDX-License-Identifier: MIT
# packages: zstd=zstd
# command: zstd
# locks: mutexes and condition variables of its pool of threads and buffers, 4 threads
# unit: s
version() { zstd --version | grep -o 'v[0-9.]*' | sed 's/^/zstd /'; }
prepare() { data 16; }
correct() {
	under zstd -qc -T4 -B1048576 "$(data 16)" >"$DIR/z" && cksum <"$DIR/z"
	under zstd -qdc "$DIR/z" | cmp - "$(data 16)" && echo round trip
}
speed() { seconds under zstd -qc -6 -T4 -B524288 "$(data 16)"; }
