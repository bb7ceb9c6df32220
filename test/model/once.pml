/* SPDX-License-Identifier: MIT */
/*
 * once.pml - the life of a once: runs that succeed or fail under three policies, waiting, passing a failed run on, poison, timeouts, and
 * destruction as soon as it is seen to be done. Sequential consistency: every step of the real code that matters is one atomic access of
 * the word, or stands under the bucket lock (the store buffers have the scheduler, the orders relacy).
 *
 * A compare-and-swap loop is one step, because a failed attempt changes nothing. Thread 0 runs once under any policy, or only
 * waits, and may give up waiting; thread 1 retries until it is done or poisoned (with N=2, once); thread 2 waits only, before or after
 * anybody starts; thread 3, if there is one, forces. At most FAILS runs fail. A last one destroys the once when it is done and nobody waits for it.
 * Checked: one run at a time, no run after done, nobody forgotten, exactly one heir for each failed run that is passed on, no access
 * after the end of life (I1), at rest the word is new, done or poisoned and nothing else.
 * Mutants that must fail: NO_MARK, NO_WAKE, NO_HEIR, BARE_HEIR, HIDE_OTHERS, TOUCH_LATE, LOST_RUN, SILENT_POISON, KEEP_MARK (N=2).
 */
#ifndef N
#define N 3
#endif
#ifndef FAILS
#define FAILS 2
#endif
#define RUNNING 1
#define DONE 2
#define WAITED 4
#define POISONED 8
#define RUN 1                           /* kinds of waiters */
#define FORCE 2
#define WATCH 3
#define NONE 0
#define NORMAL 1
#define HANDOFF 2

byte w = 0;                             /* the word */
byte runs = 0, fails = FAILS, gone = 0, out = 0, heirs = 0;
bool alive = true, bucket = false, good = false;
byte kind[N], token[N], order[N], tickets = 0, nq = 0;  /* kind != 0: parked in the queue */

#define TOUCH assert(alive)
inline lock_bucket() { atomic { !bucket -> bucket = true } }
inline unlock_bucket() { bucket = false }
inline dequeue(i, t) { kind[i] = 0; nq--; token[i] = t }

#define MUST_WAIT(v, k) (((v) & DONE) == 0 && (((v) & RUNNING) || ((k) == WATCH && !((v) & POISONED))))

/* The eldest in the queue that may have the run; N if nobody may. */
#define MAY(i) (kind[i] == FORCE || (kind[i] == RUN && !poisons))
inline find_heir() {
	heir = N; i = 0;
	do
	:: i < N ->
		if
		:: MAY(i) && (heir == N || order[i] < order[heir]) -> heir = i
		:: else -> skip
		fi;
		i++
	:: else -> break
	od;
	i = 0
}

inline wake_all() {
	i = 0;
	do :: i < N -> if :: kind[i] != 0 -> dequeue(i, NORMAL) :: else -> skip fi; i++ :: else -> break od;
	i = 0
}

/* Parks while the word asks for it; given says whether a run was passed on to it. */
inline park(k) {
	given = false;
	lock_bucket();
	atomic {
		TOUCH; sleeps = false;
		if
		:: MUST_WAIT(w, k) ->
#ifndef NO_MARK
			w = w | WAITED;
#endif
			kind[me] = k; token[me] = NONE; order[me] = tickets; tickets++; nq++; sleeps = true
		:: else -> skip
		fi
	};
	unlock_bucket();
	if
	:: sleeps ->
		if
		:: atomic { token[me] != NONE -> given = (token[me] == HANDOFF); token[me] = NONE }
		:: atomic { me == 0 && token[me] == NONE -> skip };     /* the deadline */
			lock_bucket();
			atomic {
				if
#ifdef LOST_RUN
				:: token[me] != NONE -> token[me] = NONE; leaves = true
#else
				:: token[me] != NONE -> given = (token[me] == HANDOFF); token[me] = NONE
#endif
				:: else ->
					kind[me] = 0; nq--; leaves = true;
#ifndef KEEP_MARK
					if :: nq == 0 -> TOUCH; w = w & ~WAITED :: else -> skip fi
#endif
				fi
			};
			unlock_bucket()
		fi
	:: else -> skip
	fi
}

inline complete() {
	atomic { TOUCH; assert((w & ~(WAITED | POISONED)) == RUNNING); look = (w & WAITED) != 0; w = DONE; out++; counted = true };
#ifdef TOUCH_LATE
	atomic { TOUCH; look = look && w == DONE };
#endif
	if
	:: look ->
#ifndef NO_WAKE
		lock_bucket();
		atomic { wake_all() };
		unlock_bucket()
#else
		skip
#endif
	:: else -> skip
	fi
}

/* A failed run: given back, or, where others wait, passed on or spread as poison under the bucket lock. */
inline fail() {
	atomic {
		TOUCH;
		look = (w & WAITED) != 0;
		if :: !look -> w = (poisons -> POISONED : 0) :: else -> skip fi
	};
	if
	:: !look -> skip
	:: else ->
		lock_bucket();
		atomic {
			TOUCH;
			find_heir();
#ifdef NO_HEIR
			heir = N;
#endif
			if
			:: heir < N ->
				heirs++;
#ifdef BARE_HEIR
				w = (poisons -> POISONED : 0);
#else
				w = RUNNING | (poisons -> POISONED : 0);
#endif
#ifndef HIDE_OTHERS
				if :: nq > 1 -> w = w | WAITED :: else -> skip fi;
#endif
				dequeue(heir, HANDOFF)
			:: heir == N && poisons ->
#ifndef SILENT_POISON
				wake_all();
#endif
				w = POISONED | (nq > 0 -> WAITED : 0)
			:: else -> w = (nq > 0 -> WAITED : 0)
			fi
		};
		unlock_bucket()
	fi
}

inline run_it() {
	atomic { runs++; assert(runs == 1); assert(!good) };
	if
	:: fails > 0 -> atomic { fails--; runs-- }; result = 2; fail()
	:: atomic { good = true; runs-- }; result = 1; complete()
	fi
}

/* result: 1 done, 2 own run failed, 3 poisoned, 4 timed out */
inline use(k) {
	result = 0;
	do
	:: result != 0 || leaves -> break
	:: else ->
		if
		:: atomic { w == DONE -> TOUCH; result = 1 }
		:: atomic { (w & RUNNING) -> TOUCH }; park(k)
		:: atomic { (w & (RUNNING | DONE)) == 0 && (w & POISONED) && k != FORCE -> TOUCH; result = 3 }
		:: atomic { (w & (RUNNING | DONE)) == 0 && !(w & POISONED) && k == WATCH -> TOUCH }; park(k)
		:: atomic { (w & (RUNNING | DONE)) == 0 && k != WATCH && (k == FORCE || !(w & POISONED)) -> TOUCH; w = w | RUNNING }; run_it()
		fi;
		if
		:: given -> given = false; heirs--; assert(heirs == 0); run_it()
		:: else -> skip
		fi
	od;
	if :: result == 1 -> assert(good) :: else -> skip fi
}

proctype thread(byte me) {
	byte i, heir, result;
	bool given = false, leaves = false, sleeps, look, poisons = false, counted = false;

	if
	:: me == 0 -> if :: poisons = true; use(RUN) :: poisons = false; use(RUN) :: use(WATCH) fi
	:: me == 1 -> do :: use(RUN); if :: result == 2 && N > 2 -> skip :: else -> break fi od
	:: me == 2 -> use(WATCH)
	:: else -> poisons = true; use(FORCE)
	fi;
	atomic { gone++; if :: counted -> skip :: else -> out++ fi }
}

/* Whoever sees done, when the others are out of their calls, may take the memory away. The runner is out once it has said done. */
active proctype destroyer() {
	atomic { w == DONE && out == N -> alive = false }
}

init {
	byte j = 0;
	atomic { do :: j < N -> run thread(j); j++ :: else -> break od };
	gone == N;
	assert(nq == 0 && !bucket && heirs == 0);
	assert(w == 0 || w == DONE || w == POISONED);
	assert(!good || w == DONE);
	atomic { w = DONE; out = N }            /* so that the destroyer ends, too */
}
