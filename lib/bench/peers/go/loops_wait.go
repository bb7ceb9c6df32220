// SPDX-License-Identifier: MIT

package main

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"
)

// The loops of ../loop_wait.h: what makes goroutines wait for each other, and a pool whose objects are handed on. An
// operation takes a function call here, which does not show beside a wait.

func init() {
	implementations = append(implementations,
		implementation{Impl: "sync.Cond", Kind: "cond", Bytes: unsafe.Sizeof(sync.Cond{}), Parks: 1,
			make: func() subject { return newCond(false) }},
		implementation{Impl: "sync.Cond/all", Kind: "broadcast", Bytes: unsafe.Sizeof(sync.Cond{}), Parks: 1,
			make: func() subject { return newCond(true) }},
		implementation{Impl: "sync.WaitGroup", Kind: "waitgroup", Bytes: unsafe.Sizeof(sync.WaitGroup{}), Parks: 1,
			make: func() subject { return newGroups(false) }},
		implementation{Impl: "sync.WaitGroup/all", Kind: "fanout", Bytes: unsafe.Sizeof(sync.WaitGroup{}), Parks: 1,
			make: func() subject { return newGroups(true) }},
		implementation{Impl: "sync.Pool/handed", Kind: "handed", Bytes: unsafe.Sizeof(sync.Pool{}), Parks: 1,
			make: newHanded},
		million("sync.Mutex", unsafe.Sizeof(sync.Mutex{}), func(all []sync.Mutex) {
			for i := range all {
				all[i].Lock()
				all[i].Unlock()
			}
		}),
		million("sync.RWMutex", unsafe.Sizeof(sync.RWMutex{}), func(all []sync.RWMutex) {
			for i := range all {
				all[i].RLock()
				all[i].RUnlock()
			}
		}),
		million("sync.Once", unsafe.Sizeof(sync.Once{}), func(all []sync.Once) {
			for i := range all {
				all[i].Do(func() {})
			}
		}),
		million("sync.WaitGroup", unsafe.Sizeof(sync.WaitGroup{}), func(all []sync.WaitGroup) {
			for i := range all {
				all[i].Add(1)
				all[i].Done()
			}
		}),
		million("sync.Cond", unsafe.Sizeof(sync.Cond{}), func(all []sync.Cond) {
			for i := range all {
				all[i].Signal()
			}
		}),
	)
}

// Workers that have a seat.
const (
	most       = 1024
	handedMost = 64
)

// each runs one operation after the other; acquired is called by the operation when it has what it waited for.
func each(w *worker, stamps bool, operate func(section uint32, one uint64, acquired func())) {
	ops, limit, stop, section, outside, one := w.begin()
	spare := uint64(1)
	var before, after uint64
	acquired := func() {}
	if stamps {
		acquired = func() { after = w.now() }
	}
	for ops < limit && stop.Load() == 0 {
		if stamps {
			before = w.now()
		}
		operate(section, one, acquired)
		if stamps {
			w.record(before, after)
		}
		spare = work(spare, outside, one)
		ops++
		w.ops = ops
	}
	w.spare = spare
}

type condSeat struct {
	mu         sync.Mutex
	cond, back *sync.Cond
	turn       uint32
	arrived    int
	generation uint64
	value      uint64
	over       bool
	_          padding
}

type conds struct {
	all   bool
	seats []condSeat
}

func newCond(all bool) subject {
	o := &conds{all, make([]condSeat, most/2)}
	for i := range o.seats {
		o.seats[i].cond, o.seats[i].back = sync.NewCond(&o.seats[i].mu), sync.NewCond(&o.seats[i].mu)
	}
	return o
}

func (o *conds) datum() (sum uint64) {
	for i := range o.seats {
		sum += o.seats[i].value
	}
	return sum
}

func (o *conds) plain(w *worker)   { o.run(w, false) }
func (o *conds) stamped(w *worker) { o.run(w, true) }

func (o *conds) run(w *worker, stamps bool) {
	s := &o.seats[0]
	if o.all {
		each(w, stamps, s.round(w))
	} else {
		s = &o.seats[w.index/2]
		each(w, stamps, s.turns(w))
	}
	s.mu.Lock()
	s.over = true
	s.cond.Broadcast()
	s.back.Broadcast()
	s.mu.Unlock()
}

// neighbour is whom a worker hands over to: itself if there is nobody else.
func neighbour(w *worker) (me, next uint32) {
	me, next = uint32(w.index&1), uint32(w.index&1)
	if w.index^1 < w.threads {
		next ^= 1
	}
	return me, next
}

func (s *condSeat) turns(w *worker) func(uint32, uint64, func()) {
	me, next := neighbour(w)
	return func(section uint32, one uint64, acquired func()) {
		s.mu.Lock()
		for s.turn != me && !s.over {
			s.cond.Wait()
		}
		acquired()
		s.value = work(s.value+1, section, one)
		s.turn = next
		s.cond.Signal()
		s.mu.Unlock()
	}
}

func (s *condSeat) round(w *worker) func(uint32, uint64, func()) {
	seen, others := uint64(0), w.threads-1
	return func(section uint32, one uint64, acquired func()) {
		s.mu.Lock()
		if w.index == 0 {
			s.arrived = 0
			s.generation++
			s.cond.Broadcast()
			for s.arrived < others && !s.over {
				s.back.Wait()
			}
		} else {
			for s.generation == seen && !s.over {
				s.cond.Wait()
			}
			seen++
			if s.arrived++; s.arrived == others {
				s.back.Signal()
			}
		}
		acquired()
		s.value = work(s.value+1, section, one)
		s.mu.Unlock()
	}
}

type groupSeat struct {
	groups  [2]sync.WaitGroup
	back    sync.WaitGroup
	value   uint64
	over    atomic.Uint32
	arrived atomic.Int64
	_       padding
}

type groups struct {
	all   bool
	wrong uint64
	seats []groupSeat
}

func newGroups(all bool) subject {
	o := &groups{all: all, seats: make([]groupSeat, most/2)}
	for i := range o.seats {
		o.seats[i].groups[1].Add(1)
	}
	return o
}

// datum is the number of hand-overs, or, where one opens a group for all, of broken promises.
func (o *groups) datum() uint64 {
	sum := o.wrong
	for i := range o.seats {
		sum += o.seats[i].value
	}
	return sum
}

func (o *groups) plain(w *worker)   { o.run(w, false) }
func (o *groups) stamped(w *worker) { o.run(w, true) }

func (o *groups) run(w *worker, stamps bool) {
	if o.all {
		o.rounds(w, stamps)
	} else {
		o.seats[w.index/2].turns(w, stamps)
	}
}

func (s *groupSeat) turns(w *worker, stamps bool) {
	me, next := neighbour(w)
	each(w, stamps, func(section uint32, one uint64, acquired func()) {
		s.groups[me].Wait()
		acquired()
		s.groups[me].Add(1)
		s.value = work(s.value+1, section, one)
		s.groups[next].Done()
	})
	if me == next {
		return
	}
	second := s.over.Add(1) == 2
	for both := false; !both; {
		s.groups[me].Wait()
		both = second || s.over.Load() == 2 // asked with the turn in hand
		s.groups[me].Add(1)
		s.groups[next].Done()
	}
}

func (o *groups) rounds(w *worker, stamps bool) {
	s, round, others, left := &o.seats[0], 0, w.threads-1, false
	answer := func() {
		s.arrived.Add(1)
		s.back.Done()
	}
	each(w, stamps, func(_ uint32, _ uint64, acquired func()) {
		if left {
			return
		} else if w.index == 0 {
			s.back.Add(others)
			s.groups[round&1].Add(1)
			s.groups[(round+1)&1].Done()
			s.back.Wait()
			if s.arrived.Swap(0) != int64(others) {
				o.wrong++
			}
		} else {
			s.groups[(round+1)&1].Wait()
			if left = s.over.Load() != 0; left {
				return // it was the last one, and the stop flag is up
			}
			answer()
		}
		round++
		acquired()
	})
	if w.index == 0 {
		s.over.Store(1)
		s.groups[(round+1)&1].Done()
		return
	}
	for ; !left; round++ {
		s.groups[(round+1)&1].Wait()
		if s.over.Load() != 0 {
			return
		}
		answer()
	}
}

const (
	ring      = 256
	ringBatch = 8
)

type line struct {
	count atomic.Uint64
	_     padding
}

type handSeat struct {
	got, put line
	item     [ring]*kilobyte
	_        padding
}

type handed struct {
	pool  sync.Pool
	wrong atomic.Uint64
	_     padding
	seats []handSeat
}

func newHanded() subject {
	o := &handed{seats: make([]handSeat, handedMost/2)}
	o.pool.New = func() any { return new(kilobyte) }
	return o
}

func (o *handed) datum() uint64 { return o.wrong.Load() }

func (o *handed) plain(w *worker)   { o.run(w, false) }
func (o *handed) stamped(w *worker) { o.run(w, true) }

func (o *handed) run(w *worker, stamps bool) {
	s, count := &o.seats[w.index/2], uint64(0)
	seen := uint64(0) // of the other's count; what is known need not be looked at again
	own := &s.got
	if w.index&1 != 0 {
		own = &s.put
	}
	wait := func(other *line, until uint64) bool {
		if seen < until {
			own.count.Store(count)
		}
		for look := 0; seen < until; look++ {
			if seen = other.count.Load(); seen >= until {
				break
			}
			if w.stop.Load() != 0 {
				return false
			}
			if look%64 == 63 {
				runtime.Gosched()
			}
		}
		return true
	}
	each(w, stamps, func(_ uint32, _ uint64, acquired func()) {
		if w.index&1 == 0 {
			if count >= ring && !wait(&s.put, count-ring+1) {
				return
			}
			item := o.pool.Get().(*kilobyte)
			item[0], item[len(item)-1] = count, count
			s.item[count%ring] = item
			count++
		} else if wait(&s.got, count+1) {
			item := s.item[count%ring]
			if item[0] != count || item[len(item)-1] != count {
				o.wrong.Add(1)
			}
			o.pool.Put(item)
			count++
		}
		if count%ringBatch == 0 { // how far one is, every few objects
			own.count.Store(count)
		}
		acquired()
	})
	own.count.Store(count)
}

// million makes an implementation without a loop: a million bare objects, each used once, and the memory they took.
func million[T any](name string, bytes uintptr, use func([]T)) implementation {
	return implementation{Impl: name + "/million", Kind: "million", Bytes: bytes, Parks: 1, resident: func() int64 {
		before := resident()
		all := make([]T, 1000000)
		use(all)
		after := resident()
		runtime.KeepAlive(all)
		return after - before
	}}
}

func resident() int64 {
	text, _ := os.ReadFile("/proc/self/statm")
	words := strings.Fields(string(text))
	if len(words) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(words[1], 10, 64)
	return pages * int64(os.Getpagesize())
}
