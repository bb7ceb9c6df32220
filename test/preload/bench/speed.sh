#!/bin/bash
# SPDX-License-Identifier: MIT
# speed.sh [PAIRS [MS [THREADS...]]]: the same small program with and without the preload library, turn and turn about; medians and ratios.
set -u
cd "$(dirname "$0")/../../.." || exit 2
build=${BUILD:-build/release} pairs=${1:-11} ms=${2:-200}
shift $(($# < 2 ? $# : 2))
threads=${*:-2 16 256}
program=$build/test/preload/speed library=$PWD/$build/libfastsync-preload.so
mkdir -p "${program%/*}"
"${CC:-gcc}" -O2 -pthread -D_GNU_SOURCE -o "$program" test/preload/bench/speed.c || exit 1
median() { sort -g | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
row() { # NAME PROGRAM-ARGUMENTS...
	local name=$1 libc=() ours=() ratios=() even=() a b
	shift
	for ((i = 0; i < pairs; i++)); do
		read -r a _ <<<"$("$program" "$@")"
		read -r b e <<<"$(LD_PRELOAD=$library "$program" "$@")"
		awk -v a="$a" -v b="$b" 'BEGIN { exit !(a > 0 && b > 0) }' || continue   # readers that never ran together tell nothing
		libc+=("$a") ours+=("$b") even+=("${e:-1}")
		ratios+=("$(awk -v a="$a" -v b="$b" 'BEGIN { print b / a }')")
	done
	printf '%-28s %10s %10s %8.2f  [%.2f, %.2f]  %s\n' "$name" "$(printf '%s\n' "${libc[@]}" | median)" "$(printf '%s\n' "${ours[@]}" | median)" \
		"$(printf '%s\n' "${ratios[@]}" | median)" "$(printf '%s\n' "${ratios[@]}" | sort -g | head -n 1)" \
		"$(printf '%s\n' "${ratios[@]}" | sort -g | tail -n 1)" "$(printf '%s\n' "${even[@]}" | median)"
}
printf '%-28s %10s %10s %8s  %s\n' "pthread, $pairs pairs" libc preload ratio "[least, most]  least/largest share"
row 'single-threaded, ns' single
row 'alone beside a thread, ns' idle
for n in $threads; do row "$n threads, Mops" "$n" "$ms"; done
row '2 readers together, Mops' read 2 "$((ms * 3))"
