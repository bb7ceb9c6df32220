#!/bin/bash
# SPDX-License-Identifier: MIT
# Every acquire and release has its letter, at both ends and in an ORDER block, and docs/memory-model.md lists them.
cd "$(dirname "$0")/.." || exit 2
failed=0
.ci/edges check || failed=1
listed=$(sed -n '/^<!-- edges -->$/,/^<!-- end -->$/p' docs/memory-model.md 2>/dev/null | grep '^|')
if [ "$listed" != "$(.ci/edges table)" ]; then
	echo "lint-order: docs/memory-model.md is out of date: make docs"
	failed=1
fi
exit $failed
