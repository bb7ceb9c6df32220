#!/bin/bash
# SPDX-License-Identifier: MIT
# Every public header alone, included twice, as every language it promises, with every compiler found here.
set -u
flags="-Iinclude -fsyntax-only -Wall -Wextra -Wshadow -Wconversion -Wpedantic -Werror"
status=0

try() { # NAME COMMAND...: one compilation
	local name=$1 out
	shift
	if out=$("$@" 2>&1 <<<"$source"); then
		echo "ok $name"
	else
		printf 'not ok %s\n%s\n' "$name" "$out"
		status=1
	fi
}

for cc in $(printf '%s\n' "${CC:-gcc}" gcc clang | sort -u); do
	command -v "$cc" >/dev/null || { echo "skip header/$cc not installed"; continue; }
	case $cc in *clang*) cxx=clang++ ;; *) cxx=${CXX:-g++} ;; esac
	for path in include/fastsync.h include/fastsync/*.h; do
		header=${path#include/}
		printf -v source '#include <%s>\n#include <%s>\nextern int translation_unit_is_not_empty;\n' "$header" "$header"
		for std in c11 c17 gnu2x; do
			# shellcheck disable=SC2086
			try "header/$header/$cc/$std" "$cc" -std=$std -xc $flags -
		done
		# shellcheck disable=SC2086
		try "header/$header/$cc/checked" "$cc" -std=gnu11 -DFASTSYNC_CHECKED -xc $flags -
		if command -v "$cxx" >/dev/null; then
			# shellcheck disable=SC2086
			try "header/$header/$cxx/c++17" "$cxx" -std=c++17 -xc++ $flags -
		else
			echo "skip header/$header/$cxx not installed"
		fi
	done
done
printf -v source '#include <fastsync/fastsync.hpp>\n#include <fastsync/fastsync.hpp>\n'
for cxx in "${CXX:-g++}" clang++; do
	command -v "$cxx" >/dev/null || { echo "skip header/fastsync.hpp/$cxx not installed"; continue; }
	for std in c++17 c++20; do
		# shellcheck disable=SC2086
		try "header/fastsync.hpp/$cxx/$std" "$cxx" -std=$std -xc++ $flags -
	done
done
exit $status
