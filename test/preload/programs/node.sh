# SPDX-License-Identifier: MIT
# packages: node=nodejs
# command: node
# locks: mutexes, condition variables, semaphores and rwlocks of libuv's pool and V8's tasks; 4 workers and hashes in the pool
# unit: op/s
version() { echo "node $(node --version)"; }
prepare() { :; }
correct() { under node "$here/workers.js" count 200; }
speed() { under node "$here/workers.js" seconds 1; }
