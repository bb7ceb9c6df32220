# SPDX-License-Identifier: MIT
# packages: sysbench=sysbench
# command: sysbench
# locks: 4 mutexes that 8 threads take, with a little work outside
# unit: s
version() { sysbench --version; }
prepare() { :; }
bench() { under sysbench mutex --threads=8 --mutex-num=4 --mutex-locks="$1" --mutex-loops=200 --percentile=99 run; }
correct() { bench 10000 | grep -E 'total number of events'; }
speed() { bench 200000 | awk '/total time:/ { t = $3 + 0 } /99th/ { p = $3 } END { print t, p }'; }
