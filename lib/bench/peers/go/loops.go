// SPDX-License-Identifier: MIT

package main

import (
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"
)

// The loops of ../README.md. They are written out one by one because the methods of a type parameter are called
// through a dictionary: a generic loop would not have sync's fast paths inlined.

type kilobyte [128]uint64

// subject is an object under test.
type subject interface {
	plain(w *worker)
	stamped(w *worker)
	datum() uint64
}

// padding keeps an object in cache lines of its own: with it in front and in all 512 bytes or more, the allocator's
// size class aligns the object and gives nothing else the lines.
type padding [128]byte

var implementations = []implementation{
	{Impl: "sync.Mutex", Kind: "mutex", Bytes: unsafe.Sizeof(sync.Mutex{}), Parks: 1,
		make: func() subject { return new(mutex) }},
	{Impl: "sync.RWMutex", Kind: "rw", Bytes: unsafe.Sizeof(sync.RWMutex{}), Parks: 1,
		make: func() subject { return new(rwmutex) }},
	{Impl: "atomic.Int64", Kind: "atomic", Bytes: unsafe.Sizeof(atomic.Int64{}),
		make: func() subject { return new(counter) }},
	{Impl: "sync.Once", Kind: "once", Bytes: unsafe.Sizeof(sync.Once{}), Parks: 1,
		make: newOnce},
	{Impl: "sync.Pool", Kind: "pool", Bytes: unsafe.Sizeof(sync.Pool{}), Parks: 1,
		make: newPool},
	{Impl: "empty", Kind: "empty", make: func() subject { return new(empty) }},
}

func name() {
	for i := range implementations {
		name, _, _ := strings.Cut(implementations[i].Impl, "/")
		implementations[i].Name = label + " " + name
	}
}

// work is a chain of multiplications, each on the result of the one before.
func work(value uint64, count uint32, one uint64) uint64 {
	for ; count > 0; count-- {
		value *= one
	}
	return value
}

type mutex struct {
	_     padding
	mu    sync.Mutex
	value uint64
	_     [512 - 128 - 16]byte
}

func (o *mutex) datum() uint64 { return o.value }

func (o *mutex) plain(w *worker) {
	ops, limit, stop, section, outside, one := w.begin()
	spare := uint64(1)
	for ops < limit && stop.Load() == 0 {
		o.mu.Lock()
		o.value = work(o.value+1, section, one)
		o.mu.Unlock()
		spare = work(spare, outside, one)
		ops++
		w.ops = ops
	}
	w.spare = spare
}

func (o *mutex) stamped(w *worker) {
	ops, limit, stop, section, outside, one := w.begin()
	spare := uint64(1)
	for ops < limit && stop.Load() == 0 {
		before := w.now()
		o.mu.Lock()
		after := w.now()
		o.value = work(o.value+1, section, one)
		o.mu.Unlock()
		w.record(before, after)
		spare = work(spare, outside, one)
		ops++
		w.ops = ops
	}
	w.spare = spare
}

type rwmutex struct {
	_     padding
	mu    sync.RWMutex
	words [2]uint64
	torn  atomic.Bool
	_     [512 - 128 - 48]byte
}

// datum is the number of writes, or the largest number if a reader ever saw half a write.
func (o *rwmutex) datum() uint64 {
	if o.torn.Load() {
		return ^uint64(0)
	}
	return o.words[0]
}

func (o *rwmutex) finish(w *worker, writes, random, torn, spare uint64) {
	w.writes, w.random, w.spare = writes, random, spare
	if torn != 0 {
		o.torn.Store(true)
	}
}

func (o *rwmutex) plain(w *worker) {
	ops, limit, stop, section, outside, one := w.begin()
	writePermille := w.writePermille
	writes, random, torn, spare := w.writes, w.random, uint64(0), uint64(1)
	for ops < limit && stop.Load() == 0 {
		random = xorshift(random)
		if (random>>32)*1000>>32 < writePermille {
			o.mu.Lock()
			o.words[0]++
			o.words[1] = work(o.words[1]+1, section, one)
			o.mu.Unlock()
			writes++
		} else {
			o.mu.RLock()
			torn = work(torn|(o.words[0]^o.words[1]), section, one)
			o.mu.RUnlock()
		}
		spare = work(spare, outside, one)
		ops++
		w.ops = ops
	}
	o.finish(w, writes, random, torn, spare)
}

func (o *rwmutex) stamped(w *worker) {
	ops, limit, stop, section, outside, one := w.begin()
	writePermille := w.writePermille
	writes, random, torn, spare := w.writes, w.random, uint64(0), uint64(1)
	for ops < limit && stop.Load() == 0 {
		random = xorshift(random)
		before := w.now()
		var after uint64
		if (random>>32)*1000>>32 < writePermille {
			o.mu.Lock()
			after = w.now()
			o.words[0]++
			o.words[1] = work(o.words[1]+1, section, one)
			o.mu.Unlock()
			writes++
		} else {
			o.mu.RLock()
			after = w.now()
			torn = work(torn|(o.words[0]^o.words[1]), section, one)
			o.mu.RUnlock()
		}
		w.record(before, after)
		spare = work(spare, outside, one)
		ops++
		w.ops = ops
	}
	o.finish(w, writes, random, torn, spare)
}
