# SPDX-License-Identifier: Apache-2.0
# make [V=1] [SAN=1] [DEVELOPER=1] [O=dir]     everything built lands under $(O)
O         ?= build
CLANG     ?= clang
BPFTOOL   ?= $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
PROTOC_C  ?= protoc-c
PKGCONFIG ?= pkg-config
ARCH      ?= $(shell uname -m)
BPF_ARCH  := $(patsubst x86_64,x86,$(patsubst aarch64,arm64,$(ARCH)))
VERSION   := 0.1.0

ROOMS := base find capture feed stream cover proto genai mcp a2a trace guard metric sink
LIBS  := -lbpf -lelf -lcapstone -lz -lbrotlidec -lzstd -lprotobuf-c -lcurl -lmicrohttpd -lpthread -lm

CFLAGS     ?= -g -O2
WARN       := -Wall -Wextra -Wshadow -Wmissing-prototypes -Wno-unused-parameter -Wvla
ALL_CFLAGS  = -std=gnu11 -D_GNU_SOURCE -DONLOOKER_VERSION='"$(VERSION)"' $(CFLAGS) $(WARN) \
	      -Iuser -Iinclude -I$(O) -MMD -MP
BPF_CFLAGS := -g -O2 -target bpf -mcpu=v3 -D__TARGET_ARCH_$(BPF_ARCH) -Wall -Werror \
	      -Iinclude -Ivmlinux -Ibpf -MMD -MP
ifeq ($(DEVELOPER),1)
ALL_CFLAGS += -Werror
endif
ifeq ($(SAN),1)
ALL_CFLAGS += -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
LDFLAGS    += -fsanitize=address,undefined
endif
ifeq ($(V),1)
Q :=
say =
else
Q := @
say = @printf '  %-7s %s\n' $(1) $(2);
MAKEFLAGS += --no-print-directory
endif

# A missing package is named with the command that installs it; the goals that install it themselves do not ask.
ifeq ($(filter clean setup run test test-interop test-agents check-vm,$(MAKECMDGOALS)),)
MISSING := $(shell scripts/setup --check)
$(if $(MISSING),$(error packages are missing: $(MISSING)   or: sudo make setup))
endif

all: $(O)/onlooker
	@:

# A new .c file is picked up by being there.
objects = $(patsubst %.c,$(O)/%.o,$(wildcard user/$(1)/*.c))
ROOM_LIBS := $(ROOMS:%=$(O)/lib/%.a)
BPF_OBJ   := $(patsubst %.bpf.c,$(O)/%.bpf.o,$(wildcard bpf/*.bpf.c))
MAIN_OBJ  := $(patsubst %.c,$(O)/%.o,$(wildcard user/*.c))

define room_rules
$(O)/lib/$(1).a: $(call objects,$(1)) $(if $(filter sink,$(1)),$(O)/otlp.pb-c.o)
	$$(call say,AR,$$@)mkdir -p $$(@D)
	$(Q)rm -f $$@ && $(AR) rcs $$@ $$^
endef
$(foreach r,$(ROOMS),$(eval $(call room_rules,$(r))))

$(O)/%.bpf.o: %.bpf.c
	$(call say,BPF,$<)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@

$(O)/capture.skel.h: $(BPF_OBJ)
	$(call say,SKEL,$@)$(BPFTOOL) gen object $(@:.skel.h=.bpf.o) $^
	$(Q)$(BPFTOOL) gen skeleton $(@:.skel.h=.bpf.o) name capture_bpf > $@

$(O)/otlp.pb-c.c: user/sink/otlp.proto
	$(call say,PROTO,$<)mkdir -p $(@D)
	$(Q)$(PROTOC_C) --c_out=$(O) --proto_path=user/sink $<
$(O)/otlp.pb-c.h: $(O)/otlp.pb-c.c
$(O)/otlp.pb-c.o: $(O)/otlp.pb-c.c
	$(call say,CC,$<)$(CC) $(ALL_CFLAGS) -Wno-unused -Wno-missing-braces -c $< -o $@

$(call objects,capture): | $(O)/capture.skel.h
$(call objects,sink): | $(O)/otlp.pb-c.h
$(O)/user/trace/prices_builtin.o: user/trace/prices.json

$(O)/%.o: %.c
	$(call say,CC,$<)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -c $< -o $@

$(O)/onlooker: $(MAIN_OBJ) $(ROOM_LIBS)
	$(call say,LINK,$@)$(CC) $(CFLAGS) $(LDFLAGS) $(MAIN_OBJ) -Wl,--start-group $(ROOM_LIBS) -Wl,--end-group -o $@ $(LIBS)

# tests/unit/ROOM/test_x.c is linked with ROOM and the rooms before it, so a room cannot lean on a later one.
upto = $(if $(filter $(firstword $(2)),$(1)),$(1),$(firstword $(2)) $(call upto,$(1),$(wordlist 2,99,$(2))))
UNIT_SRC := $(wildcard tests/unit/*/test_*.c)
UNIT     := $(patsubst %.c,$(O)/%,$(UNIT_SRC))
define unit_rules
$(patsubst %.c,$(O)/%,$(wildcard tests/unit/$(1)/test_*.c)): $(O)/tests/unit/$(1)/%: tests/unit/$(1)/%.c $(foreach r,$(call upto,$(1),$(ROOMS)),$(O)/lib/$(r).a)
	$$(call say,TEST,$$@)mkdir -p $$(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -Itests/unit $(LDFLAGS) $$< -Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group -o $$@ -lcmocka $$(LIBS)
endef
$(foreach r,$(ROOMS),$(eval $(call unit_rules,$(r))))
# Tests of the whole way live in tests/unit/flow: all rooms and what joins them, but nothing that needs root.
$(patsubst %.c,$(O)/%,$(wildcard tests/unit/flow/test_*.c)): $(O)/tests/unit/flow/%: tests/unit/flow/%.c $(O)/user/flow.o $(ROOM_LIBS)
	$(call say,TEST,$@)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -Itests/unit $(LDFLAGS) $< $(O)/user/flow.o -Wl,--start-group $(ROOM_LIBS) -Wl,--end-group -o $@ -lcmocka $(LIBS)

# No root, under 30 s.  The closing line counts the tests of all programs.
check: $(UNIT) check-headers check-stack check-docs $(O)/onlooker
	$(Q)scripts/run-units $(O) $(UNIT)
	$(Q)scripts/check-golden $(O)

# Each header stands alone.
check-headers: | $(O)/capture.skel.h $(O)/otlp.pb-c.h
	$(Q)for h in $$(find user include -name '*.h'); do \
		$(CC) $(ALL_CFLAGS) -fsyntax-only -MF /dev/null -x c $$h || exit 1; done

# Uprobe programs, and what they call, keep their stack under 64 bytes: bigger ones get a per-CPU
# stack from the JIT and are preempted on it (kernel a76ab5731e32).
check-stack: $(BPF_OBJ)
	$(Q)scripts/check-stack $(filter %/tls.bpf.o %/emit.bpf.o %/sock.bpf.o,$(BPF_OBJ))

check-docs:
	$(Q)scripts/gen-attributes --check

# Recordings of the exchanges in tests/golden/wire that are model calls, and the spans they give: look at the difference before you commit it.
GOLDEN := $(basename $(wildcard tests/golden/wire/http/openai-chat*.req tests/golden/wire/http/openai-responses*.req \
	    tests/golden/wire/http/openai-embeddings*.req tests/golden/wire/http/anthropic-*.req \
	    tests/golden/wire/http/azure-*.req tests/golden/wire/enc/*.req \
	    $(foreach p,gemini groq mistral llamacpp bedrock-converse bedrock-invoke-stream bedrock-error bedrock-retrieve bedrock-invoke-agent ollama cohere openai-vectorstore pinecone qdrant chroma milvus elasticsearch,tests/golden/wire/http/$(p)*.req)))
GOLDEN_WS := $(basename $(wildcard tests/golden/wire/ws/*.c2s))
GOLDEN_H2 := $(basename $(wildcard tests/golden/wire/h2/*.c2s))
GOLDEN_A2A := $(basename $(wildcard tests/golden/wire/a2a/*.c2s))
GOLDEN_TURNS := $(basename $(basename $(wildcard tests/golden/wire/turns/*.1.req)))
golden: $(O)/onlooker $(O)/make_recording
	$(Q)$(foreach g,$(GOLDEN),$(O)/make_recording $(g).req $(g).resp tests/golden/recordings/$(notdir $(g)).rec &&) true
	$(Q)$(foreach g,$(GOLDEN_WS),$(O)/make_recording $(g).c2s $(g).s2c tests/golden/recordings/ws-$(notdir $(g)).rec &&) true
	$(Q)$(foreach g,$(GOLDEN_H2),$(O)/make_recording $(g).c2s $(g).s2c tests/golden/recordings/h2-$(notdir $(g)).rec &&) true
	$(Q)$(foreach g,$(GOLDEN_A2A),$(O)/make_recording $(g).c2s $(g).s2c tests/golden/recordings/$(notdir $(g)).rec &&) true
	$(Q)$(foreach g,$(GOLDEN_TURNS),$(O)/make_recording $(g).1.req $(g).1.resp $(g).2.req $(g).2.resp tests/golden/recordings/turns-$(notdir $(g)).rec &&) true
	$(Q)scripts/check-golden $(O) --update
$(O)/make_recording: tests/golden/make_recording.c $(O)/lib/feed.a $(O)/lib/base.a
	$(Q)$(CC) $(ALL_CFLAGS) -Itests $(LDFLAGS) $^ -o $@ -lz

# The README's test command: needs root for the live tests and installs what is missing.
test: setup
	$(Q)$(MAKE) all check
	$(Q)scripts/setup-tests
	$(Q)tests/live/run-all $(O)

test-interop: setup
	$(Q)$(MAKE) all
	$(Q)scripts/setup-tests
	$(Q)tests/interop/run $(O)

# Real agents from their registries (3 GB in the cache), offline. AGENTS='...' are pytest's arguments, UPDATE=1 writes docs/coverage.md.
test-agents: setup
	$(Q)$(MAKE) all
	$(Q)scripts/setup-tests
	$(Q)scripts/setup-agents
	$(Q)UPDATE=$(UPDATE) tests/agents/run $(O) $(AGENTS)

# Distribution kernels under QEMU, without KVM. UPDATE=1 writes docs/kernels.md.
K ?= 6.1 6.12
check-vm: setup
	$(Q)$(MAKE) all
	$(Q)tests/vm/run $(O) "$(K)" $(if $(UPDATE),--update)

setup:
	$(Q)scripts/setup

# The README's first command.  CMD='...' observes that instead of the demo.
run: setup
	$(Q)$(MAKE) all
	$(Q)O=$(O) scripts/run-demo $(if $(CMD),-- sh -c '$(subst ','\'',$(CMD))')

bench: all
	$(Q)tests/bench/run $(O)

PREFIX ?= /usr/local
install: all
	install -D -m 0755 $(O)/onlooker $(DESTDIR)$(PREFIX)/sbin/onlooker
	install -D -m 0644 user/trace/prices.json $(DESTDIR)$(PREFIX)/share/onlooker/prices.json

-include scripts/fuzz.mk

clean:
	$(Q)rm -rf $(O)

-include $(shell find $(O) -name '*.d' 2>/dev/null)
.PHONY: all check check-headers check-stack check-docs golden test test-interop test-agents check-vm setup run bench install clean
.DELETE_ON_ERROR:
.SECONDARY:
