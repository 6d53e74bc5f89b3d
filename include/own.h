/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* own - scope-bound ownership: a variable marked own_* is released when it
 * leaves scope; take_*() hands it to someone else and disarms it. No guard may
 * cross a fork: children end in _exit. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static inline void own_free_(void *p)
{
	free(*(void **)p);
}

static inline void own_fd_(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		(void)close(*fd);
	errno = saved;
}

#define own_free __attribute__((cleanup(own_free_)))
#define own_fd __attribute__((cleanup(own_fd_)))

static inline int take_fd(int *fd)
{
	int ret = *fd;

	*fd = -1;
	return ret;
}

#define take_ptr(p)                       \
	({                                \
		__typeof__(p) ret_ = (p); \
		(p) = NULL;               \
		ret_;                     \
	})
