#!/bin/bash
# SPDX-License-Identifier: MIT
# Who may include whom, and what may be called where. docs/design.md has the picture.
cd "$(dirname "$0")/.." || exit 2
# shellcheck disable=SC2046
code=$(.ci/code $(find include lib -name '*.[ch]' | sort))
bad() { sed "s|\$|        <- $1|"; }
violations=$(
	# FROM may include TO: sys <- park <- sync <- data; diag is seen through hook.h alone; bench sees what a client sees.
	sed -n 's|^lib/\([a-z]*\)/[^:]*:[0-9]*:#[ \t]*include[ \t]*"\([^"]*\)".*|\1 \2 &|p' <<<"$code" | awk '
		BEGIN {
			may["sys"] = "sys"; may["park"] = "park sys"; may["sync"] = "sync park sys"; may["data"] = "data sync sys"
			may["diag"] = "diag park sys"; may["posix"] = "posix sync park sys"; may["bench"] = "bench"
		}
		{
			layer = $1; path = $2; sub(/^[^ ]+ [^ ]+ /, "")
			if (path ~ /^\.\.\//) { to = path; sub(/^(\.\.\/)+(lib\/)?/, "", to) } else to = path
			if (to ~ /^bench\//) to = "bench"; else if (to ~ /diag\/hook\.h$/) next
			else if (to ~ /^(sys|park|sync|data|diag|posix)\//) sub(/\/.*/, "", to); else to = layer
			if ((" " may[layer] " ") !~ (" " to " ")) print $0 "        <- " layer " may not include " to
		}'
	grep -E '^include/.*:#[ \t]*include' <<<"$code" |
		grep -Ev '<(fastsync/[a-z]+\.h|stdbool\.h|stddef\.h|stdint\.h|stdio\.h|errno\.h|exception|sanitizer/tsan_interface\.h|valgrind/(helgrind|drd)\.h|sys/single_threaded\.h)>|include FSYI_MACHINE' |
		bad "public headers include the library's own and ISO C's small ones only"
	grep -Ev '^lib/(sys|bench)/' <<<"$code" | grep -E '\bsyscall[ \t]*\(|\bSYS_[a-z]|<linux/|<sys/(mman|syscall)\.h>' |
		bad "system calls belong to lib/sys"
	grep -Ev '^lib/(sys/topology[a-z_]*\.c|bench/)' <<<"$code" | grep -E '<numa(if)?\.h>|\bnuma_[a-z]+[ \t]*\(' | bad "libnuma belongs to lib/sys/topology.c"
	grep -Ev '^lib/(data|bench)/' <<<"$code" | grep -E '<urcu|\burcu_|\brcu_read' | bad "liburcu belongs to lib/data"
	grep -Ev '^lib/(sys/(thread|fork|cancel)\.c|posix/|bench/)' <<<"$code" | grep -E '\bpthread_|<pthread\.h>' | bad "pthread belongs to lib/sys/thread.c, fork.c and cancel.c"
	grep -Ev '^lib/(data|posix|bench)/' <<<"$code" | grep -E '\b(malloc|calloc|realloc|free|posix_memalign|aligned_alloc)[ \t]*\(' |
		bad "no allocation below lib/data"
	grep -Ev '^(include/fastsync/atomic\.h|lib/sys/|lib/bench/)' <<<"$code" | grep -E '__atomic_[a-z]|__sync_|<stdatomic\.h>|\b_Atomic\b' |
		bad "raw atomics belong to atomic.h"
)
[ -z "$violations" ] && exit 0
printf 'lint-layers:\n%s\n' "$violations"
exit 1
