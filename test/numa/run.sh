#!/bin/bash
# SPDX-License-Identifier: MIT
# run.sh WORKDIR PROGRAM... -- UNIT...: boots kernels with several NUMA nodes in virtual machines, runs the programs and the unit tests there,
# and prints their verdicts. Emulated: it says what happens where, never how fast.
#   KERNELS='6.1 6.12'  series of Debian's kernels, each fetched as a package and unpacked (nothing is installed), or paths of kernels
#   SHAPES='4x2 odd'    the machines, below
#   ACCEL=kvm|tcg       default: kvm if a kernel boots with it, else tcg
#   LIMIT=900           seconds that a machine may take
set -u
work=$1
shift
programs=() units=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do programs+=("$1"); shift; done
shift
units=("$@")
: "${KERNELS:=6.1 6.12}" "${SHAPES:=4x2 odd}" "${LIMIT:=900}"
SEED=${FASTSYNC_SEED:-$RANDOM}
here=$(dirname "$0")
mkdir -p "$work"
skip() {
	echo "skip check-numa $*"
	exit 0
}
for command in qemu-system-x86_64 busybox cpio; do
	command -v $command >/dev/null || skip "no $command here (Debian: apt-get install qemu-system-x86 busybox-static cpio)"
done
file -L "$(command -v busybox)" 2>/dev/null | grep -q 'dynamically linked' && skip "busybox is not the static one (Debian: busybox-static)"

# --- kernels ---
kernel() { # SERIES or PATH -> path, or nothing
	local package dir=$work/kernel-$1
	[ -f "$1" ] && { echo "$1"; return; }
	if ! compgen -G "$dir/boot/vmlinuz-*" >/dev/null && [ "${DEPS:-}" != skip ]; then
		package=$(apt-cache search --names-only "^linux-image-$1[.0-9+-][^ ]*-cloud-amd64-unsigned\$" 2>/dev/null | cut -d' ' -f1 | sort -V | tail -1)
		[ -n "$package" ] && rm -rf "$dir.new" && mkdir -p "$dir.new" && (cd "$dir.new" && apt-get -qq download "$package" >/dev/null 2>&1 &&
			dpkg-deb --fsys-tarfile ./*.deb | tar -x ./boot) && rm -rf "$dir" "$dir.new"/*.deb && mv "$dir.new" "$dir"
	fi
	compgen -G "$dir/boot/vmlinuz-*" | head -1
}

# --- shapes: what QEMU is told, and what the programs then expect ---
shape() { # NAME
	machine=() facts=()
	case $1 in
	4x2)                             # four nodes of two CPUs and memory each, at different distances
		machine=(-smp 8 -m 1024M)
		for i in 0 1 2 3; do
			machine+=(-object "memory-backend-ram,id=m$i,size=256M" -numa "node,nodeid=$i,cpus=$((2 * i))-$((2 * i + 1)),memdev=m$i")
		done
		for i in 0 1 2; do
			for ((j = i + 1; j < 4; j++)); do machine+=(-numa "dist,src=$i,dst=$j,val=$((10 + 6 * (j - i)))"); done
		done
		facts=("CPUS='0:0,1;1:2,3;2:4,5;3:6,7'" NODES=4 'MEMORY=0,1,2,3' EJECT= GONE= 'LATE=3:6,7' ONE_NODE=2 'ONE_CPUS=4,5' ONE_MEMORY=2 OTHER_MEMORY=1)
		;;
	odd)                             # node 1 goes, with its CPUs: numbers 0, 2, 3; no memory on 2; nothing but memory on 4
		machine=(-smp 8 -m 768M)
		for i in 0 3 4; do machine+=(-object "memory-backend-ram,id=m$i,size=256M"); done
		machine+=(-numa 'node,nodeid=0,cpus=0-1,memdev=m0' -numa 'node,nodeid=1,cpus=2-3' -numa 'node,nodeid=2,cpus=4-5'
			-numa 'node,nodeid=3,cpus=6-7,memdev=m3' -numa 'node,nodeid=4,memdev=m4')
		facts=("CPUS='0:0,1;2:4,5;3:6,7'" NODES=3 'MEMORY=0,3,4' "EJECT='2 3'" GONE=1 'LATE=3:6,7' ONE_NODE=2 'ONE_CPUS=4,5' ONE_MEMORY=3 OTHER_MEMORY=4)
		;;
	*) echo "check-numa: no such shape: $1 (4x2, odd)" >&2; exit 2 ;;
	esac
}

# --- the guest's file system ---
library_paths() { ldd "$@" 2>/dev/null | grep -o '/[^ ]*' | grep -v ':$' | sort -u; }

initrd() { # OUT: the programs, what they need, and /shape
	local root=$work/root file
	rm -rf "$root"
	mkdir -p "$root"/{bin,proc,sys,dev,tmp,t/unit}
	cp "$(command -v busybox)" "$root/bin/busybox" && ln -s busybox "$root/bin/sh"
	cp "$here/guest.sh" "$root/init" && chmod +x "$root/init"
	for file in "${programs[@]}"; do strip -o "$root/t/${file##*/}" "$file" || return 1; done
	for file in "${units[@]}"; do strip -o "$root/t/unit/${file##*/}" "$file" || return 1; done
	while read -r file; do
		mkdir -p "$root$(dirname "$file")" && cp -L "$file" "$root$file" || return 1
	done < <(library_paths "${programs[@]}" "${units[@]}")
	printf '%s\n' "${facts[@]}" "SEED=$SEED" "MS=${FASTSYNC_STRESS_MS:-300}" >"$root/shape"
	(cd "$root" && find . | cpio -o -H newc --quiet | gzip -1) >"$1"
}

# The kernel does not move pages to who uses them, nor collapse those of several nodes into one huge page: placement is what is asked about.
# Nor does it watch the TSC: when it gives it up, after half a minute of an overloaded machine, it patches code under the emulator (below) and dies.
boot() { # KERNEL INITRD NAME ACCEL WORD SECONDS
	local cpu=max accel=tcg,thread=multi
	[ "$4" = kvm ] && cpu=host accel=kvm
	: >"$work/$3.out"
	timeout -k 10 "$6" qemu-system-x86_64 -machine q35 -accel $accel -cpu $cpu "${machine[@]}" -kernel "$1" -initrd "$2" \
		-append "console=ttyS0 quiet panic=-1 tsc=nowatchdog numa_balancing=disable transparent_hugepage=never $5" -display none -no-reboot -nodefaults -monitor none \
		-serial "file:$work/$3.console" -serial "file:$work/$3.out" </dev/null >"$work/$3.qemu" 2>&1
}

# A /dev/kvm that opens may still run no kernel: nested hypervisors that emulate too little of the processor. Such a machine stands still.
kvm_works() { # KERNEL INITRD
	local machine=(-smp 1 -m 512M)
	[ -w /dev/kvm ] || return 1
	boot "$1" "$2" probe kvm probe 20
	grep -qs '^numa: probe' "$work/probe.out"
}

one() { # KERNEL SHAPE
	local name file rc try started=$SECONDS
	name=numa/$(basename "$1" | sed 's/^vmlinuz-//; s/-cloud-amd64$//')/$2
	file=$(tr / - <<<"$name")
	shape "$2"
	initrd "$work/$file.cpio.gz" || { echo "not ok $name/build: no initrd"; return 1; }
	[ -n "${ACCEL:=}" ] || { ACCEL=tcg; kvm_works "$1" "$work/$file.cpio.gz" && ACCEL=kvm; }
	# An emulated processor may miss that the kernel patches its own code, and the kernel dies in its first seconds. Once its first process
	# has said something there is no second try.
	for try in 1 2 3; do
		boot "$1" "$work/$file.cpio.gz" "$file" "$ACCEL" run "$LIMIT"
		rc=$?
		[ -s "$work/$file.out" ] || ! grep -qa 'Kernel panic' "$work/$file.console" && break
		echo "# try $try: the kernel panicked before its first process had begun"
	done
	tr -d '\r' <"$work/$file.out" | sed "s|^ok |ok $name/|; s|^not ok |not ok $name/|; s|^\(test_[a-z_]*: [0-9]* passed\)|$name/\1|"
	if tr -d '\r' <"$work/$file.out" | grep -q '^numa: the end$'; then
		echo "ok $name/machine: it came to its end ($ACCEL, $((SECONDS - started)) s)"
	else
		if grep -qa 'Kernel panic' "$work/$file.console"; then echo "# the kernel panicked"
		elif [ $rc = 124 ] || [ $rc = 137 ]; then echo "# it was ended after $LIMIT s"
		else echo "# QEMU ended with status $rc"; fi
		tail -n 20 "$work/$file.console" "$work/$file.qemu" | tr -d '\r' | sed 's/^/#   /'
		echo "not ok $name/machine: it did not come to its end"
	fi
}

echo "# seed $SEED; all of this is emulated"
status=0
for series in $KERNELS; do
	image=$(kernel "$series")
	[ -n "$image" ] || { echo "skip check-numa/$series no kernel of that series to be had (a package linux-image-$series*-cloud-amd64-unsigned)"; continue; }
	for shape in $SHAPES; do one "$image" "$shape"; done
done | tee "$work/results"
grep -qE '^not ok |: [0-9]+ passed, [1-9][0-9]* failed' "$work/results" && status=1
awk '/^ok / { p++ } /^not ok / { f++ } /^skip / { s++ } /: [0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$/ { p += $(NF - 5); f += $(NF - 3); s += $(NF - 1) }
	END { printf "%d passed, %d failed, %d skipped\n", p, f, s }' "$work/results"
exit $status
