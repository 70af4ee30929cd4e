// SPDX-License-Identifier: Apache-2.0
/*
 * Stands in for libFuzzer: runs every file of the directories named once.  So
 * the corpus is part of `make check` with any compiler, and under SAN=1 too.
 */
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#include "fuzz.h"

static int run_file(const char *path, unsigned int *cnt)
{
	FILE *f = fopen(path, "rb");
	struct stat st;
	uint8_t *p;
	size_t n;

	if (!f || fstat(fileno(f), &st))
		return -errno;
	p = malloc(st.st_size ? st.st_size : 1);
	n = p ? fread(p, 1, st.st_size, f) : 0;
	fclose(f);
	if (p)
		LLVMFuzzerTestOneInput(p, n);
	free(p);
	++*cnt;
	return p ? 0 : -ENOMEM;
}

static int run_dir(const char *dir, unsigned int *cnt)
{
	DIR *d = opendir(dir);
	char path[4096];
	struct dirent *e;
	int err = d ? 0 : -errno;

	while (!err && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		err = run_file(path, cnt);
	}
	if (d)
		closedir(d);
	return err;
}

int main(int argc, char **argv)
{
	unsigned int cnt = 0;

	for (int i = 1; i < argc; i++) {
		struct stat st;
		int err = stat(argv[i], &st) ? -errno : 0;

		if (!err)
			err = S_ISDIR(st.st_mode) ? run_dir(argv[i], &cnt) : run_file(argv[i], &cnt);
		if (err) {
			fprintf(stderr, "%s: %s\n", argv[i], strerror(-err));
			return 1;
		}
	}
	printf("%u inputs\n", cnt);
	return 0;
}
