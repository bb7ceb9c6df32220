# SPDX-License-Identifier: MIT
# packages: liblmdb-dev gcc=gcc
# command: gcc /usr/include/lmdb.h
# locks: robust process-shared mutexes in the lock file, which stay libc's: 4 processes, every other one on our locks, and one that dies as writer
# unit: op/s
version() { echo "lmdb $(dpkg-query -W -f '${Version}' liblmdb-dev 2>/dev/null)"; }
prepare() { "${CC:-gcc}" -O2 -Wall -pthread -o "$DIR/lmdb" "$here/lmdb.c" -llmdb; }
fresh() { rm -rf "$DIR/db" && mkdir "$DIR/db"; }
# Two on our locks (or libc's) and two on libc's, in one database.
together() {
	local pids=() i
	fresh
	for i in 0 1; do
		"${how[@]}" "$DIR/lmdb" "$DIR/db" "$1" $((2 * i)) "$2" &
		pids+=($!)
		env -u LD_PRELOAD "$DIR/lmdb" "$DIR/db" "$1" $((2 * i + 1)) "$2" &
		pids+=($!)
	done
	for i in "${pids[@]}"; do wait "$i" || echo "status $?"; done
}
correct() {
	together add 300
	under "$DIR/lmdb" "$DIR/db" sum 0 0
	under "$DIR/lmdb" "$DIR/db" die 0 0
	echo "died with $?"
	under "$DIR/lmdb" "$DIR/db" add 9 10 && under "$DIR/lmdb" "$DIR/db" sum 0 0
}
speed() { fresh; under "$DIR/lmdb" "$DIR/db" time 0 1000; }
