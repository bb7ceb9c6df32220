/* SPDX-License-Identifier: MIT */
#include "bench/report.h"
int
fsyb_table(struct fsyb_results *results, FILE *out)
{
	fsyb_print_host(results, out);
	return 0;
}
