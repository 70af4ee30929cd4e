# SPDX-License-Identifier: Apache-2.0
# The programs of `make bench`, built with the flags and libraries of the house.  tests/bench/run calls it.
bench-programs:

include Makefile

$(O)/bench/client $(O)/bench/server: tests/bench/peer.c tests/bench/peer.h
$(O)/bench/drain: $(O)/lib/capture.a $(O)/lib/find.a $(O)/lib/feed.a $(O)/lib/base.a
$(O)/bench/decoders: $(O)/lib/genai.a $(O)/lib/proto.a $(O)/lib/stream.a $(O)/lib/base.a
$(O)/bench/exchange: $(O)/user/flow.o $(ROOM_LIBS)

$(O)/bench/%: tests/bench/%.c
	$(call say,BENCH,$@)mkdir -p $(@D)
	$(Q)$(CC) $(filter-out -MMD -MP,$(ALL_CFLAGS)) -Itests -Itests/bench $(LDFLAGS) $(BENCH_LDFLAGS) $(filter %.c %.o,$^) \
		-Wl,--start-group $(filter %.a,$^) -Wl,--end-group -o $@ $(BENCH_LIBS)

$(O)/bench/client $(O)/bench/server $(O)/bench/hits: BENCH_LIBS = -lssl -lcrypto -lpthread
$(O)/bench/drain: BENCH_LIBS = $(LIBS)
$(O)/bench/decoders: BENCH_LIBS = $(LIBS) -lbrotlienc
$(O)/bench/exchange: BENCH_LIBS = $(LIBS)
$(O)/bench/exchange: BENCH_LDFLAGS = $(foreach f,malloc calloc realloc,-Wl,--wrap=$(f))

bench-programs: $(addprefix $(O)/bench/,client server hits drain decoders exchange)
.PHONY: bench-programs
