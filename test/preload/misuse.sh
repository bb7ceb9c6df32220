#!/bin/bash
# SPDX-License-Identifier: MIT
# short: misuse
# What misuse.c tells of libc's locks and of ours must be the same, but for the lines below, where ours do better.
set -u
dir=$OUT/misuse
rm -rf "$dir" && mkdir -p "$dir" || exit 1
not_ok() { echo "not ok preload/misuse"; sed 's/^/    /' "$dir/log" | head -n 60; exit 1; }
"$CC" -std=gnu11 -O1 -g -Wall -Wextra -pthread -D_GNU_SOURCE -Wno-nonnull -o "$dir/misuse" test/preload/misuse*.c 2>"$dir/log" || not_ok
"$dir/misuse" 4 >"$dir/libc" 2>"$dir/log" && LD_PRELOAD=$LIBRARY "$dir/misuse" 12 >"$dir/ours" 2>>"$dir/log" || not_ok
diff "$dir/libc" "$dir/ours" | grep '^[<>]' | LC_ALL=C sort -k 2 >"$dir/found"
cat >"$dir/better" <<'ANSWERS'
> 12 destroy of a barrier while one waits; destroy 0
< 12 destroy of a barrier while one waits; sleeps
> 14 destroy of a condition variable while one waits; destroy EBUSY
< 14 destroy of a condition variable while one waits; sleeps
> 22 fork by the writer; in the child unlock 0; tryrdlock 0; in the parent unlock 0
< 22 fork by the writer; in the child unlock 0; tryrdlock EBUSY; in the parent unlock 0
> 4 unlock of an unlocked mutex, adaptive; unlock 0; lock 0; trylock elsewhere EBUSY; unlock 0; unlock 0; destroy 0
< 4 unlock of an unlocked mutex, adaptive; unlock 0; lock 0; trylock elsewhere EBUSY; unlock 0; unlock 0; destroy EBUSY
> 4 unlock of an unlocked mutex, normal; unlock 0; lock 0; trylock elsewhere EBUSY; unlock 0; unlock 0; destroy 0
< 4 unlock of an unlocked mutex, normal; unlock 0; lock 0; trylock elsewhere EBUSY; unlock 0; unlock 0; destroy EBUSY
> 5 unlock of an unlocked rwlock; unlock 0; trywrlock 0
< 5 unlock of an unlocked rwlock; unlock 0; trywrlock EBUSY
ANSWERS
diff "$dir/better" "$dir/found" >"$dir/log" || not_ok
echo "ok preload/misuse"
