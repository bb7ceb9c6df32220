// SPDX-License-Identifier: MIT

package main

import (
	"sync"
	"sync/atomic"
	"testing"
)

// The three benchmarks of the article, for `go test -bench .`: what they do is the article's, and ../article/article.c and
// ../article/article.rs do the same. Its read benchmark discards the value it reads, so that nothing is read;
// here the value is used, in all three languages.

func BenchmarkMutexContention(b *testing.B) {
	var shared struct {
		mu    sync.Mutex
		count int
	}
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			shared.mu.Lock()
			shared.count++
			shared.mu.Unlock()
		}
	})
	if shared.count != b.N {
		b.Fatalf("counted %d of %d operations", shared.count, b.N)
	}
}

func BenchmarkRWMutexRead(b *testing.B) {
	var shared struct {
		mu    sync.RWMutex
		value int
	}
	var sum atomic.Int64
	b.RunParallel(func(pb *testing.PB) {
		read := 0
		for pb.Next() {
			shared.mu.RLock()
			read += shared.value
			shared.mu.RUnlock()
		}
		sum.Add(int64(read))
	})
	if sum.Load() != 0 {
		b.Fatal("read what nobody wrote")
	}
}

func BenchmarkAtomicInt64(b *testing.B) {
	var count atomic.Int64
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			count.Add(1)
		}
	})
	if count.Load() != int64(b.N) {
		b.Fatalf("counted %d of %d operations", count.Load(), b.N)
	}
}
