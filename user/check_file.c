// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "capture/tls.h"
#include "check_file.h"
#include "cmd.h"
#include "find/code.h"
#include "find/find.h"

#define STACKS_MAX	(FOUND_STACKS_MAX + 16)

struct result {
	const char *path;
	char build_id[65];
	double seconds;
	size_t cnt;
	struct found stack[STACKS_MAX];
};

/* The rows of a library that symbols name; nothing when none of them moves data. */
static bool add_symbols(const struct image *im, const struct tls_lib *lib, struct found *ret)
{
	const char *names[TLS_SPECS_MAX] = { NULL };
	struct image_sym sym[TLS_SPECS_MAX];
	bool data = false;
	size_t n = 0;

	while (lib->funcs[n].sym && n < TLS_SPECS_MAX) {
		names[n] = lib->funcs[n].sym;
		n++;
	}
	memset(ret, 0, sizeof(*ret));
	ret->stack = lib->name;
	ret->method = "symbols";
	image_symbols(im, names, n, sym);
	for (size_t i = 0; i < n; i++)
		if (sym[i].va && found_add(ret, im, names[i], sym[i].va))
			data |= lib->funcs[i].spec.what == TLS_DATA;
	return data;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static int look(int fd, struct result *r)
{
	uint8_t id[32];
	double begin = now();
	struct image *im;
	size_t n;
	int err;

	im = image_open(fd, &err);
	if (!im)
		return err;
	n = image_build_id(im, id);
	for (size_t i = 0; i < n; i++)
		sprintf(r->build_id + 2 * i, "%02x", id[i]);
	for (size_t l = 0; tls_libs[l] && r->cnt < STACKS_MAX; l++)
		r->cnt += add_symbols(im, tls_libs[l], &r->stack[r->cnt]);
	err = r->cnt + FOUND_STACKS_MAX <= STACKS_MAX ? find_stacks(im, &r->stack[r->cnt]) : 0;
	if (err > 0)
		r->cnt += err;
	image_free(im);
	r->seconds = now() - begin;
	return err < 0 ? err : 0;
}

static void text(const struct result *r)
{
	printf("%s: %s%s, %.0f ms\n", r->path, r->build_id[0] ? "build-id " : "no build-id", r->build_id, r->seconds * 1e3);
	for (size_t i = 0; i < r->cnt; i++) {
		const struct found *f = &r->stack[i];

		printf("  %s%s%s, %s%s\n", f->stack, f->version[0] ? " " : "", f->version, f->cnt ? "by " : "cannot be used: ",
		       f->cnt ? f->method : f->why);
		for (size_t k = 0; k < f->cnt; k++) {
			printf("    %-40s address %#" PRIx64 ", probe at offset %#" PRIx64, f->func[k].sym, f->func[k].va,
			       f->func[k].probe);
			printf(f->func[k].rets_cnt ? ", %u returns\n" : "\n", (unsigned)f->func[k].rets_cnt);
		}
	}
	if (!r->cnt)
		puts("  no TLS stack was found");
}

static void json_func(struct jsonw *w, const struct found_func *f)
{
	jsonw_open(w, '{');
	jsonw_key(w, "name");
	jsonw_str(w, view_of(f->sym));
	jsonw_key(w, "address");
	jsonw_int(w, f->va);
	jsonw_key(w, "probe_offset");
	jsonw_int(w, f->probe);
	jsonw_key(w, "returns");
	jsonw_open(w, '[');
	for (size_t i = 0; i < f->rets_cnt; i++)
		jsonw_int(w, f->rets[i]);
	jsonw_close(w, ']');
	jsonw_close(w, '}');
}

static void json_stack(struct jsonw *w, const struct found *f)
{
	jsonw_open(w, '{');
	jsonw_key(w, "tls");
	jsonw_str(w, view_of(f->stack));
	jsonw_key(w, "method");
	jsonw_str(w, view_of(f->method ? f->method : ""));
	jsonw_key(w, "version");
	jsonw_str(w, view_of(f->version));
	jsonw_key(w, "why");
	jsonw_str(w, view_of(f->why));
	jsonw_key(w, "functions");
	jsonw_open(w, '[');
	for (size_t i = 0; i < f->cnt; i++)
		json_func(w, &f->func[i]);
	jsonw_close(w, ']');
	jsonw_close(w, '}');
}

static void json_all(const struct result *r)
{
	struct jsonw w;
	struct buf out;

	buf_init(&out, 4 << 20);
	jsonw_init(&w, &out);
	jsonw_open(&w, '{');
	jsonw_key(&w, "file");
	jsonw_str(&w, view_of(r->path));
	jsonw_key(&w, "build_id");
	jsonw_str(&w, view_of(r->build_id));
	jsonw_key(&w, "milliseconds");
	jsonw_int(&w, r->seconds * 1e3);
	jsonw_key(&w, "stacks");
	jsonw_open(&w, '[');
	for (size_t i = 0; i < r->cnt; i++)
		json_stack(&w, &r->stack[i]);
	jsonw_close(&w, ']');
	jsonw_close(&w, '}');
	printf("%.*s\n", VIEW_ARG(buf_view(&out)));
	buf_release(&out);
}

static const char *reason(int err)
{
	if (err == -ENOEXEC)
		return "it is no ELF program or library";
	return err == -ENOTSUP ? "it is not for 64-bit x86 or Arm" : strerror(-err);
}

int check_file(const char *path, bool json)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err;
	struct result *r = calloc(1, sizeof(*r));

	err = fd < 0 ? -errno : !r ? -ENOMEM : 0;
	if (!err) {
		r->path = path;
		err = look(fd, r);
	}
	if (!err)
		(json ? json_all : text)(r);
	else
		fprintf(stderr, "onlooker check: cannot look at %s: %s\n", path, reason(err));
	if (fd >= 0)
		close(fd);
	free(r);
	return err ? EXIT_ENVIRONMENT : 0;
}
