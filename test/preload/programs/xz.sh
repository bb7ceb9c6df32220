# SPDX-License-Identifier: MIT
# packages: xz=xz-utils
# command: xz
# locks: mutexes and condition variables of its coder's threads, 4 threads
# unit: s
version() { xz --version | head -n 1; }
prepare() { data 16; }
correct() {
	under xz -c -T4 -0 --block-size=1MiB "$(data 16)" >"$DIR/z" && cksum <"$DIR/z"
	under xz -dc -T4 "$DIR/z" | cmp - "$(data 16)" && echo round trip
}
speed() { seconds under xz -c -T4 -0 --block-size=256KiB "$(data 16)"; }
