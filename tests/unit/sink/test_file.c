// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/json.h"
#include "sink/sink.h"
#include "spans.h"

#define NOBODY 65534

static char dir[64], path[128], other[128];

static int set_up(void **state)
{
	strcpy(dir, "/tmp/onlooker-test-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/out.jsonl", dir);
	snprintf(other, sizeof(other), "%s/other", dir);
	return 0;
}

static int tear_down(void **state)
{
	unlink(path);
	unlink(other);
	return rmdir(dir);
}

static void need_root(void)
{
	if (!geteuid())
		return;
	print_message("SKIPPED: only root can give a file away\n");
	skip();
}

static struct sink *open_sink(const char *at)
{
	int err = 0;
	struct sink *k = sink_file_new(at, -1, -1, &err);

	assert_non_null(k);
	return k;
}

static int refused(const char *at)
{
	int err = 0;

	assert_null(sink_file_new(at, -1, -1, &err));
	return err;
}

static int put_one(struct sink *k, uint8_t id)
{
	struct span *s = a_span(id, NULL);
	int err = sink_put(k, s);

	span_free(s);
	return err;
}

static size_t read_back(char *text, size_t max)
{
	FILE *f = fopen(path, "r");
	size_t n;

	assert_non_null(f);
	n = fread(text, 1, max - 1, f);
	text[n] = '\0';
	fclose(f);
	return n;
}

static mode_t mode_of(const char *at)
{
	struct stat st;

	assert_int_equal(stat(at, &st), 0);
	return st.st_mode & 07777;
}

static void write_file(const char *at, mode_t mode)
{
	int fd = open(at, O_WRONLY | O_CREAT, mode);

	assert_true(fd >= 0 && write(fd, "old\n", 4) == 4);
	fchmod(fd, mode);
	close(fd);
}

static void one_line_a_span(void **state)
{
	struct sink *k = open_sink(path);
	struct view all, line;
	char text[4096];

	assert_int_equal(put_one(k, 1), 0);
	assert_int_equal(put_one(k, 2), 0);
	/* before anybody flushes or closes: a killed observer leaves what it saw */
	all = (struct view){ text, read_back(text, sizeof(text)) };
	assert_int_equal(k->stats.delivered, 2);
	sink_free(k);
	assert_true(view_cut(all, '\n', &line, &all));
	assert_int_equal(json_check(line), 0);
	assert_true(view_starts(line, VIEW("{\"resourceSpans\":[")));
	assert_true(view_cut(all, '\n', &line, &all));
	assert_int_equal(json_check(line), 0);
	assert_int_equal(all.n, 0);
}

static void a_new_file_is_private(void **state)
{
	mode_t before = umask(0);
	struct sink *k = open_sink(path);

	umask(before);
	assert_int_equal(mode_of(path), 0600);
	sink_free(k);
}

static void an_old_file_is_emptied_and_made_private(void **state)
{
	struct sink *k;
	char text[4096];

	write_file(path, 0644);
	k = open_sink(path);
	assert_int_equal(mode_of(path), 0600);
	assert_int_equal(read_back(text, sizeof(text)), 0);
	sink_free(k);
}

static void the_file_goes_to_its_owner(void **state)
{
	struct stat st;
	struct sink *k;
	int err;

	need_root();
	k = sink_file_new(path, NOBODY, NOBODY, &err);
	assert_non_null(k);
	sink_free(k);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_uid, NOBODY);
	assert_int_equal(st.st_gid, NOBODY);
}

static void our_own_links_are_followed(void **state)
{
	struct sink *k;

	write_file(other, 0644);
	assert_int_equal(symlink(other, path), 0);
	k = open_sink(path);
	assert_int_equal(put_one(k, 1), 0);
	assert_int_equal(mode_of(other), 0600);
	sink_free(k);
	sink_free(open_sink("/dev/null"));
}

static void what_strangers_put_there_is_refused(void **state)
{
	need_root();
	write_file(other, 0644);
	assert_int_equal(symlink(other, path), 0);
	assert_int_equal(lchown(path, NOBODY, NOBODY), 0);
	assert_int_equal(refused(path), -ELOOP);
	assert_int_equal(mode_of(other), 0644);
	unlink(path);
	write_file(path, 0666);
	assert_int_equal(chown(path, NOBODY, NOBODY), 0);
	assert_int_equal(refused(path), -EPERM);
	assert_int_equal(mode_of(path), 0666);
}

static void places_that_cannot_be(void **state)
{
	char at[160];

	snprintf(at, sizeof(at), "%s/no/such", dir);
	assert_int_equal(refused(at), -ENOENT);
	assert_int_equal(refused(dir), -EISDIR);
	assert_int_equal(refused(""), -ENOENT);
}

static void a_full_disk_is_said_once(void **state)
{
	struct sink *k = open_sink("/dev/full");

	assert_int_equal(put_one(k, 1), -ENOSPC);
	assert_int_equal(put_one(k, 2), 0);
	assert_int_equal(k->stats.spans, 2);
	assert_int_equal(k->stats.dropped, 2);
	assert_int_equal(k->stats.delivered, 0);
	sink_free(k);
}

/* What a reader finds ends with a whole line. */
static void half_a_line_is_taken_back(void **state)
{
	struct rlimit before, small;
	struct sink *k = open_sink(path);
	char text[4096];
	size_t n;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(put_one(k, 1), 0);
	n = read_back(text, sizeof(text));
	getrlimit(RLIMIT_FSIZE, &before);
	small = (struct rlimit){ n + 50, before.rlim_max };
	setrlimit(RLIMIT_FSIZE, &small);
	assert_int_equal(put_one(k, 2), -EFBIG);
	setrlimit(RLIMIT_FSIZE, &before);
	assert_int_equal(read_back(text, sizeof(text)), n);
	assert_int_equal(k->stats.delivered, 1);
	assert_int_equal(k->stats.dropped, 1);
	sink_free(k);
}

static void a_reader_that_left(void **state)
{
	int fds[2], saved = dup(STDOUT_FILENO), err;
	struct sink *k;

	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe(fds), 0);
	fflush(stdout);
	dup2(fds[1], STDOUT_FILENO);
	close(fds[0]);
	k = open_sink("-");
	err = put_one(k, 1);
	sink_free(k);
	dup2(saved, STDOUT_FILENO);	/* the sink does not close it */
	close(saved);
	close(fds[1]);
	assert_int_equal(err, -EPIPE);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(one_line_a_span),
		TEST(a_new_file_is_private),
		TEST(an_old_file_is_emptied_and_made_private),
		TEST(the_file_goes_to_its_owner),
		TEST(our_own_links_are_followed),
		TEST(what_strangers_put_there_is_refused),
		TEST(places_that_cannot_be),
		TEST(a_full_disk_is_said_once),
		TEST(half_a_line_is_taken_back),
		TEST(a_reader_that_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
