# SPDX-License-Identifier: MIT
# pairs.sh - in_pairs LOGS: runs what is read from standard input, a command a line, two at a time, and prints what they print
# in their order. LOGS is a directory for that. The status is 1 if one of them fails. Sourced.
# shellcheck shell=bash
in_pairs() {
	local line n=0 ended=0 pids=() failed=0
	mkdir -p "$1"
	while read -r line || { line='' && [ $ended -lt $n ]; }; do
		if [ -z "$line" ] || [ $((n - ended)) = 2 ]; then
			wait "${pids[ended]}" || failed=1
			cat "$1/$ended"
			ended=$((ended + 1))
		fi
		[ -n "$line" ] || continue
		bash -c "$line" >"$1/$n" 2>&1 </dev/null &
		pids[n]=$!
		n=$((n + 1))
	done
	return $failed
}
