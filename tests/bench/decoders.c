// SPDX-License-Identifier: Apache-2.0
/*
 * How fast each decoder reads, alone, in pieces as a socket gives them.  One
 * JSON object: bytes of input (codings: of output) per microsecond, the median
 * of several rounds, and the same for memcpy of the same bytes.
 * decoders [ROUNDS [DIR]]     DIR: gets the inputs, for other readers
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <brotli/encode.h>
#include <zlib.h>
#include <zstd.h>

#include "base/json.h"
#include "genai/genai.h"
#include "proto/coding.h"
#include "proto/exchange.h"
#include "proto/proto.h"
#include "stream/dns.h"

#define PIECE		(16 * 1024)
#define INPUT		(8 * 1024 * 1024)
#define ROUNDS_MAX	32

struct input {
	struct buf bytes;
	uint64_t out;		/* what it becomes, where that is what counts; 0: its own size */
	const void *arg;
};

static volatile uint64_t sink;	/* keeps what was read from being optimised away */

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median_time(void (*work)(const struct input *), const struct input *in, int rounds)
{
	double t[ROUNDS_MAX];

	for (int i = 0; i < rounds; i++) {
		double begin = seconds();

		work(in);
		t[i] = seconds() - begin;
	}
	qsort(t, rounds, sizeof(t[0]), by_value);
	return t[rounds / 2];
}

static void copy(const struct input *in)
{
	static char to[INPUT * 2];

	for (size_t at = 0; at < in->bytes.n; at += PIECE)
		memcpy(to + at, in->bytes.p + at, in->bytes.n - at < PIECE ? in->bytes.n - at : PIECE);
	sink += to[in->bytes.n / 2];
}

static const char *inputs;	/* a directory; NULL */

static void keep(const char *name, const struct input *in)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", inputs, name);
	f = fopen(path, "we");
	if (!f || fwrite(in->bytes.p, 1, in->bytes.n, f) != in->bytes.n || fclose(f))
		perror(path);
}

static void measure(const char *name, void (*work)(const struct input *), struct input *in, int rounds)
{
	static int said;
	double n = in->out ? in->out : in->bytes.n, t = median_time(work, in, rounds);

	if (inputs)
		keep(name, in);
	printf("%s\"%s\":{\"mb_s\":%.1f,\"memcpy_mb_s\":%.1f}", said++ ? "," : "{", name, n / t / 1e6,
	       in->bytes.n / median_time(copy, in, rounds) / 1e6);
	buf_release(&in->bytes);
	in->out = 0;
}

static void add_text(struct buf *b, size_t n)
{
	static unsigned x = 7;

	while (n--) {
		x = x * 1664525 + 1013904223;
		buf_add_byte(b, x >> 29 ? 'a' + (x >> 24) % 26 : ' ');
	}
}

static void add_event(struct buf *b)
{
	buf_add(b, VIEW("data: {\"id\":\"chatcmpl-b\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m-1\","
			"\"choices\":[{\"index\":0,\"delta\":{\"content\":\""));
	add_text(b, 20);
	buf_add(b, VIEW("\"},\"finish_reason\":null}]}\n\n"));
}

static void run_proto(const struct input *in)
{
	const struct proto *proto = in->arg;
	void *state = calloc(1, proto->state_size);
	struct proto_event ev;
	struct view piece;

	proto->init(state);
	for (size_t at = 0; at < in->bytes.n; at += PIECE) {
		piece = view_take(view_drop(buf_view(&in->bytes), at), PIECE);
		while (proto->next(state, &piece, &ev) > 0)
			sink += ev.value.n;
	}
	proto->fini(state);
	free(state);
}

static void fill_lengths(struct buf *b)
{
	while (b->n < INPUT) {
		buf_add(b, VIEW("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1000000\r\n\r\n"));
		add_text(b, 1000000);
	}
}

static void fill_chunks(struct buf *b, size_t chunk)
{
	buf_add(b, VIEW("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"));
	while (b->n < INPUT) {
		buf_addf(b, "%zx\r\n", chunk);
		add_text(b, chunk);
		buf_add(b, VIEW("\r\n"));
	}
	buf_add(b, VIEW("0\r\n\r\n"));
}

static void fill_heads(struct buf *b)
{
	while (b->n < INPUT)
		buf_add(b, VIEW("GET /v1/models HTTP/1.1\r\nHost: api.example.com\r\nUser-Agent: bench/1.0 (linux)\r\n"
				"Accept: application/json\r\nAccept-Encoding: gzip, deflate\r\n"
				"Authorization: Bearer sk-0000000000000000000000000000000000000000\r\n"
				"X-Stainless-Lang: python\r\nX-Stainless-Retry-Count: 0\r\n\r\n"));
}

static void fill_events(struct buf *b)
{
	while (b->n < INPUT)
		add_event(b);
}

static void add_frame(struct buf *b, int type, int flags, uint32_t stream, struct view payload)
{
	const char head[9] = {
		payload.n >> 16, payload.n >> 8, payload.n, type, flags, stream >> 24, stream >> 16, stream >> 8, stream,
	};

	buf_add(b, (struct view){ head, sizeof(head) });
	buf_add(b, payload);
}

static void fill_frames(struct buf *b, size_t n)
{
	struct buf text;

	buf_init(&text, n);
	add_text(&text, n);
	add_frame(b, 4, 0, 0, VIEW(""));
	add_frame(b, 1, 4, 1, VIEW("\x88"));
	while (b->n < INPUT)
		add_frame(b, 0, 0, 1, buf_view(&text));
	buf_release(&text);
}

/* Requests as they repeat: three fields of the static table, two of the dynamic one, two literals in Huffman's code. */
static void fill_fields(struct buf *b)
{
	uint32_t stream = 3;

	add_frame(b, 4, 0, 0, VIEW(""));
	add_frame(b, 1, 5, 1, VIEW("\x40\x88\x25\xa8\x49\xe9\x5b\xa9\x7d\x7f\x89\x25\xa8\x49\xe9\x5b\xb8\xe8\xb4\xbf"
				   "\x5f\x10" "application/json"));
	for (; b->n < INPUT; stream += 2)
		add_frame(b, 1, 5, stream, VIEW("\x83\x87\x84\xbf\xbe\x01\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff"
						"\x0f\x0d\x89\x25\xa8\x49\xe9\x5b\xb8\xe8\xb4\xbf"));
}

static void bench_http2(int rounds)
{
	struct input in = { .arg = &proto_http2 };

	buf_init(&in.bytes, 2 * INPUT);
	fill_frames(&in.bytes, 16384);
	measure("http2 16 KiB frames", run_proto, &in, rounds);
	fill_frames(&in.bytes, 200);
	measure("http2 200 B frames", run_proto, &in, rounds);
	fill_fields(&in.bytes);
	measure("http2 heads of 7 fields in 31 B", run_proto, &in, rounds);
}

static void bench_protos(int rounds)
{
	struct input in = { .arg = &proto_http1_response };

	buf_init(&in.bytes, 2 * INPUT);
	fill_lengths(&in.bytes);
	measure("http1 content-length", run_proto, &in, rounds);
	fill_chunks(&in.bytes, 16384);
	measure("http1 chunked 16 KiB", run_proto, &in, rounds);
	fill_chunks(&in.bytes, 200);
	measure("http1 chunked 200 B", run_proto, &in, rounds);
	in.arg = &proto_http1_request;
	fill_heads(&in.bytes);
	measure("http1 heads", run_proto, &in, rounds);
	in.arg = &proto_sse;
	fill_events(&in.bytes);
	measure("sse 180 B events", run_proto, &in, rounds);
}

/* One event of 180 bytes in each: as a line, as an element, in a frame. */
static void add_line(struct buf *b, const char *before, const char *after)
{
	buf_addf(b, "%s{\"text\":\"%0160d\"}%s", before, 1, after);
}

static uint32_t big_endian(uint32_t n)
{
	return __builtin_bswap32(n);
}

static void add_aws_frame(struct buf *b)
{
	static const char headers[] = "\x0b:event-type\x07\0\x05" "chunk";
	uint32_t prelude[3], crc;
	size_t start = b->n, n = sizeof(headers) - 1;

	prelude[0] = big_endian(16 + n + 171);
	prelude[1] = big_endian(n);
	prelude[2] = big_endian(crc32(0, (const Bytef *)prelude, 8));
	buf_add(b, (struct view){ (const char *)prelude, sizeof(prelude) });
	buf_add(b, (struct view){ headers, n });
	add_line(b, "", "");
	crc = big_endian(crc32(0, (const Bytef *)b->p + start, b->n - start));
	buf_add(b, (struct view){ (const char *)&crc, 4 });
}

static void add_ws_frame(struct buf *b, bool masked)
{
	size_t at = b->n + (masked ? 8 : 4);

	buf_add(b, masked ? (struct view){ "\x81\xfe\0\xab" "key!", 8 } : (struct view){ "\x81\x7e\0\xab", 4 });
	add_line(b, "", "");
	for (size_t i = at; masked && i < b->n; i++)
		b->p[i] ^= "key!"[(i - at) & 3];
}

static void add_ws_deflate(struct buf *b, z_stream *z)
{
	static char text[200], out[400];
	unsigned char head[4] = { 0xc1, 0x7e };
	size_t n = snprintf(text, sizeof(text), "{\"text\":\"%0160d\"}", (int)b->n);

	z->next_in = (Bytef *)text;
	z->avail_in = n;
	z->next_out = (Bytef *)out;
	z->avail_out = sizeof(out);
	deflate(z, Z_SYNC_FLUSH);
	n = sizeof(out) - z->avail_out - 4;
	head[1] = n < 126 ? n : 126;
	head[2] = n >> 8;
	head[3] = n;
	buf_add(b, (struct view){ (char *)head, n < 126 ? 2 : 4 });
	buf_add(b, (struct view){ out, n });
}

static void bench_layers(int rounds)
{
	struct input in = { .arg = &proto_jsonl };
	z_stream z = { 0 };

	buf_init(&in.bytes, 2 * INPUT);
	while (in.bytes.n < INPUT)
		add_line(&in.bytes, "", "\n");
	measure("JSON lines 172 B", run_proto, &in, rounds);
	in.arg = &proto_json_array;
	buf_reset(&in.bytes);
	while (in.bytes.n < INPUT)
		add_line(&in.bytes, in.bytes.n ? "\n,\r\n" : "[", "");
	measure("JSON array 171 B elements", run_proto, &in, rounds);
	in.arg = &proto_eventstream;
	buf_reset(&in.bytes);
	while (in.bytes.n < INPUT)
		add_aws_frame(&in.bytes);
	measure("AWS event stream 207 B", run_proto, &in, rounds);
	in.arg = &proto_ws;
	for (int masked = 0; masked < 2; masked++) {
		buf_reset(&in.bytes);
		while (in.bytes.n < INPUT)
			add_ws_frame(&in.bytes, masked);
		measure(masked ? "ws masked 171 B" : "ws 171 B", run_proto, &in, rounds);
	}
	in.arg = &proto_ws_deflate;
	buf_reset(&in.bytes);
	deflateInit2(&z, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY);
	while (in.bytes.n < INPUT / 8)
		add_ws_deflate(&in.bytes, &z);
	deflateEnd(&z);
	measure("ws deflate 171 B (coded bytes)", run_proto, &in, rounds);
	buf_release(&in.bytes);
}

/* An alias and two addresses behind it: 92 bytes. */
#define ANSWER "\0\1\x81\x80\0\1\0\3\0\0\0\0" "\3api\7example\3com\0\0\1\0\1" \
	       "\xc0\x0c\0\5\0\1\0\0\0\x3c\0\x0f" "\4edge\3cdn\3net\0\0" \
	       "\xc0\x2d\0\1\0\1\0\0\0\x3c\0\4\1\2\3\4" "\xc0\x2d\0\1\0\1\0\0\0\x3c\0\4\1\2\3\5"

static void run_dns(const struct input *in)
{
	struct dns_address a;
	struct dns d;

	for (size_t at = 0; at < in->bytes.n; at += sizeof(ANSWER) - 1) {
		if (!dns_begin(&d, view_take(view_drop(buf_view(&in->bytes), at), sizeof(ANSWER) - 1)))
			continue;
		while (dns_next(&d, &a))
			sink += a.addr[15];
	}
}

static void bench_dns(int rounds)
{
	struct input in = { 0 };

	buf_init(&in.bytes, 2 * INPUT);
	while (in.bytes.n < INPUT)
		buf_add(&in.bytes, VIEW(ANSWER));
	measure("dns answers of two addresses", run_dns, &in, rounds);
}

static void run_coding(const struct input *in)
{
	struct coding *c = coding_new(view_of(in->arg));
	struct view piece;
	struct buf out;

	buf_init(&out, 1024 * 1024);
	for (size_t at = 0; at < in->bytes.n; at += PIECE) {
		piece = view_take(view_drop(buf_view(&in->bytes), at), PIECE);
		while (coding_take(c, &piece, &out) > 0)
			buf_reset(&out);
		sink += out.n;
		buf_reset(&out);
	}
	if (!coding_done(c))
		fprintf(stderr, "decoders: %s did not come to its end\n", (const char *)in->arg);
	coding_free(c);
	buf_release(&out);
}

static size_t pack_gzip(struct view text, char *out, size_t max)
{
	z_stream z = { .next_in = (Bytef *)text.p, .avail_in = text.n, .next_out = (Bytef *)out, .avail_out = max };

	deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
	deflate(&z, Z_FINISH);
	deflateEnd(&z);
	return z.total_out;
}

static size_t pack_br(struct view text, char *out, size_t max)
{
	size_t n = max;

	BrotliEncoderCompress(5, BROTLI_DEFAULT_WINDOW, BROTLI_MODE_TEXT, text.n, (const uint8_t *)text.p, &n,
			      (uint8_t *)out);
	return n;
}

static size_t pack_zstd(struct view text, char *out, size_t max)
{
	size_t n = ZSTD_compress(out, max, text.p, text.n, 3);

	return ZSTD_isError(n) ? 0 : n;
}

static void bench_codings(int rounds)
{
	static const struct {
		const char *name;
		size_t (*pack)(struct view text, char *out, size_t max);
	} rows[] = { { "gzip", pack_gzip }, { "br", pack_br }, { "zstd", pack_zstd } };
	char *packed = malloc(2 * INPUT);
	struct input in = { 0 };
	struct buf text;

	buf_init(&text, 2 * INPUT);
	fill_events(&text);
	buf_init(&in.bytes, 2 * INPUT);
	for (size_t i = 0; packed && i < sizeof(rows) / sizeof(rows[0]); i++) {
		in.arg = rows[i].name;
		in.out = text.n;
		buf_add(&in.bytes, (struct view){ packed, rows[i].pack(buf_view(&text), packed, 2 * INPUT) });
		measure(rows[i].name, run_coding, &in, rounds);
	}
	buf_release(&text);
	free(packed);
}

static void run_json(const struct input *in)
{
	sink += json_get(json_read(buf_view(&in->bytes)), "not there").type;
}

static void bench_json(int rounds)
{
	struct input in = { 0 };

	buf_init(&in.bytes, 2 * INPUT);
	buf_add(&in.bytes, VIEW("{\"text\":\""));
	add_text(&in.bytes, INPUT);
	buf_add(&in.bytes, VIEW("\"}"));
	measure("json one long string", run_json, &in, rounds);
	buf_add(&in.bytes, VIEW("{\"messages\":[{\"role\":\"system\",\"content\":\"\"}"));
	while (in.bytes.n < INPUT) {
		buf_add(&in.bytes, VIEW(",{\"role\":\"user\",\"content\":\"line\\nline "));
		add_text(&in.bytes, 60);
		buf_add(&in.bytes, VIEW("\",\"index\":17}"));
	}
	buf_add(&in.bytes, VIEW("]}"));
	measure("json small messages", run_json, &in, rounds);
}

static const char ask_head[] = "POST /v1/chat/completions HTTP/1.1\r\nHost: api.openai.com\r\n"
	"Content-Type: application/json\r\nContent-Length: 89\r\n\r\n";
static const char ask_body[] =
	"{\"model\":\"m-1\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"write, do not stop\"}]}";
_Static_assert(sizeof(ask_body) - 1 == 89, "Content-Length of ask_head");

/* flow.c's part of the way, for one connection: conn -> genai. */
static void take(struct conn *c, struct gen_call **call)
{
	struct xev ev;

	while (conn_next(c, &ev)) {
		if (ev.kind == XEV_REQUEST)
			*call = gen_open(ev.x, false);
		if (ev.kind == XEV_EVENT && *call)
			gen_event(*call, ev.x, ev.name, ev.value);
		if (ev.kind == XEV_DONE && *call)
			gen_finish(*call, ev.x);
	}
}

static void run_conn(const struct input *in)
{
	struct conn *c = conn_new(false);
	struct gen_call *call = NULL;

	conn_bytes(c, 0, view_of(ask_head), 1);
	take(c, &call);
	conn_bytes(c, 0, view_of(ask_body), 1);
	take(c, &call);
	for (size_t at = 0; at < in->bytes.n; at += PIECE) {
		conn_bytes(c, 1, view_take(view_drop(buf_view(&in->bytes), at), PIECE), 2);
		take(c, &call);
	}
	conn_end(c, 3);
	take(c, &call);
	if (!call || !call->terminal)
		fprintf(stderr, "decoders: the stream was not read to its end\n");
	gen_free(call);
	conn_free(c);
}

/* The same events without what is under them; arg: something, when none is to be recognised as one that came before. */
static void run_events(const struct input *in)
{
	struct conn *c = conn_new(false);
	struct gen_call *call = NULL;
	struct view rest = buf_view(&in->bytes), event;
	struct exchange *x = NULL;
	struct xev ev;

	conn_bytes(c, 0, view_of(ask_head), 1);
	take(c, &call);
	conn_bytes(c, 0, view_of(ask_body), 1);
	while (conn_next(c, &ev))
		if (ev.kind == XEV_REQUEST) {
			x = ev.x;
			call = gen_open(x, false);
			if (call)
				call->read_all = in->arg;
		}
	while (call && view_cut(rest, '\n', &event, &rest))
		if (event.n > 6)
			gen_event(call, x, VIEW("message"), view_drop(event, 6));
	if (!call)
		fprintf(stderr, "decoders: no model call\n");
	gen_free(call);
	conn_free(c);
}

/* The events of one answer, each a chunk of its own. */
static void fill_answer(struct buf *b, int events)
{
	struct buf event;

	buf_init(&event, 4096);
	buf_add(b, VIEW("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"));
	for (int i = 0; i < events; i++) {
		buf_reset(&event);
		add_event(&event);
		buf_addf(b, "%zx\r\n", event.n);
		buf_add(b, buf_view(&event));
		buf_add(b, VIEW("\r\n"));
	}
	buf_add(b, VIEW("e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"));
	buf_release(&event);
}

static void bench_genai(int rounds)
{
	struct input in = { 0 };

	buf_init(&in.bytes, 2 * INPUT);
	for (int i = 0; i < 10000; i++)
		add_event(&in.bytes);
	measure("genai 10,000 events", run_events, &in, rounds);
	in.arg = "all";
	for (int i = 0; i < 10000; i++)
		add_event(&in.bytes);
	measure("genai, each read in full", run_events, &in, rounds);
	fill_answer(&in.bytes, 10000);
	measure("http1 + sse + genai 10,000 chunks", run_conn, &in, rounds);
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 9;

	if (rounds < 1 || rounds > ROUNDS_MAX)
		return 2;
	inputs = argc > 2 ? argv[2] : NULL;
	bench_protos(rounds);
	bench_http2(rounds);
	bench_layers(rounds);
	bench_dns(rounds);
	bench_codings(rounds);
	bench_json(rounds);
	bench_genai(rounds);
	puts("}");
	return 0;
}
