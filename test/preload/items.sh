#!/bin/bash
# SPDX-License-Identifier: MIT
# short: items
# The acceptance list of docs/preload.md: each of its 18 items names tests that are there and say that they prove it, and no test says otherwise.
set -u
dir=$OUT/items status=0
rm -rf "$dir" && mkdir -p "$dir" || exit 1
for item in {1..18}; do
	row=$(grep "^| 5\.7\.$item |" docs/preload.md)
	[ "$(grep -c . <<<"$row")" = 1 ] || { echo "5.7.$item is not in docs/preload.md"; continue; }
	files=$(grep -oE '`[a-z_0-9]+(\.(c|cc|sh))?`' <<<"${row##*|*|}${row}" | tr -d '`' | sort -u)
	for file in $files; do
		[ -e "test/preload/$file" ] || continue
		[ -d "test/preload/$file" ] || grep -qE "^( \*|#) item: (.* )?$item( .*)?\$" "test/preload/$file" || echo "$file does not say that it proves 5.7.$item"
		echo "$item $file" >>"$dir/rows"
	done
	[ "$item" = 17 ] && [ ! -e test/preload/programs ] && continue
	grep -q "^$item " "$dir/rows" || echo "5.7.$item: no test"
done >"$dir/log"
for file in test/preload/*.c test/preload/*.cc test/preload/*.sh; do
	for item in $(sed -nE 's/^( \*|#) item: //p' "$file"); do
		grep -qx "$item ${file##*/}" "$dir/rows" || echo "docs/preload.md does not say that ${file##*/} proves 5.7.$item"
	done
done >>"$dir/log"
if [ -s "$dir/log" ]; then echo "not ok preload/items"; sed 's/^/    /' "$dir/log"; status=1; else echo "ok preload/items"; fi
exit $status
