// SPDX-License-Identifier: Apache-2.0
/*
 * The exporter's settings: specification v1.60.0, "OTLP Exporter Configuration"
 * and "Environment Variable Specification".  An empty variable counts as unset,
 * one for the signal wins over the general one, and a number or word that makes no
 * sense is ignored with a warning.
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <curl/curl.h>

#include "sink/otlp.h"
#include "sink/sink.h"

#define PREFIX		"OTEL_EXPORTER_OTLP_"
#define TEXT_MAX	(64 * 1024)
#define QUEUE_LIMIT	65536
#define BATCH_LIMIT	4096
#define MS_LIMIT	(24 * 3600 * 1000)

static const struct signal {
	const char *word, *path, *exporter;
} signals[] = {
	[OTLP_TRACES] = { "TRACES", "/v1/traces", "OTEL_TRACES_EXPORTER" },
	[OTLP_METRICS] = { "METRICS", "/v1/metrics", "OTEL_METRICS_EXPORTER" },
	[OTLP_LOGS] = { "LOGS", "/v1/logs", "OTEL_LOGS_EXPORTER" },
};

struct reader {
	struct otlp_config *c;
	struct buf text;	/* what is ignored, or why nothing works */
	const char *url;	/* --otlp */
	const struct signal *signal;
};

struct setting {
	char name[64];
	const char *value;	/* NULL: not set */
};

static const char *env(const char *name)
{
	const char *v = getenv(name);

	return v && *v ? v : NULL;
}

static struct setting setting_of(const char *name, const char *value)
{
	struct setting s = { .value = value };

	snprintf(s.name, sizeof(s.name), "%s", name);
	return s;
}

/* The variable for this signal, else the general one. */
static struct setting env_otlp(const struct signal *signal, const char *what)
{
	char name[64];

	snprintf(name, sizeof(name), PREFIX "%s_%s", signal->word, what);
	if (env(name))
		return setting_of(name, env(name));
	snprintf(name, sizeof(name), PREFIX "%s", what);
	return setting_of(name, env(name));
}

#define ENV_OTLP(what) env_otlp(r->signal, what)

__attribute__((format(printf, 2, 3)))
static void warn(struct reader *r, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buf_addf(&r->text, "%s%s", r->text.n ? "; " : "", text);
}

__attribute__((format(printf, 2, 3)))
static bool refuse(struct reader *r, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buf_reset(&r->text);
	buf_add(&r->text, view_of(text));
	return false;
}

/* A copy in the config's own memory; NULL when there is none. */
static const char *keep(struct reader *r, const char *s)
{
	return s ? arena_copy(&r->c->arena, view_of(s)).p : NULL;
}

static bool number(const char *text, long max, long *ret)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(text, &end, 10);
	if (errno || end == text || *end || n < 0 || n > max)
		return false;
	*ret = n;
	return true;
}

static void read_number(struct reader *r, struct setting s, long min, long max, unsigned *field)
{
	long n;

	if (!s.value)
		return;
	if (number(s.value, LONG_MAX, &n) && n >= min)
		*field = n < max ? n : max;
	else
		warn(r, "%s is no number that makes sense and is ignored", s.name);
}

static void read_numbers(struct reader *r)
{
	struct otlp_config *c = r->c;
	static const struct {
		const char *name;
		long min, max;
		size_t field;
	} rows[] = {
		{ "OTEL_BSP_SCHEDULE_DELAY", 0, MS_LIMIT, offsetof(struct otlp_config, delay_ms) },
		{ "OTEL_BSP_MAX_QUEUE_SIZE", 1, QUEUE_LIMIT, offsetof(struct otlp_config, queue_max) },
		{ "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 1, BATCH_LIMIT, offsetof(struct otlp_config, batch_max) },
		{ "OTEL_METRIC_EXPORT_INTERVAL", 1, MS_LIMIT, offsetof(struct otlp_config, interval_ms) },
		{ "OTEL_BSP_EXPORT_TIMEOUT", 0, MS_LIMIT, offsetof(struct otlp_config, give_up_ms) },
	};
	unsigned timeout = c->timeout_ms;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		read_number(r, setting_of(rows[i].name, env(rows[i].name)), rows[i].min, rows[i].max,
			    (unsigned *)((char *)c + rows[i].field));
	read_number(r, ENV_OTLP("TIMEOUT"), 0, MS_LIMIT, &timeout);
	c->timeout_ms = timeout;
	if (c->batch_max > c->queue_max)
		c->batch_max = c->queue_max;
}

static void read_compression(struct reader *r)
{
	struct setting s = ENV_OTLP("COMPRESSION");

	if (!s.value)
		return;
	r->c->gzip = !strcmp(s.value, "gzip");
	if (!r->c->gzip && strcmp(s.value, "none"))
		warn(r, "%s knows gzip and none; it is ignored", s.name);
}

static bool read_protocol(struct reader *r)
{
	struct setting s = ENV_OTLP("PROTOCOL");
	bool known;

	if (!s.value || !strcmp(s.value, "http/protobuf"))
		return true;
	known = !strcmp(s.value, "grpc") || !strcmp(s.value, "http/json");
	if (known && !r->url)
		return refuse(r, "%s=%s: onlooker exports http/protobuf only (a Collector takes it on port 4318); "
			      "set the variable to http/protobuf, or name the receiver with --otlp URL", s.name, s.value);
	warn(r, known ? "%s is ignored, onlooker exports http/protobuf only" :
	     "%s names no protocol of OTLP and is ignored", s.name);
	return true;
}

static bool is_token(struct view v)
{
	size_t i;

	for (i = 0; i < v.n; i++)
		if (!isalnum((unsigned char)v.p[i]) && !(v.p[i] && strchr("!#$%&'*+-.^_`|~", v.p[i])))
			return false;
	return v.n;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A control character would end the header line and begin another. */
static int decode(struct view v, struct buf *out)
{
	int err = 0;
	char c;

	while (v.n && !err) {
		c = v.p[0];
		if (c == '%') {
			if (v.n < 3 || hex(v.p[1]) < 0 || hex(v.p[2]) < 0)
				return -EINVAL;
			c = hex(v.p[1]) << 4 | hex(v.p[2]);
			v = view_drop(v, 2);
		}
		if (((unsigned char)c < 0x20 && c != '\t') || c == 0x7f)
			return -EINVAL;
		err = buf_add_byte(out, c);
		v = view_drop(v, 1);
	}
	return err;
}

/* The request's form is ours to say. */
static bool reserved(struct view name)
{
	static const char *const ours[] = {
		"content-type", "content-encoding", "content-length", "transfer-encoding", "host", "expect",
	};

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (view_eq_nocase(name, view_of(ours[i])))
			return true;
	return false;
}

int otlp_header_next(struct view *list, struct buf *name, struct buf *value)
{
	struct view entry, key, v;
	int err;

	buf_reset(name);
	buf_reset(value);
	do {
		if (!list->n)
			return 0;
		if (!view_cut(*list, ',', &entry, list)) {
			entry = *list;
			*list = VIEW_NONE;
		}
		entry = view_trim(entry);
	} while (!entry.n);
	if (!view_cut(entry, '=', &key, &v))
		return -EINVAL;
	key = view_trim(key);
	if (!is_token(key) || reserved(key))
		return -EINVAL;
	err = buf_add(name, key);
	err = err ? err : decode(view_trim(v), value);
	return err ? err : 1;
}

static void read_headers(struct reader *r)
{
	struct setting s = ENV_OTLP("HEADERS");
	struct view list = view_of(s.value);
	struct buf name, value;
	unsigned entry = 0;
	int got;

	buf_init(&name, TEXT_MAX);
	buf_init(&value, TEXT_MAX);
	while ((got = otlp_header_next(&list, &name, &value))) {
		entry++;
		if (got < 0)
			warn(r, "%s: entry %u makes no sense and is ignored", s.name, entry);
		if (r->text.n > TEXT_MAX / 2)
			break;
	}
	buf_release(&name);
	buf_release(&value);
	r->c->headers = keep(r, s.value);
}

static bool read_path(struct reader *r, struct setting s, const char **field)
{
	if (!s.value)
		return true;
	if (access(s.value, R_OK))
		return refuse(r, "%s: cannot read %s: %s", s.name, s.value, strerror(errno));
	*field = keep(r, s.value);
	return true;
}

static bool read_paths(struct reader *r)
{
	return read_path(r, ENV_OTLP("CERTIFICATE"), &r->c->ca_file) &&
	       read_path(r, ENV_OTLP("CLIENT_KEY"), &r->c->client_key) &&
	       read_path(r, ENV_OTLP("CLIENT_CERTIFICATE"), &r->c->client_cert);
}

/* The path of a base URL, with the signal's behind it and one slash between. */
static bool append_path(CURLU *u, const char *signal_path, bool may_be_whole)
{
	static const struct view traces = VIEW("/v1/traces");
	char *path, *whole = NULL;
	bool ok, whole_given;
	size_t n;

	if (curl_url_get(u, CURLUPART_PATH, &path, 0))
		return false;
	n = strlen(path);
	while (n && path[n - 1] == '/')
		n--;
	whole_given = may_be_whole && view_ends((struct view){ path, n }, traces);
	if (whole_given)
		n -= traces.n;
	if (whole_given && !strcmp(signal_path, traces.p))
		ok = true;
	else
		ok = asprintf(&whole, "%.*s%s", (int)n, path, signal_path) >= 0 &&
		     !curl_url_set(u, CURLUPART_PATH, whole, 0);
	free(whole);
	curl_free(path);
	return ok;
}

static bool http_scheme(CURLU *u)
{
	char *scheme;
	bool ok;

	if (curl_url_get(u, CURLUPART_SCHEME, &scheme, 0))
		return false;
	ok = !strcasecmp(scheme, "http") || !strcasecmp(scheme, "https");
	curl_free(scheme);
	return ok;
}

/* The refusal says the setting's name only: a URL may hold a password. */
static bool read_url(struct reader *r, struct setting s, bool base)
{
	CURLU *u = curl_url();
	char *url = NULL;
	bool ok;

	if (!u)
		return refuse(r, "out of memory");
	ok = !curl_url_set(u, CURLUPART_URL, s.value, CURLU_NON_SUPPORT_SCHEME) && http_scheme(u);
	if (!ok)
		refuse(r, "%s is no URL that OTLP can use: it has to look like http://localhost:4318 or "
		       "https://collector.example:4318", s.name);
	else if (base && !append_path(u, r->signal->path, s.value == r->url))
		ok = refuse(r, "%s: its path cannot be used", s.name);
	if (ok && !curl_url_get(u, CURLUPART_URL, &url, 0))
		r->c->endpoint = keep(r, url);
	curl_free(url);
	curl_url_cleanup(u);
	return ok && (r->c->endpoint || refuse(r, "out of memory"));
}

static bool read_endpoint(struct reader *r)
{
	static const char general[] = PREFIX "ENDPOINT";
	struct setting s = ENV_OTLP("ENDPOINT");

	if (r->url)
		return read_url(r, setting_of("--otlp", r->url), true);
	if (!s.value)
		s = setting_of(general, "http://localhost:4318");
	return read_url(r, s, !strcmp(s.name, general));
}

bool otlp_forbidden(enum otlp_signal signal)
{
	const char *off = env("OTEL_SDK_DISABLED"), *exporter = env(signals[signal].exporter);

	return (off && !strcasecmp(off, "true")) || (exporter && !strcmp(exporter, "none"));
}

bool otlp_wanted(enum otlp_signal signal)
{
	return !otlp_forbidden(signal) && env_otlp(&signals[signal], "ENDPOINT").value;
}

bool otlp_config(struct otlp_config *c, enum otlp_signal signal, const char *url, const char **ret_why)
{
	struct reader r = { .c = c, .url = url, .signal = &signals[signal] };
	bool ok;

	*c = (struct otlp_config){
		.timeout_ms = 10000,
		.queue_max = 2048,
		.batch_max = 512,
		.delay_ms = 5000,
		.backoff_ms = 1000,
		.interval_ms = 60000,
		.give_up_ms = 300000,
	};
	arena_init(&c->arena, 1024 * 1024);
	buf_init(&r.text, TEXT_MAX);
	read_numbers(&r);
	read_compression(&r);
	read_headers(&r);
	ok = read_protocol(&r) && read_paths(&r) && read_endpoint(&r);
	if (r.text.n)
		*ret_why = arena_copy(&c->arena, buf_view(&r.text)).p;
	buf_release(&r.text);
	return ok;
}

void otlp_config_release(struct otlp_config *c)
{
	arena_release(&c->arena);
	*c = (struct otlp_config){};
}
