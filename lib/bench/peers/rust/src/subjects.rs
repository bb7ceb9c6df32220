// SPDX-License-Identifier: MIT

//! What is measured: std always, parking_lot and crossbeam with the feature `extras`.

#[cfg(feature = "extras")]
use crate::extras;
use crate::loops::*;
use crate::record::Impl;
use crate::waits::*;
#[cfg(feature = "extras")]
use std::cell::Cell;
use std::cell::RefCell;
use std::mem::size_of;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Barrier, Condvar, Mutex, Once, OnceLock, RwLock};

impl Lock for Mutex<u64> {
    #[inline(always)]
    fn with<R>(&self, section: impl FnOnce(&mut u64) -> R) -> R {
        section(&mut self.lock().unwrap())
    }
}

impl SharedLock for RwLock<Words> {
    #[inline(always)]
    fn read<R>(&self, section: impl FnOnce(&Words) -> R) -> R {
        section(&RwLock::read(self).unwrap())
    }

    #[inline(always)]
    fn write<R>(&self, section: impl FnOnce(&mut Words) -> R) -> R {
        section(&mut RwLock::write(self).unwrap())
    }
}

/// The loop alone, for those who subtract its cost.
#[derive(Default)]
struct Empty;

impl Subject for Empty {
    type Local = ();

    #[inline(always)]
    fn operate(&self, _: &mut (), _: &Parameters, mut acquired: impl Acquired) {
        acquired();
    }
}

impl Subject for AtomicI64 {
    type Local = ();

    #[inline(always)]
    fn operate(&self, _: &mut (), _: &Parameters, mut acquired: impl Acquired) {
        self.fetch_add(1, Ordering::SeqCst);
        acquired();
    }

    fn datum(&self) -> u64 {
        self.load(Ordering::SeqCst) as u64
    }
}

struct StdOnce(Once, AtomicU64);

impl Default for StdOnce {
    fn default() -> Self {
        let once = StdOnce(Once::new(), AtomicU64::new(0));
        once.operate(&mut (), &Parameters { section: 0, write_permille: 0, ops: 0 }, || ());
        once
    }
}

impl Subject for StdOnce {
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

/// The value is the number of initialisations so far.
struct StdOnceLock(OnceLock<u64>, AtomicU64);

impl Default for StdOnceLock {
    fn default() -> Self {
        let lock = StdOnceLock(OnceLock::new(), AtomicU64::new(0));
        lock.operate(&mut (), &Parameters { section: 0, write_permille: 0, ops: 0 }, || ());
        lock
    }
}

impl Subject for StdOnceLock {
    type Local = ();

    #[inline(always)]
    fn operate(&self, _: &mut (), _: &Parameters, mut acquired: impl Acquired) {
        std::hint::black_box(self.0.get_or_init(|| self.1.fetch_add(1, Ordering::Relaxed) + 1));
        acquired();
    }

    fn datum(&self) -> u64 {
        self.1.load(Ordering::Relaxed)
    }
}

/// std has no pool; this is what people write.
#[derive(Default)]
struct LockedPool(Mutex<Vec<Box<Item>>>);

impl Subject for LockedPool {
    type Local = ();

    #[inline(always)]
    fn operate(&self, _: &mut (), parameters: &Parameters, mut acquired: impl Acquired) {
        let mut item = self.0.lock().unwrap().pop().unwrap_or_else(|| Box::new([0; 128]));
        acquired();
        touch(&mut item, parameters.ops);
        self.0.lock().unwrap().push(item);
    }
}

#[derive(Default)]
struct ThreadPool;

thread_local! {
    static ITEMS: RefCell<Vec<Box<Item>>> = const { RefCell::new(Vec::new()) };
}

impl Subject for ThreadPool {
    type Local = ();

    #[inline(always)]
    fn operate(&self, _: &mut (), parameters: &Parameters, mut acquired: impl Acquired) {
        let mut item = ITEMS.with(|items| items.borrow_mut().pop().unwrap_or_else(|| Box::new([0; 128])));
        acquired();
        touch(&mut item, parameters.ops);
        ITEMS.with(|items| items.borrow_mut().push(item));
    }
}

macro_rules! text {
    ($text:expr) => {
        concat!($text, "\0").as_ptr() as *const std::ffi::c_char
    };
}

const RUSTC: *const std::ffi::c_char = text!(env!("PEER_RUSTC"));
#[cfg(feature = "extras")]
const PARKING_LOT: *const std::ffi::c_char = text!(concat!(env!("PEER_PARKING_LOT"), ", ", env!("PEER_RUSTC")));
#[cfg(feature = "extras")]
const CROSSBEAM: *const std::ffi::c_char = text!(concat!(env!("PEER_CROSSBEAM"), ", ", env!("PEER_RUSTC")));

const fn entry<S: Subject>(kind: *const std::ffi::c_char, name: *const std::ffi::c_char) -> Impl {
    Impl {
        kind,
        name,
        version: RUSTC,
        bytes: 0,
        parks: 1,
        max_threads: 0,
        create: Some(create::<S>),
        destroy: Some(destroy::<S>),
        run: Some(run::<S>),
        datum: Some(datum::<S>),
        foreign: 1,
    }
}

/// An entry whose datum says nothing.
const fn unchecked<S: Subject>(kind: *const std::ffi::c_char, name: *const std::ffi::c_char) -> Impl {
    Impl { datum: None, ..entry::<S>(kind, name) }
}

/// An entry whose workers sit two by two.
const fn seated<S: Subject>(kind: *const std::ffi::c_char, name: *const std::ffi::c_char, bytes: usize) -> Impl {
    Impl { bytes, max_threads: MOST, ..entry::<S>(kind, name) }
}

const fn many<S: Single>(name: *const std::ffi::c_char) -> Impl {
    Impl {
        bytes: size_of::<S>(),
        create: Some(million::<S>),
        destroy: Some(forget_million::<S>),
        run: None,
        datum: None,
        ..entry::<Empty>(text!("million"), name)
    }
}

const END: Impl = Impl {
    kind: std::ptr::null(),
    name: std::ptr::null(),
    version: std::ptr::null(),
    bytes: 0,
    parks: 0,
    max_threads: 0,
    create: None,
    destroy: None,
    run: None,
    datum: None,
    foreign: 1,
};

// The sizes are those of the lock alone: without payload, but with the poison flag and the padding it brings.
pub const TABLE: &[Impl] = &[
    Impl { bytes: size_of::<Mutex<()>>(), ..entry::<Counting<Mutex<u64>>>(text!("mutex"), text!("rust std")) },
    Impl { bytes: size_of::<RwLock<()>>(), ..entry::<ReadingWriting<RwLock<Words>>>(text!("rw"), text!("rust std")) },
    Impl { bytes: size_of::<RwLock<()>>(), ..entry::<Holding<RwLock<Words>>>(text!("hold"), text!("rust std")) },
    Impl { bytes: size_of::<AtomicI64>(), parks: 0, ..entry::<AtomicI64>(text!("atomic"), text!("rust std")) },
    Impl { bytes: size_of::<Once>(), ..entry::<StdOnce>(text!("once"), text!("rust Once")) },
    Impl { bytes: size_of::<OnceLock<()>>(), ..entry::<StdOnceLock>(text!("once"), text!("rust OnceLock")) },
    unchecked::<LockedPool>(text!("pool"), text!("rust Mutex<Vec>")),
    unchecked::<ThreadPool>(text!("pool"), text!("rust thread_local")),
    seated::<Turns<StdMonitor>>(text!("cond"), text!("rust std"), size_of::<Condvar>()),
    seated::<All<StdMonitor>>(text!("broadcast"), text!("rust std"), size_of::<Condvar>()),
    seated::<GroupTurns<StdMonitor>>(text!("waitgroup"), text!("rust Mutex + Condvar"), 16),
    seated::<GroupAll<StdMonitor>>(text!("fanout"), text!("rust Mutex + Condvar"), 16),
    seated::<Rounds>(text!("barrier"), text!("rust Barrier"), size_of::<Barrier>()),
    Impl { max_threads: 64, ..entry::<Handed>(text!("handed"), text!("rust Mutex<Vec>")) },
    many::<Mutex<()>>(text!("rust Mutex")),
    many::<RwLock<()>>(text!("rust RwLock")),
    many::<NewOnce>(text!("rust Once")),
    many::<Condvar>(text!("rust Condvar")),
    Impl { parks: 0, ..unchecked::<Empty>(text!("empty"), text!("rust empty")) },
    #[cfg(feature = "extras")]
    Impl {
        bytes: size_of::<parking_lot::Mutex<()>>(),
        version: PARKING_LOT,
        ..entry::<Counting<parking_lot::Mutex<u64>>>(text!("mutex"), text!("parking_lot"))
    },
    #[cfg(feature = "extras")]
    Impl {
        bytes: size_of::<parking_lot::FairMutex<()>>(),
        version: PARKING_LOT,
        ..entry::<Counting<parking_lot::FairMutex<u64>>>(text!("mutex"), text!("parking_lot fair"))
    },
    #[cfg(feature = "extras")]
    Impl {
        bytes: size_of::<parking_lot::ReentrantMutex<()>>(),
        version: PARKING_LOT,
        ..entry::<Counting<parking_lot::ReentrantMutex<Cell<u64>>>>(text!("mutex"), text!("parking_lot reentrant"))
    },
    #[cfg(feature = "extras")]
    Impl {
        bytes: size_of::<parking_lot::RwLock<()>>(),
        version: PARKING_LOT,
        ..entry::<ReadingWriting<parking_lot::RwLock<Words>>>(text!("rw"), text!("parking_lot"))
    },
    #[cfg(feature = "extras")]
    Impl {
        bytes: size_of::<parking_lot::RwLock<()>>(),
        version: PARKING_LOT,
        ..entry::<ReadingWriting<extras::FairlyUnlocked>>(text!("rw"), text!("parking_lot fair"))
    },
    #[cfg(feature = "extras")]
    Impl {
        bytes: size_of::<parking_lot::RwLock<()>>(),
        version: PARKING_LOT,
        ..entry::<Holding<parking_lot::RwLock<Words>>>(text!("hold"), text!("parking_lot"))
    },
    #[cfg(feature = "extras")]
    Impl {
        bytes: size_of::<parking_lot::RwLock<()>>(),
        version: PARKING_LOT,
        ..entry::<Holding<extras::FairlyUnlocked>>(text!("hold"), text!("parking_lot fair"))
    },
    #[cfg(feature = "extras")]
    Impl {
        bytes: size_of::<parking_lot::Once>(),
        version: PARKING_LOT,
        ..entry::<extras::LotOnce>(text!("once"), text!("parking_lot"))
    },
    #[cfg(feature = "extras")]
    Impl {
        bytes: size_of::<crossbeam_utils::sync::ShardedLock<()>>(),
        version: CROSSBEAM,
        ..entry::<ReadingWriting<crossbeam_utils::sync::ShardedLock<Words>>>(text!("rw"), text!("crossbeam sharded"))
    },
    #[cfg(feature = "extras")]
    Impl {
        version: PARKING_LOT,
        ..seated::<Turns<extras::LotMonitor>>(text!("cond"), text!("parking_lot"), size_of::<parking_lot::Condvar>())
    },
    #[cfg(feature = "extras")]
    Impl {
        version: PARKING_LOT,
        ..seated::<All<extras::LotMonitor>>(text!("broadcast"), text!("parking_lot"), size_of::<parking_lot::Condvar>())
    },
    #[cfg(feature = "extras")]
    Impl {
        version: PARKING_LOT,
        ..seated::<GroupTurns<extras::LotMonitor>>(text!("waitgroup"), text!("parking_lot Mutex + Condvar"), 24)
    },
    #[cfg(feature = "extras")]
    Impl {
        version: PARKING_LOT,
        ..seated::<GroupAll<extras::LotMonitor>>(text!("fanout"), text!("parking_lot Mutex + Condvar"), 24)
    },
    #[cfg(feature = "extras")]
    Impl { version: PARKING_LOT, ..many::<parking_lot::Mutex<()>>(text!("parking_lot Mutex")) },
    #[cfg(feature = "extras")]
    Impl { version: PARKING_LOT, ..many::<parking_lot::RwLock<()>>(text!("parking_lot RwLock")) },
    #[cfg(feature = "extras")]
    Impl { version: PARKING_LOT, ..many::<parking_lot::Condvar>(text!("parking_lot Condvar")) },
    END,
];
