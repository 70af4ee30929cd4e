// SPDX-License-Identifier: Apache-2.0
/*
 * What can be read of a process's TLS, file by file and in words.  A file that
 * is mapped in many pieces is looked at once; what a hostile process can have us
 * look at is bounded by each_mapped() and FILES_LISTED.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/map.h"
#include "capture/files.h"

#define FILES_LISTED	4096
#define TEXT_MAX	4096

struct cover {
	struct files *files;
	struct coverage row;
	struct file_info info;
	struct map seen;	/* by inode and device */
	ino_t exe;		/* 0: unknown */
	bool any;		/* a row was put */
	void (*put)(void *arg, const struct coverage *cov);
	void *arg;
};

static const char *const state_words[] = {
	[FILE_PLAIN] = "none",
	[FILE_ATTACHED] = "attached",
	[FILE_UNSUPPORTED] = "unsupported",
	[FILE_FAILED] = "failed",
	[FILE_REJECTED] = "rejected",
	[FILE_FOUND] = "found",
};

static const char *why_of(const struct file_stack *s)
{
	if (s->state == FILE_FAILED)
		return s->err == -EPERM || s->err == -EACCES ? "probes need CAP_BPF and CAP_PERFMON" : strerror(-s->err);
	return s->why[0] ? s->why : NULL;
}

static void put(struct cover *v, struct coverage row)
{
	row.pid = v->row.pid;
	row.start = v->row.start;
	row.exe = v->row.exe;
	v->put(v->arg, &row);
	v->any = true;
}

static void put_stacks(struct cover *v, const char *path)
{
	for (size_t i = 0; i < v->info.stacks_cnt; i++) {
		const struct file_stack *s = &v->info.stacks[i];

		put(v, (struct coverage){
			.lib = s->lib,
			.stack = capture_lib_name(s->lib),
			.version = s->version,
			.method = s->method,
			.where = path,
			.state = s->state == FILE_ATTACHED && s->proven ? "proven" : state_words[s->state],
			.why = why_of(s),
		});
	}
}

/* What no finder can help with, told by the file it comes in. */
static void put_hopeless(struct cover *v, const char *path, const struct stat *st)
{
	const char *name = strrchr(path, '/');

	if (name && !strncmp(name, "/libjvm.so", strlen("/libjvm.so")))
		put(v, (struct coverage){
			.lib = COVERAGE_NO_LIB, .stack = "jsse", .version = "", .method = "", .where = path,
			.state = "unsupported",
			.why = "Java's own TLS is bytecode that the virtual machine compiles as it runs: "
			       "there is no function in a file to put a probe on",
		});
	if (st->st_ino == v->exe && v->info.state == FILE_UNSUPPORTED && v->info.err == -ENOTSUP)
		put(v, (struct coverage){
			.lib = COVERAGE_NO_LIB, .version = "", .method = "", .where = path,
			.state = "unsupported",
			.why = "a 32-bit program, or one for another machine: its calls are passed over",
		});
}

static bool cover_file(void *arg, uint64_t addr, uint64_t end, const char *path)
{
	struct cover *v = arg;
	struct stat st;
	char name[128];

	snprintf(name, sizeof(name), "/proc/%u/map_files/%lx-%lx", v->row.pid, (unsigned long)addr, (unsigned long)end);
	if (stat(name, &st))
		return true;
	if (map_get(&v->seen, file_mark(&st)))
		return true;
	if (map_put(&v->seen, file_mark(&st), v))
		return false;
	if (!files_known(v->files, &st, &v->info))
		return true;
	put_stacks(v, path);
	put_hopeless(v, path, &st);
	return true;
}

void coverage_of(struct files *f, uint32_t pid, uint64_t start,
		 void (*put_row)(void *arg, const struct coverage *cov), void *arg)
{
	char exe[4096], name[64];
	struct cover v = {
		.files = f, .put = put_row, .arg = arg,
		.row = { .pid = pid, .start = start, .exe = proc_exe(pid, exe, sizeof(exe)) },
	};
	struct stat st;

	if (!exe[0])		/* a kernel thread, or gone */
		return;
	snprintf(name, sizeof(name), "/proc/%u/exe", pid);
	v.exe = stat(name, &st) ? 0 : st.st_ino;
	map_init(&v.seen, FILES_LISTED);
	each_mapped(pid, cover_file, &v);
	map_release(&v.seen);
	if (!v.any)
		put(&v, (struct coverage){
			.lib = COVERAGE_NO_LIB, .version = "", .method = "", .state = "none",
			.why = "no TLS library that onlooker knows is mapped: plain sockets are seen, "
			       "of TLS connections only lengths and the server's name",
		});
}

static void put_text(char *buf, size_t max, size_t *at, const char *s)
{
	size_t n = s ? strnlen(s, TEXT_MAX) : 0;

	if (*at + n + 1 > max)
		n = 0;
	memcpy(buf + *at, s ? s : "", n);
	buf[*at + n] = 0;
	*at += n + 1;
}

size_t cover_make(void *buf, size_t max, const struct coverage *cov, uint64_t ts)
{
	struct wire_cover *w = buf;
	size_t at = sizeof(*w);

	if (max < sizeof(*w) + WIRE_COVER_CNT * (TEXT_MAX + 1))
		return 0;
	*w = (struct wire_cover){
		.hdr = { .kind = WIRE_COVER, .pid = cov->pid, .tid = cov->pid, .ts = ts, .start = cov->start },
		.lib = cov->lib,
	};
	put_text(buf, max, &at, cov->stack);
	put_text(buf, max, &at, cov->version);
	put_text(buf, max, &at, cov->method);
	put_text(buf, max, &at, cov->where);
	put_text(buf, max, &at, cov->state);
	put_text(buf, max, &at, cov->why);
	w->hdr.size = at;
	return at;
}

int capture_examine(pid_t pid, void (*put_row)(void *arg, const struct coverage *cov), void *arg)
{
	struct files *f;
	char name[64];

	snprintf(name, sizeof(name), "/proc/%d/maps", pid);
	if (access(name, R_OK))
		return -errno;
	f = files_new(NULL, -1);
	if (!f)
		return -ENOMEM;
	files_look_process(f, pid);
	coverage_of(f, pid, 0, put_row, arg);
	files_free(f);
	return 0;
}
