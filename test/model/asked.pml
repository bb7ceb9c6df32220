/* SPDX-License-Identifier: MIT */
/*
 * asked.pml - readers that have joined a lock read without a fence; writers ask each of them (lib/sync/readers_ask.c).
 *
 *   reader   slot = lock; read word; joined -> in                    writer   word = locked; who has joined: alert = ASKED;
 *   runlock  slot = NULL; read alert: fence, alert = 0                        waits for that, or membarrier and joined = no; read slots
 *
 * Store buffers: a reader's plain stores, to its slot and to its entry, wait until they are let out, a locked instruction of its own or a membarrier.
 * In order (x86), or with WEAK each location by itself, but that a release store first lets out what is before it. R readers read K times each, and join
 * whenever they like; W writers write once each. A writer loses patience whenever it likes.
 * Checked: nobody reads beside a writer; nobody waits for ever.
 * Mutants that must fail: NO_JOIN_FENCE, NOBODY_ASKS, NO_MEMBARRIER, FREE_SLOT, UNASKED_LOOK, ALL_JOINED, BARE_ANSWER.
 */
#ifndef R
#define R 2
#endif
#ifndef K
#define K 2
#endif
#ifndef W
#define W 1
#endif

bool locked = false, writing = false;
bool slot[R], joined[R], alert[R];
byte reading = 0;

/* A buffer of up to three stores each: to the slot (0, 1) or to the entry (2, 3). In one order, or in one for each. */
#define SLOTS   0
#define ENTRIES 1
chan buffer[R] = [4] of { byte, bool };
bool own_slot[R], own_joined[R];                        /* what the thread itself reads, while stores wait */

inline let_out(i, what, value) {
	if
	:: what == SLOTS -> slot[i] = value
	:: else -> joined[i] = value
	fi
}

inline drain(i) {
	atomic {
		do
		:: nempty(buffer[i]) -> buffer[i]?what, value; let_out(i, what, value)
		:: else -> break
		od
	}
}

proctype buffers(byte b) {
	byte what;
	bool value;

end:	do
	:: atomic { nempty(buffer[b]) -> buffer[b]?what, value; let_out(b, what, value) }
#ifdef WEAK
	:: atomic { buffer[b]??[SLOTS, value] -> buffer[b]??SLOTS, value; slot[b] = value }
	:: atomic { buffer[b]??[ENTRIES, value] -> buffer[b]??ENTRIES, value; joined[b] = value }
#endif
	od
}

inline store_slot(value_) { atomic { own_slot[me] = value_; buffer[me]!SLOTS, value_ } }

/* A release: what is before it is let out first. In order it is, as every store. */
inline store_entry(value_) {
	atomic {
#ifdef WEAK
		drain(me);
#endif
		own_joined[me] = value_;
		buffer[me]!ENTRIES, value_
	}
}

/* The thread's own last store, or memory if that is out (a writer may have cleared the entry since). */
#define HAS_JOINED ((buffer[me]??[ENTRIES, 0] || buffer[me]??[ENTRIES, 1]) -> own_joined[me] : joined[me])

inline join() {
	store_entry(true);
#ifndef NO_JOIN_FENCE
	drain(me)
#endif
}

inline answer() {
	if
	:: alert[me] ->
#ifdef BARE_ANSWER
		alert[me] = false
#else
		atomic { drain(me); alert[me] = false }
#endif
	:: else -> skip
	fi
}

proctype reader(byte me) {
	byte k = 0, what;
	bool value, in;

	if :: join() :: skip fi;
	do
	:: k < K ->
		store_slot(true);
		in = !locked;                           /* may pass the store */
		if
		:: in ->
			if
#ifdef ALL_JOINED
			:: true -> skip
#else
			:: HAS_JOINED -> skip
			:: else ->
				drain(me);
				in = !locked
#endif
			fi
		:: else -> skip
		fi;
		if
		:: in ->
			reading++;
			assert(!writing);
			if
			:: !HAS_JOINED -> join()
			:: answer()                     /* at a runlock of another lock */
			:: skip
			fi;
			reading--;
			store_slot(false);
			answer()
		:: else ->
			store_slot(false);
			answer();
			if :: HAS_JOINED -> store_entry(false) :: else -> skip fi;
			!locked
		fi;
		k++
	:: else -> break
	od;
	drain(me)
}

inline membarrier() {
	atomic {
		i = 0;
		do
		:: i < R -> drain(i); i++
		:: else -> break
		od
	}
}

inline ask() {
	j = 0;
	do
	:: j < R ->
		if
		:: joined[j] -> alert[j] = true
		:: else -> skip
		fi;
		j++
	:: else -> break
	od;
	j = 0;
	do
	:: j < R ->
		if
		:: !(joined[j] && alert[j]) -> j++
#ifdef FREE_SLOT
		:: !slot[j] -> j++
#endif
		:: joined[j] && alert[j] ->      /* patience is over */
#ifndef NO_MEMBARRIER
			membarrier();
#endif
			i = 0;
			do
			:: i < R ->
				atomic { if :: joined[i] && alert[i] -> joined[i] = false :: else -> skip fi };
				i++
			:: else -> break
			od;
			j = R
		fi
	:: else -> break
	od
}

proctype writer() {
	byte i, j, what;
	bool value;

	atomic { !locked -> locked = true };            /* a locked instruction: writers have no buffers */
#ifndef NOBODY_ASKS
#ifndef UNASKED_LOOK
	ask();
#endif
#endif
	j = 0;
	do
	:: j < R -> !slot[j]; j++
	:: else -> break
	od;
#ifdef UNASKED_LOOK
	ask();
#endif
	writing = true;
	assert(reading == 0);
	writing = false;
	locked = false
}

init {
	byte n = 0;

	atomic {
		do :: n < R -> run buffers(n); run reader(n); n++ :: else -> break od;
		n = 0;
		do :: n < W -> run writer(); n++ :: else -> break od
	}
}
