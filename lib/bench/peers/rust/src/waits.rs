// SPDX-License-Identifier: MIT

//! What makes threads wait for each other, and a pool whose objects are handed on: the loops of ../loop_wait.h.

use crate::loops::*;
use crate::record::Worker;
use std::cell::UnsafeCell;
use std::ops::DerefMut;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::*};
use std::sync::{Barrier, Condvar, Mutex, MutexGuard, Once, RwLock};

/// Workers beyond these have no seat.
pub const MOST: u32 = 1024;
const SEATS: usize = MOST as usize / 2;

#[derive(Default)]
pub struct State {
    turn: u32,
    arrived: u32,
    over: bool,
    generation: u64,
    datum: u64,
}

/// A mutex with two condition variables, as each library spells it.
pub trait Monitor: Default + Sync {
    type Guard<'a>: DerefMut<Target = State>
    where
        Self: 'a;
    fn lock(&self) -> Self::Guard<'_>;
    fn wait<'a>(&'a self, which: usize, guard: Self::Guard<'a>) -> Self::Guard<'a>;
    fn signal(&self, which: usize);
    fn broadcast(&self, which: usize);
}

#[derive(Default)]
pub struct StdMonitor(Mutex<State>, [Condvar; 2]);

impl Monitor for StdMonitor {
    type Guard<'a> = MutexGuard<'a, State>;

    #[inline(always)]
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    #[inline(always)]
    fn wait<'a>(&'a self, which: usize, guard: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.1[which].wait(guard).unwrap()
    }

    #[inline(always)]
    fn signal(&self, which: usize) {
        self.1[which].notify_one()
    }

    #[inline(always)]
    fn broadcast(&self, which: usize) {
        self.1[which].notify_all()
    }
}

#[derive(Default)]
#[repr(align(128))]
struct Seat<M>(M);

fn seats<M: Default>() -> Box<[Seat<M>]> {
    (0..SEATS).map(|_| Seat::default()).collect()
}

#[derive(Default)]
pub struct Place {
    index: u32,
    threads: u32,
    me: usize,
    next: usize,
    seat: usize,
    round: u64,
    left: bool,
}

impl Place {
    fn take(&mut self, worker: &Worker) {
        (self.index, self.threads, self.seat) = (worker.index, worker.threads, worker.index as usize / 2);
        self.me = worker.index as usize & 1;
        self.next = if worker.index ^ 1 < worker.threads { self.me ^ 1 } else { self.me };
    }
}

pub struct Turns<M>(Box<[Seat<M>]>);
pub struct All<M>(Box<[Seat<M>]>);

impl<M: Monitor> Default for Turns<M> {
    fn default() -> Self {
        Turns(seats())
    }
}

impl<M: Monitor> Default for All<M> {
    fn default() -> Self {
        All(seats())
    }
}

impl<M: Monitor> Subject for Turns<M> {
    type Local = Place;

    fn begin(place: &mut Place, worker: &Worker) {
        place.take(worker);
    }

    #[inline(always)]
    fn operate(&self, place: &mut Place, parameters: &Parameters, mut acquired: impl Acquired) {
        let seat = &self.0[place.seat].0;
        let mut state = seat.lock();
        while state.turn != place.me as u32 && !state.over {
            state = seat.wait(0, state);
        }
        acquired();
        state.datum = work(state.datum + 1, parameters.section);
        state.turn = place.next as u32;
        seat.signal(0);
    }

    fn end(&self, place: Place, _: &mut Worker) {
        let seat = &self.0[place.seat].0;
        seat.lock().over = true;
        seat.broadcast(0);
    }

    fn datum(&self) -> u64 {
        self.0.iter().map(|seat| seat.0.lock().datum).sum()
    }
}

impl<M: Monitor> Subject for All<M> {
    type Local = Place;

    fn begin(place: &mut Place, worker: &Worker) {
        place.take(worker);
    }

    #[inline(always)]
    fn operate(&self, place: &mut Place, parameters: &Parameters, mut acquired: impl Acquired) {
        let seat = &self.0[0].0;
        let others = place.threads - 1;
        let mut state = seat.lock();
        if place.index == 0 {
            state.arrived = 0;
            state.generation += 1;
            seat.broadcast(0);
            while state.arrived < others && !state.over {
                state = seat.wait(1, state);
            }
        } else {
            while state.generation == place.round && !state.over {
                state = seat.wait(0, state);
            }
            place.round += 1;
            state.arrived += 1;
            if state.arrived == others {
                seat.signal(1);
            }
        }
        acquired();
        state.datum = work(state.datum + 1, parameters.section);
    }

    fn end(&self, _: Place, _: &mut Worker) {
        let seat = &self.0[0].0;
        seat.lock().over = true;
        seat.broadcast(0);
        seat.broadcast(1);
    }

    fn datum(&self) -> u64 {
        self.0[0].0.lock().datum
    }
}

/// The wait group that people write: std and parking_lot have none. `turn` and the rest of the state stay unused.
#[derive(Default)]
struct Group<M>(M);

impl<M: Monitor> Group<M> {
    #[inline(always)]
    fn add(&self, count: i64) {
        let mut state = self.0.lock();
        state.generation = state.generation.wrapping_add(count as u64);
        if state.generation == 0 {
            self.0.broadcast(0);
        }
    }

    #[inline(always)]
    fn wait(&self) {
        let mut state = self.0.lock();
        while state.generation != 0 {
            state = self.0.wait(0, state);
        }
    }
}

#[derive(Default)]
struct GroupSeat<M> {
    groups: [Group<M>; 2],
    back: Group<M>,
    datum: AtomicU64,
    arrived: AtomicU32,
    over: AtomicU32,
    wrong: AtomicU64,
}

pub struct GroupTurns<M>(Box<[Seat<GroupSeat<M>>]>);
pub struct GroupAll<M>(Box<[Seat<GroupSeat<M>>]>);

fn group_seats<M: Monitor>() -> Box<[Seat<GroupSeat<M>>]> {
    let seats: Box<[Seat<GroupSeat<M>>]> = seats();
    seats.iter().for_each(|seat| seat.0.groups[1].add(1));
    seats
}

impl<M: Monitor> Default for GroupTurns<M> {
    fn default() -> Self {
        GroupTurns(group_seats())
    }
}

impl<M: Monitor> Default for GroupAll<M> {
    fn default() -> Self {
        GroupAll(group_seats())
    }
}

impl<M: Monitor> GroupTurns<M> {
    #[inline(always)]
    fn pass(&self, place: &Place, counted: impl FnOnce()) {
        let seat = &self.0[place.seat].0;
        seat.groups[place.me].wait();
        counted();
        seat.groups[place.me].add(1);
        seat.groups[place.next].add(-1);
    }
}

impl<M: Monitor> Subject for GroupTurns<M> {
    type Local = Place;

    fn begin(place: &mut Place, worker: &Worker) {
        place.take(worker);
    }

    #[inline(always)]
    fn operate(&self, place: &mut Place, parameters: &Parameters, mut acquired: impl Acquired) {
        let datum = &self.0[place.seat].0.datum;
        self.pass(place, || {
            acquired();
            datum.store(work(datum.load(Relaxed) + 1, parameters.section), Relaxed);
        });
    }

    fn end(&self, place: Place, _: &mut Worker) {
        let over = &self.0[place.seat].0.over;
        if place.me == place.next {
            return;
        }
        let second = over.fetch_add(1, AcqRel) == 1;
        let mut seen = 0;
        while seen < 2 {
            self.pass(&place, || seen = if second { 2 } else { over.load(Acquire) }); // with the turn in hand
        }
    }

    fn datum(&self) -> u64 {
        self.0.iter().map(|seat| seat.0.datum.load(Relaxed)).sum()
    }
}

impl<M: Monitor> Subject for GroupAll<M> {
    type Local = Place;

    fn begin(place: &mut Place, worker: &Worker) {
        place.take(worker);
    }

    #[inline(always)]
    fn operate(&self, place: &mut Place, _: &Parameters, mut acquired: impl Acquired) {
        if place.left {
            return;
        }
        let seat = &self.0[0].0;
        let (others, round) = (place.threads - 1, place.round as usize);
        if place.index == 0 {
            seat.back.add(others as i64);
            seat.groups[round & 1].add(1);
            seat.groups[(round + 1) & 1].add(-1);
            seat.back.wait();
            if seat.arrived.swap(0, Relaxed) != others {
                seat.wrong.fetch_add(1, Relaxed);
            }
        } else {
            seat.groups[(round + 1) & 1].wait();
            if seat.over.load(Acquire) != 0 {
                place.left = true; // the last one, and the stop flag is up
                return;
            }
            seat.arrived.fetch_add(1, Relaxed);
            seat.back.add(-1);
        }
        place.round += 1;
        acquired();
    }

    fn end(&self, place: Place, _: &mut Worker) {
        let seat = &self.0[0].0;
        let mut round = place.round as usize;
        if place.index == 0 {
            seat.over.store(1, Release);
            seat.groups[(round + 1) & 1].add(-1);
            return;
        }
        while !place.left {
            seat.groups[(round + 1) & 1].wait();
            if seat.over.load(Acquire) != 0 {
                return;
            }
            seat.arrived.fetch_add(1, Relaxed);
            seat.back.add(-1);
            round += 1;
        }
    }

    fn datum(&self) -> u64 {
        self.0[0].0.wrong.load(Relaxed)
    }
}

/// Made for the first worker that comes, because only workers know how many there are.
#[derive(Default)]
pub struct Rounds {
    barrier: std::sync::OnceLock<Barrier>,
    arrived: AtomicU64,
    last: AtomicU64, // 1 more than the round after which all leave; 0: none yet
    wrong: AtomicU64,
}

impl Rounds {
    fn pass(&self, place: &mut Place) {
        place.round += 1;
        self.arrived.fetch_add(1, Relaxed);
        self.barrier.get_or_init(|| Barrier::new(place.threads as usize)).wait();
        if self.arrived.load(Relaxed) < place.round * place.threads as u64 {
            self.wrong.fetch_add(1, Relaxed);
        }
    }

    fn left(&self, place: &Place) -> bool {
        let last = self.last.load(Relaxed);
        last != 0 && place.round >= last
    }
}

impl Subject for Rounds {
    type Local = Place;

    fn begin(place: &mut Place, worker: &Worker) {
        place.take(worker);
    }

    #[inline(always)]
    fn operate(&self, place: &mut Place, _: &Parameters, mut acquired: impl Acquired) {
        if !self.left(place) {
            self.pass(place);
        }
        acquired();
    }

    fn end(&self, mut place: Place, _: &mut Worker) {
        if place.index == 0 {
            self.last.store(place.round + 1, Relaxed);
        }
        while !self.left(&place) {
            self.pass(&mut place);
        }
    }

    fn datum(&self) -> u64 {
        self.wrong.load(Relaxed)
    }
}

/// std has no pool; a vector of boxes under a mutex is what people write.
const RING: u64 = 256;
const RING_BATCH: u64 = 8;

struct Ring {
    got: Seat<AtomicU64>,
    put: Seat<AtomicU64>,
    item: Seat<UnsafeCell<Vec<Option<Box<Item>>>>>,
}
// An item belongs to the producer until `got` says otherwise, then to the consumer until `put` does.
unsafe impl Sync for Ring {}

impl Default for Ring {
    fn default() -> Self {
        let item = (0..RING).map(|_| None).collect();
        Ring { got: Seat::default(), put: Seat::default(), item: Seat(UnsafeCell::new(item)) }
    }
}

pub struct Handed {
    pool: Mutex<Vec<Box<Item>>>,
    rings: Box<[Ring]>,
    wrong: AtomicU64,
}

impl Default for Handed {
    fn default() -> Self {
        Handed { pool: Mutex::default(), rings: (0..32).map(|_| Ring::default()).collect(), wrong: AtomicU64::new(0) }
    }
}

pub struct Hand {
    place: Place,
    seen: u64, // of the other's count; what is known need not be looked at again
    stop: *const u32,
}

impl Default for Hand {
    fn default() -> Self {
        Hand { place: Place::default(), seen: 0, stop: std::ptr::null() }
    }
}

impl Hand {
    #[inline(always)]
    fn wait(&mut self, own: &AtomicU64, other: &AtomicU64, until: u64) -> bool {
        let mut look = 0u32;
        if self.seen >= until {
            return true;
        }
        own.store(self.place.round, Release);
        loop {
            self.seen = other.load(Acquire);
            if self.seen >= until {
                return true;
            }
            if unsafe { std::ptr::read_volatile(self.stop) } != 0 {
                return false;
            }
            look = look.wrapping_add(1);
            if look % 1024 == 0 {
                std::thread::yield_now();
            }
            std::hint::spin_loop();
        }
    }

    /// How far one is, every few objects.
    #[inline(always)]
    fn step(&mut self, own: &AtomicU64) {
        self.place.round += 1;
        if self.place.round % RING_BATCH == 0 {
            own.store(self.place.round, Release);
        }
    }
}

impl Subject for Handed {
    type Local = Hand;

    fn begin(hand: &mut Hand, worker: &Worker) {
        hand.place.take(worker);
        hand.stop = worker.stop;
    }

    #[inline(always)]
    fn operate(&self, hand: &mut Hand, _: &Parameters, mut acquired: impl Acquired) {
        let ring = &self.rings[hand.place.seat];
        let count = hand.place.round;
        let slot = || unsafe { &mut *(&mut *ring.item.0.get()).as_mut_ptr().add((count % RING) as usize) };
        if hand.place.me == 0 {
            if count >= RING && !hand.wait(&ring.got.0, &ring.put.0, count - RING + 1) {
                return;
            }
            let mut item = self.pool.lock().unwrap().pop().unwrap_or_else(|| Box::new([0; 128]));
            touch(&mut item, count);
            *slot() = Some(item);
            hand.step(&ring.got.0);
        } else if hand.wait(&ring.put.0, &ring.got.0, count + 1) {
            let item = slot().take().unwrap();
            if item[0] != count || item[127] != count {
                self.wrong.fetch_add(1, Relaxed);
            }
            self.pool.lock().unwrap().push(item);
            hand.step(&ring.put.0);
        }
        acquired();
    }

    fn end(&self, hand: Hand, _: &mut Worker) {
        let ring = &self.rings[hand.place.seat];
        let own = if hand.place.me == 0 { &ring.got.0 } else { &ring.put.0 };
        own.store(hand.place.round, Release);
    }

    fn datum(&self) -> u64 {
        self.wrong.load(Relaxed)
    }
}

/// A million bare objects, each used once.
pub trait Single: Default + Sync {
    fn touch(&self);
}

impl Single for Mutex<()> {
    fn touch(&self) {
        drop(self.lock());
    }
}

impl Single for RwLock<()> {
    fn touch(&self) {
        drop(self.read());
    }
}

impl Single for Condvar {
    fn touch(&self) {
        self.notify_one();
    }
}

pub struct NewOnce(Once);

impl Default for NewOnce {
    fn default() -> Self {
        NewOnce(Once::new())
    }
}

impl Single for NewOnce {
    fn touch(&self) {
        self.0.call_once(|| ());
    }
}

pub unsafe extern "C" fn million<S: Single>(_threads: u32) -> *mut std::ffi::c_void {
    let all: Vec<S> = (0..1_000_000).map(|_| S::default()).collect();
    all.iter().for_each(S::touch);
    Box::into_raw(Box::new(all)) as *mut std::ffi::c_void
}

pub unsafe extern "C" fn forget_million<S: Single>(all: *mut std::ffi::c_void) {
    drop(unsafe { Box::from_raw(all as *mut Vec<S>) });
}
