// SPDX-License-Identifier: Apache-2.0
/*
 * System call numbers of this architecture, for bpf/syscall.bpf.c.  What is not
 * here costs an observed process one array lookup.
 */
#include <sys/syscall.h>

#include "capture/room.h"

#ifndef SYS_recvmmsg
#error "no system call numbers"
#endif

static const struct {
	unsigned nr;
	enum sys_class class;
} calls[] = {
	{ SYS_read, SYS_READ },
	{ SYS_write, SYS_WRITE },
	{ SYS_readv, SYS_READV },
	{ SYS_writev, SYS_WRITEV },
	{ SYS_recvfrom, SYS_RECVFROM },
	{ SYS_sendto, SYS_SENDTO },
	{ SYS_recvmsg, SYS_RECVMSG },
	{ SYS_sendmsg, SYS_SENDMSG },
	{ SYS_recvmmsg, SYS_RECVMMSG },
	{ SYS_sendmmsg, SYS_SENDMMSG },
	{ SYS_connect, SYS_CONNECT },
	{ SYS_accept, SYS_ACCEPT },
	{ SYS_accept4, SYS_ACCEPT },
	{ SYS_sendfile, SYS_SENDFILE },
	{ SYS_splice, SYS_SPLICE },
	{ SYS_mmap, SYS_MMAP },
	{ SYS_setsockopt, SYS_SETSOCKOPT },
	{ SYS_io_uring_setup, SYS_URING },
};

void syscalls_fill(uint8_t table[static SYS_CLASSES_MAX])
{
	for (unsigned i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		if (calls[i].nr < SYS_CLASSES_MAX)
			table[calls[i].nr] = calls[i].class;
}
