#!/bin/bash
# SPDX-License-Identifier: MIT
# build.sh - functions that put the sources of one tree on a machine. Sourced by run.sh and mutants.sh.
#
# A library is linked into one object whose static data lies in sections of its own, so that the machine can
# put it back before each schedule.
CC=${CC:-gcc} CXX=${CXX:-g++}
WARN=(-Wall -Wextra -Wshadow -Wconversion -Wno-unused-value)
BASE=(-O1 -g -fno-pie -D_GNU_SOURCE -Itest/sim -Itest/model)
SIM=("${BASE[@]}" -std=gnu11 '-DFSYI_MACHINE="sim_machine.h"')
RELACY_CXX=("${BASE[@]}" -g0 -std=gnu++17 -w '-DFSYI_MACHINE="relacy_machine.h"' -DFSYI_FENCED)
RELACY=("${BASE[@]}" -std=gnu11 '-DFSYI_MACHINE="relacy_machine.h"' -DFSYI_FENCED)
HOOKS=(-fsanitize=thread)               # relacy hears of plain accesses through the sanitizer's calls

# objects OUT COMPILER FLAGS... -- SOURCE...: one object per source, named after it, two at a time.
objects() {
	local out=$1 command=() source pids=() pid
	shift
	while [ "$1" != -- ]; do command+=("$1"); shift; done
	shift
	mkdir -p "$out"
	for source; do
		"${command[@]}" -c "$source" -o "$out/$(basename "${source%.*}").o" &
		pids+=($!)
		if [ ${#pids[@]} = 2 ]; then
			wait "${pids[0]}" || return 1
			pids=("${pids[1]}")
		fi
	done
	for pid in "${pids[@]}"; do wait "$pid" || return 1; done
}

archive() { # OUT: OUT/machine/*.o -> OUT/machine.a
	rm -f "$1/machine.a" && ar rcs "$1/machine.a" "$1"/machine/*.o
}

collect() { # OUT: OUT/part/*.o -> OUT/library.o
	ld -r -o "$1/library.o" "$1"/part/*.o &&
		objcopy --rename-section .data=sim_lib_data --rename-section .bss=sim_lib_bss "$1/library.o"
}

# The machines, from this tree.
sim_machine() { # OUT
	objects "$1/machine" "$CC" "${SIM[@]}" "${WARN[@]}" -Iinclude -Ilib -- \
		test/sim/{memory,fiber,sched,strategy,explore,search,futex,fork,world,absent,main}.c && archive "$1"
}
relacy_machine() { # OUT
	objects "$1/machine" "$CXX" "${RELACY_CXX[@]}" -Iinclude -Ilib -- test/model/relacy_{machine,memory,main}.cpp &&
		objects "$1/machine" "$CC" "${RELACY[@]}" "${WARN[@]}" -Iinclude -Ilib -- test/sim/{world,absent}.c && archive "$1"
}

# Sources of a library, from any tree.
sim_objects() { # TREE OUT FLAGS... -- SOURCE...
	local tree=$1 out=$2
	shift 2
	objects "$out/part" "$CC" "${SIM[@]}" "${WARN[@]}" -I"$tree/include" -I"$tree/lib" "$@"
}
relacy_objects() { # TREE OUT -- SOURCE...
	local tree=$1 out=$2
	shift 2
	objects "$out/part" "$CC" "${RELACY[@]}" "${HOOKS[@]}" "${WARN[@]}" -I"$tree/include" -I"$tree/lib" "$@"
}
sim_library() { # TREE OUT FLAGS...
	sim_objects "$@" -- "$1"/lib/{park,sync}/*.c "$1"/lib/data/pool*.c && collect "$2"
}
relacy_library() { # TREE OUT
	relacy_objects "$1" "$2" -- "$1"/lib/{park,sync}/*.c "$1"/lib/data/pool*.c && collect "$2"
}

# A scenario of this tree on a library.
sim_program() { # TREE LIBRARY MACHINE NAME FLAGS...
	local tree=$1 library=$2 machine=$3 name=$4
	shift 4
	"$CC" "${SIM[@]}" "${WARN[@]}" -I"$tree/include" -I"$tree/lib" "$@" -no-pie -o "$library/$name" \
		"test/sim/$name.c" "$library/library.o" "$machine/machine.a"
}
relacy_program() { # TREE LIBRARY MACHINE NAME
	"$CC" "${RELACY[@]}" "${HOOKS[@]}" "${WARN[@]}" -I"$1/include" -I"$1/lib" -c -o "$2/$4.scenario.o" "test/sim/$4.c" &&
		"$CXX" -no-pie -o "$2/$4" "$2/$4.scenario.o" "$2/library.o" "$3/machine.a"
}
