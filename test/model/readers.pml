/* SPDX-License-Identifier: MIT */
/*
 * readers.pml - readers' slots against a writer and against a stranger who gives a hold back.
 *
 *   reader   slot = lock; light; read word        writer    word = locked; heavy; wait until no slot names the lock
 *   runlock  slot = NULL; light; read alert       claimer   alert = CLAIMER; heavy; claim bit; slot: lock -> TAKEN
 *
 * Store buffers: each reader's plain stores wait in its buffer until they are let out, a locked instruction of its own or a membarrier. They all go
 * to one location, its slot, so that buffers in order (x86) and buffers by location (weaker machines) are the same here; what release and
 * acquire publish is relacy's part. FENCED: the reader executes a fence, and the writer no membarrier. R readers read K times each; HANDED:
 * the first of each reader's holds is given back by the stranger.
 * Checked: nobody reads beside the writer; no hold is given back twice and none stays (the slots are free at the end, and the stranger finds
 * what it is to give back); nobody sleeps for ever.
 * Mutants that must fail: NO_MEMBARRIER, NO_FENCE (with FENCED), NO_SECOND_FENCE, NO_ALERT; with HANDED NO_RECHECK, NO_CLAIM_FENCE,
 * STORE_NULL, FORGET_HOLD, RETREAT_SILENT.
 */
#ifndef R
#define R 2
#endif
#ifndef K
#define K 2
#endif

#ifdef NO_RECHECK
#define MUTE true
#else
#define MUTE false
#endif
#ifdef RETREAT_SILENT
#define MUTE_RETREAT true
#else
#define MUTE_RETREAT false
#endif

#define FREE  0
#define NAMED 1
#define TAKEN 2

bool locked = false, writer_in = false, parked = false, latch = false;
byte slot[R], sleepers[R];
bool claimer[R], claimed[R];
byte holds = 0, handed = 0;                             /* that nobody is giving back yet; of them, that wait for the stranger */

/* One location is ever stored plainly: a thread's own slot. Its buffer holds up to two values. */
byte first[R], waiting[R], second[R];

inline flush_one(i) {
	if
	:: waiting[i] > 0 -> slot[i] = first[i]; first[i] = second[i]; waiting[i]--
	:: else -> skip
	fi
}
inline drain(i) { flush_one(i); flush_one(i) }
inline store(i, value) {
	atomic {
		if :: waiting[i] == 2 -> flush_one(i) :: else -> skip fi;
		if :: waiting[i] == 0 -> first[i] = value :: else -> second[i] = value fi;
		waiting[i]++
	}
}
/* What the thread itself reads from its slot. */
#define OWN(i) (waiting[i] == 2 -> second[i] : (waiting[i] == 1 -> first[i] : slot[i]))

inline membarrier() { atomic { drain(0) }; atomic { drain(1 % R) }; atomic { drain(2 % R) } }
inline lock_latch() { atomic { !latch -> latch = true; drain(me) } }

proctype buffers() {
end:	do
	:: atomic { waiting[0] > 0 -> flush_one(0) }
	:: atomic { waiting[1 % R] > 0 -> flush_one(1 % R) }
	:: atomic { waiting[2 % R] > 0 -> flush_one(2 % R) }
	od
}

/* A stranger's, or an owner's whose hold was consumed: takes any slot that names the lock. Under the latch. */
inline claim(found) {
	found = false;
	any = false;
	i = 0;
	do
	:: i < R ->
		atomic { if :: slot[i] == NAMED -> any = true; claimer[i] = true :: else -> skip fi };
		i++
	:: else -> break
	od;
#ifndef NO_CLAIM_FENCE
	membarrier();
#endif
	i = 0;
	do
	:: i < R ->
		if
		:: claimer[i] ->
			if
			:: !found && slot[i] == NAMED ->
				claimed[i] = true;
				atomic {
					if
#ifdef STORE_NULL
					:: slot[i] == NAMED -> slot[i] = FREE; found = true
#else
					:: slot[i] == NAMED -> slot[i] = TAKEN; found = true
#endif
					:: else -> claimed[i] = false
					fi
				}
			:: else -> skip
			fi;
			claimer[i] = false
		:: else -> skip
		fi;
		i++
	:: else -> break
	od
}

/* Whoever may be asleep over that slot looks again. */
inline wake() { parked = false }

inline give_one_back() {
	do
	:: lock_latch(); claim(done); latch = false; if :: done -> break :: else -> skip fi
	od;
	wake()
}

/* After the own slot was cleared. consumed: another hold is to be given back. */
inline look_at_alert(silent) {
	atomic {                                        /* one load */
		alarm = claimer[me] || claimed[me] || sleepers[me] > 0;
		asleep = sleepers[me] > 0
	};
	if
	:: alarm && !silent ->
		lock_latch();
		atomic { consumed = claimed[me]; claimed[me] = false; asleep = sleepers[me] > 0 };
		latch = false;
		if
		:: consumed ->
#ifndef FORGET_HOLD
			give_one_back()
#else
			skip
#endif
		:: else -> if :: asleep -> wake() :: else -> skip fi
		fi
	:: else -> skip
	fi
}

/* A slot that a claimer took is free again once the owner has acknowledged it. */
inline settle() {
	if
	:: OWN(me) == TAKEN ->
		lock_latch(); atomic { slot[me] = FREE; claimed[me] = false }; latch = false
	:: else -> skip
	fi
}

proctype reader(byte me) {
	byte k = 0, i;
	bool held, any, done, alarm, asleep, consumed;

	do
	:: k < K ->
		settle();
		if
		:: OWN(me) == FREE ->
			store(me, NAMED);
#ifdef FENCED
#ifndef NO_FENCE
			atomic { drain(me) };
#endif
#endif
			held = !locked;                 /* may pass the store */
			if
			:: held ->
				holds++;
				assert(!writer_in);
#ifdef HANDED
				if
				:: k == 0 -> atomic { handed++ }        /* the stranger's from here on */
				:: else ->
#endif
					holds--;
					if
					:: OWN(me) == NAMED ->
						store(me, FREE);
						look_at_alert(MUTE)
					:: else ->
						lock_latch(); latch = false;
						give_one_back()         /* taken for another's: so is another for this one */
					fi
#ifdef HANDED
				fi
#endif
			:: else ->
				store(me, FREE);
				look_at_alert(MUTE_RETREAT)
			fi
		:: else -> skip                         /* the first hold is still there: this read would be counted */
		fi;
		k++
	:: else -> break
	od;
	atomic { drain(me) };
	settle()
}

#ifdef HANDED
proctype stranger() {
	byte me = R, i;
	bool any, done;

end:	do
	:: atomic { handed > 0 -> handed--; holds-- };
		do
		:: atomic { !latch -> latch = true }; claim(done); latch = false; if :: done -> break :: else -> skip fi
		od;
		wake()
	od
}
#endif

proctype writer() {
	byte i = 0;

	locked = true;                                  /* a locked instruction: the writer has no buffer */
#ifndef FENCED
#ifndef NO_MEMBARRIER
	membarrier();
#endif
#endif
	do
	:: i < R ->
		if
		:: slot[i] != NAMED -> i++
		:: else ->
#ifndef NO_ALERT
			sleepers[i]++;
#endif
#ifndef NO_SECOND_FENCE
			membarrier();
#endif
			atomic { parked = true; if :: slot[i] != NAMED -> parked = false :: else -> skip fi };
			!parked;
#ifndef NO_ALERT
			sleepers[i]--
#else
			skip
#endif
		fi
	:: else -> break
	od;
	writer_in = true;
	assert(holds == 0);
	writer_in = false;
	locked = false
}

init {
	byte i = 0;

	atomic {
		run buffers();
		do :: i < R -> run reader(i); i++ :: else -> break od;
#ifdef HANDED
		run stranger();
#endif
		run writer()
	}
}
