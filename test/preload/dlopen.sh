#!/bin/bash
# SPDX-License-Identifier: MIT
# short: dlopen
# item: 6
# A plugin opened by its bare name is found in the RUNPATH of the object that asks, the program or a library, and $ORIGIN is
# that object's: dlopen goes by who calls it, and must not take us for the caller. And what is said about RTLD_DEEPBIND.
set -u
dir=$OUT/dlopen status=0
rm -rf "$dir" && mkdir -p "$dir/own" "$dir/lib/own" || exit 1
verdict() { if [ "$2" = 0 ]; then echo "ok preload/5.7.6-dlopen/$1"; else echo "not ok preload/5.7.6-dlopen/$1"; sed 's/^/    /' "$dir/log"; status=1; fi; }

printf 'int who(void);\nint who(void) { return WHO; }\n' >"$dir/who.c"
printf '%s\n' '#include <dlfcn.h>' '#include <stddef.h>' 'int OPEN(void);' 'int OPEN(void)' '{' \
	'	void *plugin = dlopen("plugin.so", RTLD_NOW | RTLD_LOCAL FLAG);' \
	'	int (*who)(void) = plugin == NULL ? NULL : (int (*)(void))dlsym(plugin, "who");' \
	'	return who == NULL ? 0 : who();' '}' >"$dir/open.c"
printf 'int from_library(void);\nint from_program(void);\nint main(int n, char **arg) { return n > 1 && arg ? from_program() : from_library(); }\n' >"$dir/main.c"
{
	"$CC" -fPIC -shared -DWHO=1 -o "$dir/own/plugin.so" "$dir/who.c" -Wl,-soname,one.so &&
		"$CC" -fPIC -shared -DWHO=2 -o "$dir/lib/own/plugin.so" "$dir/who.c" -Wl,-soname,two.so
} 2>"$dir/log" || { verdict build 1; exit 1; }
for flag in '' '| RTLD_DEEPBIND'; do
	found=
	name=runpath${flag:+-deepbind}
	"$CC" -D_GNU_SOURCE -fPIC -shared -DOPEN=from_library "-DFLAG=$flag" -o "$dir/lib/libopen.so" "$dir/open.c" \
		-Wl,--enable-new-dtags,-rpath,'$ORIGIN/own' -ldl 2>"$dir/log" &&
		"$CC" -D_GNU_SOURCE -DOPEN=from_program "-DFLAG=$flag" -o "$dir/main" "$dir/main.c" "$dir/open.c" -L"$dir/lib" -lopen \
			-Wl,--enable-new-dtags,-rpath,'$ORIGIN/own:$ORIGIN/lib' -ldl 2>>"$dir/log"
	for way in env "env LD_PRELOAD=$LIBRARY"; do
		$way "$dir/main" program 2>>"$dir/log"
		found+=$?
		$way "$dir/main" 2>>"$dir/log"
		found+=$?
	done
	echo "found $found, not 1212" >>"$dir/log"
	[ "$found" = 1212 ]
	verdict "$name" $?
done
[ "$(LD_PRELOAD=$LIBRARY "$dir/main" 2>&1 | grep -c 'RTLD_DEEPBIND ignored for plugin.so')" = 1 ]
verdict deepbind-is-told-once $?
LD_PRELOAD=$LIBRARY FASTSYNC_DEEPBIND=keep "$OUT/deepbind" >"$dir/log" 2>&1 && [ ! -s "$dir/log" ]
verdict deepbind-kept $?
LD_PRELOAD=$LIBRARY FASTSYNC_DEEPBIND=maybe "$dir/main" 2>&1 | grep -qx 'fastsync: FASTSYNC_DEEPBIND=maybe: expected drop or keep; using drop'
verdict deepbind-misspelt $?
exit $status
