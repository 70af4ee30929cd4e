// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "sink/out.h"

static int wait_writable(int fd, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	int n = poll(&p, 1, timeout_ms);

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	return n ? 0 : -ETIMEDOUT;
}

int out_write(int fd, struct view v, int timeout_ms)
{
	ssize_t n;
	int err;

	while (v.n) {
		n = write(fd, v.p, v.n);
		if (n >= 0) {
			v = view_drop(v, n);
			continue;
		}
		err = errno == EAGAIN ? wait_writable(fd, timeout_ms) : errno == EINTR ? 0 : -errno;
		if (err)
			return err;
	}
	return 0;
}
