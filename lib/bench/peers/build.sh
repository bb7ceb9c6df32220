#!/bin/sh
# SPDX-License-Identifier: MIT
# build.sh OUT: builds every peer that can be built into OUT, and prints one line for each that cannot, with what to
# install. A missing peer is never an error. Only what is older than its sources, compiler or flags is built again, and
# a download that failed is not tried again within the hour. Work in progress is kept under OUT/parts.
#
# Environment: CC, CXX, CFLAGS; PEERS_OFFLINE=1 downloads nothing (no crates, no Go releases, no Abseil source).
set -u
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1/parts"
out=$(cd "$1" && pwd)
work=$out/parts
CC=${CC:-gcc} CXX=${CXX:-g++} CFLAGS=${CFLAGS:--O2 -g}
shared="-fPIC -shared -fvisibility=hidden -pthread -D_GNU_SOURCE -Wall -Wextra -Wshadow -Wconversion"
export CC CXX

say() { printf '  %-5s %s\n' "$1" "$2"; }
missing() { printf '  peer  %s: not built: %s\n' "$1" "$2"; rm -f "$out/$3"; }
has() { command -v "$1" >/dev/null 2>&1; }

# fresh FILE RECIPE DEPENDENCY...: FILE was made by this recipe and nothing it depends on is newer.
fresh() {
	file=$1 recipe=$2
	shift 2
	[ "$recipe" = "$(cat "$work/${file##*/}.recipe" 2>/dev/null)" ] && [ -e "$file" ] &&
		[ -z "$(find "$@" -newer "$file" 2>/dev/null)" ]
}
made() { printf '%s' "$2" >"$work/${1##*/}.recipe"; }

# Whether a download may be tried: not offline, and not just failed. failed NAME remembers.
may_fetch() { [ -z "${PEERS_OFFLINE:-}" ] && [ -z "$(find "$work/$1.failed" -mmin -60 2>/dev/null)" ]; }
failed() { : >"$work/$1.failed"; }

# The version as the distribution names it, where the headers do not say.
packaged() {
	version=$(dpkg-query -W -f '${Version}' "$1" 2>/dev/null) || version=$(pkg-config --modversion "$2" 2>/dev/null)
	version=${version%%-*}
	echo "${version%%+*}"
}

# module NAME SOURCE PACKAGE VERSION COMPILER FLAGS LIBRARIES: builds one C or C++ module, if its headers are there.
module() {
	name=$1 source=$here/c/$2 package=$3 version=$4 compiler=$5 flags=$6 libraries=$7 so=fastsync-peer-$1.so
	if ! has "${compiler%% *}"; then
		missing "$name" "no ${compiler%% *} (Debian, Ubuntu: apt-get install g++)" "$so"
		return
	fi
	recipe="$($compiler --version | head -n 1) $compiler $CFLAGS $flags $libraries $version"
	fresh "$out/$so" "$recipe" "$source" "$here/c/module.h" "$here/loop.h" "$here/loop_wait.h" "$here/../peer.h" && return
	printf '#define PEER_VERSION "%s"\n' "$version" >"$work/$name.h"
	# shellcheck disable=SC2086
	if $compiler $CFLAGS $shared $flags -include "$work/$name.h" -o "$work/$so" "$source" -Wl,-z,defs $libraries 2>"$work/$name.log"; then
		say PEER "$so"
		mv "$work/$so" "$out/$so"
		made "$so" "$recipe"
	elif grep -qE 'fatal error: .*(No such file|not found)|cannot find -l|unable to find library' "$work/$name.log"; then
		missing "$name" "its headers are not here (Debian, Ubuntu: apt-get install $package)" "$so"
	else
		missing "$name" "it does not compile; see $work/$name.log" "$so"
	fi
}

abseil() {
	source=$work/absl
	if [ ! -e "$source/version" ] && may_fetch absl; then
		say FETCH "Abseil's source, to build it without assertions"
		"$here/absl-ndebug.sh" "$source" >"$work/absl.reason" || failed absl
	fi
	if [ -e "$source/version" ]; then
		module absl absl.cc libabsl-dev "abseil $(cat "$source/version") (NDEBUG)" "$CXX -std=c++17" \
			"-DNDEBUG -DPEER_ABSL_NDEBUG -isystem $source/src" "$source/libabsl.a"
	else
		reason=$(cat "$work/absl.reason" 2>/dev/null)
		printf '  peer  absl: not without assertions: %s\n' "${reason:-nothing may be downloaded}"
		module absl absl.cc libabsl-dev "abseil $(packaged libabsl-dev absl_base)" "$CXX -std=c++17" "" \
			"$(pkg-config --libs absl_synchronization 2>/dev/null || echo -labsl_synchronization)"
	fi
}

# With cargo and its crates; else std alone, by rustc alone.
rust() {
	so=fastsync-peer-rust.so sources=$here/rust offline=
	if ! has rustc; then
		missing rust "no rustc (Debian, Ubuntu: apt-get install rustc cargo)" $so
		return
	fi
	rustc=$(rustc --version | cut -d ' ' -f 1,2)
	set -- "$sources/src" "$sources/Cargo.toml" "$sources/Cargo.lock" "$sources/build.rs"
	fresh "$out/$so" "$rustc extras" "$@" && return
	may_fetch cargo || offline=--offline
	# shellcheck disable=SC2086
	if has cargo && (cd "$sources" && CARGO_NET_RETRY=1 CARGO_HTTP_TIMEOUT=20 CARGO_TARGET_DIR="$work/cargo" timeout 400 \
		cargo build --quiet --locked $offline --release --features extras) >"$work/cargo.log" 2>&1; then
		say PEER "$so (std, parking_lot, crossbeam)"
		cp "$work/cargo/release/libfastsync_peer_rust.so" "$out/$so"
		made $so "$rustc extras"
		return
	fi
	[ -n "$offline" ] || failed cargo
	printf '  peer  %s: not built: %s\n' "parking_lot, crossbeam" "no cargo, or it cannot fetch them (see $work/cargo.log)"
	fresh "$out/$so" "$rustc std" "$@" && return
	if PEER_RUSTC=$rustc rustc --edition 2021 -C opt-level=3 -C codegen-units=1 -C lto=fat --crate-type cdylib \
		--crate-name fastsync_peer_rust -o "$work/$so" "$sources/src/lib.rs" >"$work/rustc.log" 2>&1; then
		say PEER "$so (std)"
		mv "$work/$so" "$out/$so"
		made $so "$rustc std"
	else
		missing rust "$rustc is too old, 1.70 is needed (see $work/rustc.log)" $so
	fi
}

# The go to build with TOOLCHAIN. Since 1.21 go switches by itself; an older one can fetch the release, which is a module
# like any other, except that its programs arrive without their executable bit.
go_for() {
	case $1,$(go env GOVERSION) in
	local,* | *,go1.2[1-9]* | *,go1.[3-9][0-9]*) echo go ;;
	*)
		dir=$(cd "$work" && GOPROXY="$proxy" timeout 400 go mod download -json \
			"golang.org/toolchain@v0.0.1-$1.$(go env GOOS)-$(go env GOARCH)" 2>&1 | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
		[ -n "$dir" ] && find "$dir/bin" "$dir/pkg/tool" -type f -exec chmod +x {} + && echo "$dir/bin/go"
		;;
	esac
}

# go_peer TOOLCHAIN PROGRAM LABEL
go_peer() {
	recipe="$(go version) $1"
	fresh "$out/$2" "$recipe" "$here/go" && return
	proxy=$(go env GOPROXY)
	may_fetch "$2" || proxy=off
	go=$(go_for "$1")
	# Whatever go this is, nothing is built under another release's name.
	if [ -n "$go" ] && (cd "$here/go" && export CGO_ENABLED=0 GOTOOLCHAIN="$1" GOPROXY="$proxy" &&
		{ [ "$1" = local ] || timeout 400 "$go" version | grep -qF " $1 "; } &&
		timeout 400 "$go" build -buildvcs=false -trimpath -ldflags "-X main.label=$3" -o "$out/$2" .) >"$work/$2.log" 2>&1; then
		say PEER "$2"
		made "$2" "$recipe"
	elif [ "$1" = local ]; then
		missing go "$(go version | cut -d ' ' -f 3) does not compile it, 1.19 is needed (see $work/$2.log)" "$2"
	else
		[ "$proxy" = off ] || failed "$2"
		missing "$3" "go cannot fetch $1 (see $work/$2.log)" "$2"
	fi
}

go_all() {
	if ! has go; then
		missing go "no go (Debian, Ubuntu: apt-get install golang-go)" fastsync-peer-go
		rm -f "$out"/fastsync-peer-go1.*
		return
	fi
	go_peer local fastsync-peer-go go
	go_peer go1.23.0 fastsync-peer-go1.23 go1.23
	go_peer go1.22.0 fastsync-peer-go1.22 go1.22
}

# An allocator is measured in a process of its own, into which it is preloaded: a link to it is all that is needed.
allocator() { # NAME PACKAGE
	path=$(PATH=$PATH:/sbin:/usr/sbin ldconfig -p 2>/dev/null | sed -n "s|.*lib$1\.so[.0-9]* (.*x86-64.*) => ||p; s|.*lib$1\.so[.0-9]* (.*AArch64.*) => ||p" | head -n 1)
	if [ -n "$path" ]; then
		ln -sf "$path" "$out/fastsync-malloc-$1.so"
	else
		missing "$1" "it is not here (Debian, Ubuntu: apt-get install $2)" "fastsync-malloc-$1.so"
	fi
}

allocator jemalloc libjemalloc2
allocator mimalloc libmimalloc-dev
module posix posix.c libc6-dev "$(getconf GNU_LIBC_VERSION 2>/dev/null)" "$CC -std=gnu11" "" ""
module nsync nsync.c libnsync-dev "nsync $(packaged libnsync-dev nsync)" "$CC -std=gnu11" "" -lnsync
module ck ck.c libck-dev "ck $(packaged libck-dev ck)" "$CC -std=gnu11" "" -lck
# A module is loaded too late for a fixed place among a thread's own variables: its readers find their record by a call. Descriptors
# are the cheaper sort of it; memb still pays a few ns for three of them that a program would not.
case $(uname -m) in x86_64) tls=-mtls-dialect=gnu2 ;; *) tls= ;; esac
module urcu urcu.c liburcu-dev "liburcu $(packaged liburcu-dev liburcu)" "$CC -std=gnu11" "$tls" "-lurcu-memb -lurcu-qsbr -lurcu-bp"
module tbb tbb.cc libtbb-dev "" "$CXX -std=c++17" "" -ltbb
abseil
rust
go_all
exit 0
