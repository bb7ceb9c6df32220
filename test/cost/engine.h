/* SPDX-License-Identifier: MIT */
/* engine.h - between the engine, its fibers and its heap. */
#ifndef COST_ENGINE_H
#define COST_ENGINE_H

#include <stdint.h>

int64_t cost_due(int thread);
void cost_heap_clear(void);
int cost_heap_top(void);                         /* -1: nobody is in it */
void cost_heap_add(int thread);
void cost_heap_remove(int thread);               /* if it is there */
void cost_heap_moved(int thread);                /* its time is another, if it is there */

void cost_make(int thread, void (*body)(int thread));
void cost_switch(int from, int to);              /* -1 is the caller of cost_run */
void cost_thread_ends(void);

#endif
