#!/bin/bash
# SPDX-License-Identifier: MIT
# What shellcheck says about our scripts, warnings and worse.
cd "$(dirname "$0")/.." || exit 2
command -v shellcheck >/dev/null || { echo "skip lint-shell/shellcheck is not installed"; exit 0; }
.ci/files | tr '\n' '\0' | xargs -0 grep -aslE -m1 '^#!/bin/(ba)?sh' | grep -v '\.md$' | xargs -r -n 8 -P "$(nproc)" shellcheck -S warning -e SC2046
