# SPDX-License-Identifier: MIT
# packages: libsqlite3-dev gcc=gcc
# command: gcc /usr/include/sqlite3.h
# locks: recursive mutexes of each connection, page cache and allocator; 4 threads over one connection and 4 over their own
# unit: row/s
version() { echo "sqlite $(echo 'SQLITE_VERSION' | gcc -E -include sqlite3.h - | tail -n 1 | tr -d '"')"; }
prepare() { "${CC:-gcc}" -O2 -Wall -pthread -o "$DIR/sqlite" "$here/sqlite.c" -lsqlite3; }
correct() { under "$DIR/sqlite" rows 2000; }
speed() { under "$DIR/sqlite" time 1000; }
