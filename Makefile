# SPDX-License-Identifier: MIT
# libfastsync: the only makefile. README.md names the two commands: make check, make bench.
#
#   make [all]            libraries, fastsync-bench and examples into build/release
#   make debug            the same into build/debug: assertions, -O0
#   make check            every test layer, lints and sanitizer builds included; installs what it needs
#   make check SAN=thread | address | undefined     unit and stress tests in that build only
#   make check-unit check-stress check-header check-language check-abi check-install check-counts check-model check-preload check-fault check-misuse
#   make check-soak MINUTES=n   everything against everything;  make coverage: what the tests reach
#   make bench            the article's table, measured here;  make bench-full: every sweep
#   make install          DESTDIR= PREFIX= LIBDIR=;  make uninstall takes the same
#   make sim-machines     the locks on simulated machines of up to 128 CPUs (a minute)
#   make check-numa       virtual machines with several NUMA nodes (minutes)
#   make lint docs deps clean
#
# Knobs: CC, CFLAGS, LDFLAGS, CROSS=aarch64-linux-gnu- (before the tools' names), V=1 (show commands), WERROR=1,
#        DEPS=skip (install nothing), READERS=off (docs/adr/0010).

PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
BINDIR ?= $(PREFIX)/bin
MANDIR ?= $(PREFIX)/share/man
PEERDIR ?= $(LIBDIR)/fastsync
CROSS ?=
ifeq ($(origin CC),default)
CC := $(CROSS)gcc
endif
ifeq ($(origin CXX),default)
CXX := $(CROSS)g++
endif
ifneq ($(CROSS),)
AR := $(CROSS)ar
LD := $(CROSS)ld
endif
CFLAGS ?= -O2 -g
SOVERSION := 1
VERSION := $(shell sed -n 's/^.define FASTSYNC_VERSION "\(.*\)"/\1/p' include/fastsync.h)

# --- configuration: one directory per kind of build ---
comma := ,
SAN ?=
ifeq ($(SAN),)
CONFIG ?= $(CROSS)release
else ifeq ($(SAN),thread)
CONFIG := tsan
# The order of our own atomics is what is tested, not what annotations say of it.
SANFLAGS := -fsanitize=thread -O1 -DFASTSYNC_TSAN=0
else ifeq ($(SAN),address)
CONFIG := asan
SANFLAGS := -fsanitize=address$(comma)undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -O1
else ifeq ($(SAN),undefined)
CONFIG := ubsan
SANFLAGS := -fsanitize=undefined -fno-sanitize-recover=undefined -O1
else
$(error SAN=$(SAN): expected thread, address or undefined)
endif
ifeq ($(CONFIG),$(CROSS)release)
MODEFLAGS := -DNDEBUG
else ifeq ($(CONFIG),debug)
MODEFLAGS := -O0 -ggdb3
else ifeq ($(CONFIG),coverage)
MODEFLAGS := -DNDEBUG -DFSYI_COVERAGE -O0 --coverage -fprofile-update=atomic
LDFLAGS += --coverage
# Most tests of misuse end in an abort, which must not lose the counts (test/support/coverage.c).
TEST_LDFLAGS := -Wl,--wrap=abort -Wl,--wrap=_exit
# What counts is no part of what the preload library exports.
PRELOAD_LDFLAGS := -Wl,--exclude-libs,ALL
endif
# READERS=off leaves out the readers' slots (docs/adr/0010): they are counted in the lock.
ifeq ($(READERS),off)
MODEFLAGS += -DFSYI_NO_READERS
endif
BUILD := build/$(CONFIG)

WARN := -Wall -Wextra -Wshadow -Wconversion $(if $(WERROR),-Werror)
ALL_CFLAGS = $(CFLAGS) -std=gnu11 $(WARN) -fPIC -fvisibility=hidden -pthread -D_GNU_SOURCE \
	-Iinclude -Ilib -I. $(MODEFLAGS) $(SANFLAGS)
ALL_LDFLAGS = $(LDFLAGS) -pthread $(SANFLAGS)
LIBS := -lnuma

ifneq ($(V),1)
Q := @
say = @printf '  %-5s %s\n' $(1) $(2)
endif

# --- layers: the order is the architecture ---
SYS_SRC := $(wildcard lib/sys/*.c)
PARK_SRC := $(wildcard lib/park/*.c)
SYNC_SRC := $(wildcard lib/sync/*.c)
DATA_SRC := $(wildcard lib/data/*.c)
DIAG_SRC := $(wildcard lib/diag/*.c)
BENCH_SRC := $(filter-out lib/bench/cli.c,$(wildcard lib/bench/*.c))
LIB_SRC := $(SYS_SRC) $(PARK_SRC) $(SYNC_SRC) $(DATA_SRC) $(DIAG_SRC) $(BENCH_SRC) $(wildcard lib/abi.c)
LIB_OBJ := $(LIB_SRC:%.c=$(BUILD)/%.o)
CLI_SRC := $(wildcard lib/bench/cli.c lib/bench/cli/*.c)
HEADERS := $(wildcard include/fastsync/*.h) include/fastsync.h
# One example compares us with liburcu.
URCU_LIBS := $(shell pkg-config --libs liburcu-memb 2>/dev/null)
URCU_EXAMPLES := examples/config_store.c
EXAMPLE_SRC := $(filter-out $(if $(URCU_LIBS),,$(URCU_EXAMPLES)),$(wildcard examples/*.c))
SUPPORT_SRC := $(wildcard test/support/*.c)
UNIT_SRC := $(wildcard test/unit/test_*.c)
STRESS_SRC := $(wildcard test/stress/stress_*.c)

SHARED := $(BUILD)/libfastsync.so.$(SOVERSION)
STATIC := $(BUILD)/libfastsync.a
# The tool parses JSON, the library does not; statistics.o is the one hidden part of the library that it shares.
CLI_OBJ := $(CLI_SRC:%.c=$(BUILD)/%.o) $(BUILD)/lib/bench/statistics.o
CLI_LIBS := -ljansson
CLI := $(if $(CLI_SRC),$(BUILD)/fastsync-bench)
EXAMPLES := $(EXAMPLE_SRC:%.c=$(BUILD)/%)
UNIT_CXX := $(if $(shell command -v $(CXX)),$(patsubst %.cc,$(BUILD)/%,$(wildcard test/unit/test_*.cc)))
UNIT := $(UNIT_SRC:%.c=$(BUILD)/%)
STRESS := $(STRESS_SRC:%.c=$(BUILD)/%)
SUPPORT_OBJ := $(SUPPORT_SRC:%.c=$(BUILD)/%.o)

PRELOAD := $(if $(SAN),,$(BUILD)/libfastsync-preload.so $(BUILD)/fastsync-run)

.PHONY: check-language all debug check check-unit check-stress check-header check-abi check-install check-counts check-model \
	check-dlopen bench bench-full install uninstall lint docs docs-mutants clean deps deps-check deps-bench peers FORCE
.DELETE_ON_ERROR:
.SECONDARY:

all: $(SHARED) $(BUILD)/libfastsync.so $(STATIC) $(CLI) $(EXAMPLES) $(PRELOAD)

debug:
	$(Q)$(MAKE) --no-print-directory CONFIG=debug all

# Every object depends on the flags it was built with, so that another CC or CFLAGS rebuilds.
FLAGS_NOW = $(CC) $(ALL_CFLAGS) | $(ALL_LDFLAGS)
$(BUILD)/.flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(FLAGS_NOW)' | cmp -s - $@ || printf '%s\n' '$(FLAGS_NOW)' >$@

$(BUILD)/%.o: %.c $(BUILD)/.flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CFLAGS) $(FILE_CFLAGS) $(CPPFLAGS) -MMD -MP -c -o $@ $<

# Where a function of the caller's may be left by cancellation or a C++ exception, what it was at is settled on the way out.
$(addprefix $(BUILD)/lib/sync/,once.o once_node.o): private FILE_CFLAGS := -fexceptions -Os
# What a pool does once in a period, or in its life.
$(addprefix $(BUILD)/lib/data/pool_,age.o check.o make.o reap.o registry.o thread.o): private FILE_CFLAGS := -Os
# What is read at the start, asked once, or said last.
$(addprefix $(BUILD)/lib/,diag/stats.o sys/fork.o sys/init.o): private FILE_CFLAGS := -Os
$(addprefix $(BUILD)/lib/sys/,fatal.o mem.o topology.o topology_libnuma.o topology_spec.o topology_sysfs.o tune.o): private FILE_CFLAGS := -Os
# Slow halves, who waits for readers or as one, and what becomes of a thread that ends. (Not lib/sys/thread.o: gcc 12's address sanitizer then takes the
# stack of a thread that ends for poisoned.)
$(addprefix $(BUILD)/lib/sync/,barrier.o fairlock_held.o fairlock_seat.o lazy.o once_wait.o readers_drain.o readers_life.o rwmutex_park.o rwmutex_wait.o): \
	private FILE_CFLAGS := -Os
# The benchmark's harness is text for once in a while: only what is in a measured loop is worth its size. (For size, once when it is done took
# 2.8 ns instead of 0.1 to 0.5, and the empty loops, which are subtracted, 2.1 instead of 1.5.)
BENCH_LOOPS := ours ours_rw ours_more ours_wait glibc glibc_wait limits
$(patsubst %.c,$(BUILD)/%.o,$(filter-out $(BENCH_LOOPS:%=lib/bench/%.c),$(wildcard lib/bench/*.c))): private FILE_CFLAGS := -Os

$(SHARED): $(LIB_OBJ) lib/fastsync.map
	$(call say,LINK,$@)
	$(Q)$(CC) -shared -o $@ $(LIB_OBJ) $(ALL_LDFLAGS) -Wl,-soname,$(@F) -Wl,--version-script=lib/fastsync.map \
		$(if $(SAN),,-Wl$(comma)-z$(comma)defs) -Wl,-z,nodelete -Wl,-z,now -Wl,-z,relro $(LIBS)

$(BUILD)/libfastsync.so: $(SHARED)
	$(Q)ln -sf $(<F) $@

# The archive's core is one object, so that whoever needs any of it gets the constructor, which nobody names.
BENCH_OBJ := $(BENCH_SRC:%.c=$(BUILD)/%.o)
$(STATIC): $(LIB_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(LD) -r -o $(BUILD)/fastsync.o $(filter-out $(BENCH_OBJ),$^) && \
		$(AR) rcs $@ $(BUILD)/fastsync.o $(filter $(BENCH_OBJ),$^)

# The rpath serves the build tree only; install links again without it.
$(BUILD)/fastsync-bench: $(CLI_OBJ) $(SHARED) $(BUILD)/libfastsync.so
	$(call say,LINK,$@)
	$(Q)$(CC) -o $@ $(CLI_OBJ) $(ALL_LDFLAGS) -L$(BUILD) -lfastsync $(CLI_LIBS) -Wl,-rpath,'$$ORIGIN'

$(BUILD)/examples/%: $(BUILD)/examples/%.o $(SHARED) $(BUILD)/libfastsync.so
	$(call say,LINK,$@)
	$(Q)$(CC) -o $@ $< $(ALL_LDFLAGS) -L$(BUILD) -lfastsync $(EXAMPLE_LIBS) -Wl,-rpath,'$$ORIGIN/..'
$(URCU_EXAMPLES:%.c=$(BUILD)/%): EXAMPLE_LIBS = $(URCU_LIBS)

# Tests link the archive, where hidden symbols are in reach.
$(UNIT) $(STRESS): %: %.o $(SUPPORT_OBJ) $(STATIC)
	$(call say,LINK,$@)
	$(Q)$(CC) -o $@ $< $(SUPPORT_OBJ) $(STATIC) $(ALL_LDFLAGS) $(TEST_LDFLAGS) $(TEST_LDLIBS) $(LIBS)
$(UNIT) $(STRESS): TEST_LDLIBS = -lcmocka
$(BUILD)/test/unit/test_bench_compare: TEST_LDLIBS = -lcmocka $(CLI_LIBS)
$(BUILD)/test/unit/test_sys_thread_none: TEST_LDLIBS = -lcmocka -Wl,--wrap=pthread_setspecific

# Exceptions pass through the library from and to C++: as a client sees it.
$(UNIT_CXX): $(BUILD)/%: %.cc $(SUPPORT_OBJ) $(STATIC)
	@mkdir -p $(@D)
	$(call say,CXX,$<)
	$(Q)$(CXX) $(CFLAGS) -std=gnu++17 -Wall -Wextra $(if $(WERROR),-Werror) $(SANFLAGS) -Iinclude -MMD -MP -o $@ $< \
		$(SUPPORT_OBJ) $(STATIC) $(ALL_LDFLAGS) $(TEST_LDFLAGS) -lcmocka $(LIBS)

# --- checks ---
# Each layer prints "ok NAME", "not ok NAME", "skip NAME reason" or "NAME: n passed, n failed, n skipped"
# at the start of a line; test/support/run.sh adds them up.
RUN := test/support/run.sh
LAYERS := check-header check-unit check-stress check-language check-abi check-dlopen check-install check-counts check-sim check-relacy check-model lint
SAN_LAYERS := check-unit check-stress
SUBMAKE = $(MAKE) --no-print-directory -k -Otarget -j$(shell nproc)

check: deps-check
	@$(RUN) begin build/results
ifeq ($(SAN),)
	@for layer in $(LAYERS); do $(RUN) layer build/results $$layer $(SUBMAKE) $$layer; done
	@for san in thread address; do for layer in $(SAN_LAYERS); do \
		FASTSYNC_STRESS_MS=$${FASTSYNC_STRESS_MS:-300} $(RUN) layer build/results $$layer-$$san \
		$(SUBMAKE) SAN=$$san $$layer; done; done
else
	@for layer in $(SAN_LAYERS); do \
		$(RUN) layer build/results $$layer-$(SAN) $(SUBMAKE) $$layer; done
endif
	@$(RUN) end build/results

check-unit: $(UNIT) $(UNIT_CXX)
	@$(RUN) programs $(sort $^)

check-stress: $(STRESS)
	@$(RUN) programs $(sort $^)

check-header:
	@CC='$(CC)' CXX='$(CXX)' test/header/run.sh

# Two compilers, C and C++, and run-time checkers on what the headers make of a program.
check-language: all
	@CC='$(CC)' CXX='$(CXX)' BUILD=$(BUILD) test/language/run.sh

check-abi: all
	@CC='$(CC)' BUILD=$(BUILD) test/abi/run.sh

check-dlopen: all
	@CC='$(CC)' BUILD=$(BUILD) test/dlopen/run.sh

check-install: all
	@CC='$(CC)' MAKE='$(MAKE)' BUILD=$(BUILD) test/install/run.sh

check-counts: all
	@CC='$(CC)' BUILD=$(BUILD) test/counts/run.sh

check-model: $(CHECK_MODEL)

# --- checks: faults, soak ---
# The loads of test/load in a program without PIE, so that its own system calls can be told from libc's (test/fault/shim.h).
.PHONY: check-fault check-fault-long
LAYERS += check-fault
LOAD_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(wildcard test/load/*.c)) $(SUPPORT_OBJ)
FAULT := $(BUILD)/test/fault/run $(BUILD)/test/fault/nomem/nomem
$(BUILD)/test/fault/run: WRAPS := getcpu numa_available numa_allocate_cpumask numa_node_to_cpus numa_distance
$(BUILD)/test/fault/run: $(patsubst %.c,$(BUILD)/%.o,$(wildcard test/fault/*.c))
$(BUILD)/test/fault/nomem/nomem: WRAPS := malloc calloc realloc aligned_alloc free pthread_create pthread_setspecific
$(BUILD)/test/fault/nomem/nomem: $(patsubst %.c,$(BUILD)/%.o,$(wildcard test/fault/nomem/*.c)) $(BUILD)/test/fault/shim.o

$(FAULT): $(LOAD_OBJ) $(STATIC)
	$(call say,LINK,$@)
	$(Q)$(CC) -no-pie -o $@ $(filter %.o,$^) $(STATIC) $(ALL_LDFLAGS) $(TEST_LDFLAGS) $(WRAPS:%=-Wl$(comma)--wrap=%) -lcmocka $(LIBS)

check-fault: $(FAULT)
	@$(BUILD)/test/fault/run
	@$(BUILD)/test/fault/nomem/nomem

check-fault-long: $(FAULT)
	@FASTSYNC_FAULT_MS=500 $(BUILD)/test/fault/run
	@$(BUILD)/test/fault/nomem/nomem long

# MINUTES= of everything against everything; as part of make check, seconds.
.PHONY: check-soak check-soak-short
LAYERS += check-soak-short
SOAK := $(BUILD)/test/soak/soak

$(SOAK): $(patsubst %.c,$(BUILD)/%.o,$(wildcard test/soak/*.c)) $(LOAD_OBJ) $(STATIC)
	$(call say,LINK,$@)
	$(Q)$(CC) -o $@ $^ $(ALL_LDFLAGS) $(TEST_LDFLAGS) -lcmocka $(LIBS)

check-soak-short: $(SOAK)
	@$(SOAK) 4

check-soak: $(SOAK)
	@$(SOAK) $$(($(or $(MINUTES),10) * 60))

.PHONY: check-misuse
LAYERS += check-misuse
MISUSE := $(BUILD)/test/misuse/misuse

$(MISUSE): $(patsubst %.c,$(BUILD)/%.o,$(wildcard test/misuse/*.c)) $(LOAD_OBJ) $(STATIC)
	$(call say,LINK,$@)
	$(Q)$(CC) -o $@ $^ $(ALL_LDFLAGS) $(TEST_LDFLAGS) -lcmocka $(LIBS)

check-misuse: $(MISUSE) $(SHARED)
	@$(MISUSE)
	@test/misuse/table.sh

# Lines and branches of lib/ that the short tests reach; takes some minutes.
.PHONY: coverage coverage-run
coverage:
	@$(MAKE) --no-print-directory CONFIG=coverage coverage-run

coverage-run: all $(UNIT) $(UNIT_CXX) $(STRESS) $(FAULT) $(MISUSE) $(SOAK)
	@CC='$(CC)' CXX='$(CXX)' test/coverage.sh $(BUILD) $(filter-out all,$^)

# --- checks: scheduler, relacy, spin ---
# The real lib/park and lib/sync on simulated machines (docs/testing.md), and the protocol's models. check-sim is the
# quick part, limited in CPU seconds; check-sim-long and check-relacy-long explore for an hour of CPU time, or for CPU_SECONDS=;
# check-mutants requires that seeded bugs are caught.
.PHONY: check-sim check-sim-long check-relacy check-relacy-long check-mutants

check-sim:
	@CC='$(CC)' CXX='$(CXX)' test/sim/run.sh quick

check-sim-long:
	@CC='$(CC)' CXX='$(CXX)' CPU_SECONDS='$(CPU_SECONDS)' test/sim/run.sh long

check-relacy:
	@CC='$(CC)' CXX='$(CXX)' test/sim/run.sh relacy

check-relacy-long:
	@CC='$(CC)' CXX='$(CXX)' CPU_SECONDS='$(CPU_SECONDS)' test/sim/run.sh relacy-long

check-mutants:
	@CC='$(CC)' CXX='$(CXX)' test/sim/run.sh mutants
	@echo "make docs-mutants takes this into docs/testing.md"

check-model: check-spin
.PHONY: check-spin check-model-long
check-spin:
	@CC='$(CC)' test/model/spin.sh quick

check-model-long:
	@CC='$(CC)' test/model/spin.sh long

# --- cost: the library on simulated machines of many CPUs and nodes (test/cost/cost.h) ---
.PHONY: check-cost sim-machines sim-real
LAYERS += check-cost

check-cost:
	@CC='$(CC)' test/cost/run.sh smoke

sim-machines:
	@CC='$(CC)' test/cost/run.sh machines

# The known locks on this machine's own CPUs, for comparison.
sim-real: all
	@CC='$(CC)' BUILD=$(BUILD) test/cost/run.sh real

# --- check-numa ---
# Real kernels with several nodes, in virtual machines of a few dozen seconds each: not in make check. KERNELS= and SHAPES= choose.
NUMA_SRC := $(filter-out test/numa/guest.c,$(wildcard test/numa/*.c))
NUMA := $(NUMA_SRC:%.c=$(BUILD)/%)
NUMA_UNIT := $(filter-out $(BUILD)/test/unit/test_bench_%,$(UNIT))
.PHONY: check-numa deps-numa
$(NUMA): %: %.o $(BUILD)/test/numa/guest.o $(SUPPORT_OBJ) $(STATIC)
	$(call say,LINK,$@)
	$(Q)$(CC) -o $@ $< $(BUILD)/test/numa/guest.o $(SUPPORT_OBJ) $(STATIC) $(ALL_LDFLAGS) -lcmocka $(LIBS)

check-numa: deps-numa $(NUMA) $(NUMA_UNIT)
	@KERNELS='$(KERNELS)' SHAPES='$(SHAPES)' test/numa/run.sh build/numa $(NUMA) -- $(NUMA_UNIT)

# --- peers ---
# What libfastsync is compared with. Built once for all configurations, and never a reason to fail.
PEERS := build/peers
ARTICLE := build/article
.PHONY: check-peers bench-article-loops
LAYERS += check-peers

peers:
	@CC='$(CC)' CXX='$(CXX)' CFLAGS='$(CFLAGS)' lib/bench/peers/build.sh $(PEERS)
	@mkdir -p $(BUILD) && ln -sfn ../peers $(BUILD)/peers

$(PEERS)/parts/selftest: lib/bench/peers/selftest.c lib/bench/peers/c/module.h lib/bench/peers/loop.h \
		lib/bench/peers/loop_wait.h lib/bench/peers/selftest_broken.h lib/bench/peer.h
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CFLAGS) -std=gnu11 $(WARN) -D_GNU_SOURCE -pthread -o $@ $< -ldl

# Checks what is there or can be built without a download.
check-peers: $(PEERS)/parts/selftest
	@PEERS_OFFLINE=1 $(MAKE) --no-print-directory peers
	@lib/bench/peers/check.sh $(PEERS) $<

# The article's own three benchmarks in Go, Rust and C, in Go's format. COUNT= rounds of MS= milliseconds each.
bench-article-loops: $(SHARED) $(BUILD)/libfastsync.so
	@mkdir -p $(ARTICLE)
	$(Q)$(CC) $(ALL_CFLAGS) -o $(ARTICLE)/article-c lib/bench/peers/article/article.c $(ALL_LDFLAGS) -L$(BUILD) -lfastsync \
		-Wl,-rpath,'$$ORIGIN/../$(CONFIG)'
	@! command -v rustc >/dev/null || \
		rustc --edition 2021 -O -C codegen-units=1 -o $(ARTICLE)/article-rs lib/bench/peers/article/article.rs
	@! command -v go >/dev/null || (cd lib/bench/peers/go && go test -c -o ../../../../$(ARTICLE)/go.test .)
	@lib/bench/peers/article/article.sh $(ARTICLE) $(or $(COUNT),5) $(or $(MS),300)

# --- preload ---
# The lower rooms once more, with every name hidden but those that libc has too (lib/posix/interpose.def): no version script,
# since a named version would hide them from programs, and no library but libc. Not in sanitizer builds: those have wrappers of their own.
.PHONY: check-preload check-preload-short preload
LAYERS += check-preload-short
PRELOAD_SRC := $(filter-out lib/sys/topology_libnuma.c,$(SYS_SRC)) $(PARK_SRC) $(filter-out lib/sync/once%.c lib/sync/lazy.c,$(SYNC_SRC)) \
	$(DIAG_SRC) $(wildcard lib/posix/*.c)
PRELOAD_OBJ := $(PRELOAD_SRC:%.c=$(BUILD)/preload/%.o)
PRELOAD_CFLAGS := -DFSY_API='__attribute__((visibility("hidden")))' -ftls-model=initial-exec -ffunction-sections -fdata-sections
PRELOAD_LIB := $(BUILD)/libfastsync-preload.so

preload: $(PRELOAD)

$(BUILD)/preload/%.o: %.c $(BUILD)/.flags
	@mkdir -p $(@D)
	$(call say,CC,'$< (preload)')
	$(Q)$(CC) $(ALL_CFLAGS) $(PRELOAD_CFLAGS) $(CPPFLAGS) -MMD -MP -c -o $@ $<

$(PRELOAD_LIB): $(PRELOAD_OBJ)
	$(call say,LINK,$@)
	$(Q)$(CC) -shared -o $@ $(PRELOAD_OBJ) $(ALL_LDFLAGS) $(PRELOAD_LDFLAGS) -Wl,-soname,$(@F) -Wl,-Bsymbolic -Wl,--gc-sections -Wl,-z,defs -Wl,-z,nodelete \
		-Wl,-z,now -Wl,-z,relro -ldl

$(BUILD)/fastsync-run: $(patsubst %.c,$(BUILD)/%.o,$(wildcard lib/posix/cli/*.c))
	$(call say,LINK,$@)
	$(Q)$(CC) -o $@ $^ $(ALL_LDFLAGS)
$(BUILD)/lib/posix/cli/run.o: private FILE_CFLAGS := -DFASTSYNC_PRELOAD_PATH='"$(PEERDIR)/libfastsync-preload.so"'

# Contended and alone, with and without it, turn and turn about.
.PHONY: bench-preload
bench-preload: preload
	@CC='$(CC)' BUILD=$(BUILD) test/preload/bench/speed.sh

# Real programs, which it installs where it can: right on our locks, and how fast. Minutes, and so not part of check.
.PHONY: check-preload-programs bench-preload-programs
programs = DEPS='$(DEPS)' .ci/deps 'make $@' '$(DEPS_BUILD)' "$$(test/preload/programs/run.sh packages $(PROGRAMS))" && \
	CC='$(CC)' CXX='$(CXX)' BUILD=$(BUILD) test/preload/programs/run.sh
check-preload-programs: preload
	@$(programs) check $(PROGRAMS)
bench-preload-programs: preload
	@$(programs) bench $(PROGRAMS)

check-preload-short: preload
	@CC='$(CC)' CXX='$(CXX)' BUILD=$(BUILD) test/preload/run.sh short

check-preload: preload
	@CC='$(CC)' CXX='$(CXX)' BUILD=$(BUILD) test/preload/run.sh long

# --- bench ---
bench: deps-bench
	$(Q)$(MAKE) --no-print-directory all peers
	$(BUILD)/fastsync-bench $(BENCH_ARGS)

bench-full: deps-bench
	$(Q)$(MAKE) --no-print-directory all peers
	$(BUILD)/fastsync-bench --all $(BENCH_ARGS)

# --- dependencies: .ci/deps installs what is missing. PACKAGE, or COMMAND=PACKAGE|ELSE where the command is enough ---
DEPS_BUILD := gcc=gcc libc6-dev libnuma-dev libjansson-dev
DEPS_CHECK := g++=g++ libcmocka-dev pkg-config=pkg-config valgrind=valgrind
DEPS_CHECK_OPTIONAL := liburcu-dev spin=spin relacy-dev mandoc=mandoc shellcheck=shellcheck
DEPS_NUMA_OPTIONAL := qemu-system-x86_64=qemu-system-x86 busybox-static cpio=cpio
DEPS_BENCH := pkg-config=pkg-config
DEPS_BENCH_OPTIONAL := g++=g++ ca-certificates go=golang-go rustc=rustc-web|rustc cargo=cargo-web|cargo libnsync-dev libck-dev libtbb-dev libabsl-dev \
	liburcu-dev libjemalloc2 libmimalloc-dev

deps: deps-check deps-bench
deps-check:
	@DEPS='$(DEPS)' .ci/deps 'make check' '$(DEPS_BUILD) $(DEPS_CHECK)' '$(DEPS_CHECK_OPTIONAL)'
deps-numa: deps-check
	@DEPS='$(DEPS)' .ci/deps 'make check-numa' '' '$(DEPS_NUMA_OPTIONAL)'
deps-bench:
	@DEPS='$(DEPS)' .ci/deps 'make bench' '$(DEPS_BUILD) $(DEPS_BENCH)' '$(DEPS_BENCH_OPTIONAL)'

# --- install ---
install: all
	install -d $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(INCLUDEDIR)/fastsync $(DESTDIR)$(BINDIR)
	install -m 755 $(SHARED) $(DESTDIR)$(LIBDIR)/
	ln -sf $(notdir $(SHARED)) $(DESTDIR)$(LIBDIR)/libfastsync.so
	install -m 644 $(STATIC) $(DESTDIR)$(LIBDIR)/
	install -m 644 include/fastsync.h $(DESTDIR)$(INCLUDEDIR)/
	install -m 644 include/fastsync/*.h include/fastsync/*.hpp $(DESTDIR)$(INCLUDEDIR)/fastsync/
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' \
		-e 's|@VERSION@|$(VERSION)|' -e 's|@LIBS_PRIVATE@|$(strip -pthread $(LIBS))|' \
		pkgconfig/fastsync.pc.in >$(DESTDIR)$(LIBDIR)/pkgconfig/fastsync.pc
	chmod 644 $(DESTDIR)$(LIBDIR)/pkgconfig/fastsync.pc
	$(if $(CLI),$(CC) -o $(DESTDIR)$(BINDIR)/fastsync-bench $(CLI_OBJ) $(ALL_LDFLAGS) -L$(BUILD) -lfastsync $(CLI_LIBS))
	$(if $(PRELOAD),install -d $(DESTDIR)$(PEERDIR) && install -m 755 $(BUILD)/libfastsync-preload.so $(DESTDIR)$(PEERDIR)/ && \
		install -m 755 $(BUILD)/fastsync-run $(DESTDIR)$(BINDIR)/)
	@for page in docs/man/*.[1-9]; do test -f $$page || continue; \
		install -D -m 644 $$page $(DESTDIR)$(MANDIR)/man$${page##*.}/$${page##*/}; done
	install -D -m 644 lib/diag/valgrind.supp $(DESTDIR)$(PEERDIR)/valgrind.supp
	@for peer in $(BUILD)/peers/*; do test -f $$peer || continue; \
		install -d $(DESTDIR)$(PEERDIR); if test -L $$peer; then cp -Pf $$peer $(DESTDIR)$(PEERDIR)/; else \
		install -m 755 $$peer $(DESTDIR)$(PEERDIR)/; fi; done

uninstall:
	rm -rf $(DESTDIR)$(INCLUDEDIR)/fastsync $(DESTDIR)$(PEERDIR)
	rm -f $(DESTDIR)$(INCLUDEDIR)/fastsync.h $(DESTDIR)$(LIBDIR)/libfastsync.so $(DESTDIR)$(LIBDIR)/libfastsync.a
	rm -f $(DESTDIR)$(LIBDIR)/$(notdir $(SHARED)) $(DESTDIR)$(LIBDIR)/pkgconfig/fastsync.pc \
		$(DESTDIR)$(BINDIR)/fastsync-bench $(DESTDIR)$(BINDIR)/fastsync-run
	@for page in docs/man/*.[1-9]; do rm -f $(DESTDIR)$(MANDIR)/man$${page##*.}/$${page##*/}; done

# --- the rest ---
lint:
	@for lint in .ci/lint-*; do name=$${lint##*/}; name=$${name%.sh}; \
		if $$lint; then echo "ok $$name"; else echo "not ok $$name"; bad=1; fi; done; exit $${bad:-0}

# Fills what stands between the markers of a page from the code it describes.
fill = { sed '/^$(2)$$/q' $(1); $(4); sed -n '/^$(3)$$/,$$p' $(1); } >build/page && cat build/page >$(1)
docs:
	@mkdir -p build
	@$(call fill,docs/memory-model.md,<!-- edges -->,<!-- end -->,.ci/edges table)
	@$(call fill,docs/man/fastsync.7,\.\\" tunables,\.\\" end,.ci/tunables lib/sys/tune.def)

# What check-mutants printed, into its table; those that it did not run stay as they were.
docs-mutants:
	@cut -c1-170 build/mutants.log | grep '^ok mutant/' | cat test/sim/mutants.results - | \
		awk '{ if (!($$2 in last)) order[n++] = $$2; last[$$2] = $$0 } END { for (i = 0; i < n; i++) print last[order[i]] }' >build/mutants.new
	@cat build/mutants.new >test/sim/mutants.results
	@$(call fill,docs/testing.md,<!-- mutants -->,<!-- end of mutants -->,echo; .ci/mutants test/sim/mutants.results test/sim/mutants.def; echo)

clean:
	rm -rf build

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
