// SPDX-License-Identifier: MIT
// relacy_machine.hpp - between the parts of the relacy machine.
#ifndef RELACY_MACHINE_HPP
#define RELACY_MACHINE_HPP

namespace machine {

extern const sim_case *scenario;
extern int64_t now;
extern bool running;                            // threads run: not in setup, not in check

void begin();
void end();
void fail(rl::test_result_e result, const char *text);

// relacy_memory.cpp
void forget_cells();                            // another case: the addresses learned so far mean nothing
void cells_begin();                             // a new execution: nothing exists yet
void cells_prepare();                           // make the cells that earlier executions needed
void cells_end();
uint64_t newest(const volatile void *p);        // the value last in the cell's modification order

// Around what may change threads: the library's thread-local data, of which the one real thread has one copy.
struct switching {
	switching();
	~switching();
};

} // namespace machine

#endif
