#!/bin/bash
# SPDX-License-Identifier: MIT
# long: libcs
# item: 16
# The programs of this directory, as they were built, on other versions of glibc: those of Debian's newer releases, which apt fetches and nothing
# installs. Further ones can be had by hand: FASTSYNC_LIBC=DIRECTORY test/preload/run.sh short, where the directory has the loader and the libraries.
set -u
there=$PWD/$BUILD/libc status=0
fetch() { # RELEASE: its libc and what programs in C++ need, into $there/RELEASE
	local dir=$there/$1 uri key=/usr/share/keyrings/debian-archive-keyring.gpg options
	[ -e "$dir/libc.so.6" ] && return 0
	command -v apt-get dpkg-deb >/dev/null || { echo "there is no apt"; return 1; }
	uri=$(apt-get indextargets --format '$(REPO_URI)' 'Origin: Debian' 2>/dev/null | head -n 1)
	[ -n "$uri" ] || { echo "apt knows no mirror of Debian"; return 1; }
	rm -rf "$dir" && mkdir -p "$dir/apt/lists/partial" "$dir/apt/archives/partial" "$dir/apt/root" || return 1
	echo "deb [signed-by=$key] $uri $1 main" >"$dir/apt/sources.list"
	options=(-o "Dir::Etc::SourceList=$dir/apt/sources.list" -o Dir::Etc::SourceParts=/dev/null -o "Dir::State::Lists=$dir/apt/lists"
		-o "Dir::Cache=$dir/apt" -o APT::Default-Release= -o Acquire::Languages=none -o APT::Sandbox::User= -o Debug::NoLocking=1)
	(cd "$dir/apt" && timeout 200 apt-get "${options[@]}" update && timeout 100 apt-get "${options[@]}" download libc6 libstdc++6 libgcc-s1) \
		>"$dir/log" 2>&1 || { echo "apt could not fetch it"; return 1; }
	for package in "$dir"/apt/*.deb; do
		dpkg-deb -x "$package" "$dir/apt/root" || { echo "its packages cannot be unpacked"; return 1; }
	done
	find "$dir/apt/root" \( -name 'lib*.so.*' -o -name 'ld-*.so.*' \) ! -type d -exec cp -P -t "$dir" {} + 2>/dev/null
	rm -rf "$dir/apt"
	[ -e "$dir/libc.so.6" ] || { echo "there is no libc in its package"; return 1; }
}
for release in trixie sid; do
	mkdir -p "$there"
	why=$(fetch "$release") || { echo "skip preload/5.7.16-libcs/$release $why"; continue; }
	version=$(grep -aoE 'stable release version [0-9.]+[0-9]' "$there/$release/libc.so.6" | grep -oE '[0-9.]+$')
	FASTSYNC_LIBC=$there/$release CC=$CC CXX=$CXX BUILD=$BUILD test/preload/run.sh short |
		sed -E "s#^(ok|not ok|skip) preload/#\1 preload/5.7.16-glibc-$version/#"
	[ "${PIPESTATUS[0]}" = 0 ] || status=1
done
exit $status
