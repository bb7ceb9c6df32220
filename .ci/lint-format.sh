#!/bin/bash
# SPDX-License-Identifier: MIT
# What every file agrees on: no blanks at the end of a line, tabs for indentation in C, 150 columns at most, a licence line,
# and a final newline. (clang-format would tear the X-macro tables apart; .clang-format is there for single functions.)
cd "$(dirname "$0")/.." || exit 2
failed=0
complain() { echo "lint-format: $1"; failed=1; }
while IFS= read -r file; do
	[ -f "$file" ] || continue
	grep -nHE '[ 	]+$' "$file" | head -3 | grep . && complain "$file: blanks at the end of a line"
	[ -z "$(tail -c1 "$file")" ] || complain "$file: no newline at the end"
	case $file in
	*.c | *.h | *.cc)
		head -2 "$file" | grep -q 'SPDX-License-Identifier: MIT' || complain "$file: no SPDX line"
		grep -nHE '^( {4}| {8})[a-z].*[;{]$' "$file" | head -3 | grep . && complain "$file: indented with spaces"
		expand "$file" | awk -v f="$file" 'length > 150 && !/"/ { print f ":" FNR ": " length " columns"; bad = 1 } END { exit bad }' ||
			complain "$file: lines longer than 150 columns"
		;;
	esac
done < <(.ci/files | grep -E '\.(c|h|cc|cpp|hpp|def|sh|md|map|in|go|rs|pml)$|^Makefile$|^\.ci/')
exit $failed
