#!/bin/sh
# SPDX-License-Identifier: MIT
# article.sh DIR [COUNT [MS]]: runs the article's three benchmarks in Go, Rust and C, taken in turns COUNT times, and
# prints them in the text format of `go test -bench`. `benchstat -col /impl` makes a table of it.
#
# DIR holds go.test, article-rs and article-c; what is not there is left out with a line on stderr. As in Go's own
# benchmarks, nothing is pinned: on a machine with few CPUs the kernel may put the threads of one round on one CPU, and
# such a round looks as if nobody contended. The spread over the rounds shows it; fastsync-bench pins.
set -eu
dir=$1
count=${2:-5}
ms=${3:-300}
case $count$ms in *[!0-9]*) echo "usage: article.sh DIR [COUNT [MS]]" >&2; exit 2 ;; esac

for program in go.test article-rs article-c; do
	[ -x "$dir/$program" ] || echo "article: no $dir/$program: its toolchain is missing" >&2
done
round=0
while [ "$round" -lt "$count" ]; do
	if [ -x "$dir/go.test" ]; then
		# The header lines once; then Go's names gain the key that tells the implementations apart.
		"$dir/go.test" -test.run '^$' -test.bench . -test.benchtime "${ms}ms" >"$dir/go.out"
		[ "$round" -ne 0 ] || grep -E '^(goos|goarch|pkg|cpu):' "$dir/go.out"
		sed -nE 's|^(Benchmark[A-Za-z0-9]+)|\1/impl=go|p' "$dir/go.out"
	fi
	[ ! -x "$dir/article-rs" ] || "$dir/article-rs" -ms "$ms"
	[ ! -x "$dir/article-c" ] || "$dir/article-c" -ms "$ms"
	round=$((round + 1))
done
