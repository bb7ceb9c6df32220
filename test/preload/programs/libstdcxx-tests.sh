# SPDX-License-Identifier: MIT
# packages: gcc-12-source xz=xz-utils g++=g++
# command: /usr/src/gcc-12 g++ xz
# locks: all that the C++ library makes of pthreads: its own tests of threads (30_threads)
# unit: s
# bench: no
# limit: 590
version() { echo "libstdc++ $(dpkg-query -W -f '${Version}' gcc-12-source 2>/dev/null)"; }
suite() { echo "$DIR"/gcc-*/libstdc++-v3/testsuite; }
# The programs among the tests, each built by its own options; those that do not build are not run. Again picks up where it ended.
prepare() {
	local root sources
	[ -e "$DIR/unpacked" ] || { tar xf /usr/src/gcc-12/gcc-12*.tar.xz --wildcards '*/libstdc++-v3/testsuite/30_threads/*' '*/libstdc++-v3/testsuite/util/*' && : >"$DIR/unpacked"; } || return
	mkdir -p "$DIR/bin"
	root=$(suite)/30_threads
	cd "$root" && mapfile -t sources < <(grep -rlE 'dg-do run' --include='*.cc' . | sort | sed 's|^\./||')
	export -f build
	export CXX DIR
	printf '%s\n' "${sources[@]}" | xargs -P "$(nproc)" -I{} bash -c 'build {}'
	[ "$(find "$DIR/bin" -type f ! -name '*.not' | wc -l)" -gt 200 ]
}
build() { # SOURCE
	local to=${1//\//_} std=gnu++17
	to=$DIR/bin/${to%.cc}
	[ -e "$to" ] || [ -e "$to.not" ] && return
	grep -qE 'c\+\+2[0a]|gnu\+\+2[0a]' "$1" && std=gnu++20
	grep -qE 'dg-options.*-static|additional-options "-static"' "$1" && { : >"$to.not"; return; }
	"${CXX:-g++}" -std=$std -w -O0 -pthread -I../util -o "$to.new" "$1" -latomic 2>/dev/null && mv "$to.new" "$to" || : >"$to.not"
}
one() { # PROGRAM
	timeout -k 5 60 "${how[@]}" "$1" >/dev/null 2>&1
	echo "${1##*/}: status $?"
}
correct() {
	local how_line
	how_line=$(declare -p how)
	export -f one
	find "$DIR/bin" -type f ! -name '*.not' | sort | xargs -P 8 -I{} bash -c "$how_line; one {}" | sort
	find "$DIR/bin" -name '*.not' | wc -l | sed 's/$/ not built/'
}
