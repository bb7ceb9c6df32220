#!/bin/bash
# SPDX-License-Identifier: MIT
# short: allocators
# item: 7 8
# Together with allocators that are preloaded too, in both orders: they use mutexes before any constructor has run, and ours are not
# to need them. And together with AddressSanitizer, whose programs also unmap a mutex right after its last unlock.
set -u
dir=$OUT/allocators status=0
rm -rf "$dir" && mkdir -p "$dir" || exit 1
cat >"$dir/main.c" <<'C'
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static long counter;
static void *work(void *arg)
{
	void *kept[64] = { 0 };
	for (int i = 0; i < 50000; i++) {
		free(kept[i % 64]);
		kept[i % 64] = malloc((size_t)(i * 37 % 5000 + 1));
		memset(kept[i % 64], 1, (size_t)(i * 37 % 5000 + 1));
		pthread_mutex_lock(&mutex);
		counter++;
		pthread_mutex_unlock(&mutex);
	}
	for (int i = 0; i < 64; i++)
		free(kept[i]);
	return arg;
}
int main(void)
{
	pthread_t thread[8];
	for (int i = 0; i < 8; i++)
		pthread_create(&thread[i], 0, work, 0);
	for (int i = 0; i < 8; i++)
		pthread_join(thread[i], 0);
	return counter != 8 * 50000;
}
C
"$CC" -O1 -g -pthread -o "$dir/main" "$dir/main.c" || exit 1
try() { # NAME PRELOAD PROGRAM ARGUMENTS...
	local name=$1 preload=$2 rc
	shift 2
	LD_PRELOAD=$preload timeout -k 5 120 "$@" >"$dir/log" 2>&1
	rc=$?
	if [ $rc = 0 ] && [ ! -s "$dir/log" ]; then echo "ok preload/$name"; else
		echo "not ok preload/$name"
		echo "ended with status $rc" >>"$dir/log"
		sed 's/^/    /' "$dir/log"
		status=1
	fi
}
for soname in libjemalloc.so.2 libtcmalloc.so.4 libtcmalloc_minimal.so.4 libmimalloc.so.2; do
	file=$(ldconfig -p 2>/dev/null | awk -v s="$soname" '$1 == s { print $NF; exit }')
	[ -n "$file" ] || { echo "skip preload/5.7.7-allocators/$soname it is not installed"; continue; }
	try "5.7.7-allocators/$soname-after" "$LIBRARY:$file" "$dir/main"
	try "5.7.7-allocators/$soname-before" "$file:$LIBRARY" "$dir/main"
done
if "$CC" -O1 -g -pthread -D_GNU_SOURCE -fsanitize=address -o "$dir/unmap" test/preload/unmap.c 2>"$dir/log" &&
	"$CC" -O1 -g -pthread -fsanitize=address -o "$dir/main-asan" "$dir/main.c" 2>>"$dir/log"; then
	asan=$("$CC" -print-file-name=libasan.so)
	ldd "$dir/unmap" | grep -q libasan || asan=
	try 5.7.8-asan/unmap "$asan${asan:+:}$LIBRARY" "$dir/unmap" 2000
	try 5.7.8-asan/allocator "$asan${asan:+:}$LIBRARY" "$dir/main-asan"
else
	echo "skip preload/5.7.8-asan the compiler has no AddressSanitizer"
fi
exit $status
