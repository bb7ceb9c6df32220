#!/bin/bash
# SPDX-License-Identifier: MIT
# One list of exported names: the version script, the recorded symbols and the declarations say the same.
# (check-abi compares the library itself with the recorded symbols.)
cd "$(dirname "$0")/.." || exit 2
map=$(sed -n 's/^[ \t]*\([A-Za-z_][A-Za-z_0-9]*\);$/\1/p' lib/fastsync.map | LC_ALL=C sort)
recorded=$(awk '{ print $2 }' test/abi/symbols.txt | LC_ALL=C sort)
declared=$(.ci/code include/fastsync.h include/fastsync/*.h | cut -d: -f3- | grep -v '^[ \t]*#' | tr '\n' ' ' | sed 's/[;{}]/\n/g' |
	grep -E '\b(FSY_API|FSY_INLINE)\b' | grep -oE '\bfsy_[a-z0-9_]+ *(\(|$)' | grep -oE 'fsy_[a-z0-9_]+' | LC_ALL=C sort -u)
failed=0
odd=$(grep -v '^fsy_' <<<"$map")
[ -z "$odd" ] || { echo "lint-symbols: exported without the prefix: $odd"; failed=1; }
differ() { # WHAT A B
	local out
	out=$(diff <(echo "$2") <(echo "$3") | grep '^[<>]') && { printf 'lint-symbols: %s\n%s\n' "$1" "$out"; failed=1; }
}
differ "lib/fastsync.map (<) and test/abi/symbols.txt (>) differ" "$map" "$recorded"
missing=$(comm -23 <(echo "$map") <(echo "$declared"))
[ -z "$missing" ] || { printf 'lint-symbols: exported but declared in no public header:\n%s\n' "$missing"; failed=1; }
missing=$(comm -13 <(echo "$map") <(echo "$declared"))
[ -z "$missing" ] || { printf 'lint-symbols: declared FSY_API or FSY_INLINE but not in lib/fastsync.map:\n%s\n' "$missing"; failed=1; }
exit $failed
