/* SPDX-License-Identifier: MIT */
/*
 * init.h - what the constructor calls, in this order. Each part works before its init has run, in its most
 * portable form: locks may be used by constructors that run earlier than ours.
 */
#ifndef FSYI_INIT_H
#define FSYI_INIT_H

void fsyi_tune_init(void);
void fsyi_futex_init(void);
void fsyi_cpu_init(void);
void fsyi_topology_init(void);
void fsyi_fork_init(void);
void fsyi_thread_init(void);
void fsyi_readers_init(void);                    /* supplied by lib/sync */

/* Supplied by lib/park: membarrier works from here on, so the inline unlock may rely on the attention table. */
void fsyi_lot_publish_attention(void);

#endif
