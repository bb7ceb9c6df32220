#!/bin/bash
# SPDX-License-Identifier: MIT
# short: symbols
# libc: any
# item: 1
# Every function of libc's that concerns a lock is exported by us, without a version, and is what a program gets, whichever version
# it asks for; or it is left to libc on purpose. The families are read from libc itself, so that what a newer one has is noticed.
set -u
dir=$OUT/symbols status=0
rm -rf "$dir" && mkdir -p "$dir" || exit 1
libc=$(ldd "$LIBRARY" | sed -n 's/.*libc\.so\.6 => \([^ ]*\).*/\1/p') link=()
if [ -n "${FASTSYNC_LIBC:-}" ]; then
	libc=$FASTSYNC_LIBC/libc.so.6
	link=("$libc" "-Wl,--allow-shlib-undefined" "-Wl,--dynamic-linker=$(echo "$FASTSYNC_LIBC"/ld-linux-*.so.*)" "-Wl,--disable-new-dtags,-rpath,$FASTSYNC_LIBC")
fi
families='^(__)?pthread_(mutex|cond|rwlock|spin|barrier)_|^(__)?pthread_once$|^sem_|^mtx_|^cnd_|^call_once$|^dlopen$'
list() { # MACRO...: the names in interpose.def under them
	sed -nE "s/^($1)\((void \*, |[a-z]+, )?([a-z_0-9]+)[,)].*/\3/p" lib/posix/interpose.def
}
bad() { printf 'not ok preload/5.7.1-symbols/%s\n' "$1"; sed 's/^/    /'; status=1; }
verdict() { if [ -e "$2" ] && [ ! -s "$2" ]; then echo "ok preload/5.7.1-symbols/$1"; else bad "$1" <"$2"; fi; }

nm -D --defined-only --with-symbol-versions "$libc" | awk '$2 ~ /[TWi]/ { print $3 }' | grep -E "$families" |
	grep -vE '@GLIBC_PRIVATE|attr_' | sed 's/@@/@/' | sort -u >"$dir/libc"
list 'DELEGATES|OWN|ALIAS' | sort >"$dir/ours"
list LEFT | sort >"$dir/left"
nm -D --defined-only --with-symbol-versions "$LIBRARY" | awk '{ print $3 }' | sort >"$dir/exported"

# libc's, by name: each is in the list.
cut -d@ -f1 "$dir/libc" | sort -u | comm -23 - <(sort -u "$dir/ours" "$dir/left") >"$dir/unknown"
[ "$(wc -l <"$dir/libc")" -gt 90 ] || echo "only $(wc -l <"$dir/libc") functions found in $libc" >>"$dir/unknown"
verdict families "$dir/unknown"
# Ours: each is exported, and nothing else is; without a version, or programs that ask for another pass it by.
diff "$dir/ours" "$dir/exported" | sed -n 's/^</not exported:/p; s/^>/exported, but not listed:/p' >"$dir/odd"
for room in cond rwlock; do             # what is not built yet is shown, and is no failure
	[ -f "lib/posix/$room.c" ] && continue
	case $room in cond) pending='pthread_cond_|cnd_' ;; *) pending='pthread_rwlock_' ;; esac
	grep -E "$pending" "$dir/odd" >"$dir/pending" && echo "skip preload/5.7.1-symbols/$room $(wc -l <"$dir/pending") functions: lib/posix/$room.c is not there"
	grep -vE "$pending" "$dir/odd" >"$dir/rest"
	mv "$dir/rest" "$dir/odd"
done
verdict exported "$dir/odd"

# What a program gets that asks for each of libc's versions. (pthread_cond_*@GLIBC_2.2.5 is another ABI, of before 2003: see docs/preload.md.)
{
	printf '#include <dlfcn.h>\n#include <stdio.h>\n#include <string.h>\n'
	i=0
	while IFS=@ read -r name version; do
		grep -qxF "$name" "$dir/exported" || continue
		i=$((i + 1))
		printf 'extern char f%d[]; __asm__(".symver f%d, %s@%s");\n' $i $i "$name" "$version"
		printf '#define F%d { "%s@%s", f%d },\n' $i "$name" "$version" $i
	done <"$dir/libc"
	printf 'static const struct { const char *name; void *address; } all[] = {\n'
	for ((j = 1; j <= i; j++)); do printf 'F%d\n' $j; done
	printf '};\nint main(void)\n{\n\tDl_info info;\n\tfor (unsigned int i = 0; i < sizeof(all) / sizeof(all[0]); i++)\n'
	printf '\t\tif (!dladdr(all[i].address, &info) || !strstr(info.dli_fname, "libfastsync-preload"))\n'
	printf '\t\t\tprintf("%%s is found in %%s\\n", all[i].name, info.dli_fname);\n\treturn 0;\n}\n'
} >"$dir/ask.c"
if "$CC" -w -D_GNU_SOURCE -O1 -o "$dir/ask" "$dir/ask.c" -ldl "${link[@]}" >"$dir/log" 2>&1; then
	LD_PRELOAD=$LIBRARY "$dir/ask" >"$dir/log" 2>&1 || echo "ended with status $?" >>"$dir/log"
	"$dir/ask" | grep -q 'is found in' || echo "without the preload library it finds nothing: this test cannot fail" >>"$dir/log"
fi
verdict versions "$dir/log"
exit $status
