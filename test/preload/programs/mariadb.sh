# SPDX-License-Identifier: MIT
# packages: mariadb-server sysbench=sysbench
# command: mariadbd mariadb-install-db sysbench /usr/share/sysbench/oltp_read_write.lua
# locks: mutexes, condition variables and rwlocks of the server and InnoDB; sysbench with 16 connections to one table
# unit: tps
# limit: 120
version() { mariadbd --version | grep -o 'Ver [^ ]*' | sed 's/Ver/MariaDB/'; }
server=(--no-defaults --user=root --skip-networking --innodb-buffer-pool-size=64M --innodb-log-file-size=16M --innodb-flush-log-at-trx-commit=0
	--skip-log-bin --max-connections=64)
sysbench_on() {
	env -u LD_PRELOAD sysbench oltp_read_write --db-driver=mysql --mysql-socket="$DIR/socket" --mysql-user=root --mysql-db=test --tables=1 --table-size=2000 \
		--threads=16 --percentile=99 --rand-seed=7 --mysql-ignore-errors=1213,1020,1205 "$@"
}
start() {
	serve mariadbd "${server[@]}" --datadir="$DIR/db" --socket="$DIR/socket"
	until_true mariadb-admin --no-defaults --socket="$DIR/socket" -u root ping
}
prepare() {
	[ -e "$DIR/ready" ] && return
	rm -rf "$DIR/db"
	mariadb-install-db --no-defaults --user=root --auth-root-authentication-method=normal --skip-test-db --datadir="$DIR/db" >"$DIR/install.log" 2>&1 || { echo "mariadb-install-db failed"; return 1; }
	start && mariadb --no-defaults --socket="$DIR/socket" -u root -e 'create database if not exists test' &&
		sysbench_on prepare >/dev/null && ends && : >"$DIR/ready"
}
correct() {
	start || return
	sysbench_on --events=300 --time=0 run | grep -oE 'transactions: +[0-9]+'
	mariadb --no-defaults --socket="$DIR/socket" -u root test -e 'check table sbtest1; select count(*), count(distinct id) from sbtest1'
	ends
}
speed() {
	start || return
	sysbench_on --time=1 run | awk '/transactions:/ { gsub(/\(/, "", $3); t = $3 } /99th/ { p = $3 } END { print t, p }'
	ends
}
