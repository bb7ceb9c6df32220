#!/bin/bash
# SPDX-License-Identifier: MIT
# Programs that know nothing of us, with and without the preload library: run.sh short | long [NAME...]
#
# Each test/preload/NAME.c or .cc starts with a comment of lines "name: ..." (what is tested), and may have lines
#   item: N...           of the acceptance list in docs/preload.md, which it proves: its results are called preload/5.7.N-NAME
#   short: ARGUMENTS...   long: ARGUMENTS...    what to pass; a program without such a line does not run in that mode. Without the library
#                                               the short ones are passed in both modes: what libc does is known
#   flags: ...            for the compiler
#   with: A B             plugins test/preload/plugin/A.c, to be passed as PREFIX-A.so, PREFIX being the program's path
#   needs: A            those of them that the program is linked with
#   native: no            only under preload
#   only-with: F...       skipped unless lib/posix/F exists
# and is right if it ends with status 0, both times, and prints nothing on stdout. Status 77: skipped, and stdout says why.
# FASTSYNC_LIBC=DIRECTORY: with the loader and the libc that lie there, instead of this system's.
set -u
cd "$(dirname "$0")/../.." || exit 2
build=${BUILD:-build/release} mode=${1:-short} status=0
shift
library=$PWD/$build/libfastsync-preload.so out=$build/test/preload${FASTSYNC_LIBC:+-${FASTSYNC_LIBC##*/}}
[ "$mode" = long ] && limit=900 || limit=240
mkdir -p "$out"
ok() { echo "ok preload/$1"; }
bad() { echo "not ok preload/$1"; [ -s "$out/log" ] && sed 's/^/    /' "$out/log" | head -n 60; status=1; }
of() { sed -n "1,/\*\//s/^ \* $2: //p" "$1"; }

flags=(-O1 -g -Wall -Wextra -pthread -D_GNU_SOURCE)
if [ -n "${FASTSYNC_LIBC:-}" ]; then
	flags+=("-Wl,--dynamic-linker=$(echo "$FASTSYNC_LIBC"/ld-linux-*.so.*)" "-Wl,--disable-new-dtags,-rpath,$FASTSYNC_LIBC")
fi
name_of() { # FILE NAME: with the items that it proves
	local items
	items=$(sed -n '1,/\*\//s/^ \* item: //p; s/^# item: //p' "$1" | sed 's/\([0-9]*\)/5.7.\1/g; s/ /,/g')
	echo "${items:+$items-}$2"
}
build() { # SOURCE: builds what it says it needs
	local source=$1 program more plugin
	program=$out/$(basename "${source%.*}")
	read -ra more <<<"$(of "$source" flags)"
	for plugin in $(of "$source" with); do
		"${CC:-gcc}" -std=gnu11 "${flags[@]}" -fPIC -shared -o "$program-$plugin.so" "test/preload/plugin/$plugin.c" || return 1
	done
	for plugin in $(of "$source" needs); do
		more+=("$PWD/$program-$plugin.so")
	done
	case $source in
	*.cc) "${CXX:-g++}" -std=gnu++17 "${flags[@]}" -o "$program" "$source" "${more[@]}" ;;
	*) "${CC:-gcc}" -std=gnu11 "${flags[@]}" -o "$program" "$source" "${more[@]}" -ldl ;;
	esac
}

# once NAME COMMAND...: what it writes on stdout is wrong, except as the reason of a skip.
once() {
	local name=$1 rc
	shift
	timeout -k 5 "${FASTSYNC_TEST_LIMIT:-$limit}" "$@" >"$out/log.out" 2>"$out/log" </dev/null
	rc=$?
	if [ $rc = 77 ]; then
		echo "skip preload/$name $(head -n 1 "$out/log.out")"
	elif [ $rc = 0 ] && [ ! -s "$out/log.out" ]; then
		ok "$name"
	else
		{ echo "ended with status $rc"; cat "$out/log.out"; } >>"$out/log"
		bad "$name"
	fi
}

wanted() { [ $# = 1 ] || [[ " ${*:2} " == *" $1 "* ]]; }
for source in test/preload/*.c test/preload/*.cc; do
	name=$(basename "${source%.*}")
	[ -f "$source" ] && wanted "$name" "$@" || continue
	grep -q "^ \* $mode:" "$source" || continue
	for file in $(of "$source" only-with); do
		[ -f "lib/posix/$file" ] || { echo "skip preload/$name lib/posix/$file is not there"; continue 2; }
	done
	case $source in *.cc) command -v "${CXX:-g++}" >/dev/null || { echo "skip preload/$name no C++ compiler"; continue; } ;; esac
	build "$source" 2>"$out/log" || { bad "$name does not build"; continue; }
	read -ra args <<<"$(of "$source" "$mode")"
	read -ra few <<<"$(of "$source" short)"
	title=$(name_of "$source" "$name")
	[ "$(of "$source" native)" = no ] || once "$title/libc" "$out/$name" "${few[@]}"
	once "$title/preload" env LD_PRELOAD="$library" "$out/$name" "${args[@]}"
	grep -q '^ \* plain: no' "$source" ||
		once "$title/preload-fenced" env LD_PRELOAD="$library" FASTSYNC_MEMBARRIER=off "$out/$name" "${args[@]}"
done
for script in test/preload/*.sh; do
	name=$(basename "$script" .sh)
	[ -n "${FASTSYNC_LIBC:-}" ] && ! grep -q '^# libc: any' "$script" && continue
	[ "$name" != run ] && wanted "$name" "$@" && grep -q "^# $mode:" "$script" || continue
	CC=${CC:-gcc} CXX=${CXX:-g++} BUILD=$build LIBRARY=$library OUT=$out "$script" "$mode" || status=1
done
exit $status
