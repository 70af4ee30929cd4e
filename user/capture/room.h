/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CAPTURE_ROOM_H
#define CAPTURE_ROOM_H

/* What the files of this room know of each other; other rooms see capture.h. */
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "capture/capture.h"

struct capture_bpf;

/* As struct file_key in bpf/capture.bpf.h: the kernel's own idea of a file. */
struct file_key {
	uint64_t dev, ino, size;
	int64_t mtime;
};

enum file_known { FILE_PENDING = 1, FILE_DONE = 2 };

/* As struct tracked there. */
struct tracked {
	uint64_t start;
	uint32_t tls, noticed;
	int32_t hellos;
	uint32_t pad;
};

_Static_assert(sizeof(struct file_key) == 32, "struct file_key in bpf/capture.bpf.h");
_Static_assert(sizeof(struct tracked) == 24, "struct tracked in bpf/capture.bpf.h");

/* st_dev is packed otherwise in user space. */
struct file_key file_key_of(const struct stat *st);

void syscalls_fill(uint8_t table[static SYS_CLASSES_MAX]);

/* features.c: the ones that decide how to load. */
bool feature_uprobe_multi(void);

/* facts.c: what /proc and the machine say of a process, as a whole record; its size, or 0. */
struct machine {
	char host[256], id[64];
};
void machine_read(struct machine *m);
size_t facts_make(void *buf, size_t max, const struct machine *m, uint32_t pid, uint64_t start, uint64_t ts);

/* The executable's path of a process, or "". */
const char *proc_exe(pid_t pid, char *buf, size_t n);

#endif /* CAPTURE_ROOM_H */
