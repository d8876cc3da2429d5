# SPDX-License-Identifier: Apache-2.0
# `make help` lists the targets. Paths are relative throughout, so that a clone may live in a path with spaces.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.SUFFIXES:
.DEFAULT_GOAL := all

ifeq ($(origin CC),default)
CC := gcc
endif
VARIANT ?= release
PREFIX ?= /usr/local

B := build/$(VARIANT)$(if $(findstring clang,$(CC)),-clang)
O := $(B)/obj
GEN := $(B)/gen
Q := $(if $(V),,@)

PACKAGES := libpq rdkafka jansson libmicrohttpd libcurl libxxhash openssl smartcols
# Without pkg-config, on a machine that `make run` has yet to set up, reading this file must not fail.
PACKAGE_CFLAGS := $(shell pkg-config --cflags $(PACKAGES) check 2>/dev/null)
PACKAGE_LIBS := $(shell pkg-config --libs $(PACKAGES) 2>/dev/null)
CHECK_LIBS := $(shell pkg-config --libs check 2>/dev/null)

# A string in a condition is how an assert says what it means; gcc does not ask.
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wno-string-conversion \
  -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wvla -Wundef -Wswitch-enum -Wcast-qual \
  -Wwrite-strings -Wnull-dereference -Werror

SANITIZED := -O1 -fno-omit-frame-pointer -DDAYBOOK_SANITIZED
VARIANT_CFLAGS_release := -O2 -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fno-omit-frame-pointer
VARIANT_LDFLAGS_release := -Wl,-z,relro,-z,now
VARIANT_CFLAGS_asan := $(SANITIZED) -fsanitize=address,undefined -fno-sanitize-recover=all
VARIANT_CFLAGS_tsan := $(SANITIZED) -fsanitize=thread
# The sanitizers' own checks make gcc see null pointers in code that has none.
VARIANT_CFLAGS_asan += -Wno-null-dereference
VARIANT_CFLAGS_tsan += -Wno-null-dereference
VARIANT_LDFLAGS_asan := -fsanitize=address,undefined
VARIANT_LDFLAGS_tsan := -fsanitize=thread
# For CC=clang: libFuzzer's counters everywhere, its main() only in the fuzz programs.
VARIANT_CFLAGS_fuzz := $(SANITIZED) -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
VARIANT_LDFLAGS_fuzz := -fsanitize=address,undefined
ifeq ($(VARIANT_CFLAGS_$(VARIANT)),)
$(error VARIANT is release, asan, tsan or fuzz, not '$(VARIANT)')
endif

LANGUAGE := -std=gnu11 -D_GNU_SOURCE -I. -Ilib -I$(GEN) $(PACKAGE_CFLAGS)
ALL_CFLAGS = $(LANGUAGE) -g -pthread -fPIE $(WARNINGS) $(VARIANT_CFLAGS_$(VARIANT)) $(CFLAGS)
ALL_LDFLAGS = -pie -pthread -Wl,--as-needed $(VARIANT_LDFLAGS_$(VARIANT)) $(LDFLAGS)

VERSION_TEXT := $(shell tools/version)

LIB_SOURCES := $(sort $(wildcard lib/*/*.c))
SQL_SOURCES := $(sort $(wildcard lib/*/sql/*.sql))
SQL_MODULES := $(sort $(foreach f,$(SQL_SOURCES),$(word 2,$(subst /, ,$(f)))))
MIGRATIONS := $(sort $(wildcard migrations/[0-9]*.sql))
PROGRAMS := $(patsubst cmd/%/,$(B)/%,$(sort $(dir $(wildcard cmd/*/*.c))))
TEST_KINDS := unit integration system
SUPPORT_SOURCES := $(sort $(wildcard tests/support/*.c))
TEST_SOURCES := $(sort $(foreach k,$(TEST_KINDS),$(wildcard tests/$(k)/*.c tests/$(k)/*/*.c)))
BENCH_SOURCES := $(sort $(wildcard bench/*.c))
FUZZ_SOURCES := $(sort $(wildcard tests/fuzz/*.c))
C_SOURCES := $(LIB_SOURCES) $(sort $(wildcard cmd/*/*.c)) $(SUPPORT_SOURCES) $(TEST_SOURCES) \
  $(BENCH_SOURCES) $(FUZZ_SOURCES)

C_HEADERS := $(sort $(wildcard lib/*/*.h cmd/*/*.h tests/*/*.h tests/*/*/*.h bench/*.h))

GEN_HEADERS := $(SQL_MODULES:%=$(GEN)/%/sql.h) $(GEN)/migrations/embedded.h
GEN_SOURCES := $(SQL_MODULES:%=$(GEN)/%/sql.c) $(GEN)/migrations/embedded.c
LIB_OBJECTS := $(LIB_SOURCES:%.c=$(O)/%.o) $(GEN_SOURCES:.c=.o)
SUPPORT_LINKED := $(filter-out $(if $(filter tsan,$(VARIANT)),,%/tsan.c),$(SUPPORT_SOURCES))
SUPPORT_OBJECTS := $(SUPPORT_LINKED:%.c=$(O)/%.o)
BENCH_PROGRAMS := $(BENCH_SOURCES:%.c=$(B)/%)
FUZZ_PROGRAMS := $(FUZZ_SOURCES:%.c=$(B)/%)
TEST_RUNNERS := $(TEST_KINDS:%=$(B)/tests/%)
# Only what names the version is rebuilt when it changes.
VERSIONED := $(if $(C_SOURCES),$(shell grep -ls DAYBOOK_VERSION $(C_SOURCES)))

.PHONY: all run test stop clean-local lint format asan tsan fuzz bench install clean help \
  unit integration system test-programs sanitized-tests fuzz-programs FORCE

all: $(PROGRAMS) $(B)/libdaybook.a ## build the programs (VARIANT=release|asan|tsan, CC=gcc|clang)

test-programs: all $(TEST_RUNNERS) $(BENCH_PROGRAMS)

# Should make die, the script that it started ends too, and with it all services.
run: ## set up what is missing, then run Daybook with PostgreSQL and Kafka of its own until Ctrl-C
	@exec setpriv --pdeathsig TERM scripts/run

test: ## set up what is missing, then run all tests
	@exec setpriv --pdeathsig TERM scripts/test

stop: ## end `make run`
	@scripts/stop

clean-local: ## end `make run` and delete its data
	@scripts/clean-local

unit: $(B)/tests/unit ## run the unit tests (CK_RUN_SUITE=name: one suite)
	$(Q)$(B)/tests/unit

integration: $(B)/tests/integration ## run the integration tests
	@scripts/test-services scripts/run-tests $(B) $@

system: test-programs ## run the system tests
	@scripts/test-services scripts/run-tests $(B) $@

asan tsan: ## build with sanitizers, and run the unit and integration tests so
	@scripts/setup
	@$(MAKE) VARIANT=$@ sanitized-tests

sanitized-tests: $(B)/tests/unit $(B)/tests/integration
	@scripts/test-services scripts/run-tests $(B) unit integration

fuzz: ## run each parser's fuzz target for FUZZ_SECONDS (60), with clang; not a part of `make test`
	@scripts/install-packages fuzz
	@$(MAKE) CC="$(if $(findstring clang,$(CC)),$(CC),clang)" VARIANT=fuzz fuzz-programs
	@scripts/fuzz build/fuzz-clang/tests/fuzz $(FUZZ_SOURCES:tests/fuzz/%.c=%)

fuzz-programs: $(FUZZ_PROGRAMS)

bench: all $(BENCH_PROGRAMS) ## measure it beside the machine's own limits (BENCH="--only orders pay" and other options)
	@scripts/test-services bench/run $(BENCH)

lint: ## check format, layers, shape, banned functions, shell scripts, cppcheck, clang-tidy
	@scripts/install-packages
	@scripts/install-packages lint
	@$(MAKE) -s $(GEN_HEADERS)
	@scripts/lint $(filter -D% -I%,$(LANGUAGE))
	@$(MAKE) $(C_SOURCES:%.c=$(O)/%.tidy)

format: ## format all C files
	clang-format -i $(C_SOURCES) $(C_HEADERS)

clean: ## delete what was built (data of `make run` stays)
	rm -rf build

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z -]+:.*## / { printf "%-13s %s\n", $$1, $$2 }' Makefile

# Each program's man page and completion are printed by itself, from the table that parses.
MAN_PAGES := $(PROGRAMS:$(B)/%=$(B)/man/%.1)
COMPLETIONS := $(PROGRAMS:$(B)/%=$(B)/completions/%)
SHARE = $(DESTDIR)$(PREFIX)/share

$(B)/man/%.1: $(B)/%
	@mkdir -p $(@D)
	@$< help --man >$@.new && mv $@.new $@

$(B)/completions/%: $(B)/%
	@mkdir -p $(@D)
	@$< completion bash >$@.new && mv $@.new $@

install: all $(MAN_PAGES) $(COMPLETIONS) ## install programs, projections, man pages, completions into $(DESTDIR)$(PREFIX)
	install -d "$(DESTDIR)$(PREFIX)/bin" "$(SHARE)/daybook/projections" \
	  "$(SHARE)/man/man1" "$(SHARE)/bash-completion/completions"
	install $(PROGRAMS) "$(DESTDIR)$(PREFIX)/bin"
	install -m 644 projections/*.sql "$(SHARE)/daybook/projections"
	install -m 644 $(MAN_PAGES) "$(SHARE)/man/man1"
	install -m 644 $(COMPLETIONS) "$(SHARE)/bash-completion/completions"

# Files whose text changes only when what they list does: something added, deleted or switched.
define list_file
	@mkdir -p $(@D)
	@printf '%s\n' '$(1)' | cmp -s - $@ || printf '%s\n' '$(1)' >$@
endef

$(B)/flags.list: FORCE
	$(call list_file,$(CC) $(ALL_CFLAGS) / $(ALL_LDFLAGS))
$(B)/version.list: FORCE
	$(call list_file,$(VERSION_TEXT))
$(B)/objects.list: FORCE
	$(call list_file,$(C_SOURCES))
$(B)/sql.list: FORCE
	$(call list_file,$(SQL_SOURCES) $(MIGRATIONS))
$(TEST_KINDS:%=$(B)/tests/%.list): $(B)/tests/%.list: FORCE
	$(call list_file,$(filter tests/$*/%,$(TEST_SOURCES)))

define sql_module
$(GEN)/$(1)/sql.h $(GEN)/$(1)/sql.c &: $(filter lib/$(1)/%,$(SQL_SOURCES)) tools/embed-sql $(B)/sql.list
	$(Q)tools/embed-sql $(1) $(GEN)/$(1) $(filter lib/$(1)/%,$(SQL_SOURCES))
endef
$(foreach m,$(SQL_MODULES),$(eval $(call sql_module,$(m))))

$(GEN)/migrations/embedded.h $(GEN)/migrations/embedded.c &: $(MIGRATIONS) tools/embed-migrations tools/embed-sql $(B)/sql.list
	$(Q)tools/embed-migrations $(GEN)/migrations $(MIGRATIONS)

$(TEST_KINDS:%=$(GEN)/tests/%.c): $(GEN)/tests/%.c: $(B)/tests/%.list tools/list-suites
	$(Q)mkdir -p $(@D)
	$(Q)tools/list-suites $(filter tests/$*/%,$(TEST_SOURCES)) >$@

define compile
	@mkdir -p $(@D)
	@echo "  CC    $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(VERSION_FLAG) -MMD -MP -c -o $@ $<
endef

$(O)/%.o: %.c $(B)/flags.list | $(GEN_HEADERS)
	$(compile)
$(GEN)/%.o: $(GEN)/%.c $(B)/flags.list | $(GEN_HEADERS)
	$(compile)

$(VERSIONED:%.c=$(O)/%.o): VERSION_FLAG = -DDAYBOOK_VERSION='"$(VERSION_TEXT)"'
$(VERSIONED:%.c=$(O)/%.o): $(B)/version.list

# Again whenever the object is: when the file or a header of it changed.
$(O)/%.tidy: %.c $(O)/%.o .clang-tidy
	@echo "  TIDY  $<"
	$(Q)clang-tidy --quiet $< -- $(LANGUAGE) -DDAYBOOK_VERSION='""' 2>/dev/null
	@touch $@

$(B)/libdaybook.a: $(LIB_OBJECTS) $(B)/objects.list
	@echo "  AR    $@"
	$(Q)rm -f $@ && ar rcs $@ $(LIB_OBJECTS)

define link
	@echo "  LD    $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o %.a,$^) $(LINK_LIBS) $(PACKAGE_LIBS)
endef

objects = $(patsubst %.c,$(O)/%.o,$(filter $(1),$(C_SOURCES)))

define program
$(B)/$(1): $(call objects,cmd/$(1)/%) $(B)/libdaybook.a $(B)/objects.list $(B)/flags.list
	$$(link)
endef
$(foreach p,$(notdir $(PROGRAMS)),$(eval $(call program,$(p))))

$(BENCH_PROGRAMS): $(B)/bench/%: $(O)/bench/%.o $(B)/libdaybook.a $(B)/flags.list
	@mkdir -p $(@D)
	$(link)

$(FUZZ_PROGRAMS): LINK_LIBS := -fsanitize=fuzzer
$(FUZZ_PROGRAMS): $(B)/tests/fuzz/%: $(O)/tests/fuzz/%.o $(B)/libdaybook.a $(B)/flags.list
	@mkdir -p $(@D)
	$(link)

define test_runner
$(B)/tests/$(1): LINK_LIBS := $(CHECK_LIBS)
$(B)/tests/$(1): $(call objects,tests/$(1)/%) $(GEN)/tests/$(1).o $(SUPPORT_OBJECTS) $(B)/libdaybook.a \
  $(B)/objects.list $(B)/flags.list
	$$(link)
endef
$(foreach k,$(TEST_KINDS),$(eval $(call test_runner,$(k))))

-include $(shell find $(B) -name '*.d' 2>/dev/null)
