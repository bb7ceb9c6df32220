#!/bin/bash
# SPDX-License-Identifier: MIT
# run.sh quick | long | relacy | mutants: explores schedules of the library in TREE (default: this one), built into OUT
# (default: build/check). One line per case: ok, not ok or skip.
set -u
cd "$(dirname "$0")/../.." || exit 2
. test/sim/build.sh
out=${OUT:-build/check} tree=${TREE:-.}
status=0
scenarios=(sim_lot sim_mutex sim_life sim_odd sim_waitgroup sim_barrier sim_poison sim_once sim_once_life sim_cond sim_cond_life sim_cond_poison)

build_sim() {
	local name
	sim_machine "$out/sim" && sim_library "$tree" "$out/sim/shipped" && sim_library "$tree" "$out/sim/fenced" -DFSYI_FENCED &&
		"$CC" "${SIM[@]}" "${WARN[@]}" -Iinclude -Ilib -no-pie -o "$out/sim/sim_toys" test/sim/sim_toys.c "$out/sim/machine.a" &&
		for name in "${scenarios[@]}"; do
			sim_program "$tree" "$out/sim/shipped" "$out/sim" "$name" &&
				sim_program "$tree" "$out/sim/fenced" "$out/sim" "$name" -DFSYI_FENCED || return 1
		done
}

simulate() { # SCHEDULES
	local name
	build_sim || { echo "not ok sim does not build"; return 1; }
	"$out/sim/sim_toys" --schedules=2000 || status=1
	for name in "${scenarios[@]}"; do
		"$out/sim/shipped/$name" --schedules="$1" || status=1
		"$out/sim/fenced/$name" --schedules="$1" --label=fenced- || status=1
	done
	return $status
}

has_relacy() {
	echo '#include <relacy/relacy.hpp>' | "$CXX" -std=gnu++17 -w -fsyntax-only -x c++ - 2>/dev/null
}

build_relacy() {
	local name
	relacy_machine "$out/relacy" && relacy_library "$tree" "$out/relacy/library" &&
		for name in "${scenarios[@]}"; do
			relacy_program "$tree" "$out/relacy/library" "$out/relacy" "$name" || return 1
		done
}

relacy() { # EXECUTIONS
	local name
	has_relacy || { echo "skip relacy no <relacy/relacy.hpp> (Debian: relacy-dev)"; return 0; }
	build_relacy || { echo "not ok relacy does not build"; return 1; }
	for name in "${scenarios[@]}"; do
		"$out/relacy/library/$name" --iterations="$1" || status=1
	done
	return $status
}

mutants() {
	rm -rf "$out"
	build_sim && { ! has_relacy || build_relacy; } || { echo "not ok mutants: the library does not build"; return 1; }
	OUT=$out TREE=$tree test/sim/mutants.sh
}

case ${1:-} in
quick) simulate 3000 ;;
long) simulate 200000 && relacy 200000 ;;
relacy) relacy 6000 ;;
mutants) mutants ;;
*) sed -n '3,4p' "$0" >&2; exit 2 ;;
esac
