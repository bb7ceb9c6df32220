// SPDX-License-Identifier: MIT

//! The loops of ../README.md, generic over what they exercise.

use crate::record::{Hold, Stamp, Worker};
use std::arch::asm;
use std::ffi::c_void;
use std::hint::black_box;

/// Multiplications that each depend on the one before; the optimiser cannot see through them. The instructions of
/// `fsyb_work()`.
#[inline(always)]
pub fn work(mut value: u64, count: u32) -> u64 {
    if count == 0 {
        return value;
    }
    #[cfg(target_arch = "x86_64")]
    unsafe {
        asm!(".p2align 4", "2:", "imul {0}, {0}, 1", "dec {1:e}", "jnz 2b",
             inout(reg) value, inout(reg) count => _, options(nomem, nostack))
    };
    #[cfg(target_arch = "aarch64")]
    unsafe {
        asm!(".p2align 4", "2:", "mul {0}, {0}, {2}", "subs {1:w}, {1:w}, #1", "b.ne 2b",
             inout(reg) value, inout(reg) count => _, in(reg) 1u64, options(nomem, nostack))
    };
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    for _ in 0..count {
        value = value.wrapping_mul(black_box(1))
    }
    value
}

/// Called by an operation as soon as it has what it asked for; takes the second stamp in latency runs.
pub trait Acquired: FnMut() {}
impl<F: FnMut()> Acquired for F {}

pub trait Subject: Default + Sync {
    /// What one worker keeps for the whole of a loop.
    type Local: Default;
    fn operate(&self, local: &mut Self::Local, parameters: &Parameters, acquired: impl Acquired);
    fn begin(_local: &mut Self::Local, _worker: &Worker) {}
    fn end(&self, _local: Self::Local, _worker: &mut Worker) {}
    fn datum(&self) -> u64 {
        0
    }
}

pub struct Parameters {
    pub section: u32,
    pub write_permille: u32,
    pub ops: u64,
}

#[inline(always)]
fn run_loop<S: Subject, const LATENCY: bool>(subject: &S, worker: &mut Worker) {
    let stamp = Stamp::new(worker);
    let (limit, outside) = (worker.limit(), worker.outside);
    let mut parameters =
        Parameters { section: worker.section, write_permille: worker.write_permille, ops: worker.ops() };
    let mut local = S::Local::default();
    let mut spare = 1;

    S::begin(&mut local, worker);
    while parameters.ops < limit && !worker.stopped() {
        if LATENCY {
            let before = stamp.now();
            let mut after = 0;
            subject.operate(&mut local, &parameters, || after = stamp.now());
            stamp.record(worker, before, after);
        } else {
            subject.operate(&mut local, &parameters, || ());
        }
        spare = work(spare, outside);
        parameters.ops += 1;
        worker.set_ops(parameters.ops);
    }
    black_box(spare);
    subject.end(local, worker);
}

pub unsafe extern "C" fn run<S: Subject>(object: *mut c_void, worker: *mut Worker) {
    let (object, worker) = unsafe { (&*(object as *const Alone<S>), &mut *worker) };
    if worker.stamps() {
        run_loop::<S, true>(&object.0, worker);
    } else {
        run_loop::<S, false>(&object.0, worker);
    }
}

/// Cache lines of its own for every object.
#[derive(Default)]
#[repr(align(128))]
struct Alone<S>(S);

pub unsafe extern "C" fn create<S: Subject>(_threads: u32) -> *mut c_void {
    Box::into_raw(Box::<Alone<S>>::default()) as *mut c_void
}

pub unsafe extern "C" fn destroy<S: Subject>(object: *mut c_void) {
    drop(unsafe { Box::from_raw(object as *mut Alone<S>) });
}

pub unsafe extern "C" fn datum<S: Subject>(object: *mut c_void) -> u64 {
    unsafe { &*(object as *const Alone<S>) }.0.datum()
}

/// A lock around one value, as each library spells it.
pub trait Lock: Default + Sync {
    fn with<R>(&self, section: impl FnOnce(&mut u64) -> R) -> R;
}

#[derive(Default)]
pub struct Counting<L>(L);

impl<L: Lock> Subject for Counting<L> {
    type Local = ();

    #[inline(always)]
    fn operate(&self, _: &mut (), parameters: &Parameters, mut acquired: impl Acquired) {
        self.0.with(|value| {
            acquired();
            *value = work(*value + 1, parameters.section);
        })
    }

    fn datum(&self) -> u64 {
        self.0.with(|value| *value)
    }
}

pub type Words = [u64; 2];

pub trait SharedLock: Default + Sync {
    fn read<R>(&self, section: impl FnOnce(&Words) -> R) -> R;
    fn write<R>(&self, section: impl FnOnce(&mut Words) -> R) -> R;
}

#[derive(Default)]
pub struct ReadingWriting<L> {
    lock: L,
    torn: std::sync::atomic::AtomicBool,
}

#[derive(Default)]
pub struct ReaderWriter {
    random: u64,
    writes: u64,
    torn: u64,
}

impl ReaderWriter {
    /// Whether the next operation is a write.
    #[inline(always)]
    fn draw(&mut self, parameters: &Parameters) -> bool {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        ((self.random >> 32) * 1000) >> 32 < parameters.write_permille as u64
    }
}

impl<L: SharedLock> Subject for ReadingWriting<L> {
    type Local = ReaderWriter;

    fn begin(local: &mut ReaderWriter, worker: &Worker) {
        (local.random, local.writes) = (worker.random, worker.writes);
    }

    #[inline(always)]
    fn operate(&self, local: &mut ReaderWriter, parameters: &Parameters, mut acquired: impl Acquired) {
        if local.draw(parameters) {
            self.lock.write(|words| {
                acquired();
                words[0] += 1;
                words[1] = work(words[1] + 1, parameters.section);
            });
            local.writes += 1;
        } else {
            local.torn = self.lock.read(|words| {
                acquired();
                work(local.torn | (words[0] ^ words[1]), parameters.section)
            });
        }
    }

    fn end(&self, local: ReaderWriter, worker: &mut Worker) {
        (worker.random, worker.writes) = (local.random, local.writes);
        if local.torn != 0 {
            self.torn.store(true, std::sync::atomic::Ordering::Relaxed);
        }
    }

    fn datum(&self) -> u64 {
        if self.torn.load(std::sync::atomic::Ordering::Relaxed) {
            return u64::MAX;
        }
        self.lock.read(|words| words[0])
    }
}

/// The starvation experiment: `ReadingWriting` with the harness's hooks around and inside its sections.
#[derive(Default)]
pub struct Holding<L>(ReadingWriting<L>);

pub struct Holder {
    common: ReaderWriter,
    hold: *mut Hold,
}

impl Default for Holder {
    fn default() -> Self {
        Holder { common: ReaderWriter::default(), hold: std::ptr::null_mut() }
    }
}

impl Holder {
    fn call(&self, hook: impl FnOnce(&Hold, *mut Hold)) {
        if let Some(hooks) = unsafe { self.hold.as_ref() } {
            hook(hooks, self.hold);
        }
    }
}

impl<L: SharedLock> Subject for Holding<L> {
    type Local = Holder;

    fn begin(local: &mut Holder, worker: &Worker) {
        ReadingWriting::<L>::begin(&mut local.common, worker);
        local.hold = worker.hold();
    }

    fn operate(&self, local: &mut Holder, parameters: &Parameters, mut acquired: impl Acquired) {
        local.call(|hooks, hold| unsafe { (hooks.ask)(hold) });
        if local.common.draw(parameters) {
            self.0.lock.write(|words| {
                acquired();
                words[0] += 1;
                local.call(|hooks, hold| unsafe { (hooks.held)(hold, 1) });
                words[1] = work(words[1] + 1, parameters.section);
            });
            local.common.writes += 1;
        } else {
            local.common.torn = self.0.lock.read(|words| {
                acquired();
                local.call(|hooks, hold| unsafe { (hooks.held)(hold, 0) });
                work(local.common.torn | (words[0] ^ words[1]), parameters.section)
            });
        }
        local.call(|hooks, hold| unsafe { (hooks.left)(hold) });
    }

    fn end(&self, local: Holder, worker: &mut Worker) {
        self.0.end(local.common, worker);
    }

    fn datum(&self) -> u64 {
        self.0.datum()
    }
}

/// 1 KB.
pub type Item = [u64; 128];

#[inline(always)]
pub fn touch(item: &mut Item, ops: u64) {
    item[0] = ops;
    item[127] = ops;
    black_box(item);
}
