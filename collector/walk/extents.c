/* SPDX-License-Identifier: Apache-2.0 */
/* extents - where a file has data (lseek(2), SEEK_DATA). */
#include "extents.h"

#include "rec.h"

#include <errno.h>
#include <unistd.h>

static int add(struct buf *out, uint64_t start, uint64_t end, uint64_t *data)
{
	struct rec_extent x = {start, end - start};

	*data += x.len;
	return buf_add(out, &x, sizeof(x));
}

int extents_read(int fd, uint64_t size, struct buf *out, uint64_t *ret_data, struct err *e)
{
	uint64_t at = 0, data = 0;
	int n = 0;

	while (at < size) {
		off_t start = lseek(fd, (off_t)at, SEEK_DATA);
		off_t end;

		if (start < 0 && errno == EINVAL && !n)
			return 0;
		if (start < 0 && errno != ENXIO)
			return err_errno(e, "seek");
		if (start < 0 || (uint64_t)start >= size) /* a hole up to the end */
			start = (off_t)size;
		end = start == (off_t)size ? start : lseek(fd, start, SEEK_HOLE);
		if (end < start || (uint64_t)end > size || n == REC_EXTENTS - 1)
			end = (off_t)size; /* it shrinks or grows: the second pass will tell */
		if (!n && start == 0 && (uint64_t)end == size)
			return 0;
		if (add(out, (uint64_t)start, (uint64_t)end, &data) < 0)
			return err_set(e, ENOMEM, "no memory");
		n++;
		at = (uint64_t)end;
	}
	*ret_data = data;
	return n;
}
