// SPDX-License-Identifier: MIT

package main

import (
	"sync"
	"sync/atomic"
)

// The loops of what is not a lock: nothing at all, a counter, an initialisation that is already done, a pool.

// empty is the loop alone, for those who subtract its cost.
type empty struct{ _ padding }

func (o *empty) datum() uint64 { return 0 }

func (o *empty) plain(w *worker) {
	ops, limit, stop, _, outside, one := w.begin()
	spare := uint64(1)
	for ops < limit && stop.Load() == 0 {
		spare = work(spare, outside, one)
		ops++
		w.ops = ops
	}
	w.spare = spare
}

func (o *empty) stamped(w *worker) {
	ops, limit, stop, _, outside, one := w.begin()
	spare := uint64(1)
	for ops < limit && stop.Load() == 0 {
		before := w.now()
		w.record(before, w.now())
		spare = work(spare, outside, one)
		ops++
		w.ops = ops
	}
	w.spare = spare
}

type counter struct {
	_     padding
	value atomic.Int64
	_     [512 - 128 - 8]byte
}

func (o *counter) datum() uint64 { return uint64(o.value.Load()) }

func (o *counter) plain(w *worker) {
	ops, limit, stop, _, outside, one := w.begin()
	spare := uint64(1)
	for ops < limit && stop.Load() == 0 {
		o.value.Add(1)
		spare = work(spare, outside, one)
		ops++
		w.ops = ops
	}
	w.spare = spare
}

func (o *counter) stamped(w *worker) {
	ops, limit, stop, _, outside, one := w.begin()
	spare := uint64(1)
	for ops < limit && stop.Load() == 0 {
		before := w.now()
		o.value.Add(1)
		w.record(before, w.now())
		spare = work(spare, outside, one)
		ops++
		w.ops = ops
	}
	w.spare = spare
}

type once struct {
	_     padding
	once  sync.Once
	calls uint64
	_     [512 - 128 - 24]byte
}

func newOnce() subject {
	o := new(once)
	o.once.Do(func() { o.calls++ })
	return o
}

func (o *once) datum() uint64 { return o.calls }

func (o *once) plain(w *worker) {
	ops, limit, stop, _, outside, one := w.begin()
	spare := uint64(1)
	initialise := func() { o.calls++ }
	for ops < limit && stop.Load() == 0 {
		o.once.Do(initialise)
		spare = work(spare, outside, one)
		ops++
		w.ops = ops
	}
	w.spare = spare
}

func (o *once) stamped(w *worker) {
	ops, limit, stop, _, outside, one := w.begin()
	spare := uint64(1)
	initialise := func() { o.calls++ }
	for ops < limit && stop.Load() == 0 {
		before := w.now()
		o.once.Do(initialise)
		w.record(before, w.now())
		spare = work(spare, outside, one)
		ops++
		w.ops = ops
	}
	w.spare = spare
}

type pool struct {
	_    padding
	pool sync.Pool
	_    [512 - 128 - 40]byte
}

func newPool() subject {
	o := new(pool)
	o.pool.New = func() any { return new(kilobyte) }
	return o
}

// datum is not checked: an object has no owner to ask.
func (o *pool) datum() uint64 { return 0 }

func (o *pool) plain(w *worker) {
	ops, limit, stop, _, outside, one := w.begin()
	spare := uint64(1)
	for ops < limit && stop.Load() == 0 {
		item := o.pool.Get().(*kilobyte)
		item[0] = ops
		item[len(item)-1] = ops
		o.pool.Put(item)
		spare = work(spare, outside, one)
		ops++
		w.ops = ops
	}
	w.spare = spare
}

func (o *pool) stamped(w *worker) {
	ops, limit, stop, _, outside, one := w.begin()
	spare := uint64(1)
	for ops < limit && stop.Load() == 0 {
		before := w.now()
		item := o.pool.Get().(*kilobyte)
		after := w.now()
		item[0] = ops
		item[len(item)-1] = ops
		o.pool.Put(item)
		w.record(before, after)
		spare = work(spare, outside, one)
		ops++
		w.ops = ops
	}
	w.spare = spare
}
