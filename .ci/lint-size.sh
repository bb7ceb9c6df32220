#!/bin/bash
# SPDX-License-Identifier: MIT
# One page each: .c <= 300 lines, header <= 300 of which code <= 120, function <= 60, example <= 80, lint <= 40. A file that
# needs more is named with its reason under "Exceptions" in docs/style.md.
cd "$(dirname "$0")/.." || exit 2
# shellcheck disable=SC2016
excused=$(sed -n '/^## Exceptions/,/^## /p' docs/style.md 2>/dev/null | grep -o '`[^`]*`' | tr -d '`')
report() { # FILE WHAT
	grep -qxF "$1" <<<"$excused" || { echo "lint-size: $1: $2"; return 1; }
}
files=$(find include lib test examples -name '*.[ch]' | sort)
failed=0
for file in $files; do
	lines=$(wc -l <"$file")
	case $file in examples/*) most=80 ;; *) most=300 ;; esac
	[ "$lines" -le $most ] || report "$file" "$lines lines, more than $most" || failed=1
	case $file in
	*.h)
		code=$(.ci/code "$file" | cut -d: -f3- | grep -c '[^[:space:]]')
		[ "$code" -le 120 ] || report "$file" "$code lines of code, more than 120" || failed=1
		;;
	esac
done
# A function is what stands between { and } in the first column; its name is on the line that starts it.
# shellcheck disable=SC2086
long=$(.ci/code $files | awk -F: '
	{ text = $0; sub(/^[^:]*:[^:]*:/, "", text) }
	text ~ /^[A-Za-z_][A-Za-z_0-9]*\(/ { name = text; sub(/\(.*/, "", name) }
	text == "{" { start = $2; file = $1 }
	text == "}" && start { if ($2 - start + 1 > 60) print $1, name, $2 - start + 1; start = 0 }')
while read -r file name lines; do
	[ -z "$file" ] || report "$file:$name" "$lines lines, more than 60" || failed=1
done <<<"$long"
for lint in .ci/lint-*.sh; do
	[ "$(wc -l <"$lint")" -le 40 ] || { echo "lint-size: $lint: more than 40 lines"; failed=1; }
done
exit $failed
