#!/bin/bash
# SPDX-License-Identifier: MIT
# run.sh quick | long | relacy | mutants: explores schedules of the library in TREE (default: this one), built into OUT
# (default: build/check). One line per case: ok, not ok or skip.
set -u
cd "$(dirname "$0")/../.." || exit 2
. test/sim/build.sh
out=${OUT:-build/check} tree=${TREE:-.}
status=0
scenarios=(sim_lot sim_mutex sim_life sim_odd sim_waitgroup sim_barrier sim_poison sim_once sim_once_life sim_cond sim_cond_life sim_cond_poison sim_rwmutex sim_rwlife sim_pool sim_stack sim_fair sim_fairlife)
counting=(sim_fairturn)         # its threads look at each other's plain variables, by the scheduler's leave: to relacy a race

build_sim() {
	local name
	sim_machine "$out/sim" && sim_library "$tree" "$out/sim/shipped" && sim_library "$tree" "$out/sim/fenced" -DFSYI_FENCED &&
		"$CC" "${SIM[@]}" "${WARN[@]}" -Iinclude -Ilib -no-pie -o "$out/sim/sim_toys" test/sim/sim_toys.c "$out/sim/machine.a" &&
		for name in "${scenarios[@]}" "${counting[@]}"; do
			sim_program "$tree" "$out/sim/shipped" "$out/sim" "$name" &&
				sim_program "$tree" "$out/sim/fenced" "$out/sim" "$name" -DFSYI_FENCED || return 1
		done
}

# Runs what is read from standard input, a command a line, two at a time, and prints what they print in their order.
in_pairs() {
	local line n=0 i pids=() log=$out/log
	mkdir -p "$log"
	while read -r line; do
		[ "${#pids[@]}" -lt 2 ] || wait "${pids[n - 2]}" || status=1
		bash -c "$line" >"$log/$n" 2>&1 </dev/null &
		pids[n]=$!
		[ "$n" -lt 2 ] || unset "pids[n - 2]"
		n=$((n + 1))
	done
	for i in "${!pids[@]}"; do wait "${pids[i]}" || status=1; done
	for ((i = 0; i < n; i++)); do cat "$log/$i"; done
}

simulate() { # SCHEDULES
	local name
	build_sim || { echo "not ok sim does not build"; return 1; }
	in_pairs < <(
		echo "$out/sim/sim_toys --schedules=2000"
		for name in "${scenarios[@]}" "${counting[@]}"; do
			echo "$out/sim/shipped/$name --schedules=$1"
			echo "$out/sim/fenced/$name --schedules=$1 --label=fenced-"
		done)
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
	in_pairs < <(for name in "${scenarios[@]}"; do echo "$out/relacy/library/$name --iterations=$1"; done)
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
