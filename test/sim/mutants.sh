#!/bin/bash
# SPDX-License-Identifier: MIT
# mutants.sh [PART]: applies each mutant of mutants.def whose name contains PART to a copy of the library in TREE (default: this one)
# and requires that its layer catches it. Expects the machines built by run.sh. One line per mutant. SHARE=i/n runs every n-th, from the i-th on.
set -u
cd "$(dirname "$0")/../.." || exit 2
. test/sim/build.sh
out=${OUT:-build/check} tree=${TREE:-.} only=${1:-} status=0
share=${SHARE:-0/1} met=0
copy=$out/mutant-${share%/*}

# edit FILE AFTER FROM TO: replaces FROM, which must stand exactly once behind the first AFTER (up to the next function).
edit() {
	AFTER=$2 FROM=$3 TO=$4 awk '
		{ text = text $0 "\n" }
		END {
			at = 1
			if (ENVIRON["AFTER"] != "") {
				at = index(text, ENVIRON["AFTER"])
				if (at == 0) exit 1
			}
			head = substr(text, 1, at - 1); rest = substr(text, at)
			i = index(rest, ENVIRON["FROM"])
			if (i == 0) exit 1
			printf "%s%s%s%s", head, substr(rest, 1, i - 1), ENVIRON["TO"], substr(rest, i + length(ENVIRON["FROM"]))
		}' "$1" >"$copy/edited" && mv "$copy/edited" "$1"
}

apply() { # TO
	local candidate
	for candidate in "$copy"/$file; do # shellcheck disable=SC2231
		if edit "$candidate" "$after" "$from" "$1"; then
			touched+=("${candidate#"$copy/"}")
			return 0
		fi
	done
	return 1
}

# Only what the edits touched is compiled again, unless a header is among it.
build() { # layer program
	local i base=$out/sim/shipped machine=$out/sim flags=() sources=("${touched[@]/#/$copy/}")
	case $1 in
	fenced) base=$out/sim/fenced flags=(-DFSYI_FENCED) ;;
	relacy) base=$out/relacy/library machine=$out/relacy ;;
	esac
	mkdir -p "$copy/built/part" && cp "$base"/part/*.o "$copy/built/part/" || return 1
	for i in "${!sources[@]}"; do   # lib/posix is compiled with its scenario
		case ${sources[i]} in "$copy"/lib/posix/*) unset "sources[i]" ;; esac
	done
	case ${touched[*]} in *.h*) sources=("$copy"/lib/{park,sync}/*.c "$copy"/lib/data/pool*.c) ;; esac
	if [ "$1" = relacy ]; then
		relacy_objects "$copy" "$copy/built" -- "${sources[@]}" && collect "$copy/built" &&
			relacy_program "$copy" "$copy/built" "$machine" "$2"
	else
		sim_objects "$copy" "$copy/built" "${flags[@]}" -- "${sources[@]}" && collect "$copy/built" &&
			sim_program "$copy" "$copy/built" "$machine" "$2" "${flags[@]}"
	fi 2>"$copy/build.log"
}

finish() { # runs the mutant collected so far
	local verdict limit=--schedules=12500
	[ -n "$name" ] || return 0
	[ ${#touched[@]} -gt 0 ] || broken=${broken:-it edits nothing}
	if [ "$broken" != '' ]; then
		echo "not ok mutant/$name does not apply: $broken"
		status=1
		return
	fi
	if [ "$layer" = relacy ] && [ ! -e "$out/relacy/machine.a" ]; then
		echo "skip mutant/$name no relacy"
		return
	fi
	if [ ${#rare[@]} -gt 0 ] && [ "${FASTSYNC_RARE:-}" != 1 ]; then
		echo "skip mutant/$name takes minutes to catch: FASTSYNC_RARE=1"
		return
	fi
	[ "$layer" = relacy ] && limit=--iterations=12500
	build "$layer" "$program" || { echo "not ok mutant/$name does not build: $copy/build.log"; status=1; return; }
	if verdict=$(timeout 600 "$copy/built/$program" --hunt "$limit" "${narrow[@]}" "${rare[@]}"); then
		echo "ok mutant/$name ($layer) ${verdict##*$'\n'}"
	else
		echo "not ok mutant/$name ($layer) not caught: ${verdict##*$'\n'}"
		status=1
	fi
}

begin() { # NAME
	name=
	case $1 in *"$only"*) [ $((met++ % ${share#*/})) != "${share%/*}" ] || name=$1 ;; esac
	layer=sim program=sim_mutex file='' after='' from='' broken='' touched=() rare=() narrow=()
	[ -n "$name" ] || return 0
	rm -rf "$copy" && mkdir -p "$copy" && cp -r "$tree/include" "$copy/" && mkdir "$copy/lib" &&
		cp -r "$tree"/lib/{sys,park,sync,data,diag,posix} "$copy/lib/"
}

name=
while IFS= read -r line; do
	key=${line%%[[:blank:]]*} text=${line#"$key"} text=${text#"${text%%[![:blank:]]*}"}
	case $key in
	'' | '#'*) ;;
	mutant) finish; begin "$text" ;;
	layer) layer=$text ;;
	program) program=$text ;;
	case) narrow=("--case=$text") ;;
	rare) read -ra rare <<<"$text" ;;
	breaks) ;;
	edit) file=$text after='' ;;
	after) after=$text ;;
	from) from=$text ;;
	to)
		[ -n "$name" ] || continue
		apply "$text" || broken="$file: $from"
		;;
	*) echo "not ok mutants.def: unknown key $key"; exit 1 ;;
	esac
done <test/sim/mutants.def
finish
exit $status
