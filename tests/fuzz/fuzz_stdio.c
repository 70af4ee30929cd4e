// SPDX-License-Identifier: Apache-2.0
/*
 * JSON-RPC over ways between processes.  Each record is a letter-less step, ended by 0xf8: its first byte says what (bytes, a gap, an
 * end, who is at one end, time), its second which way, the rest is said.  Every call that opened ends once; and a call is never answered
 * by what did not come back from the process that was asked.
 */
#include "fuzz.h"
#include "mcp/mcp.h"

#define MARK '\xf8'
#define WAYS 8
#define PIDS 4

static unsigned opened, ended;

static void drain(struct mcp *m)
{
	struct mcp_event e;

	while (mcp_next(m, &e)) {
		opened += !e.over;
		ended += e.over;
		WANT(e.call->local && e.call->pid);
		WANT(!e.over || (e.call->end != MCP_OPEN && e.call->last_ts >= e.call->first_ts));
		if (e.over)
			mcp_call_free(e.call);
	}
}

static void who(struct mcp *m, uint8_t how, uint64_t way, struct view rec)
{
	uint8_t pid = 1 + fuzz_byte(&rec) % PIDS;

	mcp_channel(m, &(struct wire_channel){ .hdr = { .pid = pid, .start = pid }, .stream = way, .ino = way, .peer = way ^ 1,
					       .fd = how >> 4 & 3, .end = how >> 3 & 1,
					       .kind = how & 0x80 ? WIRE_CHANNEL_UNIX : WIRE_CHANNEL_PIPE });
}

static void step(struct mcp *m, struct view rec, uint64_t *ts)
{
	uint8_t how = fuzz_byte(&rec);
	uint64_t way = fuzz_byte(&rec) % WAYS;
	struct mcp_way *w = mcp_way(m, way);
	char *copy = fuzz_copy(rec);

	WANT(w);
	*ts += 1000;
	switch (how & 7) {
	case 0: who(m, how, way, rec); break;
	case 1: mcp_way_gap(m, w, how >> 3, *ts); break;
	case 2: mcp_way_end(m, w, *ts); break;
	case 3: mcp_time(m, *ts += (uint64_t)(how >> 3) * 1000000000); break;
	default: mcp_way_bytes(m, w, (struct view){ copy, rec.n }, *ts);
	}
	free(copy);
	drain(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view in = { (const char *)data, size }, rec;
	struct mcp *m = mcp_new(size & 1);
	uint64_t ts = 1;

	opened = ended = 0;
	while (view_cut(in, MARK, &rec, &in))
		step(m, rec, &ts);
	step(m, in, &ts);
	for (uint64_t way = 0; way < WAYS; way++)
		mcp_way_end(m, mcp_way(m, way), ts);
	mcp_finish(m, ts);
	drain(m);
	WANT(opened == ended);
	mcp_free(m);
	return 0;
}
