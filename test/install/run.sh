#!/bin/bash
# SPDX-License-Identifier: MIT
# Installs into an empty directory and uses the result as a client would: every example through pkg-config, shared and
# static, with its output compared; a C++ program; the tool; and nothing left after uninstall.
set -u
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
status=0
ok() { echo "ok install/$1"; }
bad() { printf 'not ok install/%s\n' "$1"; [ -f "$tmp/log" ] && sed 's/^/    /' "$tmp/log"; status=1; }
check() { local name=$1; shift; if "$@" >"$tmp/log" 2>&1; then ok "$name"; else bad "$name"; fi; }

check make-install "${MAKE:-make}" --no-print-directory install DESTDIR="$tmp/root" PREFIX=/usr
export PKG_CONFIG_PATH=$tmp/root/usr/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$tmp/root
export PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 PKG_CONFIG_ALLOW_SYSTEM_LIBS=1 LD_LIBRARY_PATH=$tmp/root/usr/lib
check pkg-config-validate pkg-config --validate fastsync
read -ra shared <<<"$(pkg-config --cflags --libs fastsync)"
read -ra static <<<"$(pkg-config --static --cflags --libs fastsync)"

example() { # NAME GOLDEN COMPILER FLAGS...: build, run, compare
	local name=$1 golden=$2
	shift 2
	"$@" >"$tmp/log" 2>&1 || { bad "$name does not build"; return; }
	timeout 60 "$tmp/program" >"$tmp/out" 2>"$tmp/log" || { bad "$name ended with status $?"; return; }
	if diff -u "$golden" "$tmp/out" >"$tmp/log"; then ok "$name"; else bad "$name: output differs"; fi
}

for source in examples/*.c; do
	name=$(basename "$source" .c)
	golden=${source%.c}.out
	urcu=()
	if grep -q '<urcu' "$source"; then
		pkg-config --exists liburcu-memb || { echo "skip install/$name no liburcu"; continue; }
		read -ra urcu <<<"$(PKG_CONFIG_PATH='' PKG_CONFIG_SYSROOT_DIR='' pkg-config --cflags --libs liburcu-memb)"
	fi
	example "$name/shared" "$golden" "${CC:-gcc}" -std=gnu11 -O2 -pthread -o "$tmp/program" "$source" "${shared[@]}" \
		"${urcu[@]}"
	example "$name/archive" "$golden" "${CC:-gcc}" -std=gnu11 -O2 -pthread -o "$tmp/program" "$source" \
		-Wl,-Bstatic "${static[@]}" -Wl,-Bdynamic "${urcu[@]}"
	example "$name/static" "$golden" "${CC:-gcc}" -std=gnu11 -O2 -static -o "$tmp/program" "$source" "${static[@]}" "${urcu[@]}"
	example "$name/checked" "$golden" "${CC:-gcc}" -std=gnu11 -O2 -DFASTSYNC_CHECKED -pthread -o "$tmp/program" \
		"$source" "${shared[@]}" "${urcu[@]}"
done

# An archive drops an object that nobody names: a static program must find the library as ready as a shared one does.
"${CC:-gcc}" -O2 -o "$tmp/program" test/install/started.c "${shared[@]}" && "$tmp/program" >"$tmp/golden"
example constructor/static "$tmp/golden" "${CC:-gcc}" -O2 -static -o "$tmp/program" test/install/started.c "${static[@]}"

if command -v "${CXX:-g++}" >/dev/null; then
	printf 'version ok\nlocked and unlocked\n' >"$tmp/golden"
	example cxx "$tmp/golden" "${CXX:-g++}" -std=c++17 -Wall -Wextra -Werror -pthread -o "$tmp/program" \
		test/install/use.cc "${shared[@]}"
else
	echo "skip install/cxx no C++ compiler"
fi

# The private requirements name what the library really needs, no more: libc's own parts and the compiler's unwinder aside.
needed=$(readelf -d "$tmp/root/usr/lib/libfastsync.so.1" | sed -n 's/.*NEEDED.*\[lib\(.*\)\.so.*\]/\1/p' | grep -Ev '^(c|pthread|dl|rt|m|gcc_s)$')
listed=$(pkg-config --static --libs-only-l fastsync | tr ' ' '\n' | sed -n 's/^-l//p' | grep -v '^fastsync$')
if [ "$(sort <<<"$needed")" = "$(sort <<<"$listed")" ]; then ok private-libs; else bad "private-libs: needs '$needed', lists '$listed'"; fi

tool=$tmp/root/usr/bin/fastsync-bench
if [ -x "$tool" ]; then
	check tool-list timeout 60 "$tool" --list
	if readelf -d "$tool" | grep -Eq 'RPATH|RUNPATH'; then bad "tool-rpath: the installed tool carries a build path"; else ok tool-rpath; fi
else
	echo "skip install/tool fastsync-bench is not built"
fi
run=$tmp/root/usr/bin/fastsync-run
if [ -x "$run" ]; then
	check run-dry timeout 60 "$run" --dry-run sh
	if [ "$("$run" sh -c 'cd / && readlink -f "$LD_PRELOAD"' 2>&1)" = "$(readlink -f "$tmp/root/usr/lib/fastsync/libfastsync-preload.so")" ]; then ok run; else bad "run: the installed library is not found"; fi
fi
check make-uninstall "${MAKE:-make}" --no-print-directory uninstall DESTDIR="$tmp/root" PREFIX=/usr
find "$tmp/root" ! -type d >"$tmp/log"
if [ -s "$tmp/log" ]; then bad "uninstall leaves files"; else ok uninstall-leaves-nothing; fi
exit $status
