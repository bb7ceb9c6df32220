# SPDX-License-Identifier: MIT
# packages: memcached=memcached libmemcached-tools
# command: memcached memcaslap
# locks: a mutex per stripe of items, per thread's queue and for statistics, condition variables; 4 threads, memcaslap with 2 and 16 connections
# unit: op/s
version() { memcached --version; }
prepare() { :; }
start() {
	port=$((20000 + $$ % 20000))
	serve memcached -u root -l 127.0.0.1 -p $port -U 0 -t 4 -m 64
	until_true bash -c "echo version >/dev/tcp/127.0.0.1/$port"
}
talk() { { printf '%b' "$1"; sleep 0.2; } | timeout 10 bash -c "exec 3<>/dev/tcp/127.0.0.1/$port; cat >&3; cat <&3"; }
correct() {
	start || return
	# Some 20,000 operations, their values verified, and then what the server says of itself.
	env -u LD_PRELOAD memcaslap -s 127.0.0.1:$port -T 2 -c 16 -x 20000 -v 0.2 2>&1 | grep -E '^(cmd_get|written_bytes|get_misses|verify_misses|verify_failed)'
	talk 'set a 0 0 3\r\nxyz\r\nincr a 1\r\nget a\r\nquit\r\n'
	ends
}
speed() {
	start || return
	env -u LD_PRELOAD memcaslap -s 127.0.0.1:$port -T 2 -c 16 -t 1s 2>&1 | sed -n 's/.*TPS: \([0-9]*\).*/\1/p'
	ends
}
