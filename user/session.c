// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "cmd.h"
#include "session.h"

#define TICK_NS		(50 * 1000000ull)
#define BOOKS_NS	(1000 * 1000000ull)
#define POLL_BUDGET_MS	50
#define READER_NICE	-20
#define REPORTS_MAX	(16 * 1024)

static uint64_t now_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static bool watches_all(const struct session *s)
{
	return s->mode == WIRE_MODE_WATCH && !s->o->pid_cnt && !s->o->exe_cnt && !s->o->cgroup_cnt;
}

static unsigned id_from(const char *name)
{
	const char *v = getenv(name);
	char *end;
	unsigned long n = v ? strtoul(v, &end, 10) : 0;

	return v && *v && !*end && n && n < UINT32_MAX ? n : (unsigned)-1;
}

void session_owner(unsigned *ret_uid, unsigned *ret_gid)
{
	bool root = !geteuid();

	*ret_uid = root ? id_from("SUDO_UID") : (unsigned)-1;
	*ret_gid = root ? id_from("SUDO_GID") : (unsigned)-1;
}

static void add_sink(struct session *s, struct sink *k)
{
	s->sinks[s->sink_cnt++] = k;
	flow_add_sink(s->flow, k);
}

static int open_file(struct session *s)
{
	unsigned uid, gid;
	struct sink *k;
	int err;

	session_owner(&uid, &gid);
	k = sink_file_new(s->o->file, uid, gid, &err);
	if (!k) {
		fprintf(stderr, "onlooker %s: cannot write %s: %s\n", s->verb, s->o->file, strerror(-err));
		return EXIT_ENVIRONMENT;
	}
	add_sink(s, k);
	return 0;
}

static int open_otlp(struct session *s)
{
	struct otlp_config c;
	const char *why = NULL;
	struct sink *k = NULL;
	int err = -EINVAL;

	if (!otlp_config(&c, OTLP_TRACES, s->o->otlp, &why)) {
		fprintf(stderr, "onlooker %s: %s\n", s->verb, why);
		otlp_config_release(&c);
		return EXIT_USAGE;
	}
	if (why && !s->o->quiet)
		fprintf(stderr, "onlooker %s: %s\n", s->verb, why);
	k = sink_otlp_new(&c, &err);
	otlp_config_release(&c);
	if (!k) {
		fprintf(stderr, "onlooker %s: cannot start the OTLP exporter: %s\n", s->verb, strerror(-err));
		return EXIT_ENVIRONMENT;
	}
	add_sink(s, k);
	return 0;
}

static int open_terminal(struct session *s, int fd, bool live)
{
	struct terminal_config c = {
		.fd = fd,
		.live = live,
		.color = isatty(fd) && !getenv("NO_COLOR"),
		.verbose = s->o->verbose,
	};
	int err;
	struct sink *k = sink_terminal_new(&c, &err);

	if (!k)
		return EXIT_ENVIRONMENT;
	add_sink(s, k);
	return 0;
}

static void ignore_stream(void *arg, uint64_t stream, uint64_t mute)
{
	struct session *s = arg;

	if (s->capture)
		capture_ignore(s->capture, stream, mute);
}

/* A list is a person's file: it can be large, but not without end. */
#define PRICES_MAX	(16 * 1024 * 1024)

static struct prices *read_prices(const char *path, char why[static 128])
{
	FILE *in = fopen(path, "re");
	struct prices *p = NULL;
	char *all = in ? malloc(PRICES_MAX) : NULL;

	snprintf(why, 128, "%s", strerror(errno));
	if (all)
		p = prices_read((struct view){ all, fread(all, 1, PRICES_MAX, in) }, why);
	free(all);
	if (in)
		fclose(in);
	return p;
}

static int open_prices(struct session *s)
{
	char why[128] = "out of memory";

	if (s->o->prices && !strcmp(s->o->prices, "none"))
		return 0;
	s->prices = s->o->prices ? read_prices(s->o->prices, why) : prices_builtin();
	if (s->prices)
		return 0;
	fprintf(stderr, "onlooker %s: cannot use the price list %s: %s\n", s->verb,
		s->o->prices ? s->o->prices : "inside of onlooker", why);
	return EXIT_USAGE;
}

static void agent_found(void *arg, uint32_t pid, uint64_t start)
{
	struct session *s = arg;

	if (s->capture)
		capture_agent(s->capture, pid, start);
}

int session_open_sinks(struct session *s, int terminal_fd, bool live)
{
	int err = open_prices(s);

	struct flow_config c = {
		.content = s->o->content,
		.compat = s->o->compat,
		.trace = {
			.content = s->o->content,
			.processes = true,
			.resource_attributes = s->mode == WIRE_MODE_WATCH ? getenv("OTEL_RESOURCE_ATTRIBUTES") : NULL,
			.lib_name = capture_lib_name,
		},
		.ignore = ignore_stream,
		.agent = agent_found,
		.ignore_arg = s,
	};
	bool otlp = s->o->otlp || otlp_wanted(OTLP_TRACES);

	if (!err && !s->replay)
		err = session_open_metrics(s);
	if (err)
		return err;
	c.trace.prices = s->prices;
	c.metrics = s->metrics;
	signal(SIGPIPE, SIG_IGN);	/* a reader that went away is an error of one sink; CMD was started before and keeps its own */
	buf_init(&s->reports, REPORTS_MAX);
	s->flow = flow_new(&c);
	if (!s->flow) {
		fprintf(stderr, "onlooker %s: out of memory\n", s->verb);
		return EXIT_ENVIRONMENT;
	}
	if (s->o->file)
		err = open_file(s);
	if (!err && otlp)
		err = open_otlp(s);
	if (!err && !s->sink_cnt && !s->o->quiet)
		err = open_terminal(s, terminal_fd, live);
	return err;
}

int session_open_capture(struct session *s)
{
	struct capture_config c = {
		.ring_bytes = s->o->ring_bytes,
		.gate = s->o->gate,
		.all = watches_all(s),
	};
	const char *why = NULL;
	unsigned uid, gid;
	int err;

	if (s->o->record) {
		session_owner(&uid, &gid);
		s->recording = recording_create(s->o->record, uid, gid, &err);
		if (!s->recording) {
			fprintf(stderr, "onlooker %s: cannot write %s: %s\n", s->verb, s->o->record, strerror(-err));
			return EXIT_ENVIRONMENT;
		}
	}
	s->capture = capture_new(&c, &err, &why);
	if (!s->capture) {
		fprintf(stderr, "onlooker %s: %s\n", s->verb, why ? why : strerror(-err));
		return EXIT_ENVIRONMENT;
	}
	return 0;
}

/* Every record, in order: kept, then walked. */
static void put(void *arg, const struct wire_hdr *h)
{
	struct session *s = arg;
	const char *error;

	if (s->recording && !s->recording_err) {
		s->recording_err = recording_put(s->recording, h);
		if (s->recording_err)
			fprintf(stderr, "onlooker %s: writing %s failed: %s; the recording ends here\n", s->verb,
				s->o->record, strerror(-s->recording_err));
	}
	if (!s->flow)
		return;
	flow_record(s->flow, h, h->size);
	error = flow_sink_error(s->flow);
	if (error)
		fprintf(stderr, "onlooker %s: %s\n", s->verb, error);
}

/* What was attached and had to be let go of. */
static void tell_news(struct session *s)
{
	char news[1024];

	while (capture_news(s->capture, news, sizeof(news)))
		fprintf(stderr, "onlooker %s: %s\n", s->verb, news);
}

/* Tells what is not seen: at once where nobody else talks, else at the end. */
static void tell_cover(struct session *s)
{
	bool now = s->mode == WIRE_MODE_WATCH || s->o->verbose;
	struct cover_report r;
	uint64_t start;
	uint32_t pid;

	while (s->capture && cover_ask(flow_cover(s->flow), &pid, &start))
		capture_cover(s->capture, pid, start);
	while (cover_next(flow_cover(s->flow), &r)) {
		session_log(s, &r);
		if (s->o->quiet)
			continue;
		if (now)
			fprintf(stderr, "onlooker %s: %s\n", s->verb, r.words);
		else
			buf_addf(&s->reports, "onlooker %s: %s\n", s->verb, r.words);
	}
}

static struct wire_hdr header(enum wire_kind kind, size_t size)
{
	return (struct wire_hdr){ .size = size, .kind = kind, .ts = now_ns(CLOCK_BOOTTIME) };
}

static void put_bare(struct session *s, enum wire_kind kind)
{
	struct wire_hdr h = header(kind, sizeof(h));

	put(s, &h);
}

static void put_books(struct session *s)
{
	struct wire_books b = { .hdr = header(WIRE_BOOKS, sizeof(b)) };

	capture_stats(s->capture, &b.stats);
	put(s, &b.hdr);
	if (s->flow)
		session_metrics_books(s);
}

/*
 * The ring fills while its reader waits for a core, and what fills it are the programs that have the cores.  So
 * this thread, which is due little time, goes first.  Without CAP_SYS_NICE it stays as it is.
 */
static void go_first(void)
{
	errno = 0;
	if (getpriority(PRIO_PROCESS, 0) > READER_NICE && !errno)
		setpriority(PRIO_PROCESS, 0, READER_NICE);
}

void session_begin(struct session *s, pid_t root_pid)
{
	struct wire_clock c = {
		.hdr = header(WIRE_CLOCK, sizeof(c)),
		.unix_offset = now_ns(CLOCK_REALTIME) - now_ns(CLOCK_BOOTTIME),
		.mode = watches_all(s) ? WIRE_MODE_WATCH_ALL : s->mode,
		.root_pid = root_pid,
	};

	if (getrandom(c.seed, sizeof(c.seed), 0) != sizeof(c.seed))
		c.seed[0] = c.hdr.ts ^ (uint64_t)getpid() << 32;
	if (s->capture)
		go_first();
	put(s, &c.hdr);
}

void session_turn(struct session *s)
{
	uint64_t now;

	capture_poll(s->capture, POLL_BUDGET_MS, put, s);
	tell_news(s);
	now = now_ns(CLOCK_BOOTTIME);
	if (now >= s->next_tick) {
		put_bare(s, WIRE_TICK);
		s->next_tick = now + TICK_NS;
	}
	if (now >= s->next_books) {
		put_books(s);
		s->next_books = now + BOOKS_NS;
	}
	if (s->flow)
		tell_cover(s);
}

int session_timeout_ms(const struct session *s)
{
	uint64_t now = now_ns(CLOCK_BOOTTIME);

	return now >= s->next_tick ? 0 : (s->next_tick - now) / 1000000 + 1;
}

static void say_losses(const struct session *s)
{
	const struct wire_stats *k;
	uint64_t lost;

	if (!s->flow || s->o->quiet)
		return;
	k = flow_kernel_stats(s->flow);
	lost = k->dropped_bytes + k->truncated_bytes;
	if (lost || k->dropped_control)
		fprintf(stderr, "onlooker %s: %llu bytes and %llu control records were lost in the kernel; "
			"spans they belong to are marked%s\n", s->verb,
			(unsigned long long)lost, (unsigned long long)k->dropped_control,
			k->dropped_bytes || k->dropped_control ? "; a larger --ring-size may help" : "");
	if (flow_stats(s->flow)->bad_records)
		fprintf(stderr, "onlooker %s: %llu damaged records were skipped\n", s->verb,
			(unsigned long long)flow_stats(s->flow)->bad_records);
}

/* A silent zero would say that nobody spoke. */
static void say_unseen(const struct session *s)
{
	const struct trace_stats *t;

	if (!s->flow || s->o->quiet)
		return;
	t = flow_trace_stats(s->flow);
	if (t->unseen_tls)
		fprintf(stderr, "onlooker %s: %llu TLS connection%s of %s%s could not be read: "
			"no TLS library that onlooker knows is in use there\n", s->verb,
			(unsigned long long)t->unseen_tls, t->unseen_tls > 1 ? "s" : "",
			t->unseen_exe, t->unseen_processes > 1 ? " and others" : "");
}

/* run ends with CMD; a daemon that it left behind is not observed any longer. */
static void say_left(const struct session *s)
{
	uint64_t n;

	if (!s->flow || s->o->quiet || !s->capture || s->mode != WIRE_MODE_RUN)
		return;
	n = flow_trace_stats(s->flow)->still_running;
	if (n)
		fprintf(stderr, "onlooker %s: %llu process%s of the command still run%s and %s no longer observed "
			"(\"onlooker watch --pid\" does that)\n", s->verb, (unsigned long long)n,
			n > 1 ? "es" : "", n > 1 ? "" : "s", n > 1 ? "are" : "is");
}

static void say_sink(struct session *s, struct sink *k)
{
	struct sink_stats st = sink_stats(k);
	const char *why = sink_last_error(k);

	if (!st.dropped && !st.rejected)
		return;
	s->sink_failed = true;
	fprintf(stderr, "onlooker %s: %s: %llu of %llu spans did not arrive%s%s\n", s->verb,
		k->type->name, (unsigned long long)(st.dropped + st.rejected),
		(unsigned long long)st.spans, why ? ": " : "", why ? why : "");
}

static void say_books(const struct session *s)
{
	const struct wire_stats *k;
	const struct flow_stats *f;

	if (!s->flow || !s->o->verbose)
		return;
	k = flow_kernel_stats(s->flow);
	f = flow_stats(s->flow);
	fprintf(stderr, "onlooker %s: kernel: %llu bytes seen = %llu delivered + %llu dropped + %llu truncated + %llu ignored; "
		"%llu records\n", s->verb, (unsigned long long)k->seen_bytes,
		(unsigned long long)k->delivered_bytes, (unsigned long long)k->dropped_bytes,
		(unsigned long long)k->truncated_bytes, (unsigned long long)k->ignored_bytes,
		(unsigned long long)k->records);
	fprintf(stderr, "onlooker %s: decoders: %llu decoded + %llu opaque + %llu lost; %llu exchanges, %llu model calls\n",
		s->verb, (unsigned long long)f->decoded, (unsigned long long)f->opaque,
		(unsigned long long)f->lost, (unsigned long long)f->exchanges,
		(unsigned long long)flow_trace_stats(s->flow)->calls);
}

static void close_sinks(struct session *s, int timeout_ms)
{
	for (size_t i = 0; i < s->sink_cnt; i++) {
		sink_flush(s->sinks[i], timeout_ms);
		say_sink(s, s->sinks[i]);
		sink_free(s->sinks[i]);
	}
}

int session_end(struct session *s, int timeout_ms)
{
	int err;

	if (s->capture) {
		capture_drain(s->capture, timeout_ms / 2, put, s);
		put_books(s);
		put_bare(s, WIRE_FINISH);
		if (s->flow)
			session_metrics_books(s);
		tell_news(s);
	}
	if (s->flow)
		tell_cover(s);
	capture_free(s->capture);
	metrics_export_hurry(s->metrics_export);
	close_sinks(s, timeout_ms / 2);
	say_losses(s);
	say_unseen(s);
	fprintf(stderr, "%.*s", VIEW_ARG(buf_view(&s->reports)));
	buf_release(&s->reports);
	say_left(s);
	say_books(s);
	session_close_logs(s, timeout_ms / 8);
	session_close_metrics(s, timeout_ms / 4);
	flow_free(s->flow);
	prices_free(s->prices);
	err = s->recording ? recording_close(s->recording) : 0;
	if (err && !s->recording_err)
		fprintf(stderr, "onlooker %s: writing %s failed: %s\n", s->verb, s->o->record, strerror(-err));
	return err || s->recording_err ? EXIT_ENVIRONMENT : 0;
}

struct status_walk {
	struct session *s;
	struct jsonw *w;
	uint32_t last;		/* process whose totals were written */
};

static void status_str(struct jsonw *w, const char *key, const char *v)
{
	jsonw_key(w, key);
	v && *v ? jsonw_str(w, view_of(v)) : jsonw_null(w);
}

static void status_bytes(struct jsonw *w, const struct cover_stack *k)
{
	jsonw_key(w, "bytes_out");
	jsonw_uint(w, k->bytes[WIRE_OUT]);
	jsonw_key(w, "bytes_in");
	jsonw_uint(w, k->bytes[WIRE_IN]);
	jsonw_key(w, "lost_bytes");
	jsonw_uint(w, cover_lost(k, WIRE_OUT) + cover_lost(k, WIRE_IN));
}

static const struct cover_stack *stack_of(const struct cover_proc *p, unsigned lib)
{
	for (size_t i = 0; p && i < p->stack_cnt; i++)
		if (p->stack[i].lib == lib)
			return &p->stack[i];
	return NULL;
}

/* What the probes have given is a stronger word than that they are there. */
static const char *state_word(const struct coverage *c, const struct cover_stack *k)
{
	if (strcmp(c->state, "attached") && strcmp(c->state, "proven"))
		return c->state;
	if (!k || !(k->bytes[0] + k->bytes[1]))
		return c->state;
	return k->joined ? "joined" : strcmp(c->state, "proven") ? "captured" : "validated";
}

/* Ways past us, and TLS that nobody reads. */
static void status_reduced(struct jsonw *w, const struct cover_proc *p)
{
	jsonw_key(w, "reduced");
	jsonw_open(w, '[');
	for (int i = 0; i < COVER_WHAT_CNT; i++)
		if (p->what & 1u << i)
			jsonw_str(w, view_of(cover_what_name(i)));
	jsonw_close(w, ']');
}

/* One row for each TLS stack; the first row of a process has what belongs to none of them. */
static void status_coverage(void *arg, const struct coverage *c)
{
	struct status_walk *st = arg;
	const struct cover_proc *p = cover_get(flow_cover(st->s->flow), c->pid, c->start);
	const struct cover_stack *k = stack_of(p, c->lib);
	struct jsonw *w = st->w;

	jsonw_open(w, '{');
	jsonw_key(w, "pid");
	jsonw_uint(w, c->pid);
	status_str(w, "executable", c->exe);
	status_str(w, "tls", c->stack);
	status_str(w, "version", c->version);
	status_str(w, "method", c->method);
	status_str(w, "file", c->where);
	status_str(w, "state", state_word(c, k));
	if (c->why)
		status_str(w, "why", c->why);
	if (k)
		status_bytes(w, k);
	if (p && st->last != c->pid) {
		jsonw_key(w, "plain");
		jsonw_open(w, '{');
		status_bytes(w, &p->plain);
		jsonw_close(w, '}');
		status_reduced(w, p);
	}
	st->last = c->pid;
	jsonw_close(w, '}');
}

struct counter {
	const char *name;
	uint64_t value;
};

static void status_counters(struct jsonw *w, const char *name, const struct counter *c, size_t n)
{
	jsonw_key(w, name);
	jsonw_open(w, '{');
	for (size_t i = 0; i < n; i++) {
		jsonw_key(w, c[i].name);
		jsonw_uint(w, c[i].value);
	}
	jsonw_close(w, '}');
}

static void status_books(struct session *s, struct jsonw *w)
{
	const struct stream_stats *st = flow_stream_stats(s->flow);
	const struct flow_stats *f = flow_stats(s->flow);
	const struct trace_stats *t = flow_trace_stats(s->flow);
	struct wire_stats k;

	capture_stats(s->capture, &k);
	status_counters(w, "kernel", (struct counter[]){
		{ "seen_bytes", k.seen_bytes }, { "delivered_bytes", k.delivered_bytes },
		{ "dropped_bytes", k.dropped_bytes }, { "truncated_bytes", k.truncated_bytes },
		{ "ignored_bytes", k.ignored_bytes }, { "records", k.records },
		{ "dropped_records", k.dropped_records }, { "dropped_control", k.dropped_control },
		{ "map_full", k.map_full }, { "unmatched", k.unmatched },
	}, 10);
	status_counters(w, "streams", (struct counter[]){
		{ "seen_bytes", st->seen[0] + st->seen[1] }, { "delivered_bytes", st->delivered[0] + st->delivered[1] },
		{ "lost_bytes", st->lost[0] + st->lost[1] }, { "opened", st->opened }, { "closed", st->closed },
		{ "refused", st->refused }, { "reordered", st->reordered },
	}, 7);
	status_counters(w, "decoders", (struct counter[]){
		{ "decoded_bytes", f->decoded }, { "opaque_bytes", f->opaque }, { "lost_bytes", f->lost },
		{ "exchanges", f->exchanges }, { "other_exchanges", f->other_exchanges },
		{ "server_exchanges", f->server_exchanges }, { "bad_records", f->bad_records },
	}, 7);
	status_counters(w, "spans", (struct counter[]){
		{ "model_calls", t->calls }, { "incomplete", t->incomplete }, { "lost", t->lost },
		{ "processes", t->processes }, { "redacted", flow_guard(s->flow)->redacted },
	}, 5);
}

static void status_sinks(struct session *s, struct jsonw *w)
{
	jsonw_key(w, "sinks");
	jsonw_open(w, '[');
	for (size_t i = 0; i < s->sink_cnt; i++) {
		struct sink_stats st = sink_stats(s->sinks[i]);

		jsonw_open(w, '{');
		jsonw_key(w, "name");
		jsonw_str(w, view_of(s->sinks[i]->type->name));
		status_counters(w, "counts", (struct counter[]){
			{ "spans", st.spans }, { "delivered", st.delivered }, { "dropped", st.dropped },
			{ "rejected", st.rejected }, { "retries", st.retries },
		}, 5);
		jsonw_close(w, '}');
	}
	jsonw_close(w, ']');
}

void session_status(struct session *s, struct buf *out)
{
	struct jsonw w;
	struct status_walk walk = { .s = s, .w = &w };

	jsonw_init(&w, out);
	jsonw_open(&w, '{');
	jsonw_key(&w, "version");
	jsonw_str(&w, VIEW(ONLOOKER_VERSION));
	jsonw_key(&w, "pid");
	jsonw_int(&w, getpid());
	jsonw_key(&w, "processes");
	jsonw_open(&w, '[');
	capture_coverage(s->capture, status_coverage, &walk);
	jsonw_close(&w, ']');
	jsonw_key(&w, "books");
	jsonw_open(&w, '{');
	status_books(s, &w);
	jsonw_close(&w, '}');
	status_sinks(s, &w);
	jsonw_close(&w, '}');
	buf_add_byte(out, '\n');
}
