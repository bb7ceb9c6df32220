/* SPDX-License-Identifier: MIT */
/* model.h - what things cost, and where the numbers are from. */
#ifndef COST_MODEL_H
#define COST_MODEL_H

#include "cost.h"

extern const struct cost_model cost_model_here;
void cost_model_set(const char *assignment);     /* "far=130" */

#endif
