// SPDX-License-Identifier: MIT

//! What many Rust programs use instead of std: parking_lot, and crossbeam's sharded lock.

use crate::loops::*;
use crate::waits::{Monitor, Single, State};
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

impl Lock for parking_lot::Mutex<u64> {
    #[inline(always)]
    fn with<R>(&self, section: impl FnOnce(&mut u64) -> R) -> R {
        section(&mut self.lock())
    }
}

impl Lock for parking_lot::FairMutex<u64> {
    #[inline(always)]
    fn with<R>(&self, section: impl FnOnce(&mut u64) -> R) -> R {
        section(&mut self.lock())
    }
}

impl Lock for parking_lot::ReentrantMutex<Cell<u64>> {
    #[inline(always)]
    fn with<R>(&self, section: impl FnOnce(&mut u64) -> R) -> R {
        let cell = self.lock();
        let mut value = cell.get();
        let result = section(&mut value);
        cell.set(value);
        result
    }
}

impl SharedLock for parking_lot::RwLock<Words> {
    #[inline(always)]
    fn read<R>(&self, section: impl FnOnce(&Words) -> R) -> R {
        section(&self.read())
    }

    #[inline(always)]
    fn write<R>(&self, section: impl FnOnce(&mut Words) -> R) -> R {
        section(&mut self.write())
    }
}

/// The same lock, given back by hand-over.
#[derive(Default)]
pub struct FairlyUnlocked(parking_lot::RwLock<Words>);

impl SharedLock for FairlyUnlocked {
    #[inline(always)]
    fn read<R>(&self, section: impl FnOnce(&Words) -> R) -> R {
        let guard = self.0.read();
        let result = section(&guard);
        parking_lot::RwLockReadGuard::unlock_fair(guard);
        result
    }

    #[inline(always)]
    fn write<R>(&self, section: impl FnOnce(&mut Words) -> R) -> R {
        let mut guard = self.0.write();
        let result = section(&mut guard);
        parking_lot::RwLockWriteGuard::unlock_fair(guard);
        result
    }
}

impl SharedLock for crossbeam_utils::sync::ShardedLock<Words> {
    #[inline(always)]
    fn read<R>(&self, section: impl FnOnce(&Words) -> R) -> R {
        section(&self.read().unwrap())
    }

    #[inline(always)]
    fn write<R>(&self, section: impl FnOnce(&mut Words) -> R) -> R {
        section(&mut self.write().unwrap())
    }
}

pub struct LotOnce(parking_lot::Once, AtomicU64);

impl Default for LotOnce {
    fn default() -> Self {
        let once = LotOnce(parking_lot::Once::new(), AtomicU64::new(0));
        once.operate(&mut (), &Parameters { section: 0, write_permille: 0, ops: 0 }, || ());
        once
    }
}

impl Subject for LotOnce {
    type Local = ();

    #[inline(always)]
    fn operate(&self, _: &mut (), _: &Parameters, mut acquired: impl Acquired) {
        self.0.call_once(|| {
            self.1.fetch_add(1, Ordering::Relaxed);
        });
        acquired();
    }

    fn datum(&self) -> u64 {
        self.1.load(Ordering::Relaxed)
    }
}

#[derive(Default)]
pub struct LotMonitor(parking_lot::Mutex<State>, [parking_lot::Condvar; 2]);

impl Monitor for LotMonitor {
    type Guard<'a> = parking_lot::MutexGuard<'a, State>;

    #[inline(always)]
    fn lock(&self) -> parking_lot::MutexGuard<'_, State> {
        self.0.lock()
    }

    #[inline(always)]
    fn wait<'a>(
        &'a self,
        which: usize,
        mut guard: parking_lot::MutexGuard<'a, State>,
    ) -> parking_lot::MutexGuard<'a, State> {
        self.1[which].wait(&mut guard);
        guard
    }

    #[inline(always)]
    fn signal(&self, which: usize) {
        self.1[which].notify_one();
    }

    #[inline(always)]
    fn broadcast(&self, which: usize) {
        self.1[which].notify_all();
    }
}

impl Single for parking_lot::Mutex<()> {
    fn touch(&self) {
        drop(self.lock());
    }
}

impl Single for parking_lot::RwLock<()> {
    fn touch(&self) {
        drop(self.read());
    }
}

impl Single for parking_lot::Condvar {
    fn touch(&self) {
        self.notify_one();
    }
}
