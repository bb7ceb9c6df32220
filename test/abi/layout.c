/* SPDX-License-Identifier: MIT */
/* Prints every size, offset and constant that programs have compiled in; layout.txt is what it must print. */
#include <fastsync.h>
#include <stdio.h>

#define TYPE(T) printf("%-22s size %2zu align %2zu\n", #T, sizeof(T), _Alignof(T))
#define FIELD(T, f) printf("%-22s offset %2zu size %2zu\n", #T "." #f, offsetof(T, f), sizeof(((T *)0)->f))
#define VALUE(v) printf("%-22s 0x%llx\n", #v, (unsigned long long)(v))

static void
locks(void)
{
	TYPE(fsy_mutex_t);
	FIELD(fsy_mutex_t, word_);
	FIELD(fsy_mutex_t, held_);
	FIELD(fsy_mutex_t, busy_);
	FIELD(fsy_mutex_t, hint_);
	TYPE(fsy_poison_mutex_t);
	FIELD(fsy_poison_mutex_t, word_);
	FIELD(fsy_poison_mutex_t, owner_);
	TYPE(struct fsy_self_);
	FIELD(struct fsy_self_, id_);
	FIELD(struct fsy_self_, held_);
	VALUE(FSY_NOBODY_);
	VALUE(FSY_SIGNED_FENCED_);
	VALUE(FSY_LW_LOCKED_);
	VALUE(FSY_LW_BARRED_);
	VALUE(FSY_LW_QUEUED_);
	VALUE(FSY_LW_SEARCHER_);
	VALUE(FSY_LW_POISON_);
	VALUE(FSY_RELEASED_);
	VALUE(FSY_RELEASED_WAKE_);
	VALUE(FSY_SUSPECT_);
	VALUE(FSY_ATTENTION_BITS_);
	VALUE(sizeof fsy_attention_);
	for (uintptr_t address = 4; address < 1u << 30; address *= 61)
		printf("slot of %-14llu 0x%x\n", (unsigned long long)address, fsy_attention_slot_((const void *)address));
}

static void
readers(void)
{
	TYPE(fsy_rwmutex_t);
	FIELD(fsy_rwmutex_t, word_);
	FIELD(fsy_rwmutex_t, held_);
	FIELD(fsy_rwmutex_t, busy_);
	FIELD(fsy_rwmutex_t, hint_);
	FIELD(fsy_rwmutex_t, readers_);
	TYPE(fsy_fair_rwlock_t);
	FIELD(fsy_fair_rwlock_t, word_);
	FIELD(fsy_fair_rwlock_t, readers_);
	TYPE(struct fsy_fair_write_guard);
	TYPE(struct fsy_reader_);
	FIELD(struct fsy_reader_, slot);
	FIELD(struct fsy_reader_, alert);
	FIELD(struct fsy_reader_, fence);
	FIELD(struct fsy_reader_, reads);
	FIELD(struct fsy_reader_, joined);
	VALUE(FSY_READER_SLOTS_);
	VALUE(FSY_READERS_FENCED_);
	VALUE(FSY_READERS_PLAIN_);
	VALUE(FSY_READERS_JOINED_);
	VALUE(FSY_READS_SAMPLED_);
	VALUE(FSY_LW_CALL_);
	for (uintptr_t address = 8; address < 1u << 30; address *= 59)
		printf("reader slot of %-7llu %d\n", (unsigned long long)address,
		       (int)(fsy_reader_slot_((const fsy_atomic_u32 *)address) - fsy_reader_->slot));
	for (uintptr_t address = 8; address < 1u << 30; address *= 59)
		printf("reader entry of %-6llu %d\n", (unsigned long long)address,
		       (int)(fsy_reader_joined_((const fsy_atomic_u32 *)address) - fsy_reader_->joined));
}

static void
onces(void)
{
	TYPE(fsy_once_t);
	VALUE(FSY_ONCE_DONE_);
	VALUE(FSY_ONCE_NEW);
	VALUE(FSY_ONCE_RUNNING);
	VALUE(FSY_ONCE_DONE);
	VALUE(FSY_ONCE_POISONED);
	TYPE(fsy_once_node_t);
	VALUE(FSY_ONCE_NODES);
	TYPE(fsy_lazy_t);
	FIELD(fsy_lazy_t, value_);
	TYPE(fsy_lazy_fn_t);
	FIELD(fsy_lazy_fn_t, error_);
	TYPE(fsy_lazy_node_t);
	FIELD(fsy_lazy_node_t, value_);
}

static void
meetings(void)
{
	TYPE(fsy_cond_t);
	FIELD(fsy_cond_t, word_);
	TYPE(fsy_waitgroup_t);
	FIELD(fsy_waitgroup_t, word_);
	TYPE(fsy_barrier_t);
	FIELD(fsy_barrier_t, others_);
	FIELD(fsy_barrier_t, unlisted_);
	FIELD(fsy_barrier_t, fork_);
	FIELD(fsy_barrier_t, generation_);
}

static void
atomics(void)
{
	TYPE(fsy_atomic_i32);
	TYPE(fsy_atomic_i64);
	TYPE(fsy_atomic_u32);
	TYPE(fsy_atomic_u64);
	TYPE(fsy_atomic_bool);
	TYPE(fsy_atomic_ptr);
}

static void
pools(void)
{
	TYPE(fsy_pool_t);
	FIELD(fsy_pool_t, cell_);
	TYPE(struct fsy_pool_cell_);
	FIELD(struct fsy_pool_cell_, own_);
	FIELD(struct fsy_pool_cell_, busy_);
	VALUE((uintptr_t)FSY_POOL_VACANT_);
	VALUE((uintptr_t)FSY_POOL_TAKEN_);
	TYPE(fsy_pool_config_t);
	FIELD(fsy_pool_config_t, object_size);
	FIELD(fsy_pool_config_t, new_fn);
	FIELD(fsy_pool_config_t, free_fn);
	FIELD(fsy_pool_config_t, node_fn);
	FIELD(fsy_pool_config_t, arg);
	FIELD(fsy_pool_config_t, max_idle);
	FIELD(fsy_pool_config_t, max_bytes);
	FIELD(fsy_pool_config_t, idle_ns);
	TYPE(fsy_pool_stats_t);
}

static void
the_rest(void)
{
	TYPE(fsy_deadline_t);
	VALUE(FSY_FOREVER);
#define FSY_X_(name, value, text) VALUE(name);
	FSY_ERROR_MAP(FSY_X_)
#undef FSY_X_
	TYPE(fsy_stats_t);
	FIELD(fsy_stats_t, contended);
	FIELD(fsy_stats_t, parks);
	FIELD(fsy_stats_t, wakes);
	FIELD(fsy_stats_t, handovers_local);
	FIELD(fsy_stats_t, handovers_remote);
	FIELD(fsy_stats_t, membarriers);
	FIELD(fsy_stats_t, longest_wait_ns);
	TYPE(fsy_bench_options_t);
	FIELD(fsy_bench_options_t, round_ns);
	FIELD(fsy_bench_options_t, format);
	FIELD(fsy_bench_options_t, seed);
	FIELD(fsy_bench_options_t, self);
}

int
main(void)
{
	locks();
	readers();
	onces();
	meetings();
	atomics();
	pools();
	the_rest();
	return 0;
}
