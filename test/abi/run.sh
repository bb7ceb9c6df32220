#!/bin/bash
# SPDX-License-Identifier: MIT
# What programs have compiled in and what they link to, against what was promised. A difference is either a mistake
# or a line under ABI in CHANGELOG.md together with new text files: test/abi/run.sh --update.
set -u
here=test/abi
build=${BUILD:-build/release}
status=0

{ "${CC:-gcc}" -std=gnu11 -D_GNU_SOURCE -Iinclude -o "$build/layout" $here/layout.c -L"$build" -lfastsync &&
	LD_LIBRARY_PATH=$build "$build/layout" >"$build/layout.txt"; } || { echo "not ok abi/layout does not build"; exit 1; }
nm -D --defined-only "$build/libfastsync.so.1" | awk '$2 != "A" { sub("@@", " ", $3); print $2, $3 }' |
	LC_ALL=C sort -k2 >"$build/symbols.txt"
if [ "${1:-}" = --update ]; then
	[ "$(uname -m)" = x86_64 ] && cp "$build/layout.txt" "$build/symbols.txt" $here/
fi
for what in layout symbols; do
	if diff -u "$here/$what.txt" "$build/$what.txt"; then
		echo "ok abi/$what"
	else
		echo "not ok abi/$what differs from $here/$what.txt"
		status=1
	fi
done

soname=$(readelf -d "$build/libfastsync.so.1" | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p')
if [ "$soname" = libfastsync.so.1 ]; then echo "ok abi/soname"; else echo "not ok abi/soname is '$soname'"; status=1; fi
if readelf -d "$build/libfastsync.so.1" | grep -q 'Flags:.*NODELETE'; then
	echo "ok abi/nodelete"
else
	echo "not ok abi/nodelete: a thread's destructor could run in an unmapped library"
	status=1
fi
text=$(size -A "$build/libfastsync.so.1" | awk '$1 == ".text" { print $2 }')
if [ "$text" -le 153600 ]; then
	echo "ok abi/text"
else
	echo "not ok abi/text: $text bytes in .text, more than 150 KB"
	status=1
fi
exit $status
