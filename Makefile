# taphos - see 'make help'
O      ?= build
CFLAGS ?= -O2 -g
STATIC ?= -static-pie
WARN   := -Wall -Wextra -Wshadow -Wformat=2 -Wvla -Wmissing-prototypes -Wstrict-prototypes \
          -Wpointer-arith -Wimplicit-fallthrough -Wundef -Wconversion -Wno-sign-conversion
INC    := -Iinclude -Icollector $(patsubst %/,-I%,$(wildcard collector/*/)) -Idumpers
HARDEN := -fPIE -fstack-protector-strong -fstack-clash-protection -D_FORTIFY_SOURCE=2
ALL_CFLAGS := -std=gnu11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 $(INC) $(WARN) -Werror -MMD -MP \
              $(HARDEN) -ffile-prefix-map=$(CURDIR)=. $(CFLAGS)
LIBS   := -larchive -lzstd -lz -ljansson -lseccomp -lcap -lcrypto -pthread

SRC := $(sort $(wildcard collector/*.c collector/*/*.c dumpers/*.c))
OBJ := $(SRC:%.c=$(O)/%.o)
LIBOBJ := $(filter-out $(O)/collector/main.o,$(OBJ))
UNIT := $(patsubst tests/unit/%.c,$(O)/tests/unit/%,$(sort $(wildcard tests/unit/test_*.c)))
# what several unit tests share
UNITLIB := $(patsubst tests/unit/%.c,$(O)/tests/unit/%.o,$(filter-out tests/unit/test_%,$(wildcard tests/unit/*.c)))

all: $(O)/taphos

$(O)/taphos: $(OBJ)
	@echo "  LD  $@"; $(CC) $(ALL_CFLAGS) $(STATIC) $(LDFLAGS) -o $@ $^ $(LIBS)
$(O)/%.o: %.c $(O)/.flags
	@echo "  CC  $<"; mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) -c -o $@ $<
$(O)/libtaphos.a: $(LIBOBJ)
	@rm -f $@; $(AR) rcs $@ $^
$(O)/tests/unit/%: tests/unit/%.c $(UNITLIB) $(O)/libtaphos.a
	@echo "  LD  $@"; mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) -Itests/unit $(LDFLAGS) -o $@ $< $(UNITLIB) $(O)/libtaphos.a -lcmocka $(LIBS)
$(O)/tests/unit/%.o: ALL_CFLAGS += -Itests/unit
$(O)/.flags: FORCE
	@mkdir -p $(O); f='$(CC) $(ALL_CFLAGS) $(STATIC) $(LDFLAGS)'; [ "$$f" = "$$(cat $@ 2>/dev/null)" ] || echo "$$f" > $@
unit: $(UNIT)
	@rc=0; for t in $(UNIT); do $$t || rc=1; done; exit $$rc
clean:
	rm -rf build build-*
FORCE:
.PHONY: all unit clean FORCE
-include $(OBJ:.o=.d) $(UNIT:=.d)
