#!/bin/bash
# SPDX-License-Identifier: MIT
# dlopen and dlclose of the library in a program that has threads, and after its main program was built without it.
set -u
build=${BUILD:-build/release}
program=$build/dlopen
"${CC:-gcc}" -std=gnu11 -D_GNU_SOURCE -O1 -Wall -Wextra -pthread -o "$program" test/dlopen/load.c -ldl ||
	{ echo "not ok dlopen does not build"; exit 1; }
status=0
for membarrier in on off; do
	if FASTSYNC_MEMBARRIER=$membarrier timeout 60 "$program" "$PWD/$build/libfastsync.so.1"; then
		echo "ok dlopen/membarrier-$membarrier"
	else
		echo "not ok dlopen/membarrier-$membarrier ended with status $?"
		status=1
	fi
done
exit $status
