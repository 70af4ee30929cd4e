// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sink/otlp.h"
#include "sink/sink.h"

static const char *const variables[] = {
	"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_HEADERS",
	"OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_TIMEOUT", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
	"OTEL_EXPORTER_OTLP_COMPRESSION", "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "OTEL_EXPORTER_OTLP_CERTIFICATE",
	"OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "OTEL_EXPORTER_OTLP_CLIENT_KEY", "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",
	"OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_BSP_SCHEDULE_DELAY",
	"OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "OTEL_BSP_EXPORT_TIMEOUT",
};

static int clean(void **state)
{
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
		unsetenv(variables[i]);
	return 0;
}

struct read {
	struct otlp_config c;
	const char *why;
	bool ok;
};

static struct read read_config(const char *url)
{
	struct read r = {};

	r.ok = otlp_config(&r.c, OTLP_TRACES, url, &r.why);
	return r;
}

#define assert_endpoint(url, want) do { \
	struct read r_ = read_config(url); \
	assert_true(r_.ok); \
	assert_null(r_.why); \
	assert_string_equal(r_.c.endpoint, want); \
	otlp_config_release(&r_.c); \
} while (0)

/* refused, or accepted with a warning, in these words */
#define assert_says(url, want_ok, words) do { \
	struct read r_ = read_config(url); \
	assert_int_equal(r_.ok, want_ok); \
	assert_non_null(r_.why); \
	if (!strstr(r_.why, words)) \
		fail_msg("said: %s", r_.why); \
	otlp_config_release(&r_.c); \
} while (0)

static void defaults(void **state)
{
	struct read r = read_config(NULL);

	assert_true(r.ok);
	assert_null(r.why);
	assert_string_equal(r.c.endpoint, "http://localhost:4318/v1/traces");
	assert_null(r.c.headers);
	assert_null(r.c.ca_file);
	assert_int_equal(r.c.timeout_ms, 10000);
	assert_false(r.c.gzip);
	assert_int_equal(r.c.queue_max, 2048);
	assert_int_equal(r.c.batch_max, 512);
	assert_int_equal(r.c.delay_ms, 5000);
	assert_int_equal(r.c.backoff_ms, 1000);
	assert_int_equal(r.c.give_up_ms, 300000);
	otlp_config_release(&r.c);
}

static void endpoints(void **state)
{
	assert_endpoint("http://h:4318", "http://h:4318/v1/traces");
	assert_endpoint("http://h:4318/", "http://h:4318/v1/traces");
	assert_endpoint("https://h/base/", "https://h/base/v1/traces");
	assert_endpoint("http://h:4318/v1/traces", "http://h:4318/v1/traces");
	assert_endpoint("http://h:4318/v1/traces/", "http://h:4318/v1/traces/");
	assert_endpoint("http://h/otlp?k=v", "http://h/otlp/v1/traces?k=v");
	setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://base:1/v1/traces", 1);
	assert_endpoint(NULL, "http://base:1/v1/traces/v1/traces");
	setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://base:1/x", 1);
	assert_endpoint(NULL, "http://base:1/x/v1/traces");
	setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "", 1);
	assert_endpoint(NULL, "http://base:1/x/v1/traces");
	setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://traces:2", 1);
	assert_endpoint(NULL, "http://traces:2/");
	setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://traces:2/as/is", 1);
	assert_endpoint(NULL, "http://traces:2/as/is");
	assert_endpoint("http://cli:3", "http://cli:3/v1/traces");
}

static void bad_endpoints(void **state)
{
	assert_says("localhost:4318", false, "--otlp is no URL");
	assert_says("", false, "--otlp is no URL");
	assert_says("ftp://h/", false, "--otlp is no URL");
	assert_says("http://", false, "--otlp is no URL");
	setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "grpc://u:geheim@h", 1);
	assert_says(NULL, false, "OTEL_EXPORTER_OTLP_ENDPOINT is no URL");
}

static void passwords_are_not_said(void **state)
{
	struct read r = read_config("gopher://user:geheim@h/");

	assert_null(strstr(r.why, "geheim"));
	otlp_config_release(&r.c);
	setenv("OTEL_EXPORTER_OTLP_HEADERS", "geheim, a=geheim%zz, b c=geheim, ok=1", 1);
	r = read_config(NULL);
	assert_true(r.ok);
	assert_string_equal(r.why,
		"OTEL_EXPORTER_OTLP_HEADERS: entry 1 makes no sense and is ignored; "
		"OTEL_EXPORTER_OTLP_HEADERS: entry 2 makes no sense and is ignored; "
		"OTEL_EXPORTER_OTLP_HEADERS: entry 3 makes no sense and is ignored");
	otlp_config_release(&r.c);
}

static void numbers(void **state)
{
	struct read r;

	setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "5", 1);
	setenv("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "0", 1);
	setenv("OTEL_BSP_SCHEDULE_DELAY", "100", 1);
	setenv("OTEL_BSP_MAX_QUEUE_SIZE", "10", 1);
	setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "999999999", 1);
	setenv("OTEL_BSP_EXPORT_TIMEOUT", "7000", 1);
	r = read_config(NULL);
	assert_true(r.ok);
	assert_null(r.why);
	assert_int_equal(r.c.timeout_ms, 0);
	assert_int_equal(r.c.delay_ms, 100);
	assert_int_equal(r.c.queue_max, 10);
	assert_int_equal(r.c.batch_max, 10);
	assert_int_equal(r.c.give_up_ms, 7000);
	otlp_config_release(&r.c);
}

static void bad_numbers_are_ignored(void **state)
{
	static const char *const bad[] = { "-1", "x", "5s", "99999999999999999999", "1.5" };
	struct read r;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		setenv("OTEL_EXPORTER_OTLP_TIMEOUT", bad[i], 1);
		r = read_config(NULL);
		assert_true(r.ok);
		assert_int_equal(r.c.timeout_ms, 10000);
		assert_non_null(strstr(r.why, "OTEL_EXPORTER_OTLP_TIMEOUT is no number"));
		otlp_config_release(&r.c);
	}
	clean(NULL);
	setenv("OTEL_BSP_MAX_QUEUE_SIZE", "0", 1);
	assert_says(NULL, true, "OTEL_BSP_MAX_QUEUE_SIZE");
}

static void words(void **state)
{
	struct read r;

	setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip", 1);
	r = read_config(NULL);
	assert_true(r.c.gzip);
	otlp_config_release(&r.c);
	setenv("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "none", 1);
	r = read_config(NULL);
	assert_false(r.c.gzip);
	assert_null(r.why);
	otlp_config_release(&r.c);
	setenv("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "zstd", 1);
	assert_says(NULL, true, "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION knows gzip and none");
}

static void protocols(void **state)
{
	setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf", 1);
	assert_endpoint(NULL, "http://localhost:4318/v1/traces");
	setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", 1);
	assert_says(NULL, false, "OTEL_EXPORTER_OTLP_PROTOCOL=grpc: onlooker exports http/protobuf only");
	assert_says("http://h", true, "OTEL_EXPORTER_OTLP_PROTOCOL is ignored");
	setenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json", 1);
	assert_says(NULL, false, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/json");
	setenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "pigeon", 1);
	assert_says(NULL, true, "names no protocol");
}

static void files_have_to_be_there(void **state)
{
	struct read r;

	setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", "/dev/null", 1);
	setenv("OTEL_EXPORTER_OTLP_CLIENT_KEY", "/dev/zero", 1);
	setenv("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "/dev/full", 1);
	r = read_config(NULL);
	assert_true(r.ok);
	assert_string_equal(r.c.ca_file, "/dev/null");
	assert_string_equal(r.c.client_key, "/dev/zero");
	assert_string_equal(r.c.client_cert, "/dev/full");
	otlp_config_release(&r.c);
	setenv("OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "/nowhere/ca.pem", 1);
	assert_says(NULL, false, "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE: cannot read /nowhere/ca.pem: No such file");
}

/* One line for each entry: name=value, or a dash. */
static void header_lists(void **state)
{
	static const struct {
		const char *list, *want;
	} rows[] = {
		{ "", "" },
		{ "a=1", "a=1\n" },
		{ " a = 1 , b=2,", "a=1\nb=2\n" },
		{ "a=x%20y%2C%3D", "a=x y,=\n" },
		{ "a=b=c", "a=b=c\n" },
		{ "a=", "a=\n" },
		{ "a", "-\n" },
		{ "=1,b=2", "-\nb=2\n" },
		{ "a=%4,b=%g0", "-\n-\n" },
		{ "a=1%0d%0aevil:%201", "-\n" },
		{ "a=%00", "-\n" },
		{ "a b=1", "-\n" },
		{ "a:b=1", "-\n" },
		{ "Content-Type=text/plain,content-length=9,Host=x", "-\n-\n-\n" },
		{ "a=\xc3\xa9", "a=\xc3\xa9\n" },
	};
	struct buf name, value, all;
	struct view list;
	int got;

	buf_init(&name, 100);
	buf_init(&value, 100);
	buf_init(&all, 1000);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		buf_reset(&all);
		list = view_of(rows[i].list);
		while ((got = otlp_header_next(&list, &name, &value)))
			if (got < 0)
				buf_add(&all, VIEW("-\n"));
			else
				buf_addf(&all, "%.*s=%.*s\n", VIEW_ARG(buf_view(&name)), (int)value.n,
					 value.n ? value.p : "");
		buf_add_byte(&all, '\0');
		assert_string_equal(all.p, rows[i].want);
	}
	buf_release(&name);
	buf_release(&value);
	buf_release(&all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(defaults, clean),
		cmocka_unit_test_setup(endpoints, clean),
		cmocka_unit_test_setup(bad_endpoints, clean),
		cmocka_unit_test_setup(passwords_are_not_said, clean),
		cmocka_unit_test_setup(numbers, clean),
		cmocka_unit_test_setup(bad_numbers_are_ignored, clean),
		cmocka_unit_test_setup(words, clean),
		cmocka_unit_test_setup(protocols, clean),
		cmocka_unit_test_setup(files_have_to_be_there, clean),
		cmocka_unit_test_setup(header_lists, clean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
