// SPDX-License-Identifier: MIT

package main

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// The phases of a round: the workers record latencies from measuring on.
const (
	warming = iota
	measuring
)

const buckets = 512

// shared is what the controller writes and all workers read.
type shared struct {
	_     padding
	stop  atomic.Uint32
	phase atomic.Uint32
	_     [512 - 128 - 8]byte
}

// worker belongs to one goroutine. Its size keeps neighbours off its cache lines.
type worker struct {
	_             padding
	ops           uint64 // a plain store per operation; the controller loads it atomically
	limit         uint64
	stop          *atomic.Uint32
	phase         *atomic.Uint32
	writePermille uint64
	section       uint32
	outside       uint32
	random        uint64
	writes        uint64
	spare         uint64 // keeps the work outside the lock alive
	scale         uint64 // nanoseconds per TSC tick, 32.32 fixed point; 0: CLOCK_MONOTONIC
	longest       uint64
	histogram     *[buckets]uint64
	index         int
	threads       int
	recording     bool
	hold          time.Duration // of the lock, by all but worker 0
	_             [512 - 128 - 128]byte
}

// unit is 1, which the compiler cannot know.
var unit uint64 = 1

// begin copies what a loop reads per operation into variables of its own; the last is the multiplier of work().
func (w *worker) begin() (ops, limit uint64, stop *atomic.Uint32, section, outside uint32, one uint64) {
	return w.ops, w.limit, w.stop, w.section, w.outside, unit
}

var epoch = time.Now()

// now is rdtsc, or CLOCK_MONOTONIC: time.Since of a time with a monotonic reading makes one clock call.
func (w *worker) now() uint64 {
	if w.scale != 0 {
		return tsc()
	}
	return uint64(time.Since(epoch))
}

// record counts one acquire. What was counted while warming up is dropped at the first record after it.
func (w *worker) record(before, after uint64) {
	if !w.recording {
		if w.phase.Load() == warming {
			return
		}
		w.recording = true
	}
	var ns uint64
	if after > before {
		ns = after - before
	}
	if w.scale != 0 {
		high, low := bits.Mul64(ns, w.scale)
		ns = high<<32 | low>>32
	}
	w.histogram[bucket(ns)]++
	if ns > w.longest {
		w.longest = ns
	}
}

// bucket is fsyb_bucket of peer.h: 8 buckets per power of two.
func bucket(ns uint64) int {
	if ns < 8 {
		return int(ns)
	}
	high := bits.Len64(ns) - 1
	return (high-2)*8 + int(ns>>(high-3)&7)
}

func xorshift(x uint64) uint64 {
	x ^= x << 13
	x ^= x >> 7
	x ^= x << 17
	return x
}
