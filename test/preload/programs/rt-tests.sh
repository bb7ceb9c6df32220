# SPDX-License-Identifier: MIT
# packages: rt-tests
# command: ptsematest cyclictest signaltest
# locks: two mutexes by which two threads wake each other; with REALTIME=1 also pi_stress: inheriting mutexes, which stay libc's
# unit: us
version() { echo "rt-tests $(dpkg-query -W -f '${Version}' rt-tests 2>/dev/null)"; }
prepare() { :; }
correct() {
	under ptsematest -q -t 2 -l 2000 -d 0 -i 100 | grep -oE '^#[0-9]+|Cycles [0-9]+'
	under cyclictest -q -t 2 -l 500 -i 200 --policy=other 2>&1 | grep -E '^T: 0' | grep -oE 'C: +[0-9]+'
	under signaltest -q -t 2 -l 500 2>&1 | grep -oE '^T: [0-9]+|C: +[0-9]+'
	# It takes the highest real-time priority, and so everything else from the processors.
	[ -z "${REALTIME:-}" ] || under pi_stress --quiet --duration=1 --groups=1 >&2
}
# From one thread's unlock until the other one has the mutex, on the average.
speed() { under ptsematest -q -t 1 -l 5000 -d 0 -i 100 | sed -n 's/.*Avg *\([0-9]*\),.*/\1/p'; }
