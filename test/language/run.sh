#!/bin/bash
# SPDX-License-Identifier: MIT
# What compilers and checkers make of the headers: scopes in C with and without -fexceptions and in C++, fastsync.hpp under the
# standard's guards, clang's thread-safety analysis, ThreadSanitizer and valgrind. One line per case.
set -u
here=test/language
build=${BUILD:-build/release}
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
link=(-Iinclude -pthread -L"$build" -lfastsync "-Wl,-rpath,$PWD/$build")
warn=(-Wall -Wextra -Wshadow -Wconversion -Werror)
status=0

ok() { echo "ok language/$1"; }
bad() { echo "not ok language/$1"; sed 's/^/    /' "$tmp/log" 2>/dev/null | tail -30; status=1; }
compile() { "$@" "${warn[@]}" "${link[@]}" -o "$tmp/program" >"$tmp/log" 2>&1; }
have() { command -v "$1" >/dev/null || { echo "skip language/$1 not installed"; return 1; }; }

for cc in "${CC:-gcc}" clang; do
	have "$cc" || continue
	for flag in -fno-exceptions -fexceptions; do
		name=guard.c/$cc/$flag
		compile "$cc" -std=gnu11 -O2 $flag $here/guard.c || { bad "$name does not build"; continue; }
		timeout 60 "$tmp/program" >"$tmp/log" 2>&1
		[ $? = 0 ] && [ "$(grep -c ': poisoned, ' "$tmp/log")" = 2 ] &&
			[ "$(grep -c 'scope left' "$tmp/log")" = $([ $flag = -fexceptions ] && echo 2 || echo 0) ] && ok "$name" || bad "$name"
	done
done

for cxx in "${CXX:-g++}" clang++; do
	have "$cxx" || continue
	for program in guard wrapper; do
		compile "$cxx" -std=c++17 -O2 $here/$program.cc || { bad "$program.cc/$cxx does not build"; continue; }
		timeout 100 "$tmp/program" >"$tmp/log" 2>&1
		[ $? = 0 ] && ! grep -q '^not ok' "$tmp/log" && [ "$(grep -c '^ok' "$tmp/log")" -gt 9 ] && ok "$program.cc/$cxx" || bad "$program.cc/$cxx"
	done
done

# Warnings on the lines that ask for one, and on no other.
analyse() { # COMPILER FLAGS... FILE
	local file=${!#}
	"$@" -Iinclude -fsyntax-only -Wall -Wextra -Wthread-safety >"$tmp/log" 2>&1
	diff <(grep -n 'warns\( \*/\)\?$' "$file" | cut -d: -f1) \
		<(sed -n "s|^$file:\([0-9]*\):[0-9]*: warning:.*thread-safety.*|\1|p" "$tmp/log" | sort -nu) >>"$tmp/log"
}
if have clang; then
	for sanitize in "" -fsanitize=thread; do
		# A package of its own in some distributions.
		if [ -n "$sanitize" ] && ! clang -fsyntax-only -include sanitizer/tsan_interface.h -x c /dev/null 2>/dev/null; then
			echo "skip language/annotated/$sanitize clang has no sanitizer headers"
			continue
		fi
		for source in c cc; do
			name=annotated.$source${sanitize:+/$sanitize}
			compiler=(clang -std=gnu11) && [ $source = cc ] && compiler=(clang++ -std=c++17)
			"${compiler[@]}" $sanitize -Iinclude -fsyntax-only "${warn[@]}" -Wthread-safety $here/annotated.$source >"$tmp/log" 2>&1 &&
				ok "$name/right" || bad "$name/right"
			analyse "${compiler[@]}" $sanitize -DWRONG $here/annotated.$source && ok "$name/wrong" || bad "$name/wrong"
		done
	done
fi

# The program is instrumented, the library is not. Expected: clean, or what the report says.
checked() { # NAME MODE EXPECTED COMMAND...
	local name=$1 mode=$2 expected=$3 rc
	shift 3
	timeout 200 "$@" "$tmp/program" "$mode" >"$tmp/log" 2>&1
	rc=$?
	if [ "$expected" = clean ]; then [ $rc = 0 ] && grep -q '^done' "$tmp/log"; else [ $rc = 66 ] && grep -q "$expected" "$tmp/log"; fi &&
		ok "$name/$mode" || bad "$name/$mode: status $rc, expected $expected"
}
for cc in "${CC:-gcc}" clang; do
	for level in 1 2; do
		command -v "$cc" >/dev/null || continue
		compile "$cc" -std=gnu11 -O1 -g -fsanitize=thread -DFASTSYNC_TSAN=$level $here/checked.c ||
			{ echo "skip language/tsan/$cc cannot build for it"; continue; }
		run=(setarch -R env TSAN_OPTIONS=exitcode=66)
		checked tsan=$level/$cc good clean "${run[@]}"
		checked tsan=$level/$cc race 'data race' "${run[@]}"
		checked tsan=$level/$cc order "$([ $level = 2 ] && echo lock-order-inversion || echo clean)" "${run[@]}"
		checked tsan=$level/$cc foreign "$([ $level = 2 ] && echo 'unlock of an unlocked mutex' || echo clean)" "${run[@]}"
	done
done
for tool in helgrind drd; do
	have valgrind || break
	compile "${CC:-gcc}" -std=gnu11 -O1 -g -DFASTSYNC_${tool^^} $here/checked.c || { echo "skip language/$tool no <valgrind/$tool.h>"; continue; }
	run=(valgrind "--tool=$tool" --suppressions=lib/diag/valgrind.supp --error-exitcode=66)
	checked $tool good clean "${run[@]}"
	checked $tool race '^==.*: race (checked.c' "${run[@]}"
	[ $tool = drd ] || checked $tool order 'lock order .* violated' "${run[@]}"
done
exit $status
