#!/bin/bash
# SPDX-License-Identifier: MIT
# run.sh quick | long | relacy | mutants: explores schedules of the library in TREE (default: this one), built into OUT
# (default: build/check). One line per case: ok, not ok or skip.
set -u
cd "$(dirname "$0")/../.." || exit 2
. test/sim/build.sh
out=${OUT:-build/check} tree=${TREE:-.}
status=0

build_sim() {
	sim_machine $out/sim &&
		"$CC" $SIM $WARN $(includes .) -no-pie -o $out/sim/sim_toys test/sim/sim_toys.c $out/sim/machine.a &&
		sim_library $tree $out/sim/shipped && sim_library $tree $out/sim/fenced -DFSYI_FENCED &&
		sim_program $tree $out/sim/shipped $out/sim sim_mutex && sim_program $tree $out/sim/shipped $out/sim sim_lot &&
		sim_program $tree $out/sim/fenced $out/sim sim_mutex -DFSYI_FENCED || { echo "not ok sim does not build"; return 1; }
}

simulate() { # SCHEDULES
	build_sim || return 1
	$out/sim/sim_toys --schedules=2000 || status=1
	$out/sim/shipped/sim_lot --schedules="$1" || status=1
	$out/sim/shipped/sim_mutex --schedules="$1" || status=1
	$out/sim/fenced/sim_mutex --schedules="$1" | sed 's/ mutex/ fenced-mutex/' || status=1
	[ "${PIPESTATUS[0]}" = 0 ] || status=1
	return $status
}

has_relacy() {
	echo '#include <relacy/relacy.hpp>' | "$CXX" -std=gnu++17 -w -fsyntax-only -x c++ - 2>/dev/null
}

build_relacy() {
	has_relacy || { echo "skip relacy no <relacy/relacy.hpp> (Debian: relacy-dev)"; return 1; }
	relacy_machine $out/relacy && relacy_library $tree $out/relacy/library &&
		relacy_program $tree $out/relacy/library $out/relacy sim_mutex &&
		relacy_program $tree $out/relacy/library $out/relacy sim_lot || { echo "not ok relacy does not build"; return 1; }
}

relacy() { # EXECUTIONS
	has_relacy || { build_relacy; return 0; }
	build_relacy || return 1
	$out/relacy/library/sim_lot --iterations="$1" || status=1
	$out/relacy/library/sim_mutex --iterations="$1" || status=1
	return $status
}

case ${1:-} in
quick) simulate 4000 ;;
long) simulate 200000 && relacy 200000 ;;
relacy) relacy 8000 ;;
mutants) build_sim && { rm -rf $out/relacy; build_relacy || ! has_relacy; } && test/sim/mutants.sh ;;
*) sed -n '3,4p' "$0" >&2; exit 2 ;;
esac
