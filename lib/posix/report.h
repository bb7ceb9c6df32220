/* SPDX-License-Identifier: MIT */
/* report.h - between the counting of locks and its printing. */
#ifndef FSYI_POSIX_REPORT_H
#define FSYI_POSIX_REPORT_H

#include <fastsync/stats.h>
#include "preload.h"

#define FSYI_REPORT_ENTRIES 16384
#define FSYI_REPORT_PROBES  64

struct fsyi_report_entry {
	fsy_atomic_ptr object;
	fsy_atomic_ptr site;            /* where it is mostly taken from when it has to be waited for */
	fsy_atomic_u64 weight;
	fsy_atomic_u64 taken, contended, waited_ns, longest_ns;
	uint32_t kind;
};

/* Counts from now on: false if there is no memory for it. */
bool fsyi_report_start(void);

/* What has been counted, and how many acquisitions found no room; NULL if nothing was. */
struct fsyi_report_entry *fsyi_report_table(uint64_t *uncounted);

#endif
