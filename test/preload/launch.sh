#!/bin/bash
# SPDX-License-Identifier: MIT
# short: launch
# fastsync-run: what it starts, what it says of programs that it cannot start so, and what --stats reports.
set -u
dir=$PWD/$OUT/launch status=0 run=$PWD/$BUILD/fastsync-run
rm -rf "$dir" && mkdir -p "$dir/bin" || exit 1
verdict() { if [ "$2" = 0 ]; then echo "ok preload/launch/$1"; else echo "not ok preload/launch/$1"; sed 's/^/    /' "$dir/log"; status=1; fi; }
refuses() { # NAME LINE COMMAND...: ends with status 2 and that one line on stderr
	local name=$1 line=$2 rc
	shift 2
	"$@" >"$dir/out" 2>"$dir/log"
	rc=$?
	[ $rc = 2 ] && [ ! -s "$dir/out" ] && [ "$(wc -l <"$dir/log")" = 1 ] && grep -qF -- "$line" "$dir/log"
	verdict "$name" $?
}

cat >"$dir/main.c" <<'C'
/* Prints its argument; meanwhile a thread waits for a mutex, asleep. With two arguments unlocks once too often, with three wipes its environment. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static int tid;
static void *work(void *arg)
{
	__atomic_store_n(&tid, gettid(), __ATOMIC_RELEASE);
	pthread_mutex_lock(&mutex);
	pthread_mutex_unlock(&mutex);
	return arg;
}
static char state_of(int thread)
{
	char path[64], state = '?';
	FILE *f;
	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", thread);
	f = fopen(path, "r");
	if (f && fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
		state = '?';
	if (f)
		fclose(f);
	return state;
}
int main(int n, char **arg)
{
	pthread_t thread;
	pthread_rwlock_rdlock(&rwlock);
	pthread_rwlock_unlock(&rwlock);
	pthread_rwlock_wrlock(&rwlock);
	pthread_rwlock_unlock(&rwlock);
	pthread_mutex_lock(&mutex);
	pthread_create(&thread, 0, work, 0);
	while (__atomic_load_n(&tid, __ATOMIC_ACQUIRE) == 0 || state_of(tid) != 'S')
		usleep(1000);
	pthread_mutex_unlock(&mutex);
	pthread_join(thread, 0);
	if (n > 2)
		pthread_mutex_unlock(&mutex);
	for (char **e = environ; n > 3 && *e; e++)
		memset(*e, 0, strlen(*e));
	puts(n > 1 ? arg[1] : "none");
	return 7;
}
C
"$CC" -O1 -pthread -o "$dir/bin/main" "$dir/main.c" 2>"$dir/log" || { verdict build 1; exit 1; }

"$run" -- "$dir/bin/main" 'an argument' >"$dir/out" 2>"$dir/log"
[ $? = 7 ] && [ "$(cat "$dir/out")" = 'an argument' ] && [ ! -s "$dir/log" ]
verdict status-and-arguments $?
[ "$(PATH=$dir/bin "$run" main found 2>"$dir/log")" = found ]
verdict path $?
[ "$(LD_PRELOAD=libm.so.6 "$run" sh -c 'echo "$LD_PRELOAD"' 2>"$dir/log")" = "libm.so.6:$LIBRARY" ]
verdict what-is-preloaded-stays $?
"$run" --stats "$dir/bin/main" >"$dir/out" 2>"$dir/log"
grep -q "^fastsync: locks of $dir/bin/main (process" "$dir/log" && grep -q 'locks 2, of which 1 had to be waited for; taken 4 times, 1 after a wait' "$dir/log" &&
	grep -qE '0x[0-9a-f]+ +mutex +2 +1 .* main\+0x[0-9a-f]+' "$dir/log"
verdict stats $?
grep -qE '^  hand-overs (1 within a node, 0|0 within a node, 1) between nodes; [0-9]+ sleeps, [0-9]+ wake-ups, [0-9]+ heavy fences$' "$dir/log"
verdict stats-of-hand-overs $?
(cd "$dir" && "$run" --stats=report sh -c "cd /; $dir/bin/main; $dir/bin/main; true" >out 2>log) && [ ! -s "$dir/log" ]
[ "$(grep -c '^fastsync: locks of ' "$dir/report")" = 2 ] && [ "$(stat -c %a "$dir/report")" = 600 ]
verdict stats-file $?
"$run" --stats="$dir/wiped" "$dir/bin/main" a b c >/dev/null 2>"$dir/log"
[ ! -s "$dir/log" ] && grep -q '^fastsync: locks of ' "$dir/wiped"
verdict stats-file-of-a-program-that-wipes-its-environment $?
ln -s "$dir/elsewhere" "$dir/link"
"$run" --stats="$dir/link" "$dir/bin/main" >/dev/null 2>"$dir/log"
[ ! -e "$dir/elsewhere" ] && grep -q 'FASTSYNC_STATS_FILE=.*: cannot be written: ' "$dir/log"
verdict stats-through-a-link $?
"$run" "$dir/bin/main" x twice >/dev/null 2>"$dir/log"
[ $? = 7 ] && [ ! -s "$dir/log" ] && ! "$run" --check "$dir/bin/main" x twice >"$dir/out" 2>"$dir/log" &&
	grep -q '^fastsync: unlock of unlocked mutex 0x' "$dir/log"
verdict check $?
[ "$("$run" --policy=prefer-reader sh -c 'echo "$FASTSYNC_RWLOCK"')" = prefer-reader ]
verdict policy $?

refuses unknown-program 'nosuch: no such program' "$run" nosuch
refuses unknown-policy 'best: no such policy; expected' "$run" --policy=best true
refuses unknown-option 'unrecognized option' "$run" --speed true
if "$CC" -static -o "$dir/bin/static" "$dir/main.c" -pthread 2>/dev/null; then
	refuses static 'it is statically linked: nothing can be preloaded into it' "$run" "$dir/bin/static"
else
	echo "skip preload/launch/static no static libc"
fi
cp "$dir/bin/main" "$dir/bin/other"     # the machine, 18 bytes into the header: 8 is MIPS
printf '\010\000' | dd of="$dir/bin/other" bs=1 seek=18 conv=notrunc 2>/dev/null
refuses architecture 'it is built for another architecture' "$run" "$dir/bin/other"
"$CC" -o "$dir/bin/musl" "$dir/main.c" -pthread -Wl,--dynamic-linker=/lib/ld-musl-x86_64.so.1
refuses musl 'it is linked to musl' "$run" "$dir/bin/musl"
"$CC" -o "$dir/bin/bionic" "$dir/main.c" -pthread -Wl,--dynamic-linker=/system/bin/linker64
refuses another-libc 'it is linked to another libc than glibc' "$run" "$dir/bin/bionic"
cp "$dir/bin/main" "$dir/bin/setuid"
if chown 65534 "$dir/bin/setuid" 2>/dev/null && chmod u+s "$dir/bin/setuid"; then
	refuses setuid 'it is setuid or setgid: the loader preloads nothing into it' "$run" "$dir/bin/setuid"
else
	echo "skip preload/launch/setuid only root can make such a program"
fi
printf '#!%s\n' "$dir/bin/musl" >"$dir/bin/script" && chmod +x "$dir/bin/script"
refuses script 'it is linked to musl' "$run" "$dir/bin/script"
printf 'text\n' >"$dir/bin/text" && chmod +x "$dir/bin/text"
refuses text 'it is no program' "$run" "$dir/bin/text"
exit $status
