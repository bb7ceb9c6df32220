// SPDX-License-Identifier: MIT

package main

import (
	"fmt"
	"strings"
	"testing"
	"unsafe"
)

func mustRun(t *testing.T, line string) *result {
	t.Helper()
	answer, err := command("run", strings.Fields(line))
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return answer.(*result)
}

func sum(values []uint64) (total uint64) {
	for _, v := range values {
		total += v
	}
	return total
}

// wantDatum is what PROTOCOL.md promises for each kind.
func wantDatum(res *result) uint64 {
	switch res.Kind {
	case "mutex", "atomic", "cond", "broadcast", "waitgroup":
		return res.Total
	case "rw", "hold":
		return res.TotalWrites
	case "once":
		return 1
	}
	return 0
}

func TestFixedWork(t *testing.T) {
	for _, impl := range implementations {
		if seats[impl.Kind] != 0 || impl.resident != nil {
			continue
		}
		for _, extra := range []string{"", " latency=1", " latency=1 tsc_khz=2000000"} {
			if !haveTSC && strings.Contains(extra, "tsc") {
				continue
			}
			line := "impl=" + impl.Impl + " threads=4 ops=1000 warm_ms=1 section=3 outside=3 write_permille=300" + extra
			res := mustRun(t, line)
			for i, ops := range res.Ops {
				if ops != 1000 {
					t.Errorf("%s: worker %d did %d operations", line, i, ops)
				}
			}
			if res.Datum != wantDatum(res) {
				t.Errorf("%s: datum %d, expected %d", line, res.Datum, wantDatum(res))
			}
			if extra != "" && sum(res.Hist) != 4000 {
				t.Errorf("%s: histogram of %d operations", line, sum(res.Hist))
			}
		}
	}
}

func TestFixedTime(t *testing.T) {
	for _, impl := range implementations {
		if impl.resident != nil {
			continue
		}
		// On a busy machine nobody may have had a CPU in so brief a window, or before it: then with longer ones.
		for warm := 5; ; warm *= 10 {
			line := fmt.Sprintf("impl=%s threads=4 ms=%d warm_ms=%d write_permille=100", impl.Impl, 4*warm, warm)
			res := mustRun(t, line)
			if res.Datum != wantDatum(res) {
				t.Errorf("%s: datum %d, expected %d", line, res.Datum, wantDatum(res))
			}
			if res.ElapsedNs < int64(4*warm)*1e6 {
				t.Errorf("%s: window of %d ns", line, res.ElapsedNs)
			}
			in := sum(res.Ops)
			if 0 < in && in < res.Total {
				break
			}
			if in > res.Total || warm > 1000 {
				t.Errorf("%s: %d operations in the window, %d in all", line, in, res.Total)
				break
			}
		}
	}
}

// A million of each takes what its size says, and a little more for the pages' sake.
func TestMillion(t *testing.T) {
	for _, impl := range implementations {
		if impl.resident == nil {
			continue
		}
		res := mustRun(t, "impl="+impl.Impl+" threads=1")
		each := float64(res.ElapsedNs) / 1e6
		if each < 0.5*float64(impl.Bytes) || each > 3*float64(impl.Bytes) {
			t.Errorf("%s: %.1f bytes each, expected about %d", impl.Impl, each, impl.Bytes)
		}
	}
}

// Only the writer is stamped; the others only read.
func TestWriter(t *testing.T) {
	res := mustRun(t, "impl=sync.RWMutex threads=3 ms=30 writer=1 latency=1 outside=1000")
	if res.Writes[0] == 0 || res.Writes[1] != 0 || res.Writes[2] != 0 || sum(res.Hist) > res.Writes[0] {
		t.Errorf("writes %v, %d stamped", res.Writes, sum(res.Hist))
	}
}

func TestPinning(t *testing.T) {
	cpu := allowedCPUs[0]
	for _, pin := range []string{"process", "thread", "none"} {
		req, err := parse([]string{"impl=sync.Mutex", "threads=2", "ms=5", "pin=" + pin})
		if err != nil {
			t.Fatal(err)
		}
		req.cpus = []int{cpu}
		if _, err := run(req); err != nil {
			t.Errorf("pin=%s: %v", pin, err)
		}
	}
	if got := allowed(); len(got) != len(allowedCPUs) {
		t.Errorf("left confined to %v", got)
	}
}

func TestRefusals(t *testing.T) {
	for _, line := range []string{
		"", "threads=1 ms=1", "impl=sync.Mutex ms=1", "impl=sync.Mutex threads=1", "impl=nothing threads=1 ms=1",
		"impl=sync.Mutex threads=0 ms=1", "impl=sync.Mutex threads=1 ms=1 ops=1", "impl=sync.Mutex threads=1 ms=x",
		"impl=sync.Mutex kind=rw threads=1 ms=1", "impl=sync.Mutex threads=1 ms=1 colour=red", "impl=sync.Mutex threads",
		"impl=sync.Cond threads=2 ops=10", "impl=sync.Pool/handed threads=65 ms=1",
		"impl=sync.RWMutex threads=1 ms=1 write_permille=1001", "impl=sync.Mutex threads=1 ms=1 pin=hard",
	} {
		if _, err := command("run", strings.Fields(line)); err == nil {
			t.Errorf("%q was accepted", line)
		}
	}
	if _, err := command("dance", nil); err == nil {
		t.Error("an unknown command was accepted")
	}
}

func TestBuckets(t *testing.T) {
	for _, c := range []struct {
		ns   uint64
		want int
	}{{0, 0}, {7, 7}, {8, 8}, {15, 15}, {16, 16}, {17, 16}, {18, 17}, {1000, 63}, {^uint64(0), 495}} {
		if got := bucket(c.ns); got != c.want {
			t.Errorf("bucket(%d) = %d, expected %d", c.ns, got, c.want)
		}
	}
}

// Records and objects must not share cache lines with anything: the allocator aligns these sizes.
func TestSizes(t *testing.T) {
	for name, size := range map[string]uintptr{
		"worker": unsafe.Sizeof(worker{}), "shared": unsafe.Sizeof(shared{}), "mutex": unsafe.Sizeof(mutex{}),
		"rwmutex": unsafe.Sizeof(rwmutex{}), "counter": unsafe.Sizeof(counter{}), "once": unsafe.Sizeof(once{}),
		"pool": unsafe.Sizeof(pool{}),
	} {
		if size != 512 {
			t.Errorf("%s is %d bytes, expected 512", name, size)
		}
	}
}

// Worker 0 tries, all others do the opposite; in time it gets the lock, and its longest wait is told.
func TestHold(t *testing.T) {
	for _, permille := range []int{0, 1000} {
		for ms := 20; ; ms *= 4 {
			res := mustRun(t, fmt.Sprintf("impl=sync.RWMutex/hold threads=3 ms=%d warm_ms=1 hold_us=200 write_permille=%d", ms, permille))
			if res.Datum != res.TotalWrites {
				t.Errorf("datum %d, expected %d", res.Datum, res.TotalWrites)
			}
			if writes := res.Writes[0]; permille == 0 && writes != 0 || permille != 0 && writes != res.TotalWrites {
				t.Errorf("write_permille=%d: %d of %d writes by worker 0", permille, writes, res.TotalWrites)
			}
			if res.LongestNs > 0 && res.Ops[0] > 0 && res.Ops[1] > 0 {
				break
			}
			if ms > 5000 {
				t.Errorf("write_permille=%d: longest wait %d ns, operations %v", permille, res.LongestNs, res.Ops)
				break
			}
		}
	}
}
