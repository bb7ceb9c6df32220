/* SPDX-License-Identifier: MIT */
/*
 * lockword.pml - the roles of the adaptive lock: searcher, second and its turn, barred, queued, arming, taking over,
 * timeouts, turns of the queue, hand-off, the stale bar. Sequential consistency (handshake.pml and the scheduler have the
 * store buffers); time is any moment: patience, looks, turns and naps may end whenever they like.
 *
 * A compare-and-swap loop is one step, because a failed attempt changes nothing. Whom to wake is any waiter. Each thread locks
 * and unlocks K times; thread 0 may time out at any point; thread 1 unlocks fairly where it can; the last user destroys the
 * lock after its unlock.
 * Checked: mutual exclusion, no sleeper forgotten, no access after the end of life (I1), at rest word and attention are 0.
 * Mutants that must fail: NO_ARM, BARE_SLEEP, KEEP_CLAIM, BARE_ABANDON, EARLY_UNQUEUE (K=2), LOST_TOKEN, UNCOVERED, KEEP_BAR,
 * SILENT_TURN.
 */
#ifndef N
#define N 3
#endif
#ifndef K
#define K 1
#endif
#define LOCKED 1
#define BARRED 2
#define QUEUED 4
#define SEARCHER 8
#define SECOND 16
#define TURN 32
#define NONE 0
#define NORMAL 1
#define HANDOFF 2

byte w = 0;                             /* the word */
bool alive = true, bucket = false, attention = false;
bool inq[N], parked[N];
byte token[N], nq = 0, inside = 0, uses = N * K;

#define TOUCH assert(alive)
#define FREE(v) (((v) & (LOCKED | BARRED)) == 0)
inline lock_bucket() { atomic { !bucket -> bucket = true } }
inline unlock_bucket() { bucket = false }
inline enqueue() { inq[me] = true; nq++; token[me] = NONE; parked[me] = true }
inline dequeue(i) { inq[i] = false; nq--; if :: nq == 0 -> attention = false :: else -> skip fi }
inline pick() { if :: inq[0] -> x = 0 :: inq[1 % N] -> x = 1 % N :: inq[2 % N] -> x = 2 % N fi }
inline wake(i, t) { dequeue(i); token[i] = t; parked[i] = false }

/* Under the bucket lock: QUEUED goes with the last sleeper, before it is woken. */
inline unqueue_last() {
#ifdef EARLY_UNQUEUE
	w = w & ~QUEUED
#else
	if :: nq == 1 -> w = w & ~QUEUED :: else -> skip fi
#endif
}

/* Until woken, or thread 0's deadline. */
inline nap() {
	if
	:: !parked[me]
	:: me == 0 ->
		lock_bucket();
		atomic {
#ifdef LOST_TOKEN
			if :: token[me] == NONE -> dequeue(me); parked[me] = false :: else -> skip fi;
			token[me] = NONE; timeout_hit = true;
			if :: nq == 0 -> TOUCH; w = w & ~QUEUED :: else -> skip fi
#else
			if
			:: token[me] != NONE -> skip
			:: else ->
				dequeue(me); parked[me] = false; timeout_hit = true;
				if :: nq == 0 -> TOUCH; w = w & ~QUEUED :: else -> skip fi
			fi
#endif
		};
		unlock_bucket()
	fi;
	if
	:: timeout_hit -> skip
	:: else -> got = (token[me] == HANDOFF); own = (token[me] == NORMAL)
	fi
}

inline park_arrival() {
	lock_bucket();
	atomic {
		TOUCH; sleeps = false;
		if
		:: FREE(w) -> skip
#ifndef UNCOVERED
		:: !FREE(w) && !(w & SEARCHER) -> w = w | SEARCHER; own = true
		:: !FREE(w) && (w & SEARCHER) -> w = w | QUEUED; enqueue(); sleeps = true
#else
		:: !FREE(w) -> w = w | QUEUED; enqueue(); sleeps = true
#endif
		fi
	};
	unlock_bucket();
	if :: sleeps -> nap() :: else -> skip fi
}

inline park_searcher() {
	lock_bucket();
	atomic {
		TOUCH; sleeps = false;
		if
		:: !(w & LOCKED) -> skip
		:: else ->
			sleeps = true; own = false;
			if
			:: w & SECOND -> w = ((w | QUEUED) & ~(BARRED | SECOND)) ^ TURN; enqueue()
			:: else -> w = (w | QUEUED) & ~(BARRED | SEARCHER | TURN); enqueue();
#ifndef BARE_SLEEP
				attention = true
#endif
			fi
		fi
	};
	unlock_bucket();
	if
	:: !sleeps -> skip
	:: else ->                              /* the last look, for a searcher without a second; harmless with one */
		atomic { TOUCH; look = (w & (LOCKED | SEARCHER)) == 0 };
		if
		:: !look -> nap()
		:: else ->
			lock_bucket();
			atomic {
				if
				:: token[me] != NONE -> got = (token[me] == HANDOFF); own = (token[me] == NORMAL)
				:: else ->
					dequeue(me); parked[me] = false;
					if :: nq == 0 -> TOUCH; w = w & ~QUEUED :: else -> skip fi
				fi
			};
			unlock_bucket()
		fi
	fi
}

/* Changes places with a sleeper. */
inline park_turn() {
	lock_bucket();
	atomic {
		sleeps = false;
		if
		:: nq == 0 -> skip
		:: else ->
			TOUCH; w = w & ~BARRED; sleeps = true; own = false;
			pick();
#ifndef SILENT_TURN
			wake(x, NORMAL);
#endif
			if :: nq > 0 -> attention = true :: else -> skip fi;
			enqueue()
		fi
	};
	unlock_bucket();
	if :: sleeps -> nap() :: else -> skip fi
}

inline abandon() {
#ifdef BARE_ABANDON
	atomic { TOUCH; w = w & ~(SEARCHER | BARRED); own = false }
#else
	lock_bucket();
	atomic {
		TOUCH; own = false; w = w & ~BARRED;
		if
		:: w & SECOND -> w = (w & ~SECOND) ^ TURN
		:: !(w & SECOND) && nq == 0 -> w = w & ~(SEARCHER | TURN)
		:: else -> unqueue_last(); pick(); wake(x, NORMAL); if :: nq > 0 -> attention = true :: else -> skip fi
		fi
	};
	unlock_bucket()
#endif
}

inline take_over() {
	if
	:: w & SECOND ->
#ifdef KEEP_CLAIM
		w = ((w | LOCKED) & ~BARRED) ^ TURN
#else
		w = ((w | LOCKED) & ~(BARRED | SECOND)) ^ TURN
#endif
	:: else ->
#ifdef KEEP_BAR
		w = (w | LOCKED) & ~(SEARCHER | TURN)
#else
		w = (w | LOCKED) & ~(BARRED | SEARCHER | TURN)
#endif
	fi;
	own = false; got = true; arms = !(w & SEARCHER) && (w & QUEUED)
}

inline search() {
	if
	:: atomic { !(w & LOCKED) -> TOUCH; take_over() };
#ifndef NO_ARM
		if
		:: arms ->
			lock_bucket();
			atomic { TOUCH; if :: nq > 0 && !(w & SEARCHER) -> attention = true :: else -> skip fi };
			unlock_bucket()
		:: else -> skip
		fi
#else
		skip
#endif
	:: atomic { (w & LOCKED) && me == 0 -> TOUCH; timeout_hit = true }; abandon()
	:: atomic { (w & LOCKED) && (w & QUEUED) -> TOUCH }; park_turn()
	:: atomic { (w & LOCKED) -> TOUCH }; park_searcher()
	:: atomic { (w & LOCKED) && !(w & BARRED) -> TOUCH; w = w | BARRED }
	fi
}

inline second() {
	do
	:: atomic { (w & (SECOND | TURN)) != (SECOND | turn) -> TOUCH; own = true; break }
	:: atomic { (w & (SECOND | TURN)) == (SECOND | turn) && !(w & LOCKED) -> TOUCH;         /* barred: stale */
		w = (w | LOCKED) & ~(BARRED | SECOND); got = true; break }
	:: atomic { (w & (SECOND | TURN)) == (SECOND | turn) && me == 0 -> TOUCH; w = w & ~SECOND; timeout_hit = true; break }
	:: atomic { (w & (SECOND | TURN)) == (SECOND | turn) -> TOUCH; w = w & ~SECOND }; park_arrival(); break
	od
}

inline arrive() {
	if
	:: atomic { (w & (BARRED | SECOND)) == BARRED -> TOUCH; w = w | SECOND; turn = w & TURN }; second()
	:: atomic { !(w & LOCKED) -> TOUCH; w = (w | LOCKED) & ~BARRED; got = true }            /* barred: stale */
	:: atomic { !FREE(w) && me == 0 -> TOUCH; timeout_hit = true }
	:: atomic { !FREE(w) && !(w & SEARCHER) -> TOUCH; w = w | SEARCHER; own = true }
	:: atomic { !FREE(w) -> TOUCH }; park_arrival()
	fi
}

/* An unlock found attention raised. The word is touched only while somebody is queued. */
inline visit() {
	lock_bucket();
	atomic {
		if
		:: nq == 0 -> skip
		:: else ->
			TOUCH;
			if
			:: w & SEARCHER -> attention = false
			:: !(w & SEARCHER) && (w & LOCKED) -> skip
			:: else ->
				unqueue_last(); pick();
				if
				:: w = w | SEARCHER; wake(x, NORMAL)
				:: w = w | LOCKED; wake(x, HANDOFF)     /* taken for one that was woken in vain */
				fi;
				if :: nq > 0 -> attention = true :: else -> skip fi
			fi
		fi
	};
	unlock_bucket()
}

inline unlock_fair() {
	atomic { TOUCH; if :: (w & SEARCHER) && !(w & BARRED) -> w = w | BARRED :: else -> skip fi; look = (w & (QUEUED | SEARCHER)) == QUEUED };
	if
	:: look ->
		lock_bucket();
		atomic {
			TOUCH;
			if
			:: nq > 0 && !(w & SEARCHER) -> unqueue_last(); pick(); wake(x, HANDOFF); got = false;
				if :: nq > 0 -> attention = true :: else -> skip fi
			:: else -> skip
			fi
		};
		unlock_bucket()
	:: else -> skip
	fi
}

proctype thread(byte me) {
	byte x, turn, k = 0;
	bool own = false, got = false, timeout_hit = false, sleeps, look, arms, last;
again:
	do
	:: got || timeout_hit -> break
	:: else -> if :: own -> search() :: else -> arrive() fi
	od;
	if
	:: timeout_hit -> atomic { uses--; last = false }       /* it never had the lock, so it may not destroy it */
	:: else ->
		inside++; assert(inside == 1); assert(w & LOCKED); inside--;
		uses--; last = (uses == 0);
		if :: me == 1 -> unlock_fair() :: else -> skip fi;
		if
		:: got ->
			atomic { TOUCH; w = w & ~LOCKED };
			look = attention;
			if :: look -> visit() :: else -> skip fi
		:: else -> skip
		fi;
		if :: last -> atomic { TOUCH; assert(w == 0 && nq == 0 && !attention); alive = false } :: else -> skip fi
	fi;
	got = false; timeout_hit = false; k++;
	if :: k < K -> goto again :: else -> skip fi
}

init {
	byte i = 0;
	atomic { do :: i < N -> run thread(i); i++ :: else -> break od };
	_nr_pr == 1 -> assert(w == 0 && nq == 0 && !attention)
}
