#!/bin/bash
# SPDX-License-Identifier: MIT
# spin.sh [quick | long]: verifies the protocol's models, and requires that each of their mutants fails. One line per run. quick is
# what takes a second or two each; long is all of it.
set -u
cd "$(dirname "$0")/../.." || exit 2
. test/support/pairs.sh
export CC=${CC:-gcc}
status=0 dir=build/check/spin/$$
command -v spin >/dev/null || { echo "skip spin is not installed (Debian: spin)"; exit 0; }

# verify MODEL FLAGS...: pan's verdict in $verdict, 0 if it searched everything and found nothing.
verify() {
	local model=$1
	shift
	rm -rf "$dir" && mkdir -p "$dir" && cp "test/model/$model.pml" "$dir/" || return 2
	verdict=$(cd "$dir" && spin "$@" -a "$model.pml" >generate.log 2>&1 &&
		"$CC" "$optimise" -w -DSAFETY -DCOLLAPSE -DMEMLIM=4000 -o pan pan.c && ulimit -t 900 && ./pan -m1000000 -n 2>&1) || return 2
	case $verdict in
	*'search not completed'* | *'max search depth too small'* | *'out of memory'*) return 2 ;;
	*'errors: 0'*) return 0 ;;
	esac
	return 1
}

must_hold() {
	local states optimise=${OPTIMISE:--O0}      # compiling takes longer than a small search
	if verify "$@"; then
		states=$(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' <<<"$verdict")
		echo "ok model/$* # $states states"
	else
		echo "not ok model/$* $(grep -m1 '^pan:' <<<"$verdict")"
		status=1
	fi
}

must_fail() { # MODEL MUTANT FLAGS...
	local model=$1 mutant=$2 found rc optimise=-O0
	shift 2
	verify "$model" "-D$mutant" "$@"
	rc=$?
	found=$(sed -n 's/^pan:1: //p' <<<"$verdict")
	if [ $rc != 0 ] && [ -n "$found" ]; then
		echo "ok model/$model/mutant-$mutant fails as it must: $found"
	else
		echo "not ok model/$model/mutant-$mutant is not caught"
		status=1
	fi
}

mutants() { # MODEL MUTANT... [FLAGS]
	local model=$1 name flags=()
	shift
	for name; do case $name in -*) flags+=("$name") ;; esac; done
	for name; do case $name in -*) ;; *) echo "$0 fail $model $name ${flags[*]}" ;; esac; done
}
holds() { echo "$0 hold $*"; }
holds_optimised() { echo "OPTIMISE=-O2 $0 hold $*"; }

quick() {
	holds handshake -DN=2 -DK=3
	holds handshake -DN=3 -DK=1
	mutants handshake NO_MEMBARRIER EARLY_LOOK NO_LIGHT OBJECT_FLAG NO_ARM
	holds lockword -DN=2 -DK=2
	holds lockword -DN=3 -DK=1
	mutants lockword NO_ARM BARE_SLEEP KEEP_CLAIM BARE_ABANDON LOST_TOKEN UNCOVERED KEEP_BAR SILENT_TURN
	mutants lockword EARLY_UNQUEUE -DK=2
	holds once -DN=2
	holds once -DN=3
	holds once -DN=4 -DFAILS=1
	mutants once NO_MARK NO_WAKE NO_HEIR BARE_HEIR HIDE_OTHERS TOUCH_LATE LOST_RUN SILENT_POISON
	mutants once KEEP_MARK -DN=2
	holds readers -DR=2 -DK=2
	holds readers -DR=2 -DK=1 -DFENCED
	holds readers -DR=2 -DK=1 -DHANDED
	mutants readers NO_MEMBARRIER NO_SECOND_FENCE -DK=1
	mutants readers NO_CLAIM_FENCE FORGET_HOLD RETREAT_SILENT -DHANDED -DK=1
	holds asked -DR=1 -DK=2 -DW=2
	holds asked -DR=1 -DK=2 -DW=2 -DWEAK
	mutants asked NO_JOIN_FENCE NOBODY_ASKS NO_MEMBARRIER FREE_SLOT UNASKED_LOOK ALL_JOINED BARE_ANSWER -DR=1 -DK=2
}

long() {
	quick
	holds_optimised handshake -DN=3 -DK=2
	holds_optimised readers -DR=2 -DK=2 -DFENCED
	holds_optimised readers -DR=3 -DK=1
	holds_optimised asked -DR=2 -DK=1
	holds_optimised asked -DR=2 -DK=1 -DWEAK
	holds_optimised readers -DR=2 -DK=2 -DHANDED
	holds_optimised readers -DR=2 -DK=2 -DHANDED -DFENCED
	mutants readers NO_ALERT -DK=1
	mutants readers NO_FENCE -DFENCED -DK=1
	mutants readers NO_RECHECK STORE_NULL -DHANDED
}

case ${1:-quick} in
hold) must_hold "${@:2}" ;;
fail) must_fail "${@:2}" ;;
quick) in_pairs "$dir.log" < <(quick) || status=1 ;;
long) in_pairs "$dir.log" < <(long) || status=1 ;;
*) sed -n '3,4p' "$0" >&2; exit 2 ;;
esac
rm -rf "$dir" "$dir.log"
exit $status
