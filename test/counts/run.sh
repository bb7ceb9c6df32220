#!/bin/bash
# SPDX-License-Identifier: MIT
# Instructions of the uncontended paths against limits.txt: counts are the same on every run, times are not. A change that is
# worth more instructions takes them with run.sh --update; the number of locked ones is never updated, it is the design.
set -u
build=${BUILD:-build/release}
cc=${CC:-gcc}
step=$build/step
status=0
verdict() { if [ "$1" = 0 ]; then echo "ok counts/$2"; else echo "not ok counts/$2"; status=1; fi; }

[ "$(uname -m)" = x86_64 ] || { echo "skip counts/all the gates know x86-64 only"; exit 0; }
"$cc" -std=gnu11 -D_GNU_SOURCE -O2 -Iinclude -pthread -o "$step" test/counts/step.c test/counts/pair.c \
	-L"$build" -lfastsync -Wl,-z,now -Wl,--enable-new-dtags,-rpath,"$PWD/$build" || { echo "not ok counts/build"; exit 1; }
slack=$("$cc" --version | grep -q '^gcc.* 12\.' && echo 100 || echo 120)

for path in shipped fenced single; do
	counts=$(FASTSYNC_MEMBARRIER=$([ $path = fenced ] && echo off || echo on) timeout 60 "$step" $path)
	case $? in
	0) ;;
	77) echo "skip counts/$path ptrace is not permitted here"; continue ;;
	*) verdict 1 "$path: the stepper failed"; continue ;;
	esac
	while read -r name steps locked; do
		read -r max locks <<<"$(awk -v p=$path -v n="$name" '$1 == p && $2 == n { print $3, $4 }' test/counts/limits.txt)"
		if [ "${1:-}" = --update ]; then
			sed -i "s/^$path $name [0-9]* /$path $name $steps /" test/counts/limits.txt
			max=$steps
		fi
		max=$((max * slack / 100))
		[ "$steps" -le $max ] && [ "$locked" = "$locks" ]
		verdict $? "$path/$name: $steps instructions (at most $max), $locked locked ($locks)"
	done <<<"$counts"
done

# What the compiler put into a program: the lock's, and for the fallback the unlock's and, when that was misuse, its undo.
"$cc" -std=gnu11 -O2 -Iinclude -c -o "$build/pair.o" test/counts/pair.c
locks=$(objdump -d --disassemble=pair_inline "$build/pair.o" | grep -Ec '\slock |\sxchg .*\(')
[ "$locks" -le 3 ]
verdict $? "disassembly: $locks locked instructions in the inlined pair (at most 3: the lock, the fallback's unlock and undo)"

# A done once: load, compare, branch, return, and nothing else. The rest of the function is the call of the slow half.
path=$(objdump -d --no-show-raw-insn --disassemble=pair_once "$build/pair.o" | sed -n 's/^ *[0-9a-f]*:[ \t]*//p' | awk '{ print $1 } $1 ~ /^ret/ { exit }' | tr '\n' ' ')
case $path in 'mov cmp jne ret ' | 'cmpq jne ret ' | 'movq cmpq jne retq ' | 'cmpq jne retq ') true ;; *) false ;; esac
verdict $? "disassembly: a done once is $path(expected: mov cmp jne ret)"

if command -v valgrind >/dev/null; then
	# Without debug information, which valgrind may be too old to read.
	mkdir -p "$build/counts" && objcopy --strip-debug "$build/libfastsync.so.1" "$build/counts/libfastsync.so.1"
	total() { LD_LIBRARY_PATH=$build/counts FASTSYNC_MEMBARRIER=off timeout 100 valgrind --tool=callgrind --callgrind-out-file=/dev/null \
		--toggle-collect=pair_inline "$step" many "$1" 2>&1 | sed -n 's/.*Collected : //p'; }
	few=$(total 1000) many=$(total 3000)
	per=$(((many - few) / 2000))
	max=$(awk '$1 == "fenced" && $2 == "inline" { print $3 }' test/counts/limits.txt)
	max=$((max * slack / 100))
	[ "$per" -gt 5 ] && [ "$per" -le $max ]
	verdict $? "callgrind fenced/inline: $per instructions (at most $max)"
else
	echo "skip counts/callgrind valgrind is not installed"
fi
exit $status
