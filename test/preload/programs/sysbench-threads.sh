# SPDX-License-Identifier: MIT
# packages: sysbench=sysbench
# command: sysbench
# locks: 4 mutexes that 16 threads hold across a yield
# unit: event/s
version() { sysbench --version; }
prepare() { :; }
bench() { under sysbench threads --threads=16 --thread-locks=4 --thread-yields=10 --percentile=99 "$@" run; }
correct() { bench --events=3000 --time=0 | grep -E 'total number of events'; }
speed() { bench --time=1 | awk '/total time:/ { t = $3 + 0 } /total number/ { n = $5 } /99th/ { p = $3 } END { print n / t, p }'; }
