#!/bin/sh
# SPDX-License-Identifier: MIT
# absl-ndebug.sh DIR: makes DIR/libabsl.a, Abseil's locks built as their users are told to build them (-O2 -DNDEBUG).
#
# Distributions build Abseil with its assertions on, which more than doubles the cost of a lock, so their library says
# nothing about Abseil. The source comes from the distribution itself, by apt and checked by apt, through a list of sources
# that exists only inside DIR: the system's own lists are not touched, and root is not needed. DIR/src has the headers and
# DIR/version the version. Says why and ends with status 1 where that is not to be had.
set -eu
mkdir -p "$1"
dir=$(cd "$1" && pwd)
CXX=${CXX:-g++}
jobs=$(nproc 2>/dev/null || echo 2)

fail() { echo "$1"; exit 1; }

fetch() {
	mkdir -p "$dir/lists/partial"
	rm -f "$dir"/abseil_*
	keyring=
	: >"$dir/sources.list"
	# shellcheck disable=SC2016
	apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT) $(ORIGIN)' 'Created-By: Packages' |
	sort -u | while read -r uri suite component origin; do
		case $origin:$component in
		Debian:main) keyring=/usr/share/keyrings/debian-archive-keyring.gpg ;;
		Ubuntu:main | Ubuntu:universe) keyring=/usr/share/keyrings/ubuntu-archive-keyring.gpg ;;
		*) continue ;;
		esac
		[ -f "$keyring" ] && option="[signed-by=$keyring] " || option=
		echo "deb-src $option$uri $suite $component" >>"$dir/sources.list"
	done
	[ -s "$dir/sources.list" ] || fail "no Debian or Ubuntu archive is configured"
	cat >"$dir/apt.conf" <<-END
		Dir::Etc::sourcelist "$dir/sources.list";
		Dir::Etc::sourceparts "-";
		Dir::State::lists "$dir/lists";
		Dir::Cache::pkgcache "";
		Dir::Cache::srcpkgcache "";
		Acquire::Retries "1";
		Acquire::http::Timeout "20";
		Acquire::https::Timeout "20";
	END
	export APT_CONFIG="$dir/apt.conf"
	timeout 120 apt-get -qq update >"$dir/apt.log" 2>&1 || fail "the archive's list of sources cannot be fetched"
	(cd "$dir" && timeout 120 apt-get -qq source --download-only abseil >>"$dir/apt.log" 2>&1) ||
		fail "the archive cannot be reached or does not serve the source of abseil"
	rm -rf "$dir/lists"
}

command -v apt-get >/dev/null || fail "there is no apt-get to fetch the source with"
command -v "$CXX" >/dev/null || fail "there is no $CXX"
fetch
set -- "$dir"/abseil_*.orig.tar.*
version=${1##*/abseil_}
rm -rf "$dir/src" "$dir/obj" "$dir/libabsl.a"
mkdir "$dir/src" "$dir/obj"
tar -xf "$1" -C "$dir/src" --strip-components=1

# What Mutex needs: itself, clocks, stack traces for its deadlock reports, and the numbers and strings those print with.
cd "$dir/src"
find absl/base absl/synchronization absl/time absl/debugging absl/strings absl/numeric -name '*.cc' |
	grep -vE 'test|benchmark|mock|gentables|/cord' >"$dir/files"
# shellcheck disable=SC2016
xargs -P "$jobs" -I{} sh -c '"$0" -std=c++17 -O2 -DNDEBUG -fPIC -fvisibility=hidden -w -I. -c "$2" \
	-o "$1/obj/$(echo "$2" | tr / _).o"' "$CXX" "$dir" {} <"$dir/files" 2>"$dir/build.log" ||
	fail "Abseil $version does not compile here; see $dir/build.log"
ar rcs "$dir/libabsl.a" "$dir"/obj/*.o
rm -rf "$dir/obj"
echo "${version%.orig.tar.*}" >"$dir/version"
