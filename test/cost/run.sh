#!/bin/bash
# SPDX-License-Identifier: MIT
# run.sh smoke | machines | real | run ARGUMENTS...: the library on the cost machine (cost.h); real: the toys on this machine's own CPUs.
# Built into build/check/cost; the library as check-sim builds it, which is taken from there if it is up to date.
set -u
cd "$(dirname "$0")/../.." || exit 2
. test/sim/build.sh
out=build/check/cost library=build/check/sim/shipped/library.o
mkdir -p "$out"
if [ "${1:-}" = real ]; then
	"$CC" -O2 -D_GNU_SOURCE -std=gnu11 "${WARN[@]}" -Iinclude -Ilib -pthread -o "$out/real" test/cost/real.c "${BUILD:-build/release}/libfastsync.a" -lnuma || exit 1
	shift
	exec "$out/real" "$@"
fi
# Of another tree, or elder than a source: built again.
if [ ! -e "$library" ] || [ -n "$(find lib include test/sim/sim_machine.h -name '*.[chd]*' -newer "$library" -print -quit)" ]; then
	sim_library . "$out/shipped" || { echo "not ok cost does not build"; exit 1; }
	library=$out/shipped/library.o
fi
objects "$out/machine" "$CC" "${SIM[@]}" "${WARN[@]}" -Itest/cost -Iinclude -Ilib -- test/cost/{engine,heap,lines,fiber,world,workload,model,smoke,machines,main}.c test/sim/absent.c &&
	"$CC" -no-pie -o "$out/cost" "$out"/machine/*.o "$library" || { echo "not ok cost does not build"; exit 1; }
exec "$out/cost" "$@"
