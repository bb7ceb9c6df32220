/* SPDX-License-Identifier: MIT */
/* report.h - the outputs. Each plans the cells it needs, has them measured, and prints. */
#ifndef FSYB_REPORT_H
#define FSYB_REPORT_H

#include "bench/results.h"
#include <stdio.h>

/* host.c: what the numbers were measured on and with, and what is missing. */
void fsyb_print_host(const struct fsyb_results *results, FILE *out);
/* "key", "value" pairs of the same facts. */
void fsyb_host_facts(const struct fsyb_results *results, void (*fact)(const char *key, const char *value, void *arg), void *arg);

/* bars.c, table.c, sweep.c, export.c: 0, FSY_EINVAL after one line on stderr, FSY_ENOMEM. */
int fsyb_bars(struct fsyb_results *results, FILE *out);
int fsyb_table(struct fsyb_results *results, FILE *out);
int fsyb_sweep(struct fsyb_results *results, FILE *out);
void fsyb_export_json(const struct fsyb_results *results, FILE *out);
void fsyb_export_csv(const struct fsyb_results *results, FILE *out);

/* table.c: 0 stands for the number of CPUs; Go 1.23 if it is here, else the installed Go. */
unsigned fsyb_cpus(unsigned threads);
const struct fsyb_series *fsyb_go(const struct fsyb_cell *cell);

/* children.c: the processes beside this one. */
void fsyb_children_start(struct fsyb_results *results);

/* claims.c: plans what the article's claims need; prints them one by one. */
int fsyb_claims_need(struct fsyb_results *results);
void fsyb_claims(const struct fsyb_results *results, FILE *out);

/* starvation.c: the same for who starves whom; and, of one candidate: served per second, longest wait, what passed by. */
int fsyb_starvation_need(struct fsyb_results *results);
void fsyb_starvation(const struct fsyb_results *results, FILE *out);
void fsyb_print_ordeal(const struct fsyb_cell *cell, const struct fsyb_series *series, FILE *out);

/* Substring, or with * and ? a pattern of the whole; NULL matches all. */
bool fsyb_matches(const char *name, const char *filter);

/* memory.c: resident bytes per lock of a million, each used once; count 0 where it cannot be measured. */
struct fsyb_figure fsyb_resident(const struct fsyb_field *field, const char *name);

#endif
