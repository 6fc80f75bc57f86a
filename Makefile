# HashScope's only Makefile; `make help` lists what it can do.
#
# How it works: every .c file below lib/ goes into one archive; every program directory, with its
# rooms, becomes one program, linked from its own objects and that archive; new files and rooms are
# found by themselves. Headers
# are tracked by the compiler (-MMD). Each kind of build (plain, DEBUG=1, SANITIZE=…, coverage, fuzz)
# has a directory of its own, and objects depend on a stamp that holds compiler and flags, so stale
# objects are never linked. Targets that install packages first call make again afterwards, because
# pkg-config may not exist before.

BUILD   ?= build
PREFIX  ?= /usr/local
SECONDS ?= 60
FUZZ_CC ?= clang-14

export INSTALL_LOG := $(BUILD)/install.log

ifeq ($(origin CC),default)
CC := gcc
endif
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += --no-print-directory -j$(shell nproc)
endif
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:
.SUFFIXES:

# ---- kinds of build ----------------------------------------------------------------------------
comma := ,
OUT := $(BUILD)$(if $(SANITIZE),/sanitize-$(subst $(comma),-,$(SANITIZE)))$(if $(DEBUG),/debug)
OUT := $(OUT)$(if $(COVERAGE),/coverage)$(if $(FUZZING),/fuzzing)

CFLAGS ?= $(if $(DEBUG),-O0 -g3,$(if $(COVERAGE),-O0 -g,-O2 -g))
WARNINGS := -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wformat=2 -Wstrict-prototypes -Wundef
ifeq ($(CI)$(DEBUG),true)
WARNINGS += -Werror
endif
MODE := -fstack-protector-strong
ifneq ($(DEBUG)$(SANITIZE)$(COVERAGE)$(FUZZING),)
MODE += -fno-omit-frame-pointer
else
MODE += -D_FORTIFY_SOURCE=2
endif
ifneq ($(SANITIZE),)
MODE += -fsanitize=$(SANITIZE) -fno-sanitize-recover=all
# gcc's thread sanitizer does not see fences and says so; the ring uses two, beside atomics it does see.
MODE += $(if $(findstring thread,$(SANITIZE)),$(if $(findstring clang,$(CC)),,-Wno-tsan))
endif
# As shared libraries gcc's two run times share no settings, and UBSan would not write its reports to
# where it is told (log_path, scripts/run-tests.py).
ifneq ($(findstring clang,$(CC)),clang)
RUN_TIMES := $(if $(findstring address,$(SANITIZE)),-static-libasan) \
	$(if $(findstring undefined,$(SANITIZE)),-static-libubsan)
endif
ifneq ($(COVERAGE),)
MODE += --coverage
endif
ifneq ($(FUZZING),)
MODE += -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
endif

# Asked for once, and only when something is compiled.
PACKAGES := libuv jansson libzstd zlib libssl libcrypto libpcap
packages = $(shell pkg-config $(1) $(PACKAGES))$(if $(filter-out 0,$(.SHELLSTATUS)),$(error \
	libraries are missing: `make deps` installs them))
PACKAGE_CFLAGS = $(eval PACKAGE_CFLAGS := $(call packages,--cflags))$(PACKAGE_CFLAGS)
PACKAGE_LIBS = $(eval PACKAGE_LIBS := $(call packages,--libs))$(PACKAGE_LIBS)

COMPILE = $(CC) -std=c11 -D_GNU_SOURCE -I. $(WARNINGS) $(MODE) $(CFLAGS) $(CPPFLAGS) $(PACKAGE_CFLAGS)
LINK = $(CC) $(MODE) $(RUN_TIMES) $(CFLAGS) $(LDFLAGS) -pthread -Wl,-z,relro,-z,now,--as-needed
LIBS = $(PACKAGE_LIBS) -lm

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-5s %s\n' $(1) '$(patsubst $(BUILD)/%,%,$(2))')

# ---- what there is -----------------------------------------------------------------------------
object = $(patsubst %.c,$(OUT)/obj/%.o,$(1))
program_with = $(if $(call sources,$(1)),$(OUT)/bin/$(2))

LIBRARY  := $(OUT)/lib/libhashscope.a
LIB_SRC  := $(wildcard lib/*/*.c)
sources   = $(wildcard $(addsuffix /*.c,$(1)) $(addsuffix /*/*.c,$(1)))
CLI_SRC  := $(call sources,cli)
SIM_SRC  := $(wildcard samples/sim/*.c)
# The exporter has several programs: NAME/main.c becomes hashscope-NAME.
EXPORTER := $(patsubst exporter/%/main.c,$(OUT)/bin/hashscope-%,$(wildcard exporter/*/main.c))
PROGRAMS := $(call program_with,cli,hashscope) \
	$(call program_with,recorder,hashscope-recorder) \
	$(call program_with,replay,hashscope-replay) \
	$(EXPORTER) \
	$(call program_with,api,hashscope-api) \
	$(call program_with,agent,hashscope-agent)

# Unit tests may call into the programs too: what holds no main() is there as an archive.
ROOMS     := recorder replay exporter api agent cli samples/sim samples/write
ROOM_SRC  := $(call sources,$(ROOMS))
MAIN_SRC  := $(if $(ROOM_SRC),$(shell grep -l '^int main\b' $(ROOM_SRC)))
ROOM_OBJ  := $(call object,$(filter-out $(MAIN_SRC),$(ROOM_SRC)))
TEST_SRC  := $(wildcard tests/unit/*/*.c)
TESTS     := $(patsubst %.c,$(OUT)/%,$(filter %_test.c,$(TEST_SRC)))
TEST_OBJ  := $(call object,$(filter-out %_test.c,$(TEST_SRC)))
TEST_LIB  := $(OUT)/lib/libtest.a

BENCH_SRC  := $(wildcard tests/bench/*.c)
BENCH_MAIN := $(if $(BENCH_SRC),$(shell grep -l '^int main\b' $(BENCH_SRC)))
BENCHES    := $(patsubst %.c,$(OUT)/%,$(BENCH_MAIN))
BENCH_OBJ  := $(call object,$(filter-out $(BENCH_MAIN),$(BENCH_SRC)))
BENCH_LIB  := $(OUT)/lib/libbench.a

FUZZ_ALL := $(wildcard tests/fuzz/*.c)
FUZZ_SRC := $(filter %_fuzz.c,$(FUZZ_ALL))
FUZZERS  := $(patsubst %.c,$(OUT)/%,$(FUZZ_SRC))
FUZZ_LIB := $(OUT)/lib/libfuzz.a
FUZZ_OBJ := $(call object,$(filter-out %_fuzz.c,$(FUZZ_ALL)))

GENERATOR := $(OUT)/scripts/write-settings
SAMPLES   := $(OUT)/samples/write-samples
# What programs read that is not code: beside bin/, as it is when installed.
SHARED := $(OUT)/share/hashscope/stratum.lua $(OUT)/share/hashscope/openapi.yaml
DOCS_PAGE := $(patsubst api/docs/%,$(OUT)/share/hashscope/docs/%,$(wildcard api/docs/*))

SOURCES   := $(LIB_SRC) $(ROOM_SRC) $(TEST_SRC) $(BENCH_SRC) $(FUZZ_ALL) scripts/write-settings.c
HEADERS   := $(wildcard lib/*/*.h $(addsuffix /*.h,$(ROOMS)) $(addsuffix /*/*.h,$(ROOMS)) tests/*/*.h tests/*/*/*.h)

# ---- building ----------------------------------------------------------------------------------
.PHONY: all programs ui unit-tests fuzzers benches
all: programs ui ## build every program into build/bin, the UI into build/share (also DEBUG=1, SANITIZE=address,undefined or thread)
programs: $(LIBRARY) $(PROGRAMS) $(SHARED) $(DOCS_PAGE)
unit-tests: $(TESTS)
fuzzers: $(FUZZERS)
benches: $(BENCHES)

$(OUT)/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(COMPILE)' '$(LINK) $(LIBS)' | cmp -s - $@ || \
		printf '%s\n' '$(COMPILE)' '$(LINK) $(LIBS)' > $@

$(OUT)/share/hashscope/%.lua: exporter/wireshark/%.lua
	@mkdir -p $(@D)
	$(Q)cp $< $@

$(OUT)/share/hashscope/%: api/%
	@mkdir -p $(@D)
	$(Q)cp $< $@

$(OUT)/obj/%.o: %.c $(OUT)/flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(COMPILE) -MMD -MP -c -o $@ $<

# A list of what is in it, so that an archive forgets files that were removed.
$(OUT)/lib/%.list: FORCE
	@mkdir -p $(@D)
	@echo '$(MEMBERS)' | cmp -s - $@ || echo '$(MEMBERS)' > $@

$(OUT)/lib/%.a: $(OUT)/lib/%.list
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $(MEMBERS)

$(LIBRARY): MEMBERS = $(call object,$(LIB_SRC))
$(LIBRARY): $(call object,$(LIB_SRC))
$(TEST_LIB): MEMBERS = $(TEST_OBJ) $(ROOM_OBJ)
$(TEST_LIB): $(TEST_OBJ) $(ROOM_OBJ)
$(FUZZ_LIB): MEMBERS = $(FUZZ_OBJ)
$(FUZZ_LIB): $(FUZZ_OBJ)
$(BENCH_LIB): MEMBERS = $(BENCH_OBJ)
$(BENCH_LIB): $(BENCH_OBJ)

define link
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(LINK) -o $@ $(filter %.o,$^) $(filter %.a,$^)
endef

$(OUT)/bin/hashscope: $(call object,$(CLI_SRC) $(SIM_SRC))
$(OUT)/bin/hashscope-recorder: $(call object,$(call sources,recorder))
$(OUT)/bin/hashscope-replay: $(call object,$(call sources,replay))
$(EXPORTER): $(OUT)/bin/hashscope-%: $(OUT)/obj/exporter/%/main.o $(call object,$(filter-out \
	%/main.c,$(call sources,exporter))) $(LIBRARY)
	$(link) $(LIBS)
$(OUT)/bin/hashscope-api: $(call object,$(call sources,api))
$(OUT)/bin/hashscope-api: LIBS += -lcivetweb
$(OUT)/bin/hashscope-agent: $(call object,$(call sources,agent))
$(filter-out $(EXPORTER),$(PROGRAMS)): $(LIBRARY)
	$(link) $(LIBS)
$(SAMPLES): $(call object,$(wildcard samples/write/*.c) $(SIM_SRC)) $(LIBRARY)
	$(link) $(LIBS)
$(GENERATOR): $(call object,scripts/write-settings.c) $(LIBRARY)
	$(link) $(LIBS)
$(TESTS): $(OUT)/%: $(OUT)/obj/%.o $(TEST_LIB) $(LIBRARY)
	$(link) $(LIBS) $(shell pkg-config --libs check)
$(BENCHES): $(OUT)/%: $(OUT)/obj/%.o $(BENCH_LIB) $(LIBRARY)
	$(link) $(LIBS)
$(FUZZERS): $(OUT)/%: $(OUT)/obj/%.o $(FUZZ_LIB) $(TEST_LIB) $(LIBRARY)
	$(link) $(LIBS) -fsanitize=fuzzer

# ---- the UI ------------------------------------------------------------------------------------
# Pages for hashscope-api to serve. Without npm the programs are all there, and it says so.
UI_PAGE    := $(OUT)/share/hashscope/ui/index.html
UI_MODULES := ui/node_modules/.package-lock.json
UI_SRC     := $(shell find ui/src ui/public -type f 2>/dev/null) \
	$(wildcard ui/*.html ui/*.ts ui/*.json ui/.npmrc)
UI_VITE     = cd ui && node node_modules/vite/bin/vite.js

# Its warnings are about packages of others; what it said is kept for when it fails.
npm = scripts/quiet.sh $(BUILD)/npm-$(notdir $(1)).log '' npm --prefix $(1) ci --ignore-scripts

ui: $(if $(shell command -v npm),$(UI_PAGE),ui-missing)
	@: # without a command make would say that there is nothing to do
.PHONY: ui-missing ui-test
ui-missing:
	@echo 'npm is missing: built without the UI (`make deps` installs it)'

$(UI_MODULES): ui/package.json ui/package-lock.json ui/.npmrc
	$(call say,NPM,ui)
	$(Q)$(call npm,ui)
	@touch $@

$(UI_PAGE): $(UI_MODULES) $(UI_SRC)
	$(call say,UI,$@)
	$(Q)cd ui && node node_modules/typescript/bin/tsc --noEmit
	$(Q)$(UI_VITE) build --logLevel warn --emptyOutDir --outDir '$(abspath $(@D))'

ui-test: ui ## the UI's tests only: its logic, and its views in a browser
	@HASHSCOPE_BUILD=$(OUT) python3 -m unittest -v tests.integration.test_ui \
		tests.integration.test_ui_live tests.integration.test_ui_load

# ---- running -----------------------------------------------------------------------------------
.PHONY: deps run test unit integration sanitized
deps: ## install what building needs (Debian packages; only what is missing)
	@scripts/install-deps.sh build

run: ## install what is missing, build, and start: a demo, or the real thing when POOL_HOST is set
	@scripts/install-deps.sh build
	@scripts/quiet.sh $(OUT)/build.log 'Building, which takes some minutes the first time ($(OUT)/build.log)' \
		$(MAKE) programs ui
	@exec $(OUT)/bin/hashscope up

test: ## install what is missing, build, and run all tests
	@scripts/install-deps.sh build test
	@$(MAKE) programs ui unit-tests benches duckdb sample-writer
	@scripts/run-tests.py --build $(OUT) unit integration

.PHONY: fresh
fresh: ## `make run` and `make test` as somebody new, in a bare Debian of its own (needs root)
	@scripts/fresh.sh

# The examples of docs/querying.md are run in DuckDB.
DUCKDB := tests/duckdb/node_modules/.package-lock.json
.PHONY: duckdb
duckdb: $(DUCKDB)
$(DUCKDB): tests/duckdb/package.json tests/duckdb/package-lock.json
	$(call say,NPM,tests/duckdb)
	$(Q)$(call npm,tests/duckdb)
	@touch $@

.PHONY: crash
KILLS ?= 100
crash: ## kill the recorder KILLS=100 times under load, and at every step of its recovery
	@scripts/install-deps.sh build test
	@$(MAKE) programs
	@HASHSCOPE_BUILD=$(OUT) KILLS=$(KILLS) CRASH_ROUNDS=$(KILLS) python3 -m unittest -v \
		tests.integration.test_recorder_crash tests.integration.test_recorder_steps

unit: unit-tests ## the unit tests only, with whatever DEBUG or SANITIZE says
	@scripts/run-tests.py --build $(OUT) unit

integration: programs duckdb sample-writer ## the integration tests with one of ONLY='WORDS' in their name, likewise
	@scripts/run-tests.py --build $(OUT) --only '$(ONLY)' --without '$(WITHOUT)' integration

# What reads bytes of others and hands them out. Browsers, crashes and load have tests of their own.
sanitized: ## tests of the API, commands, exports and imports with ASan and UBSan in every program
	@scripts/install-deps.sh build test
	@$(MAKE) SANITIZE=address,undefined integration WITHOUT='load docs' ONLY='test_api test_cli test_up \
		test_querying test_segments test_json_cases test_export test_extcap test_import test_names \
		test_numbers test_other_coins test_wireshark test_recorder_control test_recorder_inject \
		test_recorder_slow test_recorder_streams test_recorder_tls'

# ---- fuzzing, measuring ------------------------------------------------------------------------
.PHONY: fuzz fuzz-run bench coverage
fuzz: ## run every fuzzer on its corpus, then for SECONDS=60 each (0: corpus only)
	@scripts/install-deps.sh build fuzz
	@$(MAKE) FUZZING=1 CC=$(FUZZ_CC) CFLAGS='-O1 -g' fuzz-run

FUZZ_RUNS := $(patsubst tests/fuzz/%_fuzz.c,fuzz-run-%,$(FUZZ_SRC))
.PHONY: $(FUZZ_RUNS)
fuzz-run: $(FUZZ_RUNS)
$(FUZZ_RUNS): fuzz-run-%: $(OUT)/tests/fuzz/%_fuzz
	@scripts/run-fuzzer.sh $< tests/fuzz/corpus/$* $(OUT)/corpus/$* $(SECONDS)

bench: ## the benchmark beside its peers, as a table (ARGS='--quick' for a first look)
	@scripts/install-deps.sh build bench
	@$(MAKE) programs benches
	@python3 tests/bench/bench.py --build $(OUT) $(ARGS)

coverage: ## run all tests and write a coverage report to build/coverage/html
	@scripts/install-deps.sh build test coverage
	@$(MAKE) COVERAGE=1 coverage-run

.PHONY: coverage-run
coverage-run: programs ui unit-tests benches duckdb sample-writer
	@find $(OUT) -name '*.gcda' -delete
	@scripts/run-tests.py --build $(OUT) unit integration
	@lcov --quiet --capture --directory $(OUT)/obj --base-directory . --no-external \
		--output-file $(OUT)/all.info
	@lcov --quiet --remove $(OUT)/all.info '*/tests/*' --output-file $(OUT)/lcov.info
	@genhtml --quiet --output-directory $(OUT)/html $(OUT)/lcov.info
	@lcov --summary $(OUT)/lcov.info 2>&1 | sed -n 's/^ *\(lines\|functions\)/  \1/p'

# ---- checking ----------------------------------------------------------------------------------
CHECKS := check-format check-floors check-lint check-generated check-python check-shell check-node
.PHONY: check check-all $(CHECKS)
check: ## formatting, static analysis, floor rules, generated files, scripts
	@scripts/install-deps.sh build test check
	@$(MAKE) -k $(CHECKS) && echo 'all checks passed'

check-format:
	@clang-format-14 --dry-run -Werror --ferror-limit=1 $(SOURCES) $(HEADERS)

check-floors:
	@scripts/check-floors.py

# One stamp per file: only what changed is read again.
TIDY := $(patsubst %.c,$(OUT)/tidy/%.ok,$(SOURCES))
check-lint: $(TIDY)
$(OUT)/tidy/%.ok: %.c .clang-tidy tests/.clang-tidy $(HEADERS)
	$(call say,TIDY,$<)
	@mkdir -p $(@D)
	$(Q)clang-tidy-14 --quiet --warnings-as-errors='*' $< -- -std=c11 -D_GNU_SOURCE -I. \
		$(PACKAGE_CFLAGS) > $@.log 2>/dev/null || { cat $@.log; exit 1; }
	@mv $@.log $@

check-generated: $(GENERATOR)
	@$(GENERATOR) env | diff -u env.example - || { echo 'env.example: run make generate'; exit 1; }
	@$(GENERATOR) markdown | diff -u docs/settings.md - || \
		{ echo 'docs/settings.md: run make generate'; exit 1; }

PYTHON_SRC := $(wildcard scripts/*.py tests/*/*.py)
check-python:
	@python3 -c 'import ast, sys; [ast.parse(open(f).read(), f) for f in sys.argv[1:]]' $(PYTHON_SRC)

check-node:
	@scripts/check-node.py

check-shell:
	@shellcheck .ci/run $(wildcard scripts/*.sh tests/*/*.sh)

.PHONY: generate
generate: $(GENERATOR) ## write env.example and docs/settings.md from the option table
	@$(GENERATOR) env > env.example
	@$(GENERATOR) markdown > docs/settings.md

# Sample recordings, and the captures made of them: the same bytes each time.
.PHONY: samples sample-writer
sample-writer: $(SAMPLES)
samples: programs $(SAMPLES) ## write samples/captures anew
	@scripts/make-samples.sh $(OUT) samples/captures

# ---- the rest ----------------------------------------------------------------------------------
.PHONY: install install-files clean help FORCE
install: programs ui ## install programs and UI below PREFIX=/usr/local (DESTDIR is put in front)
	@$(MAKE) install-files

INSTALLED := $(DESTDIR)$(PREFIX)
install-files:
	install -d $(INSTALLED)/bin $(INSTALLED)/share/doc/hashscope $(INSTALLED)/share/hashscope/docs
	install -m 755 $(PROGRAMS) $(INSTALLED)/bin
	install -m 644 $(SHARED) $(INSTALLED)/share/hashscope
	install -m 644 $(DOCS_PAGE) $(INSTALLED)/share/hashscope/docs
	rm -rf $(INSTALLED)/share/hashscope/ui
	if [ -f $(UI_PAGE) ]; then cp -R $(dir $(UI_PAGE)) $(INSTALLED)/share/hashscope && \
		chmod -R u=rwX,go=rX $(INSTALLED)/share/hashscope/ui; fi
	install -m 644 env.example LICENSE $(wildcard README.md docs/*.md) \
		$(INSTALLED)/share/doc/hashscope

clean: ## remove everything that was built
	rm -rf $(BUILD)

help: ## this list
	@echo 'make [target] [NAME=value]…'
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  \1\t\2/p' Makefile | expand -t 14

FORCE:

-include $(shell find $(OUT)/obj -name '*.d' 2>/dev/null)
