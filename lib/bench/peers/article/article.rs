// SPDX-License-Identifier: MIT

//! The article's three Go benchmarks in Rust: the loops of ../go/article_test.go, shared out among threads the way Go's
//! testing.B.RunParallel does it, printed the way `go test -bench` prints.
//!
//!     article [-ms MILLISECONDS]

use std::hint::black_box;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, RwLock};
use std::time::{Duration, Instant};

/// One run of n operations by all threads, which take them in grains from a common counter.
#[repr(align(128))]
struct Taken(AtomicU64);

struct Parallel {
    taken: Taken,
    n: u64,
    grain: u64,
}

/// Go's testing.PB.
struct Share<'a> {
    parallel: &'a Parallel,
    left: u64,
}

impl Share<'_> {
    #[inline(always)]
    fn next(&mut self) -> bool {
        if self.left == 0 {
            let Parallel { taken, n, grain } = self.parallel;
            let end = taken.0.fetch_add(*grain, Ordering::SeqCst) + grain;
            if end <= *n {
                self.left = *grain;
            } else if end < n + grain {
                self.left = n + grain - end;
            } else {
                return false;
            }
        }
        self.left -= 1;
        true
    }
}

fn run_parallel(threads: usize, n: u64, grain: u64, body: impl Fn(Share) + Sync) -> Duration {
    let parallel = Parallel { taken: Taken(AtomicU64::new(0)), n, grain };
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| body(Share { parallel: &parallel, left: 0 }));
        }
    });
    start.elapsed()
}

/// Go's way to the number of operations: as many as the last run promises to take long enough, and a fifth more.
fn measure(name: &str, threads: usize, goal: Duration, run: impl Fn(u64, u64) -> Duration) {
    let (mut n, mut grain) = (1u64, 1u64);
    loop {
        let took = run(n, grain);
        if took >= goal || n >= 1_000_000_000 {
            let ns = took.as_nanos() as f64 / n as f64;
            println!("Benchmark{name}/impl=rust-{threads}\t{n:10}\t{ns:12.2} ns/op");
            return;
        }
        let ns = took.as_nanos().max(1) as u64;
        grain = (100_000 * n / ns).clamp(1, 10_000);
        let more = (goal.as_nanos() as f64 * n as f64 / ns as f64 * 1.2) as u64;
        n = more.clamp(n + 1, 100 * n + 1).min(1_000_000_000);
    }
}

fn main() {
    let mut goal = Duration::from_secs(1);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match (argument.as_str(), arguments.next().and_then(|ms| ms.parse().ok())) {
            ("-ms", Some(ms)) if ms > 0 => goal = Duration::from_millis(ms),
            _ => {
                eprintln!("usage: article [-ms MILLISECONDS]");
                std::process::exit(2);
            }
        }
    }
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());

    measure("MutexContention", threads, goal, |n, grain| {
        let count = Mutex::new(0u64);
        let took = run_parallel(threads, n, grain, |mut share| {
            while share.next() {
                *count.lock().unwrap() += 1;
            }
        });
        assert_eq!(*count.lock().unwrap(), n, "operations were lost");
        took
    });
    measure("RWMutexRead", threads, goal, |n, grain| {
        let value = RwLock::new(0u64);
        run_parallel(threads, n, grain, |mut share| {
            let mut read = 0;
            while share.next() {
                read += *value.read().unwrap();
            }
            black_box(read);
        })
    });
    measure("AtomicInt64", threads, goal, |n, grain| {
        let count = AtomicI64::new(0);
        let took = run_parallel(threads, n, grain, |mut share| {
            while share.next() {
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
        assert_eq!(count.load(Ordering::SeqCst), n as i64, "operations were lost");
        took
    });
}
