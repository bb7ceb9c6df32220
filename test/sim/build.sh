# SPDX-License-Identifier: MIT
# build.sh - functions that put the sources of one tree on a machine. Sourced by run.sh and mutants.sh.
#
# A library is linked into one object whose static data lies in sections of its own, so that the machine can
# put it back before each schedule.
CC=${CC:-gcc} CXX=${CXX:-g++}
WARN='-Wall -Wextra -Wshadow -Wconversion -Wno-unused-value'
BASE='-O1 -g -fno-pie -D_GNU_SOURCE'
SIM="$BASE -std=gnu11 -DFSYI_MACHINE=\"sim_machine.h\""
RELACY="$BASE -DFSYI_MACHINE=\"relacy_machine.h\" -DFSYI_FENCED"

# compile OUT FLAGS... -- SOURCE...: objects named after their sources, two at a time.
compile() {
	local out=$1 flags=() source object pids=() pid
	shift
	while [ "$1" != -- ]; do flags+=("$1"); shift; done
	shift
	mkdir -p "$out"
	for source; do
		object=$out/$(basename "${source%.*}").o
		case $source in
		*.cpp) "$CXX" "${flags[@]}" -c "$source" -o "$object" & ;;
		*) "$CC" "${flags[@]}" -c "$source" -o "$object" & ;;
		esac
		pids+=($!)
		if [ ${#pids[@]} = 2 ]; then
			wait "${pids[0]}" || return 1
			pids=("${pids[1]}")
		fi
	done
	for pid in "${pids[@]}"; do wait "$pid" || return 1; done
}

# collect OUT: OUT/part/*.o -> OUT/library.o
collect() {
	ld -r -o "$1/library.o" "$1"/part/*.o &&
		objcopy --rename-section .data=sim_lib_data --rename-section .bss=sim_lib_bss "$1/library.o"
}

includes() { # TREE
	echo "-I$1/include -I$1/lib -Itest/sim -Itest/model"
}

# The machines, from this tree.
sim_machine() { # OUT
	compile "$1/machine" $SIM $WARN $(includes .) -- test/sim/{memory,fiber,sched,strategy,explore,futex,fork,world,main}.c &&
		rm -f "$1/machine.a" && ar rcs "$1/machine.a" "$1"/machine/*.o
}
relacy_machine() { # OUT
	compile "$1/machine" $RELACY -std=gnu++17 -w $(includes .) -- test/model/relacy_{machine,memory,main}.cpp &&
		compile "$1/machine" $RELACY -std=gnu11 $WARN $(includes .) -- test/sim/world.c &&
		rm -f "$1/machine.a" && ar rcs "$1/machine.a" "$1"/machine/*.o
}

# A library from any tree, and a scenario of this tree on it.
sim_library() { # TREE OUT FLAGS...
	local tree=$1 out=$2
	shift 2
	compile "$out/part" $SIM $WARN $(includes "$tree") "$@" -- "$tree"/lib/{park,sync}/*.c && collect "$out"
}
relacy_library() { # TREE OUT
	compile "$2/part" $RELACY -std=gnu11 -fsanitize=thread $WARN $(includes "$1") -- "$1"/lib/{park,sync}/*.c && collect "$2"
}
sim_program() { # TREE LIBRARY MACHINE NAME FLAGS...
	local tree=$1 library=$2 machine=$3 name=$4
	shift 4
	"$CC" $SIM $WARN $(includes "$tree") "$@" -no-pie -o "$library/$name" "test/sim/$name.c" "$library/library.o" "$machine/machine.a"
}
relacy_program() { # TREE LIBRARY MACHINE NAME
	"$CC" $RELACY -std=gnu11 -fsanitize=thread $WARN $(includes "$1") -c -o "$2/$4.scenario.o" "test/sim/$4.c" &&
		"$CXX" -no-pie -o "$2/$4" "$2/$4.scenario.o" "$2/library.o" "$3/machine.a"
}
