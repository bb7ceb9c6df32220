#!/bin/sh
# SPDX-License-Identifier: MIT
# guest.sh - the first process of the virtual machine that run.sh starts: lays the machine out as /shape says, runs the programs, and ends
# the machine. What it prints goes to the second serial line, which nothing else writes to; its last line says that it came to its end.
/bin/busybox mkdir -p /sbin /usr/bin /usr/sbin
/bin/busybox --install -s
export PATH=/bin:/sbin:/usr/bin:/usr/sbin HOME=/tmp
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmp /tmp
mkdir -p /dev/shm /cg && mount -t tmpfs shm /dev/shm
exec >/dev/ttyS1 2>&1 </dev/null
if grep -qw probe /proc/cmdline; then
	echo "numa: probe"
	poweroff -f
fi
mount -t cgroup2 none /cg && echo +cpuset >/cg/cgroup.subtree_control
. /shape                                 # CPUS MEMORY EJECT GONE LATE ONE_CPUS ONE_NODE ONE_MEMORY OTHER_MEMORY SEED MS
export NUMA_CPUS=$CPUS NUMA_MEMORY=$MEMORY FASTSYNC_SEED=$SEED FASTSYNC_STRESS_MS=$MS
echo "# Linux $(uname -r), $(nproc) CPUs, nodes $(cat /sys/devices/system/node/online), of which have memory $(cat /sys/devices/system/node/has_memory)"

# NAME COMMAND...: the verdicts of one program, under that name; one more if it ended badly.
run() {
	name=$1
	shift
	timeout -s KILL 600 "$@" >/tmp/log 2>&1
	rc=$?
	sed "s|^ok |ok $name: |; s|^not ok |not ok $name: |" /tmp/log
	grep -q '^ok ' /tmp/log || echo "not ok $name: it says nothing"
	[ $rc = 0 ] || grep -q '^not ok ' /tmp/log || echo "not ok $name: ended with status $rc"
}

# within CPUS NODES COMMAND...: in a control group with these CPUs and nodes of memory.
cat >/bin/within <<'END'
#!/bin/sh
mkdir -p /cg/one
echo "$1" >/cg/one/cpuset.cpus
echo "$2" >/cg/one/cpuset.mems
shift 2
echo $$ >/cg/one/cgroup.procs
exec "$@"
END
chmod +x /bin/within

verdict() { # NAME STATUS: what a cmocka program said, in one line
	awk -v name="$1" -v rc="$2" '
		/^\[  PASSED  \] [0-9]+ test/ { passed += $4 }
		/^\[  FAILED  \] [0-9]+ test/ { failed += $4 }
		/^\[  SKIPPED \] [0-9]+ test/ { skipped += $4 }
		END { if (rc != 0 && failed == 0) failed = 1; printf "%s: %d passed, %d failed, %d skipped\n", name, passed, failed, skipped }' /tmp/log
	[ "$2" = 0 ] || tail -n 40 /tmp/log | sed 's/^/#   /'
}

# CPUs taken out of the machine, not only offline: a node that has nothing else goes with them, and leaves a gap in the numbers.
for cpu in $EJECT; do
	echo 1 >"$(readlink -f /sys/devices/system/cpu/cpu"$cpu"/firmware_node)/eject"
done
for node in $GONE; do
	i=0
	while [ -e /sys/devices/system/node/node"$node" ] && [ $i -lt 300 ]; do sleep 0.1; i=$((i + 1)); done
	if [ -e /sys/devices/system/node/node"$node" ]; then echo "not ok layout: node $node is still there"; else echo "ok layout: node $node is gone"; fi
done
[ -z "$EJECT" ] || echo "# now nodes $(cat /sys/devices/system/node/online), CPUs $(cat /sys/devices/system/cpu/online)"

run ids /t/ids
run "ids without rseq" env FASTSYNC_RSEQ=off /t/ids rseq-off
run "ids, NUMA off" env FASTSYNC_NUMA=off /t/ids numa-off
run memory /t/memory
run hand-overs /t/handover
export NUMA_NODES=$NODES
run "ids in a cpuset" within "$ONE_CPUS" "$ONE_MEMORY" env NUMA_CPUS="$ONE_NODE:$ONE_CPUS" NUMA_MEMORY="$ONE_MEMORY" /t/ids
run "memory in a cpuset" within "$ONE_CPUS" "$ONE_MEMORY" env NUMA_CPUS="$ONE_NODE:$ONE_CPUS" NUMA_MEMORY="$ONE_MEMORY" /t/memory elsewhere
run "memory in a cpuset, of another node" within "$ONE_CPUS" "$OTHER_MEMORY" \
	env NUMA_CPUS="$ONE_NODE:$ONE_CPUS" NUMA_MEMORY="$OTHER_MEMORY" /t/memory elsewhere
run "a cpuset that moves" within "$ONE_CPUS" "$MEMORY" /t/change cpuset /cg/one
run "CPUs offline" /t/change offline
unset NUMA_NODES
# The last node, in whole, before the programs start: node:cpu[,cpu].
late=${LATE#*:}
for cpu in $(echo "$late" | tr , ' '); do echo 0 >/sys/devices/system/cpu/cpu"$cpu"/online; done
export NUMA_CPUS="${CPUS%;*}"
run "ids with a node offline" /t/ids
run "memory with a node offline" /t/memory
run "a CPU that comes late" /t/change late "${LATE%%,*}"
for cpu in $(echo "$late" | tr , ' '); do echo 1 >/sys/devices/system/cpu/cpu"$cpu"/online; done
unset NUMA_CPUS NUMA_MEMORY

# The library's own tests, as they are.
for program in /t/unit/*; do
	timeout -s KILL 600 "$program" >/tmp/log 2>&1 </dev/null
	verdict "${program##*/}" $?
done
echo "# up for $(cut -d' ' -f1 /proc/uptime) s of the machine's time"
echo "numa: the end"
sync
poweroff -f
