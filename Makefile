# taphos - 'make help' lists the targets. scripts/packages installs what each of them needs.
#
#   make O=DIR       builds in DIR           make CROSS=aarch64-linux-gnu O=DIR   for arm64
#   make check T=x   only tests named *x*    make WERROR=1                        warnings are errors
O       ?= build
CFLAGS  ?= -O2 -g
STATIC  ?= -static-pie
PREFIX  ?= /usr/local
SECONDS ?= 60
VERSION := $(shell scripts/version)
# no registry is asked for a name of localhost
IMAGE   ?= localhost/taphos:$(VERSION)

ifdef CROSS
CC      := $(CROSS)-gcc --sysroot=$(O)/sysroot
AR      := $(CROSS)-ar
OBJCOPY := $(CROSS)-objcopy
ARCH    := $(shell dpkg-architecture -t $(CROSS) -q DEB_HOST_ARCH 2>/dev/null)
SYSROOT := $(O)/sysroot
else
CC      ?= cc
OBJCOPY ?= objcopy
endif
MACHINE := $(shell $(CC) -dumpmachine 2>&1)

WARN   := -Wall -Wextra -Wshadow -Wformat=2 -Wvla -Wmissing-prototypes -Wstrict-prototypes \
          -Wpointer-arith -Wimplicit-fallthrough -Wundef -Wconversion -Wno-sign-conversion
INC    := -Iinclude -Icollector $(patsubst %/,-I%,$(wildcard collector/*/)) -Idumpers \
          -isystem $(O)/deps/include
HARDEN := -fPIE -fstack-protector-strong -fstack-clash-protection -D_FORTIFY_SOURCE=2 \
          $(if $(filter x86_64-%,$(MACHINE)),-fcf-protection)
# what nobody calls is left out of the program
SECTIONS := -ffunction-sections -fdata-sections
# no directory of the machine that builds gets into the result
REPRO  := '-ffile-prefix-map=$(CURDIR)=.' '-ffile-prefix-map=$(O)=build'
ALL_CFLAGS  := -std=gnu11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 $(INC) $(WARN) $(HARDEN) $(REPRO) \
               $(SECTIONS) -MMD -MP $(CFLAGS)
ALL_LDFLAGS := -Wl,-z,relro,-z,now,-z,noexecstack,--gc-sections -Wl,--build-id=sha1 $(LDFLAGS)
# what libcrypto and c-ares get collector/base/closed.c for, in libc's place
CLOSED := dlopen dlsym dlclose dlerror dladdr getaddrinfo freeaddrinfo gai_strerror getnameinfo \
          gethostbyname getservbyname getservbyport_r
DEPS   := $(O)/deps/libarchive.a $(O)/deps/libcurl.a
LIBS   := $(DEPS) -lcares -lyaml -lzstd -lz -ljansson -lnghttp2 -lseccomp -lcap -lssl -lcrypto \
          -pthread

SRC      := $(sort $(wildcard collector/*.c collector/*/*.c dumpers/*.c))
OBJ      := $(SRC:%.c=$(O)/%.o) $(O)/profile_builtin.o
PROFILES := $(sort $(wildcard profiles/*.json))
UNIT     := $(patsubst %.c,$(O)/%,$(sort $(wildcard tests/unit/test_*.c)))
UNITLIB  := $(patsubst %.c,$(O)/%.o,$(filter-out tests/unit/test_%,$(wildcard tests/unit/*.c)))
FUZZ     := $(patsubst %.c,$(O)/%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
# helpers of the shell tests
TOOLS    := $(patsubst %.c,$(O)/%,$(sort $(wildcard tests/tools/*.c)))
FUZZMAIN := $(O)/tests/fuzz/replay.o
SHTESTS  := $(sort $(wildcard tests/*/test_*.sh tests/*/test_*.py))
MAN      := $(wildcard docs/man/*.1)
DEPLOY   := $(patsubst scripts/%,%,$(shell find scripts/deploy -name '*.yaml' | sort))
# the program needs its main file; the library does not
PROGRAM  := $(if $(wildcard collector/main.c),$(O)/taphos,$(O)/libtaphos.a)

all: $(PROGRAM)  ## the static binary, build/taphos (default)

# ---- how things are made

# stripped; all of it with symbols is beside it, for gdb
$(O)/taphos: $(O)/taphos.debug
	@$(OBJCOPY) --strip-all --add-gnu-debuglink=$< $< $@
$(O)/taphos.debug: $(OBJ)
	@echo "  LD  $(O)/taphos"; \
		$(CC) $(ALL_CFLAGS) $(STATIC) $(ALL_LDFLAGS) $(CLOSED:%=-Wl,--wrap=%) -o $@ $^ $(LIBS)
$(O)/libtaphos.a: $(filter-out $(O)/collector/main.o,$(OBJ))
	@rm -f $@; $(AR) qcs $@ $^
$(O)/libunit.a: $(UNITLIB)
	@rm -f $@; $(AR) qcs $@ $^
$(O)/%.o: %.c $(O)/.flags | $(DEPS)
	@echo "  CC  $<"; mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) $(WERROR:%=-Werror) -c -o $@ $<
$(O)/%.o: $(O)/%.c $(O)/.flags
	@$(CC) $(ALL_CFLAGS) $(WERROR:%=-Werror) -c -o $@ $<
$(UNIT): %: %.o $(O)/libunit.a $(O)/libtaphos.a
	@echo "  LD  $@"; $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ -lcmocka $(LIBS)
$(FUZZ): %: %.o $(filter %.o,$(FUZZMAIN)) $(O)/libunit.a $(O)/libtaphos.a
	@echo "  LD  $@"; $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(filter -%,$(FUZZMAIN)) -o $@ $^ $(LIBS)
$(TOOLS): %: %.o $(O)/libunit.a $(O)/libtaphos.a
	@echo "  LD  $@"; $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)
$(O)/tests/%.o: private ALL_CFLAGS += -Itests/unit

$(DEPS): $(O)/deps/%.a: scripts/deps | $(SYSROOT)
	@scripts/deps $* $(@D) $(ARCH)
$(O)/sysroot: scripts/deps
	@scripts/deps sysroot $@ $(ARCH)
$(O)/profile_builtin.c: scripts/embed-profiles $(PROFILES) $(O)/.flags
	@scripts/embed-profiles $(PROFILES) > $@.new && mv $@.new $@
$(O)/collector/base/version.o: $(O)/.version
$(O)/collector/base/version.o: ALL_CFLAGS += -DVERSION='"$(VERSION)"'

# rewritten when its content changes, so that what depends on it is made again
keep = mkdir -p $(@D); [ "$(strip $(1))" = "$$(cat $@ 2>/dev/null)" ] || echo "$(strip $(1))" > $@
$(O)/.flags: FORCE
	@$(call keep,$(CC) $(ALL_CFLAGS) $(STATIC) $(ALL_LDFLAGS) $(PROFILES))
$(O)/.version: FORCE
	@$(call keep,$(VERSION))
FORCE:

# ---- tests

JOBS := -j$(shell nproc)
# with a sanitizer gcc warns of what is not so: no -Werror there
ASAN := O=$(O)-asan STATIC= HARDEN= \
        CFLAGS='-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all'
ARM  := O=$(O)-arm64 CROSS=aarch64-linux-gnu
ASANTESTS := $(UNIT:$(O)/%=$(O)-asan/%) $(FUZZ:$(O)/%=$(O)-asan/%)
QEMU := --emulator 'qemu-aarch64-static -L $(O)-arm64/sysroot' --emulated $(UNIT:$(O)/%=$(O)-arm64/%)
RUN   = tests/run $(if $(T),--only '$(T)') --build $(O)

check:  ## install what the tests need and run all of them (T=PATTERN: some)
	@scripts/packages test
	@$(MAKE) $(JOBS) WERROR=1 all unit-programs tools
	@$(MAKE) $(JOBS) $(ASAN) unit-programs fuzz-programs
	@$(MAKE) $(JOBS) WERROR=1 $(ARM) all unit-programs
	@$(RUN) --parallel $(UNIT) $(ASANTESTS) $(QEMU) --serial $(SHTESTS)
unit: unit-programs  ## the unit tests alone
	@$(RUN) --parallel $(UNIT)
check-k8s:  ## build a real Kubernetes (8 minutes, once) and run the tests that ask it
	@scripts/packages test
	@$(MAKE) $(JOBS) all
	@tests/k8s/up.sh apt build
	@tests/run --build $(O) --serial $(sort $(wildcard tests/k8s/test_*.sh))
asan:  ## unit tests and fuzz corpora under the address and undefined-behaviour sanitizers
	@$(MAKE) $(ASAN) unit-programs fuzz-programs
	@$(RUN) --parallel $(ASANTESTS)
check-arm64:  ## cross build, unit tests under qemu-user
	@scripts/packages build arm64
	@$(MAKE) $(ARM) all unit-programs
	@$(RUN) $(QEMU)
fuzz:  ## fuzz every parser for SECONDS=60 (T=NAME: one of them)
	@scripts/packages build fuzz
	@$(MAKE) O=$(O)-fuzz CC=clang STATIC= HARDEN= FUZZMAIN=-fsanitize=fuzzer \
		CFLAGS='-O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all' \
		fuzz-programs
	@scripts/fuzz $(O)-fuzz $(SECONDS) $(T)
bench:  ## speed and memory, as ratios to standard tools
	@scripts/packages bench
	@$(MAKE) all $(O)/tests/bench/crowd $(O)/tests/bench/hold
	@tests/bench/run $(O)/taphos $(O) $(CASE)
$(O)/tests/bench/%: tests/bench/%.c
	@mkdir -p $(@D) && $(CC) -O2 -D_GNU_SOURCE -Wall -Wextra -static -o $@ $<
unit-programs: $(UNIT)
tools: $(TOOLS)
fuzz-programs: $(FUZZ)

# ---- the rest

demo:  ## collect a throw-away compromised container and show the result
	@scripts/packages demo
	@$(MAKE) $(JOBS) all
	@scripts/demo $(O)/taphos
lint:  ## layout, static analysis, layers, symbols, sizes, licences
	@scripts/packages build lint
	@scripts/lint $(O)
format:  ## put the code in its layout
	@clang-format -i $$(git ls-files '*.c' '*.h')
image: $(O)/taphos  ## an OCI image, build/taphos-image.tar (IMAGE=NAME:TAG)
	@scripts/image $(O)/taphos $(IMAGE) $(O)/taphos-image.tar
image-arm64:  ## the same for arm64, in build-arm64
	@scripts/packages build arm64
	@$(MAKE) $(JOBS) $(ARM) image
install: $(O)/taphos  ## into PREFIX=/usr/local, below DESTDIR
	install -D -m 755 $(O)/taphos $(DESTDIR)$(PREFIX)/bin/taphos
	install -m 755 scripts/kubectl-taphos $(DESTDIR)$(PREFIX)/bin/kubectl-taphos
	$(foreach f,$(DEPLOY),install -D -m 644 scripts/$(f) $(DESTDIR)$(PREFIX)/share/taphos/$(f);)
	$(foreach m,$(MAN),install -D -m 644 $(m) $(DESTDIR)$(PREFIX)/share/man/man1/$(notdir $(m));)
	install -D -m 644 completion/taphos.bash \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/taphos
	install -D -m 644 completion/taphos.zsh \
		$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_taphos
	install -D -m 644 completion/taphos.fish \
		$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/taphos.fish
uninstall:  ## removes what install put there
	rm -rf $(DESTDIR)$(PREFIX)/share/taphos/deploy
	rm -f $(DESTDIR)$(PREFIX)/bin/taphos $(DESTDIR)$(PREFIX)/bin/kubectl-taphos \
		$(MAN:docs/man/%=$(DESTDIR)$(PREFIX)/share/man/man1/%) \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/taphos \
		$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_taphos \
		$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/taphos.fish
dist:  ## a source archive of the last commit
	git archive --prefix=taphos-$(VERSION)/ --add-virtual-file=taphos-$(VERSION)/.version:$(VERSION) \
		HEAD | xz > taphos-$(VERSION).tar.xz
clean:  ## remove what was built
	rm -rf build build-asan build-arm64 build-fuzz \
		$(if $(wildcard $(O)/.flags),$(O) $(O)-asan $(O)-arm64 $(O)-fuzz)
help:  ## this list
	@sed -n 's/^\([a-z0-9-]*\):[^#]*## /\1\t/p' Makefile | expand -t 14

.PHONY: all check check-k8s unit asan check-arm64 fuzz bench unit-programs tools fuzz-programs demo lint format image \
        image-arm64 install uninstall dist clean help FORCE
-include $(OBJ:.o=.d) $(UNIT:=.d) $(UNITLIB:.o=.d) $(FUZZ:=.d) $(TOOLS:=.d)
