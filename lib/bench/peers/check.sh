#!/bin/sh
# SPDX-License-Identifier: MIT
# check.sh DIR SELFTEST: the peers that were built into DIR do what peer.h and go/PROTOCOL.md say.
set -u
here=$(cd "$(dirname "$0")" && pwd)
dir=$1
bad=0

set -- "$2" "$dir"/fastsync-peer-*.so
timeout 300 "$@" || bad=1

# One conversation with each co-process: every answer is one line of JSON, in order, and errors leave it usable.
talk() {
	printf '%s\n' version list 'run impl=sync.Mutex threads=4 ops=1000 latency=1' 'run impl=nothing' dance \
		'run impl=atomic.Int64 threads=2 ms=20 warm_ms=1' quit version | timeout 60 "$1"
}
for program in "$dir"/fastsync-peer-go*; do
	[ -x "$program" ] || continue
	name=${program##*/fastsync-}
	case $(talk "$program") in
	'{'*'"protocol":1'*'
{"impls":['*'"impl":"sync.RWMutex"'*'
{"impl":"sync.Mutex"'*'"ops":[1000,1000,1000,1000]'*'
{"error":'*'
{"error":'*'
{"impl":"atomic.Int64"'*'"threads":2'*) echo "ok $name" ;;
	*) echo "not ok $name: the conversation went wrong"; bad=1 ;;
	esac
done

if command -v go >/dev/null && [ -x "$dir/fastsync-peer-go" ]; then
	if (cd "$here/go" && go vet . && go test .) >"$dir/parts/go-test.log" 2>&1; then
		echo "ok peer-go-test"
	else
		cat "$dir/parts/go-test.log"
		echo "not ok peer-go-test"
		bad=1
	fi
else
	echo "skip peer-go-test no go"
fi
exit $bad
