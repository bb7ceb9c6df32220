// SPDX-License-Identifier: MIT

//! The records of peer.h as Rust sees them, and the clock of the latency runs.

use std::ffi::{c_char, c_int, c_void};
use std::ptr::{read_volatile, write_volatile};
use std::sync::OnceLock;
use std::time::Instant;

pub const ABI: c_int = 1;

#[repr(C, align(128))]
pub struct Worker {
    pub stop: *const u32,
    pub limit: u64,
    ops: u64,
    pub writes: u64,
    pub section: u32,
    pub outside: u32,
    pub write_permille: u32,
    pub batch: u32,
    pub random: u64,
    histogram: *mut u64,
    longest_ns: u64,
    pub index: u32,
    pub threads: u32,
    reserved: [u64; 4],
}

/// The hooks of the hold loops: `struct fsyb_hold`, behind which the harness keeps what is its own.
#[repr(C)]
pub struct Hold {
    pub ask: unsafe extern "C" fn(*mut Hold),
    pub held: unsafe extern "C" fn(*mut Hold, c_int),
    pub left: unsafe extern "C" fn(*mut Hold),
}

#[repr(C)]
pub struct Impl {
    pub kind: *const c_char,
    pub name: *const c_char,
    pub version: *const c_char,
    pub bytes: usize,
    pub parks: c_int,
    pub max_threads: u32,
    pub create: Option<unsafe extern "C" fn(u32) -> *mut c_void>,
    pub destroy: Option<unsafe extern "C" fn(*mut c_void)>,
    pub run: Option<unsafe extern "C" fn(*mut c_void, *mut Worker)>,
    pub datum: Option<unsafe extern "C" fn(*mut c_void) -> u64>,
    pub foreign: c_int,
}

pub struct Table(pub &'static [Impl]);
// Constants and functions; nothing in it is ever written.
unsafe impl Sync for Table {}

impl Worker {
    #[inline(always)]
    pub fn stopped(&self) -> bool {
        unsafe { read_volatile(self.stop) != 0 }
    }

    #[inline(always)]
    pub fn ops(&self) -> u64 {
        self.ops
    }

    #[inline(always)]
    pub fn set_ops(&mut self, ops: u64) {
        unsafe { write_volatile(&mut self.ops, ops) }
    }

    pub fn limit(&self) -> u64 {
        if self.limit != 0 {
            self.limit
        } else {
            u64::MAX
        }
    }

    /// NULL: there are none.
    pub fn hold(&self) -> *mut Hold {
        self.reserved[1] as *mut Hold
    }

    pub fn stamps(&self) -> bool {
        !self.histogram.is_null()
    }
}

/// The clock of a latency run: nanoseconds per TSC tick in 32.32 fixed point, or 0 for CLOCK_MONOTONIC.
#[derive(Clone, Copy)]
pub struct Stamp {
    scale: u64,
    epoch: Instant,
}

impl Stamp {
    pub fn new(worker: &Worker) -> Stamp {
        static EPOCH: OnceLock<Instant> = OnceLock::new();
        let khz = if cfg!(target_arch = "x86_64") { worker.reserved[0] } else { 0 };
        Stamp { scale: (1_000_000u64 << 32).checked_div(khz).unwrap_or(0), epoch: *EPOCH.get_or_init(Instant::now) }
    }

    #[inline(always)]
    pub fn now(&self) -> u64 {
        #[cfg(target_arch = "x86_64")]
        if self.scale != 0 {
            return unsafe { core::arch::x86_64::_rdtsc() };
        }
        self.epoch.elapsed().as_nanos() as u64
    }

    #[inline(always)]
    pub fn record(&self, worker: &mut Worker, before: u64, after: u64) {
        let mut ns = after.saturating_sub(before);
        if self.scale != 0 {
            ns = ((ns as u128 * self.scale as u128) >> 32) as u64;
        }
        unsafe { *worker.histogram.add(bucket(ns)) += 1 };
        worker.longest_ns = worker.longest_ns.max(ns);
    }
}

/// `fsyb_bucket` of peer.h.
#[inline(always)]
fn bucket(ns: u64) -> usize {
    if ns < 8 {
        return ns as usize;
    }
    let high = 63 - ns.leading_zeros() as usize;
    (high - 2) * 8 + (ns >> (high - 3) & 7) as usize
}
