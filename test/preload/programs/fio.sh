# SPDX-License-Identifier: MIT
# packages: fio=fio
# command: fio
# locks: process-shared mutexes, condition variables and rwlocks, which stay libc's, between 4 processes; 4 threads the second time
# unit: io/s
version() { fio --version; }
prepare() { :; }
run() { under fio --name=job --directory="$DIR" --filename=file --size=4M --bs=4k --rw=randrw --ioengine=sync --numjobs=4 --group_reporting --randseed=7 --verify=0 "$@"; }
correct() {
	run --loops=2 --minimal | awk -F';' '{ print "error", $5, "kB", $6, $47 }'
	run --loops=2 --thread --minimal | awk -F';' '{ print "error", $5, "kB", $6, $47 }'
	under fio --name=job --directory="$DIR" --filename=checked --size=2M --bs=4k --rw=randwrite --verify=crc32c --ioengine=psync --minimal | awk -F';' '{ print "error", $5, "kB", $6, $47 }'
	rm -f "$DIR/file" "$DIR/checked"
}
# Its null engine: what is left are fio's own locks. The 99th percentile of a read's latency, in microseconds.
speed() {
	under fio --name=job --size=1G --bs=4k --rw=randread --ioengine=null --numjobs=4 --thread --group_reporting --time_based --runtime=1 --minimal |
		awk -F';' '{ split($30, p, "="); print $8, p[2] }'
}
