/* SPDX-License-Identifier: MIT */
/*
 * atomic.h - typed atomics whose ordering is part of the operation's name.
 *
 * Types: fsy_atomic_i32, _i64, _u32, _u64, _bool, _ptr. Zero-filled memory holds 0, false, NULL.
 * For each type T with value type V:
 *
 *   V    fsy_atomic_T_load(p)            _load_rlx   _load_acq
 *   void fsy_atomic_T_store(p, v)        _store_rlx  _store_rel
 *   V    fsy_atomic_T_swap(p, v)         _rlx _acq _rel _acqrel     returns the old value
 *   bool fsy_atomic_T_cas(p, &seen, v)   _rlx _acq _rel _acqrel     true: stored v; false: seen = value found
 *   V    fsy_atomic_T_add(p, v)          _rlx _acq _rel _acqrel     integers; returns the old value; wraps
 *   V    fsy_atomic_T_and(p, v), _or     _rlx _acq _rel _acqrel     integers; return the old value
 *   V    fsy_atomic_T_fetch_max(p, v), fetch_min   likewise         integers; return the old value
 *
 * No suffix means sequentially consistent, as in Go. _rlx orders nothing, _acq keeps later
 * accesses after it, _rel keeps earlier accesses before it, _acqrel does both. A failed cas
 * orders as its load: acquire for _acq, _acqrel and no suffix, nothing for the others.
 * cas does not fail spuriously. fetch_max and fetch_min store nothing when the value stands; they are then
 * a load of that order. Nothing here blocks, allocates or is a cancellation point; all of it
 * is async-signal-safe and fork-safe. Operation names and orders: C11; fetch_max/min: C++26, Rust.
 */
#ifndef FASTSYNC_ATOMIC_H
#define FASTSYNC_ATOMIC_H

#include <fastsync/base.h>

/*
 * The floor below: every atomic access of the library ends in one of these macros, so that a
 * test build can put a simulator under the real code (FSYI_MACHINE names its header).
 */
#ifdef FSYI_MACHINE
#include FSYI_MACHINE
#else
#define FSY_CELL_(V)                      V
#define FSY_RAW_LOAD_(p, order)           __atomic_load_n(p, order)
#define FSY_RAW_STORE_(p, v, order)       __atomic_store_n(p, v, order)
#define FSY_RAW_SWAP_(p, v, order)        __atomic_exchange_n(p, v, order)
#define FSY_RAW_CAS_(p, seen, v, ok, bad) __atomic_compare_exchange_n(p, seen, v, false, ok, bad)
#define FSY_RAW_ADD_(p, v, order)         __atomic_fetch_add(p, v, order)
#define FSY_RAW_AND_(p, v, order)         __atomic_fetch_and(p, v, order)
#define FSY_RAW_OR_(p, v, order)          __atomic_fetch_or(p, v, order)
#define FSY_RAW_FENCE_()                  __atomic_thread_fence(__ATOMIC_SEQ_CST)
#endif

/* T is the whole type name: bool alone would be replaced, being a macro in C11.
 * Orders, spelled as the suffix and the orders of success and failure. */
#define FSY_ORDERS_(X, T, V)                                     \
	X(T, V, , __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)                \
	X(T, V, _rlx, __ATOMIC_RELAXED, __ATOMIC_RELAXED)            \
	X(T, V, _acq, __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE)            \
	X(T, V, _rel, __ATOMIC_RELEASE, __ATOMIC_RELAXED)            \
	X(T, V, _acqrel, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)

#define FSY_DEFINE_LOAD_(T, V, suffix, order)                    \
	static inline V T##_load##suffix(const T *p) \
	{ return FSY_RAW_LOAD_(&p->cell_, order); }
#define FSY_DEFINE_STORE_(T, V, suffix, order)                   \
	static inline void T##_store##suffix(T *p, V v) \
	{ FSY_RAW_STORE_(&p->cell_, v, order); }

#define FSY_DEFINE_RMW_(T, V, suffix, ok, bad)                   \
	static inline V T##_swap##suffix(T *p, V v) \
	{ return FSY_RAW_SWAP_(&p->cell_, v, ok); }                   \
	static inline bool T##_cas##suffix(T *p, V *seen, V v) \
	{ return FSY_RAW_CAS_(&p->cell_, seen, v, ok, bad); }

#define FSY_DEFINE_ARITHMETIC_(T, V, suffix, ok, bad)            \
	static inline V T##_add##suffix(T *p, V v) \
	{ return FSY_RAW_ADD_(&p->cell_, v, ok); }                    \
	static inline V T##_and##suffix(T *p, V v) \
	{ return FSY_RAW_AND_(&p->cell_, v, ok); }                    \
	static inline V T##_or##suffix(T *p, V v) \
	{ return FSY_RAW_OR_(&p->cell_, v, ok); }                     \
	static inline V T##_fetch_max##suffix(T *p, V v) \
	{ V old = FSY_RAW_LOAD_(&p->cell_, bad);                      \
	  while (old < v && !FSY_RAW_CAS_(&p->cell_, &old, v, ok, bad)) {} \
	  return old; }                                               \
	static inline V T##_fetch_min##suffix(T *p, V v) \
	{ V old = FSY_RAW_LOAD_(&p->cell_, bad);                      \
	  while (old > v && !FSY_RAW_CAS_(&p->cell_, &old, v, ok, bad)) {} \
	  return old; }

#define FSY_DEFINE_ATOMIC_(T, V)                                 \
	typedef struct { FSY_CELL_(V) cell_; } T;       \
	FSY_DEFINE_LOAD_(T, V, , __ATOMIC_SEQ_CST)                   \
	FSY_DEFINE_LOAD_(T, V, _rlx, __ATOMIC_RELAXED)               \
	FSY_DEFINE_LOAD_(T, V, _acq, __ATOMIC_ACQUIRE)               \
	FSY_DEFINE_STORE_(T, V, , __ATOMIC_SEQ_CST)                  \
	FSY_DEFINE_STORE_(T, V, _rlx, __ATOMIC_RELAXED)              \
	FSY_DEFINE_STORE_(T, V, _rel, __ATOMIC_RELEASE)              \
	FSY_ORDERS_(FSY_DEFINE_RMW_, T, V)
#define FSY_DEFINE_INTEGER_(T, V)                                \
	FSY_DEFINE_ATOMIC_(T, V)                                     \
	FSY_ORDERS_(FSY_DEFINE_ARITHMETIC_, T, V)

FSY_DEFINE_INTEGER_(fsy_atomic_i32, int32_t)
FSY_DEFINE_INTEGER_(fsy_atomic_i64, int64_t)
FSY_DEFINE_INTEGER_(fsy_atomic_u32, uint32_t)
FSY_DEFINE_INTEGER_(fsy_atomic_u64, uint64_t)
FSY_DEFINE_ATOMIC_(fsy_atomic_bool, bool)
FSY_DEFINE_ATOMIC_(fsy_atomic_ptr, void *)

#endif
