// SPDX-License-Identifier: MIT

package main

import (
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

var initialProcs = runtime.GOMAXPROCS(0)

type result struct {
	Impl        string   `json:"impl"`
	Kind        string   `json:"kind"`
	Threads     int      `json:"threads"`
	Procs       int      `json:"procs"`
	ElapsedNs   int64    `json:"elapsed_ns"`
	Ops         []uint64 `json:"ops"`
	Writes      []uint64 `json:"writes"`
	Total       uint64   `json:"total"`
	TotalWrites uint64   `json:"total_writes"`
	Datum       uint64   `json:"datum"`
	Hist        []uint64 `json:"hist,omitempty"`
	LongestNs   uint64   `json:"longest_ns"`
	Vcsw        int64    `json:"vcsw"`
	Ivcsw       int64    `json:"ivcsw"`
	Passed      uint64   `json:"passed,omitempty"`
	Phases      uint64   `json:"phases,omitempty"`
	Pending     int      `json:"pending,omitempty"`
}

// snapshot is what is compared between the two ends of the window.
type snapshot struct {
	at    time.Time
	usage syscall.Rusage
	ops   []uint64
}

// round is one object, its workers and the gates they gather at.
type round struct {
	req     *request
	object  subject
	shared  *shared
	workers []*worker
	gates   [2]chan struct{} // opened for warm-up or the whole of a fixed-time round; for fixed work
	arrived [2]sync.WaitGroup
	done    sync.WaitGroup
	ordeal  ordeal
}

func run(req *request) (*result, error) {
	if req.impl.resident != nil {
		// Bytes for nanoseconds and objects for operations: the quotient is what one takes.
		debug.FreeOSMemory()
		return &result{Impl: req.impl.Impl, Kind: req.impl.Kind, Threads: 1, Ops: []uint64{1000000},
			ElapsedNs: req.impl.resident()}, nil
	}
	if err := place(req); err != nil {
		return nil, err
	}
	if runtime.GOMAXPROCS(0) != req.procs {
		runtime.GOMAXPROCS(req.procs)
	}
	r := &round{req: req, object: req.impl.make(), shared: new(shared)}
	for i := range r.gates {
		r.gates[i] = make(chan struct{})
		r.arrived[i].Add(req.threads)
	}
	r.done.Add(req.threads)
	for i := 0; i < req.threads; i++ {
		r.workers = append(r.workers, r.newWorker(i))
	}
	runtime.GC()
	for i, w := range r.workers {
		go r.work(i, w)
	}
	r.arrived[0].Wait()

	var first, last snapshot
	first.ops, last.ops = make([]uint64, req.threads), make([]uint64, req.threads)
	close(r.gates[0])
	time.Sleep(time.Duration(req.warmMs) * time.Millisecond)
	if req.ops != 0 {
		r.shared.stop.Store(1)
		r.arrived[1].Wait()
		r.shared.stop.Store(0)
		r.take(&first)
		r.shared.phase.Store(measuring)
		close(r.gates[1])
		r.done.Wait()
		r.take(&last)
	} else {
		r.shared.phase.Store(measuring)
		r.take(&first)
		held, holding := r.object.(*holds)
		if holding {
			held.forget()
		}
		time.Sleep(time.Duration(req.ms) * time.Millisecond)
		r.take(&last)
		if holding {
			r.ordeal = held.look()
		}
		r.shared.stop.Store(1)
		r.done.Wait()
	}
	return r.answer(&first, &last), nil
}

func (r *round) newWorker(i int) *worker {
	w := &worker{
		index: i, threads: r.req.threads, limit: ^uint64(0), stop: &r.shared.stop, phase: &r.shared.phase,
		section: r.req.section, outside: r.req.outside, writePermille: uint64(r.req.writePermille),
		hold: r.req.hold,
	}
	// Splitmix, so that neighbouring seeds do not give neighbouring streams; never 0.
	x := r.req.seed + uint64(i+1)*0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	w.random = (x ^ x>>27) | 1
	if r.req.writer { // worker 0 writes, and only it is stamped and works outside
		if w.writePermille = 0; i == 0 {
			w.writePermille = 1000
		} else {
			w.outside = 0
		}
	}
	if r.req.hold > 0 && i > 0 { // the others do what worker 0 does not
		w.writePermille = 1000 - w.writePermille
	}
	if r.req.latency && !(r.req.writer && i > 0) {
		w.histogram = new([buckets]uint64)
		if r.req.tscKHz != 0 {
			w.scale = 1000000 << 32 / r.req.tscKHz
		}
	}
	return w
}

// work is the life of one worker goroutine.
func (r *round) work(i int, w *worker) {
	defer r.done.Done()
	if r.req.pin == "thread" {
		// The goroutine ends without unlocking, and the runtime ends the confined thread with it.
		runtime.LockOSThread()
		confine(0, []int{r.req.cpus[i%len(r.req.cpus)]})
	}
	loop := r.object.plain
	if w.histogram != nil {
		loop = r.object.stamped
	}
	r.arrived[0].Done()
	<-r.gates[0]
	loop(w)
	if r.req.ops != 0 {
		r.arrived[1].Done()
		<-r.gates[1]
		w.limit = w.ops + r.req.ops
		loop(w)
	}
}

func (r *round) take(s *snapshot) {
	syscall.Getrusage(syscall.RUSAGE_SELF, &s.usage)
	for i, w := range r.workers {
		s.ops[i] = atomic.LoadUint64(&w.ops)
	}
	s.at = time.Now()
}

func (r *round) answer(first, last *snapshot) *result {
	res := &result{
		Impl: r.req.impl.Impl, Kind: r.req.impl.Kind, Threads: r.req.threads, Procs: r.req.procs,
		ElapsedNs: int64(last.at.Sub(first.at)), Datum: r.object.datum(),
		Vcsw:      last.usage.Nvcsw - first.usage.Nvcsw,
		Ivcsw:     last.usage.Nivcsw - first.usage.Nivcsw,
		LongestNs: uint64(r.ordeal.longest), Passed: r.ordeal.most.sections, Phases: r.ordeal.most.phases, Pending: r.ordeal.pending,
	}
	var hist [buckets]uint64
	filled := 0
	for i, w := range r.workers {
		res.Ops = append(res.Ops, last.ops[i]-first.ops[i])
		res.Writes = append(res.Writes, w.writes)
		res.Total += w.ops
		res.TotalWrites += w.writes
		if res.LongestNs < w.longest {
			res.LongestNs = w.longest
		}
		if w.histogram == nil {
			continue
		}
		for b, n := range w.histogram {
			if hist[b] += n; n != 0 && filled <= b {
				filled = b + 1
			}
		}
	}
	res.Hist = hist[:filled]
	return res
}
