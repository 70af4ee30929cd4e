// SPDX-License-Identifier: Apache-2.0
/*
 * OTLP/HTTP (specification v1.60.0, "OTLP/HTTP Response" and "Failures"): 429,
 * 502, 503 and 504 may be tried again, so may a request whose connection failed
 * before a status line came; every other status is final, and 200 is final
 * even when the answer says that spans were rejected.
 *
 * curl's multi interface carries the one request, because it can be woken: a
 * receiver that hangs must not keep us from ending on time.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <curl/curl.h>
#include <zlib.h>

#include "otlp.pb-c.h"
#include "sink/otlp.h"
#include "sink/otlp_http.h"
#include "sink/plain.h"

#define ANSWER_MAX	(4u * 1024 * 1024)	/* a client has to limit what it reads */
#define HEADER_MAX	(64 * 1024)
#define WHY_COLUMNS	140
#define USER_AGENT	"onlooker/" ONLOOKER_VERSION " OTel-OTLP-Exporter-C/" ONLOOKER_VERSION

struct otlp_http {
	CURL *easy;
	CURLM *multi;
	struct curl_slist *headers;
	bool gzip;
	struct buf zipped, answer;
	char error[CURL_ERROR_SIZE];
};

/* The observed command is our child: it must not inherit our connections. */
static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *addr)
{
	return socket(addr->family, addr->socktype | SOCK_CLOEXEC, addr->protocol);
}

static size_t take_answer(char *p, size_t size, size_t n, void *arg)
{
	struct otlp_http *h = arg;

	return buf_add(&h->answer, (struct view){ p, size * n }) ? 0 : size * n;
}

static int add_header(struct otlp_http *h, const char *line)
{
	struct curl_slist *more = curl_slist_append(h->headers, line);

	if (!more)
		return -ENOMEM;
	h->headers = more;
	return 0;
}

/* For curl, "Name:" removes a header of its own and "Name;" is one with an empty value. */
static int add_pair(struct otlp_http *h, const struct buf *name, const struct buf *value)
{
	char *line;
	int err;

	if (asprintf(&line, value->n ? "%.*s: %.*s" : "%.*s;%.*s", (int)name->n, name->p, (int)value->n,
		     value->n ? value->p : "") < 0)
		return -ENOMEM;
	err = add_header(h, line);
	free(line);
	return err;
}

static int add_configured(struct otlp_http *h, struct view list)
{
	struct buf name, value;
	int got, err = 0;

	buf_init(&name, HEADER_MAX);
	buf_init(&value, HEADER_MAX);
	while (!err && (got = otlp_header_next(&list, &name, &value)))
		if (got > 0)
			err = add_pair(h, &name, &value);
	buf_release(&name);
	buf_release(&value);
	return err;
}

static int add_headers(struct otlp_http *h, const char *configured)
{
	/* No "Expect: 100-continue": it costs a round trip, and some receivers do not know it. */
	int err = add_header(h, "Content-Type: application/x-protobuf");

	err = err ? err : add_header(h, "Expect:");
	err = err || !h->gzip ? err : add_header(h, "Content-Encoding: gzip");
	return err ? err : add_configured(h, view_of(configured));
}

static int set_up(struct otlp_http *h, const struct otlp_config *c)
{
	CURLcode r = CURLE_OK;

#define SET(what, value) (r = r ? r : curl_easy_setopt(h->easy, CURLOPT_##what, value))
	SET(URL, c->endpoint);
	SET(PROTOCOLS_STR, "http,https");
	SET(HTTPHEADER, h->headers);
	SET(USERAGENT, USER_AGENT);
	SET(NOSIGNAL, 1L);
	SET(POST, 1L);
	SET(TIMEOUT_MS, c->timeout_ms);
	SET(ERRORBUFFER, h->error);
	SET(WRITEFUNCTION, take_answer);
	SET(WRITEDATA, h);
	SET(OPENSOCKETFUNCTION, open_socket);
	if (c->ca_file)
		SET(CAINFO, c->ca_file);
	if (c->client_cert)
		SET(SSLCERT, c->client_cert);
	if (c->client_key)
		SET(SSLKEY, c->client_key);
#if LIBCURL_VERSION_NUM >= 0x075700
	SET(QUICK_EXIT, 1L);	/* do not wait for a name server when we have to end */
#endif
#undef SET
	return r ? -EINVAL : 0;
}

struct otlp_http *otlp_http_new(const struct otlp_config *c, int *ret_err)
{
	struct otlp_http *h;
	int err = -ENOMEM;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) || !(h = calloc(1, sizeof(*h)))) {
		*ret_err = err;
		return NULL;
	}
	h->gzip = c->gzip;
	buf_init(&h->zipped, OTLP_REQUEST_MAX + OTLP_REQUEST_MAX / 1000 + 1024);
	buf_init(&h->answer, ANSWER_MAX);
	h->easy = curl_easy_init();
	if (h->easy)
		err = add_headers(h, c->headers);
	err = err ? err : set_up(h, c);
	if (err) {
		*ret_err = err;
		otlp_http_free(h);
		return NULL;
	}
	return h;
}

void otlp_http_free(struct otlp_http *h)
{
	if (!h)
		return;
	curl_easy_cleanup(h->easy);
	if (h->multi)
		curl_multi_cleanup(h->multi);
	curl_slist_free_all(h->headers);
	buf_release(&h->zipped);
	buf_release(&h->answer);
	free(h);
}

void otlp_http_wake(struct otlp_http *h)
{
	CURLM *multi = __atomic_load_n(&h->multi, __ATOMIC_ACQUIRE);

	if (multi)
		curl_multi_wakeup(multi);
}

/*
 * Made when the first request leaves, because curl's wake-up sockets are not
 * close-on-exec: by then the command that `run` observes has been started.
 */
static bool need_multi(struct otlp_http *h)
{
	if (!h->multi)
		__atomic_store_n(&h->multi, curl_multi_init(), __ATOMIC_RELEASE);
	return h->multi;
}

static int zip(struct buf *out, struct view in)
{
	z_stream z = { .next_in = (Bytef *)in.p, .avail_in = in.n };
	char piece[16 * 1024];
	int r, err = 0;

	buf_reset(out);
	/* 15 + 16: the largest window, in gzip's wrapping (zlib.h, deflateInit2) */
	if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return -ENOMEM;
	do {
		z.next_out = (Bytef *)piece;
		z.avail_out = sizeof(piece);
		r = deflate(&z, Z_FINISH);
		err = buf_add(out, (struct view){ piece, sizeof(piece) - z.avail_out });
	} while (r == Z_OK && !err);
	deflateEnd(&z);
	return err;
}

/* What others wrote is made fit to be shown on a terminal. */
static void say(struct otlp_answer *a, const char *what, struct view text)
{
	struct buf b;

	buf_init(&b, sizeof(a->why) - 1);
	buf_add(&b, view_of(what));
	if (text.n)
		buf_add(&b, VIEW(": "));
	plain_add(&b, text, WHY_COLUMNS, true);
	memcpy(a->why, b.p, b.n);
	a->why[b.n] = '\0';
	buf_release(&b);
}

/* An answer that is no ExportTraceServiceResponse changes nothing: the status has said it all. */
static void read_answer(const struct otlp_http *h, struct otlp_answer *a)
{
	Otlp__ExportTraceServiceResponse *r;
	const Otlp__ExportTracePartialSuccess *p;

	r = otlp__export_trace_service_response__unpack(NULL, h->answer.n, (const uint8_t *)h->answer.p);
	p = r ? r->partial_success : NULL;
	if (p && (p->rejected_spans > 0 || p->error_message.len)) {
		a->rejected = p->rejected_spans > 0 ? p->rejected_spans : 0;
		say(a, a->rejected ? "the receiver rejected some of the spans" : "the receiver warns",
		    (struct view){ (const char *)p->error_message.data, p->error_message.len });
	}
	if (r)
		otlp__export_trace_service_response__free_unpacked(r, NULL);
}

static void judge_status(struct otlp_http *h, long status, struct otlp_answer *a)
{
	bool again = status == 429 || status == 502 || status == 503 || status == 504;
	curl_off_t after = 0;
	char what[64];

	if (status >= 200 && status < 300) {
		a->verdict = OTLP_ACCEPTED;
		read_answer(h, a);
		return;
	}
	a->verdict = again ? OTLP_RETRY : OTLP_REFUSED;
	/* Both forms of the header: curl subtracts the present from a date, which may be past. */
	if (again && !curl_easy_getinfo(h->easy, CURLINFO_RETRY_AFTER, &after) && after > 0)
		a->retry_after_ms = after < 86400 ? after * 1000 : 86400 * 1000;
	snprintf(what, sizeof(what), "the receiver answered with HTTP status %ld", status);
	say(a, what, VIEW_NONE);
}

/* No status line came.  What another try cannot change is final. */
static bool hopeless(CURLcode r)
{
	switch (r) {
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:	/* also an answer that is no HTTP/1 */
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_ENGINE_NOTFOUND:
	case CURLE_OUT_OF_MEMORY:
		return true;
	default:
		return false;
	}
}

static void judge(struct otlp_http *h, CURLcode r, struct otlp_answer *a)
{
	const char *words = h->error[0] ? h->error : curl_easy_strerror(r);
	long status = 0;

	curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status);
	if (r == CURLE_WRITE_ERROR) {
		a->verdict = OTLP_REFUSED;
		say(a, "the receiver's answer is longer than 4 MiB", VIEW_NONE);
	} else if (status >= 200) {
		judge_status(h, status, a);
	} else if (r) {
		a->verdict = hopeless(r) ? OTLP_REFUSED : OTLP_RETRY;
		say(a, "no answer", view_of(words));
	} else {
		a->verdict = OTLP_REFUSED;
		say(a, "the receiver did not answer with a status", VIEW_NONE);
	}
}

/* The result of the one transfer, or CURLE_ABORTED_BY_CALLBACK when *stop was raised. */
static CURLcode transfer(struct otlp_http *h, const bool *stop)
{
	int running = 1, left;
	CURLMsg *msg;

	if (!need_multi(h) || curl_multi_add_handle(h->multi, h->easy))
		return CURLE_OUT_OF_MEMORY;
	while (!__atomic_load_n(stop, __ATOMIC_ACQUIRE)) {
		if (curl_multi_perform(h->multi, &running) || !running)
			break;
		curl_multi_poll(h->multi, NULL, 0, 1000, NULL);
	}
	msg = running ? NULL : curl_multi_info_read(h->multi, &left);
	return msg ? msg->data.result : CURLE_ABORTED_BY_CALLBACK;
}

void otlp_http_post(struct otlp_http *h, struct view request, const bool *stop, struct otlp_answer *ret)
{
	CURLcode r;

	*ret = (struct otlp_answer){ .verdict = OTLP_REFUSED };
	if (h->gzip && zip(&h->zipped, request)) {
		say(ret, "out of memory", VIEW_NONE);
		return;
	}
	request = h->gzip ? buf_view(&h->zipped) : request;
	buf_reset(&h->answer);
	h->error[0] = '\0';
	curl_easy_setopt(h->easy, CURLOPT_POSTFIELDS, request.p);
	curl_easy_setopt(h->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request.n);
	r = transfer(h, stop);
	if (r == CURLE_ABORTED_BY_CALLBACK)
		ret->verdict = OTLP_STOPPED;
	else
		judge(h, r, ret);
	if (h->multi)
		curl_multi_remove_handle(h->multi, h->easy);
}
