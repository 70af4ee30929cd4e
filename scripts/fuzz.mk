# SPDX-License-Identifier: Apache-2.0
# make fuzz [FUZZ="json utf8"] [FUZZ_TIME=600]    fuzzes, two at a time, with clang's libFuzzer, ASan and UBSan
# make fuzz-corpus                                runs every fuzzer once over its committed corpus, with any compiler
#
# A fuzzer is one file, tests/fuzz/fuzz_NAME.c, and what it begins from: tests/fuzz/corpus/NAME/.
# What it finds goes to $(O)/fuzz/found/NAME, crashes to $(O)/fuzz/crash/.
FUZZ_TIME  ?= 600
FUZZ       ?= $(patsubst tests/fuzz/fuzz_%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
FUZZ_ROOMS ?= base find feed stream cover proto genai mcp a2a trace guard metric sink
FUZZ_LIBS  := -lcapstone -lz -lbrotlidec -lzstd -lprotobuf-c -lcurl -lmicrohttpd -ljansson -lnghttp2 -lpthread -lm
FUZZ_SAN   := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined

# Without libFuzzer a main() that replays files takes its place.
FUZZ_MAIN  ?= tests/fuzz/replay.c

FUZZ_BIN   := $(FUZZ:%=$(O)/tests/fuzz/fuzz_%)
$(FUZZ_BIN): $(O)/tests/fuzz/fuzz_%: tests/fuzz/fuzz_%.c $(filter %.c,$(FUZZ_MAIN)) $(FUZZ_ROOMS:%=$(O)/lib/%.a)
	$(call say,FUZZER,$@)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MF $@.d -Itests -Itests/unit -Itests/fuzz $(LDFLAGS) $(FUZZ_MAIN) $< $(filter %.o,$^) \
		-Wl,--start-group $(filter %.a,$^) -Wl,--end-group -o $@ $(FUZZ_LIBS)

$(O)/tests/fuzz/fuzz_flow: $(O)/user/flow.o

fuzz-bin: $(FUZZ_BIN)

fuzz-corpus: $(FUZZ_BIN)
	$(Q)scripts/run-fuzz corpus $(O) $(FUZZ)
check: fuzz-corpus

fuzz:
	$(Q)mkdir -p $(O)/fuzz; $(CLANG) -fsanitize=fuzzer -Iuser tests/fuzz/empty.c -o $(O)/fuzz/empty 2>/dev/null || { \
		echo "$(CLANG) has no libFuzzer here: install libclang-rt-$$($(CLANG) -dumpversion | cut -d. -f1)-dev (Debian) or compiler-rt (Fedora)"; exit 1; }
	$(Q)$(MAKE) O=$(O)/fuzz CC='$(CLANG)' CFLAGS='-g -O1 -fno-omit-frame-pointer $(FUZZ_SAN)' \
		LDFLAGS= SAN= FUZZ_MAIN=-fsanitize=fuzzer FUZZ='$(FUZZ)' FUZZ_ROOMS='$(FUZZ_ROOMS)' fuzz-bin
	$(Q)scripts/run-fuzz $(FUZZ_TIME) $(O)/fuzz $(FUZZ)

# Second readers, to be compared with.
$(O)/tests/unit/base/test_json_jansson: private LIBS += -ljansson

$(O)/tests/unit/proto/test_hpack_nghttp2: private LIBS += -lnghttp2

# Every allocation fails once; part of `make check`.
$(O)/tests/unit/flow/test_oom $(O)/tests/unit/flow/test_long: private ALL_CFLAGS += -Itests
$(O)/tests/unit/flow/test_oom: private LDFLAGS += $(foreach f,malloc calloc realloc free,-Wl,--wrap=$(f))
check-oom: $(O)/tests/unit/flow/test_oom
	$(Q)scripts/run-units $(O) $<

.PHONY: fuzz fuzz-bin fuzz-corpus check-oom
