/* SPDX-License-Identifier: MIT */
/* relacy_machine.h - the same calls as the scheduler's machine; relacy_machine.cpp answers them. */
#include "../sim/sim_machine.h"
