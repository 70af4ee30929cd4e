// SPDX-License-Identifier: Apache-2.0
/* Recordings: what goes in comes out, and damage of any kind costs no more than what it touches. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "feed/feed.h"

#define RECORDS 200

struct at {
	char dir[64], path[96];
};

static int setup(void **state)
{
	struct at *a = calloc(1, sizeof(*a));

	strcpy(a->dir, "/tmp/test-recording-XXXXXX");
	if (!mkdtemp(a->dir))
		return -1;
	snprintf(a->path, sizeof(a->path), "%s/r", a->dir);
	*state = a;
	return 0;
}

static int teardown(void **state)
{
	struct at *a = *state;

	unlink(a->path);
	rmdir(a->dir);
	free(a);
	return 0;
}

/* Record i of every test recording: data whose length and bytes follow from i. */
static struct wire_data *make(unsigned i)
{
	size_t n = i * 37 % 1000;
	struct wire_data *d = calloc(1, sizeof(*d) + n);

	d->hdr.size = sizeof(*d) + n;
	d->hdr.kind = WIRE_DATA;
	d->hdr.ts = i;
	d->len = n;
	memset(d + 1, i, n);
	return d;
}

static bool same(unsigned i, const struct wire_hdr *h)
{
	struct wire_data *d = make(i);
	bool eq = h->size == d->hdr.size && !memcmp(h, d, h->size);

	free(d);
	return eq;
}

static void record(const char *path)
{
	struct recording *r;
	int err = 0;

	r = recording_create(path, getuid(), getgid(), &err);
	assert_non_null(r);
	for (unsigned i = 0; i < RECORDS; i++) {
		struct wire_data *d = make(i);

		assert_int_equal(recording_put(r, &d->hdr), 0);
		free(d);
	}
	assert_int_equal(recording_close(r), 0);
}

static char *slurp(const char *path, size_t *ret_n)
{
	FILE *f = fopen(path, "rb");
	char *p = malloc(1 << 20);

	*ret_n = fread(p, 1, 1 << 20, f);
	fclose(f);
	return p;
}

static void spill(const char *path, const char *p, size_t n)
{
	FILE *f = fopen(path, "wb");

	assert_int_equal(fwrite(p, 1, n, f), n);
	fclose(f);
}

/* Reads all; every record must be one of ours, in order.  Returns how many came. */
static unsigned read_back(const char *path, uint64_t *ret_skipped)
{
	const struct wire_hdr *h;
	unsigned cnt = 0, calls = 0;
	uint64_t skipped, next = 0;
	struct recording *r;
	int err = 0, n;

	*ret_skipped = 0;
	r = recording_open(path, &err);
	if (!r) {
		assert_true(err == -EPROTO || err == -ENOTSUP);
		return 0;
	}
	while ((n = recording_next(r, &h, &skipped))) {
		assert_true(++calls <= 3 * RECORDS);
		if (n < 0) {
			assert_int_equal(n, -EPROTO);
			assert_true(skipped > 0);
			*ret_skipped += skipped;
			continue;
		}
		assert_true(h->ts >= next && h->ts < RECORDS);
		assert_true(same(h->ts, h));
		next = h->ts + 1;
		cnt++;
	}
	assert_int_equal(recording_close(r), 0);
	return cnt;
}

static void round_trip(void **state)
{
	struct at *a = *state;
	uint64_t skipped;
	struct stat st;

	record(a->path);
	assert_int_equal(read_back(a->path, &skipped), RECORDS);
	assert_int_equal(skipped, 0);
	assert_int_equal(stat(a->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_uid, getuid());
}

/* The old file may be readable by others, or be another name of something dear. */
static void replaces(void **state)
{
	struct at *a = *state;
	char other[128];
	uint64_t skipped;
	struct stat st;
	size_t n;
	char *p;

	snprintf(other, sizeof(other), "%s/other", a->dir);
	spill(other, "dear", 4);
	assert_int_equal(link(other, a->path), 0);
	assert_int_equal(chmod(other, 0644), 0);
	record(a->path);
	assert_int_equal(stat(a->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(read_back(a->path, &skipped), RECORDS);
	p = slurp(other, &n);
	assert_int_equal(n, 4);
	free(p);
	unlink(other);
}

static void refuses(void **state)
{
	struct at *a = *state;
	char other[128];
	int err = 0;

	snprintf(other, sizeof(other), "%s/other", a->dir);
	assert_int_equal(symlink(other, a->path), 0);
	assert_null(recording_create(a->path, getuid(), getgid(), &err));
	assert_true(err == -ELOOP || err == -EEXIST);
	assert_int_equal(access(other, F_OK), -1);
	unlink(a->path);
	assert_null(recording_create("/nonexistent/r", getuid(), getgid(), &err));
	assert_int_equal(err, -ENOENT);
	assert_null(recording_open(a->path, &err));
	assert_int_equal(err, -ENOENT);
}

static void not_a_recording(void **state)
{
	struct at *a = *state;
	size_t n;
	char *p;
	int err = 0;

	spill(a->path, "", 0);
	assert_null(recording_open(a->path, &err));
	assert_int_equal(err, -EPROTO);
	assert_null(recording_open("/", &err));
	assert_int_equal(err, -EISDIR);
	assert_null(recording_create("/", 0, 0, &err));
	assert_int_equal(err, -EISDIR);
	spill(a->path, "{\"resourceSpans\":[]}\n{\"resourceSpans\":[]}\n", 42);
	assert_null(recording_open(a->path, &err));
	assert_int_equal(err, -EPROTO);
	record(a->path);
	p = slurp(a->path, &n);
	p[8]++;			/* version */
	spill(a->path, p, n);
	assert_null(recording_open(a->path, &err));
	assert_int_equal(err, -ENOTSUP);
	p[8]--;
	for (int i = 0; i < 2; i++) {	/* byte order */
		char c = p[12 + i];

		p[12 + i] = p[15 - i];
		p[15 - i] = c;
	}
	spill(a->path, p, n);
	assert_null(recording_open(a->path, &err));
	assert_int_equal(err, -ENOTSUP);
	free(p);
}

/* Cut anywhere: the whole records before the cut, and no more than the cut one is passed over. */
static void truncated(void **state)
{
	struct at *a = *state;
	uint64_t skipped;
	unsigned cnt, last = 0;
	size_t n;
	char *p;

	record(a->path);
	p = slurp(a->path, &n);
	for (size_t cut = 32; cut <= n; cut += 97) {
		spill(a->path, p, cut);
		cnt = read_back(a->path, &skipped);
		assert_true(cnt >= last && cnt <= RECORDS);
		assert_true(skipped < 1200);
		last = cnt;
	}
	assert_true(last >= RECORDS - 2);
	free(p);
}

static uint64_t random_next(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	return *x ^= *x << 17;
}

/* One flipped byte costs one record. */
static void flipped(void **state)
{
	struct at *a = *state;
	uint64_t x = 42, skipped;
	size_t n;
	char *p;

	record(a->path);
	p = slurp(a->path, &n);
	for (int i = 0; i < 300; i++) {
		size_t at = 32 + random_next(&x) % (n - 32);
		char was = p[at];

		p[at] ^= 1 << random_next(&x) % 8;
		spill(a->path, p, n);
		/* padding is not looked at */
		assert_true(read_back(a->path, &skipped) >= RECORDS - 1);
		p[at] = was;
	}
	free(p);
}

/* Pieces cut out, put in twice, zeroed, exchanged. */
static void mangled(void **state)
{
	struct at *a = *state;
	uint64_t x = 7, skipped;
	size_t n, from, len;
	char *p, *q;

	record(a->path);
	p = slurp(a->path, &n);
	q = malloc(n);
	for (int i = 0; i < 200; i++) {
		memcpy(q, p, n);
		from = 32 + random_next(&x) % (n - 32);
		len = random_next(&x) % 5000;
		len = len < n - from ? len : n - from;
		if (i % 2) {
			memset(q + from, 0, len);
			spill(a->path, q, n);
		} else {
			memmove(q + from, q + from + len, n - from - len);
			spill(a->path, q, n - len);
		}
		/* the smallest frame takes 88 bytes */
		assert_true(read_back(a->path, &skipped) + 2 + len / 88 >= RECORDS);
	}
	free(q);
	free(p);
}

/* A mark at every turn, each announcing a record of a megabyte: the work stays in proportion. */
static void hostile_marks(void **state)
{
	struct at *a = *state;
	size_t n, big = 24 << 20;
	char *p, *q = calloc(1, big);
	uint64_t skipped, total = 0;
	const struct wire_hdr *h;
	struct recording *r;
	int err = 0, got;

	record(a->path);
	p = slurp(a->path, &n);
	memcpy(q, p, 32);
	for (size_t i = 32; i + 16 <= big; i += 16) {
		memcpy(q + i, p + 32, 8);
		memcpy(q + i + 8, "\0\0\x0f\0", 4);
	}
	spill(a->path, q, big);
	r = recording_open(a->path, &err);
	assert_non_null(r);
	while ((got = recording_next(r, &h, &skipped))) {
		assert_int_equal(got, -EPROTO);
		total += skipped;
	}
	assert_int_equal(total, big - 32);
	recording_close(r);
	free(q);
	free(p);
}

static void write_error(void **state)
{
	int err = 0;

	assert_null(recording_create("/dev/full", getuid(), getgid(), &err));
	assert_int_equal(err, -ENOSPC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(round_trip, setup, teardown),
		cmocka_unit_test_setup_teardown(replaces, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses, setup, teardown),
		cmocka_unit_test_setup_teardown(not_a_recording, setup, teardown),
		cmocka_unit_test_setup_teardown(truncated, setup, teardown),
		cmocka_unit_test_setup_teardown(flipped, setup, teardown),
		cmocka_unit_test_setup_teardown(mangled, setup, teardown),
		cmocka_unit_test_setup_teardown(hostile_marks, setup, teardown),
		cmocka_unit_test(write_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
