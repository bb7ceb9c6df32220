/* SPDX-License-Identifier: MIT */
/*
 * handshake.pml - unlock by one plain store, under total store order, with the lock destroyed right after.
 *
 *   unlocker                              searcher about to sleep, bucket locked
 *     locked = 0      (store buffer)        searcher = 0, queued = 1, enqueue, attention = 1; bucket unlocked
 *     light barrier                         membarrier (drains every store buffer)
 *     read attention: visit the lot?        read locked: sleep?
 *
 * Each thread takes the lock K times; whoever is the last to have had it takes the memory away after its unlock. A
 * thread's store buffer holds at most the one store, because every other access to the word drains it.
 * Checked: mutual exclusion, no access to the word after its end of life (I1), nobody sleeps for ever, all 0 at rest.
 * Mutants that must fail: NO_MEMBARRIER, EARLY_LOOK, NO_LIGHT, OBJECT_FLAG, NO_ARM.
 */
#ifndef N
#define N 3
#endif
#ifndef K
#define K 1
#endif
bool alive = true, bucket = false, attention = false;
bool locked = false, searcher = false, queued = false;  /* the word */
bool pending[N];                                        /* "locked = 0" waits in the store buffer */
bool inq[N], parked[N], woken[N];
byte nq = 0, inside = 0, uses = N * K;

#define TOUCH assert(alive)
inline drain(i) { if :: pending[i] -> TOUCH; pending[i] = false; locked = false :: else -> skip fi }
inline lock_bucket() { atomic { !bucket -> bucket = true; drain(me) } }
inline unlock_bucket() { atomic { drain(me); bucket = false } }
inline leave_queue(i) {
	inq[i] = false; nq--;
	if :: nq == 0 -> TOUCH; queued = false; attention = false :: else -> skip fi
}
inline membarrier() {
#ifndef NO_MEMBARRIER
	atomic { drain(0) }; atomic { drain(1 % N) }; atomic { drain(2 % N) }
#else
	atomic { drain(me) }
#endif
}

inline visit() {
	lock_bucket();
	if
	:: nq == 0 -> skip
	:: else ->
		atomic {
			TOUCH;
			if
			:: searcher -> attention = false
			:: !searcher && locked -> skip
			:: else ->
				searcher = true;
				if :: inq[0] -> w = 0 :: inq[1 % N] -> w = 1 % N :: inq[2 % N] -> w = 2 % N fi;
				attention = false;
				leave_queue(w);
				woken[w] = true; parked[w] = false
			fi
		}
	fi;
	unlock_bucket()
}

/* Sleeps as the searcher that it is; afterwards it may be the searcher again (own). */
inline sleep() {
	lock_bucket();
	atomic {
		TOUCH;
		if
		:: !locked -> sleeps = false
		:: else ->
			searcher = false; queued = true; own = false; sleeps = true;
			inq[me] = true; nq++; woken[me] = false; parked[me] = true;
#ifndef NO_ARM
			attention = true
#endif
		fi
	};
#ifdef EARLY_LOOK
	atomic { TOUCH; early = locked };
#endif
	unlock_bucket();
	if
	:: !sleeps -> skip
	:: else ->
		membarrier();
#ifndef EARLY_LOOK
		atomic { TOUCH; early = locked };
#endif
		if
		:: early -> !parked[me]
		:: else ->
			lock_bucket();
			atomic { if :: woken[me] -> skip :: else -> leave_queue(me); parked[me] = false fi };
			unlock_bucket()
		fi;
		own = woken[me]
	fi
}

/* Sleeps behind an awake searcher. */
inline sleep_covered() {
	lock_bucket();
	atomic {
		TOUCH;
		if
		:: !locked || !searcher -> sleeps = false
		:: else -> queued = true; sleeps = true; inq[me] = true; nq++; woken[me] = false; parked[me] = true
		fi
	};
	unlock_bucket();
	if :: sleeps -> !parked[me]; own = woken[me] :: else -> skip fi
}

proctype thread(byte me) {
	byte w, k = 0;
	bool own = false, got = false, look, last, sleeps, early;
again:
	do
	:: got -> break
	:: !got ->
		atomic {
			drain(me); TOUCH; look = false;
			if
			:: !locked ->
				locked = true; got = true;
				if :: own -> searcher = false; own = false; look = queued :: else -> skip fi
			:: locked && !searcher -> searcher = true; own = true
			:: locked && searcher -> skip
			fi
		};
		if
		:: got && look ->                       /* the searcher took over: its own unlock must come by */
			lock_bucket();
			atomic { if :: nq > 0 && !searcher -> attention = true :: else -> skip fi };
			unlock_bucket()
		:: got && !look -> skip
		:: !got && own -> sleep()
		:: !got && own -> skip
		:: !got && !own -> sleep_covered()
		:: !got && !own -> skip
		fi
	od;
	inside++; assert(inside == 1); inside--;
	uses--; last = (uses == 0);
#ifdef NO_LIGHT
	look = attention;
	atomic { TOUCH; pending[me] = true };
#else
	atomic { TOUCH; pending[me] = true };
#ifdef OBJECT_FLAG
	TOUCH;
#endif
	look = attention;
#endif
	if :: look -> visit() :: else -> skip fi;
	if :: last -> atomic { drain(me); assert(!locked && !searcher && !queued && !attention); alive = false } :: else -> skip fi;
	got = false; k++;
	if :: k < K -> goto again :: else -> skip fi
}

/* Buffers drain at any time. */
active proctype memory() {
end:
	do
	:: atomic { pending[0] -> drain(0) }
	:: atomic { pending[1 % N] -> drain(1 % N) }
	:: atomic { pending[2 % N] -> drain(2 % N) }
	od
}

init { byte i = 0; atomic { do :: i < N -> run thread(i); i++ :: else -> break od } }
