// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "find/code_make.h"
#include "find/find.h"

#define BIG	(17u << 20)	/* smaller files are not worth it */

struct bed {
	char dir[64];
	struct made_openssl o;
	uint8_t *b;
};

static void bed_init(struct bed *t)
{
	struct made m;

	*t = (struct bed){ .dir = "/tmp/onlooker-cache-XXXXXX" };
	assert_non_null(mkdtemp(t->dir));
	made_init(&m, EM_X86_64);
	made_openssl(&m, &t->o);
	made_build_id(&m, 'x');
	t->b = calloc(1, BIG);
	memcpy(t->b, m.b, sizeof(m.b));
}

/* The entry's path; false: there is none. */
static bool entry(const struct bed *t, char *ret, size_t n)
{
	DIR *d = opendir(t->dir);
	struct dirent *e;
	bool found = false;

	while ((e = readdir(d)) && !found)
		if (e->d_name[0] != '.') {
			snprintf(ret, n, "%s/%s", t->dir, e->d_name);
			found = true;
		}
	closedir(d);
	return found;
}

static void bed_release(struct bed *t)
{
	char path[512];

	while (entry(t, path, sizeof(path)))
		unlink(path);
	rmdir(t->dir);
	free(t->b);
}

/* What the cache says of the read function; 0: it was looked for, and is not there. */
static uint64_t look(const struct bed *t, const char **ret_method)
{
	static struct found f[FOUND_STACKS_MAX];
	int err, n;
	struct image *im = image_of_memory(t->b, BIG, &err);

	assert_non_null(im);
	n = find_stacks_cached(im, t->dir, f);
	image_free(im);
	if (!n || !f[0].cnt)
		return 0;
	*ret_method = f[0].method;
	assert_string_equal(f[0].version, "3.0.19");
	assert_string_equal(f[0].func[0].sym, "ssl_read_internal");
	assert_int_equal(f[0].func[0].probe, f[0].func[0].va - MADE_CODE_VA + MADE_CODE_OFF);
	return f[0].func[0].va;
}

/* An edit of the entry shows whether an answer came from it. */
static void mark(const struct bed *t)
{
	char path[512], text[65536] = "", *at;
	FILE *f;

	assert_true(entry(t, path, sizeof(path)));
	f = fopen(path, "r+");
	fread(text, 1, sizeof(text) - 1, f);
	at = strstr(text, "method ");
	assert_non_null(at);
	fseek(f, at - text + 7, SEEK_SET);
	fputc('F', f);
	fclose(f);
}

static void test_remembers(void **state)
{
	const char *method;
	char path[512];
	struct stat st;
	struct bed t;

	bed_init(&t);
	assert_int_equal(look(&t, &method), t.o.read_inner);
	assert_int_equal(method[0], 'f');
	assert_true(entry(&t, path, sizeof(path)));
	assert_non_null(strstr(path, "/7878787878"));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	mark(&t);
	assert_int_equal(look(&t, &method), t.o.read_inner);
	assert_int_equal(method[0], 'F');
	bed_release(&t);
}

/* Another file that says it is this one: other code at that place. */
static void test_other_bytes(void **state)
{
	const char *method;
	struct bed t;

	bed_init(&t);
	look(&t, &method);
	mark(&t);
	t.b[t.o.write_inner - MADE_CODE_VA + MADE_CODE_OFF + 2] ^= 1;
	look(&t, &method);
	assert_int_equal(method[0], 'f');
	bed_release(&t);
}

static void test_other_segments(void **state)
{
	const char *method;
	struct bed t;
	Elf64_Phdr *p;

	bed_init(&t);
	p = (void *)(t.b + sizeof(Elf64_Ehdr));
	look(&t, &method);
	mark(&t);
	p[1].p_filesz -= 8;
	look(&t, &method);
	assert_int_equal(method[0], 'f');
	bed_release(&t);
}

/* Others may write there: not believed. */
static void test_open_directory(void **state)
{
	const char *method;
	struct bed t;

	bed_init(&t);
	look(&t, &method);
	mark(&t);
	assert_int_equal(chmod(t.dir, 0777), 0);
	look(&t, &method);
	assert_int_equal(method[0], 'f');
	bed_release(&t);
}

/* Cut anywhere, it is looked for again. */
static void test_cut_entry(void **state)
{
	const char *method;
	char path[512];
	struct stat st;
	struct bed t;

	bed_init(&t);
	look(&t, &method);
	assert_true(entry(&t, path, sizeof(path)));
	assert_int_equal(stat(path, &st), 0);
	for (off_t n = 0; n < st.st_size; n += st.st_size / 8) {
		mark(&t);
		assert_int_equal(truncate(path, n), 0);
		assert_int_equal(look(&t, &method), t.o.read_inner);
		assert_int_equal(method[0], 'f');
	}
	bed_release(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_remembers),
		cmocka_unit_test(test_other_bytes),
		cmocka_unit_test(test_other_segments),
		cmocka_unit_test(test_open_directory),
		cmocka_unit_test(test_cut_entry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
