// SPDX-License-Identifier: MIT

package main

import (
	"fmt"
	"os"
	"strconv"
	"syscall"
	"unsafe"
)

const maxCPU = 1024

type cpuSet [maxCPU / 64]uint64

var allowedCPUs = allowed()

func allowed() (cpus []int) {
	var set cpuSet
	syscall.RawSyscall(syscall.SYS_SCHED_GETAFFINITY, 0, unsafe.Sizeof(set), uintptr(unsafe.Pointer(&set)))
	for cpu := 0; cpu < maxCPU; cpu++ {
		if set[cpu/64]>>(cpu%64)&1 != 0 {
			cpus = append(cpus, cpu)
		}
	}
	return cpus
}

// confine restricts one thread, 0 being the calling one.
func confine(tid int, cpus []int) error {
	var set cpuSet
	for _, cpu := range cpus {
		set[cpu/64] |= 1 << (cpu % 64)
	}
	_, _, errno := syscall.RawSyscall(syscall.SYS_SCHED_SETAFFINITY, uintptr(tid), unsafe.Sizeof(set),
		uintptr(unsafe.Pointer(&set)))
	if errno != 0 {
		return errno
	}
	return nil
}

var confined bool

// place confines every thread the process has now; those it starts later inherit. Without pin=process it undoes that.
func place(req *request) error {
	cpus := allowedCPUs
	if req.pin == "process" {
		cpus = req.cpus
	} else if !confined {
		return nil
	}
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	for _, task := range tasks {
		tid, err := strconv.Atoi(task.Name())
		if err != nil {
			continue
		}
		if err := confine(tid, cpus); err != nil && err != syscall.ESRCH {
			return fmt.Errorf("cpus: %v", err)
		}
	}
	confined = req.pin == "process"
	return nil
}
