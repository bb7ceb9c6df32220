#!/bin/bash
# SPDX-License-Identifier: MIT
# The table of threats in docs/testing.md names tests that exist, and all rows of test/misuse.
set -u
table=$(sed -n '/^<!-- threats -->$/,/^<!-- end -->$/p' docs/testing.md)
failed=0
complain() { echo "misuse/table: $1"; failed=1; }
[ "$(grep -c '^| [0-9]' <<<"$table")" = 42 ] || complain "the table has not 42 rows"
for name in $(sed 's/`[^`]*`//g' <<<"$table" | grep -oE '\b(test|i[0-9]|g[0-9]+|r[0-9])_[a-z0-9_]+' | sort -u); do
	grep -rqE "^$name\(" test/unit test/stress test/support || complain "no test is called $name"
done
for file in $(grep -oE '`[a-z0-9_/]+\.(c|cc|sh)`' <<<"$table" | tr -d '`' | sort -u); do
	compgen -G "test/$file" >/dev/null || complain "there is no test/$file"
done
while IFS= read -r row; do
	grep -q "^| ${row%% *} .*\`misuse\`" <<<"$table" || complain "row '$row' of test/misuse is not in the table"
done < <(sed -n 's/^	{ "\([0-9]* [^"]*\)".*/\1/p' test/misuse/*.c)
[ $failed = 0 ] && echo "ok misuse/table" || echo "not ok misuse/table"
exit $failed
