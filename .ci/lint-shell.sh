#!/bin/bash
# SPDX-License-Identifier: MIT
# What shellcheck says about our scripts, warnings and worse.
cd "$(dirname "$0")/.." || exit 2
command -v shellcheck >/dev/null || { echo "skip lint-shell/shellcheck is not installed"; exit 0; }
.ci/files | while IFS= read -r file; do
	head -1 "$file" 2>/dev/null | grep -aqE '^#!/bin/(ba)?sh' && echo "$file"
done | xargs -r shellcheck -S warning -e SC2046
