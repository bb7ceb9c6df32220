#!/bin/bash
# SPDX-License-Identifier: MIT
# spin.sh: verifies the protocol's models, and requires that each of their mutants fails. One line per run.
set -u
cd "$(dirname "$0")/../.." || exit 2
CC=${CC:-gcc}
out=build/check/spin status=0 optimise=-O2
command -v spin >/dev/null || { echo "skip spin is not installed (Debian: spin)"; exit 0; }

# verify MODEL FLAGS...: pan's verdict in $verdict, 0 if it searched everything and found nothing.
verify() {
	local model=$1 dir=$out/$$
	shift
	rm -rf "$dir" && mkdir -p "$dir" && cp "test/model/$model.pml" "$dir/" || return 2
	verdict=$(cd "$dir" && spin "$@" -a "$model.pml" >generate.log 2>&1 &&
		"$CC" $optimise -w -DSAFETY -DCOLLAPSE -DMEMLIM=2000 -o pan pan.c && timeout 400 ./pan -m1000000 -n 2>&1) || return 2
	case $verdict in
	*'search not completed'* | *'max search depth too small'* | *'out of memory'*) return 2 ;;
	*'errors: 0'*) return 0 ;;
	esac
	return 1
}

must_hold() {
	local states
	if verify "$@"; then
		states=$(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' <<<"$verdict")
		echo "ok model/$* # $states states"
	else
		echo "not ok model/$* $(grep -m1 '^pan:' <<<"$verdict")"
		status=1
	fi
}

must_fail() { # MODEL MUTANT FLAGS...
	local model=$1 mutant=$2 found rc
	shift 2
	optimise=-O0 verify "$model" "-D$mutant" "$@" # a failure is found in no time
	rc=$?
	found=$(sed -n 's/^pan:1: //p' <<<"$verdict")
	if [ $rc != 0 ] && [ -n "$found" ]; then
		echo "ok model/$model/mutant-$mutant fails as it must: $found"
	else
		echo "not ok model/$model/mutant-$mutant is not caught"
		status=1
	fi
}

must_hold handshake -DN=2 -DK=3
must_hold handshake -DN=3 -DK=1
must_hold handshake -DN=3 -DK=2
for mutant in NO_MEMBARRIER EARLY_LOOK NO_LIGHT OBJECT_FLAG NO_ARM; do must_fail handshake $mutant; done
must_hold lockword -DN=2 -DK=2
must_hold lockword -DN=3 -DK=1
for mutant in NO_ARM BARE_SLEEP KEEP_CLAIM BARE_ABANDON LOST_TOKEN UNCOVERED KEEP_BAR SILENT_TURN; do
	must_fail lockword $mutant
done
must_fail lockword EARLY_UNQUEUE -DK=2
must_hold once -DN=2
must_hold once -DN=3
must_hold once -DN=4 -DFAILS=1
for mutant in NO_MARK NO_WAKE NO_HEIR BARE_HEIR HIDE_OTHERS TOUCH_LATE LOST_RUN SILENT_POISON; do must_fail once $mutant; done
must_fail once KEEP_MARK -DN=2
rm -rf "${out:?}/$$"
exit $status
