#!/bin/bash
# SPDX-License-Identifier: MIT
# run.sh quick | long | relacy | relacy-long | mutants: explores schedules of the library in TREE (default: this one), built into
# OUT (default: build/check). One line per case: ok, not ok or skip. CPU_SECONDS is what the random searches may take, on however slow
# a machine; each case has a share of it, and runs at least 100 schedules (relacy: executions) whatever they take. The exhaustive ones of
# quick run to their ends (some 30 s besides); those of long go one departure deeper, as far as ten shares each carry them.
set -u
cd "$(dirname "$0")/../.." || exit 2
. test/sim/build.sh
. test/support/pairs.sh
out=${OUT:-build/check} tree=${TREE:-.}
scenarios=(sim_lot sim_mutex sim_press sim_life sim_odd sim_waitgroup sim_barrier sim_poison sim_once sim_once_life sim_lazy sim_cond sim_cond_life
	sim_cond_poison sim_rwmutex sim_rwlife sim_rwlock sim_pool sim_stack sim_fair sim_fairlife)
counting=(sim_fairturn)         # its threads look at each other's plain variables, by the scheduler's leave: to relacy a race

build_programs() { # shipped | fenced, FLAGS...
	local kind=$1 name
	shift
	for name in "${scenarios[@]}" "${counting[@]}"; do
		sim_program "$tree" "$out/sim/$kind" "$out/sim" "$name" "$@" || return 1
	done
}

build_sim() {
	local fenced
	sim_machine "$out/sim" && sim_library "$tree" "$out/sim/shipped" && sim_library "$tree" "$out/sim/fenced" -DFSYI_FENCED || return 1
	build_programs fenced -DFSYI_FENCED &
	fenced=$!
	build_programs shipped &&
		"$CC" "${SIM[@]}" "${WARN[@]}" -Iinclude -Ilib -no-pie -o "$out/sim/sim_toys" test/sim/sim_toys.c "$out/sim/machine.a"
	local shipped=$?
	wait $fenced && return $shipped
}

# The cases' shares of CPU_SECONDS. explore PROGRAM... reads from standard input what to call each with.
explore() { # DEFAULT_SECONDS PROGRAM...
	local program searches=() total=0 ms=$((${CPU_SECONDS:-$1} * 1000)) rest i=0
	shift
	for program; do
		searches[i]=$("$program" --list 2>/dev/null | awk -v dfs="${DFS_SHARES:-0}" '{ n += /\/dfs / ? dfs : 1 } END { print n + 0 }')
		total=$((total + searches[i++]))
	done
	i=0
	for program; do
		read -r rest
		[ "${searches[i]}" = 0 ] || echo "$program --cpu-ms=$((ms * searches[i] / total)) $rest"
		i=$((i + 1))
	done
}

simulate() { # SCHEDULES DEFAULT_SECONDS FLAGS
	local name programs=()
	build_sim || { echo "not ok sim does not build"; return 1; }
	for name in "${scenarios[@]}" "${counting[@]}"; do programs+=("$out/sim/shipped/$name" "$out/sim/fenced/$name"); done
	in_pairs "$out/log" < <(
		echo "$out/sim/sim_toys --schedules=2000"
		for name in "${scenarios[@]}" "${counting[@]}"; do
			echo "--schedules=$1 ${3:-}"
			echo "--schedules=$1 ${3:-} --label=fenced-"
		done | explore "$2" "${programs[@]}")
}

has_relacy() {
	echo '#include <relacy/relacy.hpp>' | "$CXX" -std=gnu++17 -w -fsyntax-only -x c++ - 2>/dev/null
}

build_relacy() {
	local name half
	relacy_machine "$out/relacy" && relacy_library "$tree" "$out/relacy/library" || return 1
	for half in 0 1; do
		for ((name = half; name < ${#scenarios[@]}; name += 2)); do
			relacy_program "$tree" "$out/relacy/library" "$out/relacy" "${scenarios[name]}" || exit 1
		done &
	done
	wait -n && wait -n
}

relacy() { # EXECUTIONS DEFAULT_SECONDS
	local name
	has_relacy || { echo "skip relacy no <relacy/relacy.hpp> (Debian: relacy-dev)"; return 0; }
	build_relacy || { echo "not ok relacy does not build"; return 1; }
	in_pairs "$out/log" < <(for name in "${scenarios[@]}"; do echo "--iterations=$1"; done | explore "$2" "${scenarios[@]/#/$out/relacy/library/}")
}

mutants() {
	rm -rf "$out"
	build_sim && { ! has_relacy || build_relacy; } || { echo "not ok mutants: the library does not build"; return 1; }
	mkdir -p build
	export OUT=$out TREE=$tree
	in_pairs "$out/log" < <(for i in 0 1; do echo "SHARE=$i/2 test/sim/mutants.sh"; done) | tee build/mutants.log
	return "${PIPESTATUS[0]}"
}

case ${1:-} in
quick) simulate 3000 50 ;;
long) DFS_SHARES=10 simulate 1000000 3600 '--deeper --exhaustive=100000000' ;;
relacy) relacy 6000 60 ;;
relacy-long) relacy 1000000 3600 ;;
mutants) mutants ;;
*) sed -n '3,5p' "$0" >&2; exit 2 ;;
esac
