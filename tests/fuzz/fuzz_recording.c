// SPDX-License-Identifier: Apache-2.0
/*
 * The input is a list of records: a length, a kind, and so many bytes.  They are
 * checked as they are, and what is valid is written, read back, damaged where
 * the input says, and read again.  Or the input is the file itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "feed/feed.h"
#include "fuzz.h"

static const char *file(void)
{
	static char path[64];

	snprintf(path, sizeof(path), "/tmp/fuzz-recording-%d", getpid());
	return path;
}

static volatile uint8_t touched;	/* so that no compiler leaves out the reading */

/* All that may be looked at in a valid record lies inside of it. */
static void look_at(const struct wire_hdr *h)
{
	uint8_t sum = 0;
	struct view v = VIEW_NONE;

	for (unsigned i = 0; i < WIRE_FACT_CNT + 2; i++) {
		if (h->kind == WIRE_DATA)
			v = wire_data_bytes((const void *)h);
		else if (h->kind == WIRE_EXEC)
			v = i % 2 ? wire_exec_argv((const void *)h) : wire_exec_filename((const void *)h);
		else if (h->kind == WIRE_HELLO)
			v = wire_hello_bytes((const void *)h);
		else if (h->kind == WIRE_FACTS)
			v = wire_facts_str((const void *)h, i);
		else
			break;
		WANT(!v.n || (v.p >= (const char *)h && v.p + v.n <= (const char *)h + h->size));
		for (size_t k = 0; k < v.n; k++)
			sum += v.p[k];
	}
	touched = sum;
}

/* The next record of the input in memory of exactly its size; NULL: none. */
static struct wire_hdr *next_record(struct view *in)
{
	struct wire_hdr *h;
	size_t n;

	if (in->n < 3)
		return NULL;
	n = sizeof(*h) + fuzz_byte(in) + (fuzz_byte(in) & 15) * 256u;
	h = calloc(1, n);
	h->kind = fuzz_byte(in);
	memcpy((char *)h + sizeof(*h), in->p, in->n < n - sizeof(*h) ? in->n : n - sizeof(*h));
	*in = view_drop(*in, in->n < n - sizeof(*h) ? in->n : n - sizeof(*h));
	h->size = n;
	return h;
}

static unsigned write_records(struct view in)
{
	struct recording *r;
	struct wire_hdr *h;
	unsigned cnt = 0;
	int err = 0;

	r = recording_create(file(), -1, -1, &err);
	WANT(r);
	while ((h = next_record(&in))) {
		if (feed_valid(h, h->size)) {
			look_at(h);
			WANT(!recording_put(r, h));
			cnt++;
		}
		WANT(!feed_valid(h, h->size - 1));
		free(h);
	}
	WANT(!recording_close(r));
	return cnt;
}

static unsigned read_records(unsigned *ret_damage)
{
	const struct wire_hdr *h;
	struct recording *r;
	uint64_t skipped, all = 0;
	unsigned cnt = 0;
	struct stat st;
	int err = 0;

	*ret_damage = 0;
	WANT(!stat(file(), &st));
	r = recording_open(file(), &err);
	if (!r) {
		WANT(err == -EPROTO || err == -ENOTSUP);
		*ret_damage = 1;
		return 0;
	}
	while ((err = recording_next(r, &h, &skipped))) {
		if (err > 0) {
			WANT(feed_valid(h, h->size));
			look_at(h);
			cnt++;
			continue;
		}
		WANT(err == -EPROTO && skipped);
		all += skipped;
		++*ret_damage;
	}
	WANT(all <= (uint64_t)st.st_size);
	recording_close(r);
	return cnt;
}

static void damage(uint8_t where, uint8_t with)
{
	int fd = open(file(), O_RDWR);
	struct stat st;
	off_t at;

	WANT(fd >= 0 && !fstat(fd, &st));
	at = st.st_size * where / 256;
	if (with & 1)
		WANT(!ftruncate(fd, at));
	else
		WANT(pwrite(fd, &with, 1, at) == 1);
	close(fd);
}

static void raw_file(struct view in)
{
	int fd = open(file(), O_RDWR | O_CREAT | O_TRUNC, 0600);
	unsigned bad;

	WANT(fd >= 0 && write(fd, in.p, in.n) == (ssize_t)in.n);
	close(fd);
	read_records(&bad);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view in = { (const char *)data, size };
	uint8_t how = fuzz_byte(&in), where = fuzz_byte(&in), with = fuzz_byte(&in);
	unsigned cnt, bad;

	if (how == 'o') {
		raw_file((struct view){ (const char *)data, size });
	} else {
		cnt = write_records(in);
		WANT(read_records(&bad) == cnt && !bad);
		damage(where, with);
		WANT(read_records(&bad) <= cnt);
	}
	unlink(file());
	return 0;
}
