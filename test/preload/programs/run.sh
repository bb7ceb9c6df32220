#!/bin/bash
# SPDX-License-Identifier: MIT
# Real programs on our locks: run.sh check | bench | packages | table [NAME...]
#   check     each does the same with the preload library as without, and once more under --stats, which shows that its locks were ours
#   bench     each with and without, turn and turn about, PAIRS times (11): the ratio of throughput, of the 99th percentile, and a verdict:
#             slower or faster if the interval lies wholly below 0.97 or above 1.03, same if within 0.9 and 1.1, else unsure.
#             And the ratio of CPU time for the same work, user and system, of all processes that were waited for: what else
#             runs on the machine hardly touches that
#   packages  what they need, for .ci/deps
#   table     the last bench's results, as the rows of docs/preload.md
#
# Each programs/NAME.sh begins with lines
#   # packages: ...     Debian's names, as .ci/deps takes them
#   # command: ...      without these commands in PATH it is skipped
#   # locks: ...        what it locks
#   # unit: UNIT        of speed's figure; of s and us less is better
#   # stats: no         it has no locks that could be ours: nothing to be seen under --stats
#   # limit: SECONDS    for one run (60)
# and defines
#   version   what was run
#   prepare   the input, once, in $DIR
#   correct   prints what has to be the same with the library and without, as has the status
#   speed     prints a figure, and the 99th percentile of a latency if the program knows it
# They start programs by `under`, which gives them the library or not, and those in the background by `serve`.
set -u
cd "$(dirname "$0")/../../.." || exit 2
here=$PWD/test/preload/programs BUILD=${BUILD:-build/release}
library=$PWD/$BUILD/libfastsync-preload.so out=$PWD/$BUILD/test/preload/programs results=$PWD/$BUILD/test/preload/programs.tsv
of() { sed -n "s/^# $2: //p" "$here/$1.sh"; }

# --- one step of one program, in a process of its own so that it can be ended with all it started ---
under() { "${how[@]}" "$@"; }
served=()
serve() {
	"${how[@]}" "$@" >"$DIR/served.log" 2>&1 </dev/null &
	served+=($!)
}
ends() { # what was served is asked to end, and has ended
	local pid
	for pid in "${served[@]}"; do
		kill "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
	served=()
}
until_true() { # COMMAND...: within 20 s
	local tries=0
	until "$@" >/dev/null 2>&1; do
		[ $((tries += 1)) -lt 400 ] || { echo "not so within 20 s: $*" >&2; return 1; }
		sleep 0.05
	done
}
seconds() { # COMMAND...: how long it takes
	local start=$EPOCHREALTIME
	"$@" >/dev/null || return
	awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.4f\n", b - a }'
}
data() { # MIB: a file of so much that can be compressed, to a half
	[ -s "$out/data-$1" ] || { awk -v n="$(($1 * 110000))" 'BEGIN { srand(7); for (i = 0; i < n; i++) print int(rand() * 1e9), i }' |
		head -c "$(($1 << 20))" >"$out/data-$1.new" && mv "$out/data-$1.new" "$out/data-$1"; }
	echo "$out/data-$1"
}
if [ "${1:-}" = step ]; then    # step MODE NAME FUNCTION
	mode=$2 DIR=$out/$3
	mkdir -p "$DIR" && cd "$DIR" || exit 2
	how=(env -u LD_PRELOAD)
	[ "$mode" = libc ] || how=(env LD_PRELOAD="$library")
	[ "$mode" != stats ] || how+=(FASTSYNC_STATS=1 FASTSYNC_STATS_FILE="$DIR/stats")
	trap ends EXIT
	# shellcheck source=/dev/null
	. "$here/$3.sh"
	start=$EPOCHREALTIME
	"$4"
	rc=$?
	ends
	awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }' >"$DIR/cost"    # the seconds that it took
	times >>"$DIR/cost"     # the CPU time, its own and then its children's
	exit $rc
fi

# --- the driver ---
action=${1:-check} status=0
shift
names=("$@")
[ $# -gt 0 ] || mapfile -t names < <(cd "$here" && grep -l '^# unit: ' -- *.sh | sed 's/\.sh$//')
if [ "$action" = packages ]; then
	for name in "${names[@]}"; do of "$name" packages; done | tr ' ' '\n' | sort -u | paste -sd' '
	exit
fi
mkdir -p "$out"
step() { local limit; limit=$(of "$2" limit); timeout -k 5 "${limit:-60}" "$here/run.sh" step "$@" </dev/null; }
why_not() { # NAME: what it lacks
	local command
	for command in $(of "$1" command); do
		command -v "$command" >/dev/null || [ -e "$command" ] || { echo "no $command here (package $(of "$1" packages))"; return; }
	done
}
ready() { # NAME: can run, or its skip was printed
	local why
	why=$(why_not "$1")
	[ -z "$why" ] && why=$(step libc "$1" prepare 2>&1) && return
	echo "skip preload/programs/$1 $(tail -n 1 <<<"$why")"
	return 1
}

check() { # NAME
	local name=$1 dir=$out/$1 mode rc diffs
	ready "$name" || return 0
	for mode in libc preload stats; do
		[ $mode = stats ] && [ "$(of "$name" stats)" = no ] && continue
		rm -f "$dir/stats"
		step $mode "$name" correct >"$dir/$mode.out" 2>"$dir/$mode.err"
		rc=$?
		echo "status $rc" >>"$dir/$mode.out"
		[ $mode = libc ] && continue
		diffs=$(diff "$dir/libc.out" "$dir/$mode.out")
		if [ -n "$diffs" ]; then
			echo "not ok preload/programs/$name/$mode"
			{ head -n 40 <<<"$diffs"; tail -n 20 "$dir/$mode.err"; } | sed 's/^/    /'
			status=1
		elif [ $mode = stats ] && ! grep -q '^fastsync: locks of' "$dir/stats"; then
			echo "not ok preload/programs/$name/stats says nothing: its locks were not ours"
			status=1
		else
			echo "ok preload/programs/$name/$mode"
		fi
	done
}

cost() { # FIGURE NAME UNIT: CPU seconds for a unit of work, or for all of it where that is always the same
	tr 'ms' '  ' <"$out/$2/cost" | awk -v figure="$1" -v unit="$3" '
		NR == 1 { wall = $1 }
		NR == 3 { cpu = 60 * $1 + $2 + 60 * $3 + $4; print unit == "s" || unit == "us" ? cpu : cpu / (wall * figure) }'
}
# Lines of: libc's figure, ours, libc's CPU time, ours, libc's p99, ours
# -> n, medians, ratio, its 95 % interval by the sign test, CPU ratio, its interval, p99 ratio, verdict
summary() {
	awk -v unit="$1" '
	function sort(v, n,    i, j, t) { for (i = 2; i <= n; i++) { t = v[i]; for (j = i - 1; j > 0 && v[j] > t; j--) v[j + 1] = v[j]; v[j + 1] = t } }
	function median(v, n) { sort(v, n); return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2 }
	{ a[NR] = $1; b[NR] = $2; r[NR] = unit == "s" || unit == "us" ? $1 / $2 : $2 / $1; c[NR] = $4 / $3 }
	NF == 6 && $5 > 0 { q[++m] = $6 / $5 }
	END {
		n = NR; mid = median(r, n); cpu = median(c, n)
		for (k = 0; ; k++) { p = k ? p * (n - k + 1) / k : 0.5 ^ n; tail += p; if (2 * tail > 0.05) break }
		if (k == 0) { k = 1 }
		verdict = r[n + 1 - k] < 0.97 ? "slower" : r[k] > 1.03 ? "faster" : r[k] > 0.9 && r[n + 1 - k] < 1.1 ? "same" : "unsure"
		printf "%d %.5g %.5g %.3f %.3f %.3f %.3f %.3f %.3f %s %s\n", n, median(a, n), median(b, n), mid, r[k], r[n + 1 - k], cpu, c[k], c[n + 1 - k],
			m == n ? sprintf("%.2f", median(q, m)) : "-", verdict
	}'
}

measure() { # MODE NAME: speed's figure, the CPU time for it, the 99th percentile if known
	local said figure p99
	said=$(step "$1" "$2" speed 2>"$out/log") && read -r figure p99 <<<"$said" && [ -n "$figure" ] &&
		echo "$figure $(cost "$figure" "$2" "$(of "$2" unit)") $p99"
}
bench() { # NAME
	local name=$1 pair a b unit
	unit=$(of "$name" unit)
	[ "$(of "$name" bench)" != no ] || return 0
	ready "$name" || return 0
	for ((pair = 0; pair < ${PAIRS:-11}; pair++)); do
		if [ $((pair % 2)) = 0 ]; then
			a=$(measure libc "$name") && b=$(measure preload "$name")
		else
			b=$(measure preload "$name") && a=$(measure libc "$name")
		fi || { echo "not ok preload/programs/$name ended with $?"; sed 's/^/    /' "$out/log" | tail -n 20; status=1; return; }
		# shellcheck disable=SC2086
		set -- $a $b
		[ $# = 6 ] && echo "$1 $4 $2 $5 $3 $6" || echo "$1 $3 $2 $4"
	done >"$out/$name/pairs"
	read -r n a b ratio low high cpu cheap dear p99 verdict < <(summary "$unit" <"$out/$name/pairs")
	printf '%-20s %10s %10s %-8s %6s [%s, %s] %6s [%s, %s] %6s  %s\n' "$name" "$a" "$b" "$unit" "$ratio" "$low" "$high" "$cpu" "$cheap" "$dear" "$p99" "$verdict"
	{ grep -sv "^$name	" "$results"
	printf '%s\t' "$name" "$(step libc "$name" version 2>/dev/null | head -n 1)" "$(of "$name" locks)" "$n" "$unit" "$a" "$b" "$ratio" "$low" "$high" "$p99" "$cpu" "$cheap" "$dear"
	echo "$verdict"; } >"$results.new" && mv "$results.new" "$results"
}

case $action in
check) for name in "${names[@]}"; do check "$name"; done ;;
bench)
	printf '%-20s %10s %10s %-8s %6s %16s %6s %16s %6s  %s\n' "$(nproc) CPUs, ${PAIRS:-11} pairs" libc preload unit ratio '[95 % interval]' CPU '[95 % interval]' p99 verdict
	for name in "${names[@]}"; do bench "$name"; done ;;
table)
	sort "$results" | awk -F'\t' '{ printf "| %s | %s | %.2f [%.2f, %.2f] | %.2f [%.2f, %.2f] | %s | %s |\n", $2, $3, $8, $9, $10, $12, $13, $14, $11 == "-" ? "" : $11, $15 }' ;;
*) echo "run.sh: unknown action $action; expected check, bench, packages or table" >&2; exit 2 ;;
esac
exit $status
