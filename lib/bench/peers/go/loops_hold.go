// SPDX-License-Identifier: MIT

package main

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

// The starvation experiment (../../starve.h): worker 0 tries, all others hold the lock for long. A holder gives its processor away
// for as long; it does not sleep, because a sleep of less than a millisecond takes one when nothing else runs.

func init() {
	implementations = append(implementations, implementation{Impl: "sync.RWMutex/hold", Kind: "hold",
		Bytes: unsafe.Sizeof(sync.RWMutex{}), Parks: 1, make: func() subject { return new(holds) }})
}

// passed is what went by while somebody waited.
type passed struct{ sections, phases uint64 }

// ordeal is what worker 0 has been through.
type ordeal struct {
	longest time.Duration
	most    passed
	pending int // 1: that wait is not over
}

type holds struct {
	_                padding
	mu               sync.RWMutex
	words            [2]uint64
	torn             atomic.Bool
	_                padding
	sections, phases atomic.Uint64
	inside           atomic.Int64
	_                padding
	lock             sync.Mutex // what follows is read by the controller
	asked            time.Time  // zero: worker 0 does not wait
	then             passed
	worst            ordeal
}

func (o *holds) datum() uint64 {
	if o.torn.Load() {
		return ^uint64(0)
	}
	return o.words[0]
}

func (o *holds) passed() passed { return passed{o.sections.Load(), o.phases.Load()} }

func (o *holds) ask() {
	o.lock.Lock()
	o.then, o.asked = o.passed(), time.Now()
	o.lock.Unlock()
}

func (p passed) since(then passed) passed {
	return passed{p.sections - then.sections, p.phases - then.phases}
}

func (o *holds) got() {
	o.lock.Lock()
	if wait := time.Since(o.asked); wait > o.worst.longest {
		o.worst = ordeal{longest: wait, most: o.passed().since(o.then)}
	}
	o.asked = time.Time{}
	o.lock.Unlock()
}

// forget drops the waits that are over.
func (o *holds) forget() {
	o.lock.Lock()
	o.worst = ordeal{}
	o.lock.Unlock()
}

// look is the longest wait so far, that which goes on included.
func (o *holds) look() ordeal {
	o.lock.Lock()
	defer o.lock.Unlock()
	if !o.asked.IsZero() && time.Since(o.asked) > o.worst.longest {
		return ordeal{time.Since(o.asked), o.passed().since(o.then), 1}
	}
	return o.worst
}

// held holds the lock for half to one and a half of the time.
func (o *holds) held(w *worker, write bool) {
	o.sections.Add(1)
	if !write {
		o.inside.Add(1)
	}
	if w.random = xorshift(w.random); w.hold > 0 && w.stop.Load() == 0 {
		giveWay(w.hold/2 + time.Duration(w.random%uint64(w.hold)))
	}
	if write || o.inside.Add(-1) == 0 {
		o.phases.Add(1)
	}
}

func giveWay(duration time.Duration) {
	for start := time.Now(); time.Since(start) < duration; {
		runtime.Gosched()
	}
}

func (o *holds) plain(w *worker)   { o.run(w, false) }
func (o *holds) stamped(w *worker) { o.run(w, true) }

func (o *holds) run(w *worker, stamps bool) {
	torn, random := uint64(0), w.random
	tried := w.hold > 0 && w.index == 0
	each(w, stamps, func(section uint32, one uint64, acquired func()) {
		random = xorshift(random)
		write := (random>>32)*1000>>32 < w.writePermille
		if tried {
			o.ask()
		}
		if write {
			o.mu.Lock()
		} else {
			o.mu.RLock()
		}
		acquired()
		if tried {
			o.got()
		}
		if write {
			o.words[0]++
			o.words[1] = work(o.words[1]+1, section, one)
			w.writes++
		} else {
			torn = work(torn|(o.words[0]^o.words[1]), section, one)
		}
		if !tried {
			o.held(w, write)
		}
		if write {
			o.mu.Unlock()
		} else {
			o.mu.RUnlock()
		}
		if tried && w.stop.Load() == 0 {
			giveWay(w.hold)
		}
	})
	if torn != 0 {
		o.torn.Store(true)
	}
}
