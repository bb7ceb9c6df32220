# SPDX-License-Identifier: MIT
# packages: rocksdb-tools
# command: db_bench
# locks: mutexes, condition variables and rwlocks of the memtable's writers, the versions and the block cache; 8 readers and a writer
# unit: op/s
version() { echo "db_bench $(dpkg-query -W -f '${Version}' rocksdb-tools 2>/dev/null)"; }
prepare() { :; }
db() { rm -rf "$DIR/db"; under db_bench --db="$DIR/db" --num=20000 --value_size=100 --seed=7 --disable_wal=1 --cache_numshardbits=1 "$@" 2>/dev/null; rm -rf "$DIR/db"; }
correct() { db --benchmarks=fillseq,readrandom,stats --threads=4 --histogram=0 | grep -oE '^\(.*|[0-9]+ of [0-9]+ found' | sort | uniq -c; }
speed() {
	db --benchmarks=fillseq,readwhilewriting --threads=8 --duration=1 --histogram=1 --reads=100000000 |
		awk '/^readwhilewriting/ { on = 1; for (i = 1; i < NF; i++) if ($(i + 1) == "ops/sec") v = $i } on && /^Percentiles:/ { for (i = 1; i < NF; i++) if ($i == "P99:") p = $(i + 1); on = 0 } END { print v, p }'
}
