#!/bin/bash
# SPDX-License-Identifier: MIT
# What the tests reach: lib/ built with gcov's counters, the short tests run on it, lines and branches per file, and the lines that nobody ran.
#   coverage.sh BUILD PROGRAM...     BUILD/coverage/totals.txt and lines.txt; prints the former
# A line counts as run if any of the objects made from it ran it: much is compiled a second time for the preload library. PRELOAD=off leaves
# out the tests of that.
set -u
build=$1
shift
out=$build/coverage
rm -rf "$out"
mkdir -p "$out"
find "$build" -name '*.gcda' -delete
export FASTSYNC_STRESS_MS=${FASTSYNC_STRESS_MS:-200} FASTSYNC_FAULT_MS=4 CMOCKA_MESSAGE_OUTPUT=STDOUT
failed=0
run_one() { # PROGRAM
	local arguments=()
	case $1 in */soak) arguments=(3) ;; esac
	timeout -k 5 240 "$1" "${arguments[@]}" >"$out/${1##*/}.log" 2>&1 </dev/null || echo "coverage: ${1##*/} ended with status $?"
}
export -f run_one
export out
printf '%s\n' "$@" | xargs -P "$(nproc)" -I{} bash -c 'run_one {}' | tee "$out/failed.txt"
[ ! -s "$out/failed.txt" ] || failed=1
[ "${PRELOAD:-on}" = off ] || BUILD=$build timeout 900 test/preload/run.sh short >"$out/preload.log" 2>&1 ||
	{ echo "coverage: test/preload/run.sh ended with status $?"; failed=1; }

# The benchmark's own unit tests run another build's tool.
bench() { timeout 120 "$build/fastsync-bench" "$@" --no-progress >>"$out/bench.log" 2>&1 </dev/null || { echo "coverage: fastsync-bench $* ended with status $?"; failed=1; }; }
bench --list
bench --quick --filter '*uncontended' --json --output "$out/bench.json"
bench --compare "$out/bench.json" "$out/bench.json"
bench --quick --filter mutex/contended/empty --threads 1,2 --csv
bench --quick --filter 'waitgroup*' --threads 2
bench --quick --filter 'starve/writer/100us'
bench --bars --quick --filter alone/glibc

find "$build/lib" "$build/preload/lib" -name '*.gcno' 2>/dev/null | sort | xargs gcov -t -b -c 2>/dev/null >"$out/gcov.txt"
awk -v missed="$out/lines.txt" '
	$1 == "-:" && $2 ~ /^0:Source:/ { file = $0; sub(/.*Source:/, "", file); line = 0; next }
	file !~ /^(lib|include)\// { next }
	/^ *([0-9]+\*?|#####|=====|-): *[0-9]+:/ {
		text = $0; count = $0; sub(/:.*/, "", count); gsub(/[ *]/, "", count)
		sub(/^[^:]*: */, "", text); line = text + 0; sub(/^[0-9]+:/, "", text)
		branch = 0
		if (count == "-") next
		key = file ":" line
		if (!(key in runs)) { lines[file]++; runs[key] = 0; order[++keys] = key; what[key] = text }
		runs[key] += count + 0
		next
	}
	/^branch / {
		key = file ":" line "/" branch++
		if (!(key in taken)) { branches[file]++; taken[key] = 0 }
		if ($3 == "taken" && $4 + 0 > 0) taken[key] = 1
	}
	function row(name, a, b, c, d) {
		return sprintf("%-34s %5d of %5d lines %5.1f %%   %5d of %5d branches %5.1f %%", name, a, b, b ? 100 * a / b : 100, c, d, d ? 100 * c / d : 100)
	}
	END {
		for (i = 1; i <= keys; i++) {
			key = order[i]; name = key; sub(/:[0-9]+$/, "", name)
			if (runs[key] > 0) run[name]++; else print key ":" what[key] | ("sort -t: -k1,1 -k2,2n >" missed)
		}
		for (key in taken) { name = key; sub(/:[0-9]+\/[0-9]+$/, "", name); took[name] += taken[key] }
		for (name in lines) {
			print row(name, run[name], lines[name], took[name], branches[name]) | "sort"
			part = name; sub(/\/[^\/]*$/, "", part); if (part ~ /^lib\/bench/) part = "lib/bench"; if (part ~ /^lib\/posix/) part = "lib/posix"
			a[part] += run[name]; b[part] += lines[name]; c[part] += took[name]; d[part] += branches[name]
		}
		close("sort"); print ""
		for (part in b) {
			print row(part, a[part], b[part], c[part], d[part]) | "sort"
			if (part == "lib/bench" || part == "lib/posix" || part ~ /^include/) continue
			A += a[part]; B += b[part]; C += c[part]; D += d[part]
		}
		close("sort"); print ""
		print row("lib/sys, park, sync, data, diag", A, B, C, D)
	}' "$out/gcov.txt" >"$out/totals.txt"
cat "$out/totals.txt"
echo "# lines that nobody ran: $out/lines.txt"
exit $failed
