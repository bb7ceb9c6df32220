#!/bin/bash
# SPDX-License-Identifier: MIT
# The repository speaks of the project alone: no paths of somebody's machine, no hosts of package archives, no tools that
# happened to be around. Patterns are spelled so that this file does not match itself.
cd "$(dirname "$0")/.." || exit 2
pattern='(^|[^A-Za-z0-9_.$/])/(home|root|work|Users)/[A-Za-z]|/tmp/(br)ief'
pattern+='|\b(proxy|sum|index|static|registry|mirrors?|deb|security|archive|snapshot)\.[a-z0-9-]+\.(org|io|com|net)\b|crates\.[i]o|[p]ypi|npm[j]s'
pattern+='|\b(sub-?|coding |[A]I )[a]gents?\b|\b[l]anguage model\b|\b[i]ssues show\b|\b[p]rompts?\b'
failed=0
.ci/files | grep -vE '^\.ci/lint-words\.sh$|\.lock$' | tr '\n' '\0' | xargs -0 grep -sHnIiE "$pattern" && failed=1
git -c safe.directory='*' log --format='%h %B' 2>/dev/null | grep -niE "$pattern" && failed=1
grep -rnE '\b(TODO|FIXME|XXX)\b' include lib test examples docs 2>/dev/null && failed=1
[ $failed = 0 ] || echo "lint-words: the lines above speak of something that is not this project's"
exit $failed
