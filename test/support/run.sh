#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs tests and counts them.
#   run.sh programs P...          each cmocka program in turn: "P: n passed, n failed, n skipped"
#   run.sh begin DIR              start counting
#   run.sh layer DIR NAME CMD...  run one layer, count its "ok", "not ok", "skip" and "P: ..." lines
#   run.sh end DIR                the totals; status 1 if a test failed or none ran
set -u
limit=${FASTSYNC_TEST_LIMIT:-240}

programs() {
	local status=0 program log rc
	for program; do
		log=$program.log
		CMOCKA_MESSAGE_OUTPUT=STDOUT timeout -k 5 "$limit" "$program" >"$log" 2>&1 </dev/null
		rc=$?
		# An old ThreadSanitizer cannot live with much address space randomisation.
		if grep -q 'ThreadSanitizer: unexpected memory mapping' "$log"; then
			CMOCKA_MESSAGE_OUTPUT=STDOUT timeout -k 5 "$limit" setarch -R "$program" >"$log" 2>&1 </dev/null
			rc=$?
		fi
		awk -v name="${program##*/}" -v rc="$rc" '
			/^\[  PASSED  \] [0-9]+ test/ { passed += $4 }
			/^\[  FAILED  \] [0-9]+ test/ { failed += $4 }
			/^\[  SKIPPED \] [0-9]+ test/ { skipped += $4 }
			/^skip / { reason = reason "    " $0 "\n" }
			END {
				if (rc != 0 && failed == 0) { failed = 1; printf "    %s ended with status %d\n", name, rc }
				printf "%s: %d passed, %d failed, %d skipped\n%s", name, passed, failed, skipped, reason
			}' "$log"
		[ $rc = 0 ] && [ "${V:-}" != 1 ] && continue
		sed 's/^/    /' "$log"
		[ $rc = 0 ] || status=1
	done
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
	"$@" >"$dir/$name.log" 2>&1 </dev/null
	rc=$?
	cat "$dir/$name.log"
	read -r passed failed skipped <<<"$(count "$dir/$name.log")"
	if [ $rc != 0 ] && [ "$failed" = 0 ]; then
		echo "not ok $name: ended with status $rc"
		failed=1
	elif [ $((passed + failed + skipped)) = 0 ]; then
		echo "skip $name: no test of this layer yet"
		skipped=1
	fi
	echo "$name $passed $failed $skipped $((SECONDS - started))" >>"$dir/totals"
	;;
end)
	awk '
		{ printf "%-24s %5d passed %3d failed %3d skipped %5d s\n", $1, $2, $3, $4, $5; p += $2; f += $3; s += $4 }
		END { printf "%d passed, %d failed, %d skipped\n", p, f, s; exit f > 0 || p == 0 }' "$2/totals"
	;;
*)
	sed -n '3,8p' "$0" >&2
	exit 2
	;;
esac
