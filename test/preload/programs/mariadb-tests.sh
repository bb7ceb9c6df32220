# SPDX-License-Identifier: MIT
# packages: mariadb-test
# command: /usr/share/mysql/mysql-test/mysql-test-run.pl perl
# locks: mutexes, condition variables and rwlocks of the server: its own tests of locks, metadata locks, deadlocks and the pool of threads
# unit: s
# bench: no
# limit: 590
version() { mariadbd --version | grep -o 'Ver [^ ]*' | sed 's/Ver/MariaDB/'; }
prepare() { :; }
correct() {
	local server=()
	[ "$mode" = libc ] || server=(--mysqld-env="LD_PRELOAD=$library")
	[ "$mode" != stats ] || server+=(--mysqld-env="FASTSYNC_STATS=1" --mysqld-env="FASTSYNC_STATS_FILE=$DIR/stats")
	rm -rf "$DIR/var"
	(cd /usr/share/mysql/mysql-test && perl mysql-test-run.pl --vardir="$DIR/var" --parallel=2 --force --user=root --retry=0 "${server[@]}" \
		main.lock main.lock_multi main.lock_kill main.lock_sync main.mdl main.mdl_sync main.pool_of_threads main.deadlock_innodb main.flush_read_lock \
		main.innodb_mysql_lock main.sp-lock main.tablelock innodb.innodb-lock innodb.deadlock_detect innodb.gap_locks innodb.innodb_mysql 2>&1) |
		tee "$DIR/mtr.log" | grep -oE "^(main|innodb)\.[^ ]+( '[^']*')? .*\[ [a-z]+ \]" | sed -E 's/ w[0-9]+ / /; s/ +/ /g' | sort
	rm -rf "$DIR/var"
}
