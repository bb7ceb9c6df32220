#!/bin/bash
# SPDX-License-Identifier: MIT
# One room per primitive, the same name on every floor: include/fastsync/X.h, docs/man/fsy_X.3, test/unit/test_X.c,
# examples/X*.c. What is missing on purpose is named with its reason under "Mirror" in docs/style.md, as "`X` man: why".
cd "$(dirname "$0")/.." || exit 2
excuses=$(sed -n '/^## Mirror/,/^## [^M]/p' docs/style.md 2>/dev/null)
failed=0
need() { # X KIND PATTERN
	compgen -G "$3" >/dev/null || grep -qE "^- \`$1\` ([a-z]+, )*$2(, [a-z]+)*: " <<<"$excuses" ||
		{ echo "lint-mirror: $1.h has no $2 ($3)"; failed=1; }
}
for header in include/fastsync/*.h; do
	name=$(basename "$header" .h)
	need "$name" man "docs/man/fsy_$name.3"
	need "$name" test "test/unit/test_$name*.c"
	need "$name" example "examples/*$name*.c"
done
# shellcheck disable=SC2013
for symbol in $(awk -F"[ \t;]+" "/^[ \t]+fsy_[a-z0-9_]*[a-z0-9];/ { print \$2 }" lib/fastsync.map); do
	grep -qsw "$symbol" docs/man/*.[1-9] || { echo "lint-mirror: $symbol is in no man page"; failed=1; }
done
[ "$(sed -n '/^\.\\" tunables$/,/^\.\\" end$/p' docs/man/fastsync.7 | grep -v '^\.\\"')" = "$(.ci/tunables lib/sys/tune.def)" ] ||
	{ echo "lint-mirror: the tunables in fastsync.7 are out of date: make docs"; failed=1; }
for page in docs/man/*.[1-9]; do
	command -v mandoc >/dev/null && { mandoc -Tlint -Wwarning "$page" || failed=1; }
done
exit $failed
