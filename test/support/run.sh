#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs tests and counts them.
#   run.sh programs P...          each cmocka program in turn: "P: n passed, n failed, n skipped"
#   run.sh begin DIR              start counting
#   run.sh layer DIR NAME CMD...  run one layer, count its "ok", "not ok", "skip" and "P: ..." lines
#   run.sh end DIR                the totals, what failed and how, the sum; status 1 if a test failed or none ran
# FASTSYNC_TEST_LIMIT: seconds that a program may take; it is ended then, and has failed.
set -u
limit=${FASTSYNC_TEST_LIMIT:-240}
keep=40                                  # lines of a failed program's output that are shown again at the end

# How a program ended, from its exit status.
ending() {
	case $1 in
	124) echo "was ended after $limit s: it hangs" ;;
	137) echo "was killed by signal 9: by the limit of $limit s, or for want of memory" ;;
	23) echo "ended with status 23, which is LeakSanitizer's" ;;
	66) echo "ended with status 66, which is ThreadSanitizer's" ;;
	*) if [ "$1" -gt 128 ]; then echo "was killed by signal $(($1 - 128)) ($(kill -l $(($1 - 128)) 2>/dev/null))"; else echo "ended with status $1"; fi ;;
	esac
}

# What a failed program wrote: which assertions, then its last lines.
excerpt() {
	if [ "$(wc -l <"$1")" -le $keep ]; then
		sed 's/^/    /' "$1"
	else
		grep -aE -A2 '^\[ +(ERROR|FAILED) +\]' "$1" | head -n $keep | sed 's/^/    /'
		echo "    ... the last $keep lines:"
		tail -n $keep "$1" | sed 's/^/    /'
	fi
}

# The shadow memory of an old sanitizer collides with what a large randomisation of addresses puts there, now and then.
fixed=$(setarch -R true 2>/dev/null && echo setarch -R)

run_one() { # PROGRAM LOG
	local prefix=
	case $1 in */asan/* | */tsan/*) prefix=$fixed ;; esac
	# shellcheck disable=SC2086
	CMOCKA_MESSAGE_OUTPUT=STDOUT timeout -k 5 "$limit" $prefix "$1" >"$2" 2>&1 </dev/null
}

programs() {
	local status=0 program log rc name
	for program; do
		log=$program.log name=${program##*/}
		[ -n "${FASTSYNC_RESULTS:-}" ] && echo "$log" >"$FASTSYNC_RESULTS/current"
		run_one "$program" "$log"
		rc=$?
		awk -v name="$name" -v rc="$rc" '
			/^\[  PASSED  \] [0-9]+ test/ { passed += $4 }
			/^\[  FAILED  \] [0-9]+ test/ { failed += $4 }
			/^\[  SKIPPED \] [0-9]+ test/ { skipped += $4 }
			/^skip / { reason = reason "    " $0 "\n" }
			END {
				if (rc != 0 && failed == 0) failed = 1
				printf "%s: %d passed, %d failed, %d skipped\n%s", name, passed, failed, skipped, reason
			}' "$log"
		[ $rc = 0 ] && [ "${V:-}" != 1 ] && continue
		[ $rc = 0 ] || echo "    $name $(ending $rc)"
		sed 's/^/    /' "$log"
		[ $rc = 0 ] && continue
		status=1
		[ -n "${FASTSYNC_RESULTS:-}" ] || continue
		{ echo "== failed: ${FASTSYNC_LAYER:-}/$name $(ending $rc)"; excerpt "$log"; } >>"$FASTSYNC_RESULTS/failures"
	done
	[ -n "${FASTSYNC_RESULTS:-}" ] && rm -f "$FASTSYNC_RESULTS/current"
	return $status
}

count() { # one layer's output -> "passed failed skipped"
	awk '
		/^ok / { passed++ }
		/^not ok / { failed++ }
		/^skip / { skipped++ }
		/^[^ ]+: [0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$/ { passed += $2; failed += $4; skipped += $6 }
		END { print passed + 0, failed + 0, skipped + 0 }' "$1"
}

# What a layer itself said of its failures: each "not ok" with what stands around it, up to the next verdict.
failed_lines() { # NAME LOG
	awk -v name="$1" -v keep=$keep '
		/^not ok / { print "== failed: " name "/" substr($0, 8); for (i = 0; i < held; i++) print "    " before[i]; held = 0; shown = 0; inside = 1; next }
		/^(ok|skip) / || /^[^ ]+: [0-9]+ passed, / { held = 0; inside = 0; next }
		inside && shown++ < keep { print "    " $0; next }
		{ if (held == keep) { for (i = 1; i < keep; i++) before[i - 1] = before[i]; held-- } before[held++] = $0 }' "$2"
}

# A run that was cut off: what it was at.
unfinished() { # DIR
	[ -f "$1/layer" ] || return 0
	echo "== failed: $(cat "$1/layer") was not finished"
	tail -n $keep "$1/$(cat "$1/layer").log" 2>/dev/null | sed 's/^/    /'
	if [ -f "$1/current" ]; then
		echo "    ... in $(cat "$1/current"):"
		tail -n $keep "$(cat "$1/current")" | sed 's/^/    /'
	fi
}

case ${1:-} in
programs)
	shift
	programs "$@"
	;;
begin)
	rm -rf "$2" && mkdir -p "$2"
	;;
layer)
	dir=$2 name=$3
	shift 3
	echo "== $name"
	started=$SECONDS
	echo "$name" >"$dir/layer"
	FASTSYNC_RESULTS=$dir FASTSYNC_LAYER=$name "$@" >"$dir/$name.log" 2>&1 </dev/null
	rc=$?
	cat "$dir/$name.log"
	read -r passed failed skipped <<<"$(count "$dir/$name.log")"
	if [ $rc != 0 ] && [ "$failed" = 0 ]; then
		echo "not ok $name: ended with status $rc"
		{ echo "== failed: $name ended with status $rc"; excerpt "$dir/$name.log"; } >>"$dir/failures"
		failed=1
	elif [ $((passed + failed + skipped)) = 0 ]; then
		echo "skip $name: no test of this layer yet"
		skipped=1
	fi
	failed_lines "$name" "$dir/$name.log" >>"$dir/failures"
	echo "$name $passed $failed $skipped $((SECONDS - started))" >>"$dir/totals"
	rm -f "$dir/layer" "$dir/current"
	;;
end)
	[ -f "$2/layer" ] && echo "$(cat "$2/layer") 0 1 0 0" >>"$2/totals"
	awk '{ printf "%-24s %5d passed %3d failed %3d skipped %5d s\n", $1, $2, $3, $4, $5 }' "$2/totals"
	cat "$2/failures" 2>/dev/null
	unfinished "$2"
	awk '
		{ p += $2; f += $3; s += $4 }
		END { printf "%d passed, %d failed, %d skipped\n", p, f, s; exit f > 0 || p == 0 }' "$2/totals"
	;;
*)
	sed -n '3,9p' "$0" >&2
	exit 2
	;;
esac
