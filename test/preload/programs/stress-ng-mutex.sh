# SPDX-License-Identifier: MIT
# packages: stress-ng=stress-ng
# command: stress-ng setpriv
# locks: one mutex that 8 threads take
# unit: op/s
version() { stress-ng --version | grep -o 'stress-ng, version [0-9.]*' | tr -d ,; }
prepare() { :; }
# Not with a real-time priority, which it takes where it may: it would keep everything else from the processors.
stress() { under setpriv --bounding-set=-sys_nice --inh-caps=-sys_nice stress-ng --verify --metrics-brief --temp-path "$DIR" --mutex 1 --mutex-procs 8 "$@" 2>&1; }
correct() { stress -t 2 | grep -oE 'fail.*|successful run completed'; }
speed() { stress -t 1 | awk '$4 == "mutex" && $5 ~ /^[0-9]+$/ { print $9 }'; }
