/* SPDX-License-Identifier: Apache-2.0 */
/* inflow - a file or pipe read once from front to back. */
#include "inflow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { AT_ONCE = 256 << 10 };

int inflow_open(struct inflow *in, int fd, size_t size, struct err *e)
{
	*in = (struct inflow){.fd = fd, .size = size};
	in->data = malloc(size);
	in->whole = hash_new();
	if (in->data && in->whole)
		return 0;
	inflow_done(in);
	return err_set(e, ENOMEM, "no memory");
}

void inflow_done(struct inflow *in)
{
	free(in->data);
	hash_free(in->whole);
	*in = (struct inflow){.fd = -1};
}

const uint8_t *inflow_bytes(const struct inflow *in)
{
	return in->data + in->start;
}

size_t inflow_have(const struct inflow *in)
{
	return in->end - in->start;
}

void inflow_take(struct inflow *in, size_t n)
{
	hash_add(in->whole, inflow_bytes(in), n);
	in->start += n;
	in->offset += n;
}

static int read_more(struct inflow *in, struct err *e)
{
	size_t room = in->size - in->end;
	ssize_t n = read(in->fd, in->data + in->end, room < AT_ONCE ? room : AT_ONCE);

	if (n < 0 && errno != EINTR)
		return err_errno(
			e, "read at byte %llu", (unsigned long long)(in->offset + inflow_have(in)));
	if (n == 0)
		in->eof = true;
	if (n > 0)
		in->end += (size_t)n;
	return 0;
}

int inflow_fill(struct inflow *in, size_t n, struct err *e)
{
	int rc = 0;

	if (n > in->size)
		return err_set(e, EINVAL, "more than the window holds");
	if (in->start + n > in->size) {
		memmove(in->data, in->data + in->start, inflow_have(in));
		in->end -= in->start;
		in->start = 0;
	}
	while (rc == 0 && !in->eof && inflow_have(in) < n)
		rc = read_more(in, e);
	return rc;
}

static bool is_zero(const uint8_t *p, size_t n)
{
	return !n || (!p[0] && !memcmp(p, p + 1, n - 1));
}

int inflow_rest_is_zero(struct inflow *in, size_t from, bool *ret, struct err *e)
{
	bool zero = true, some = false;
	int rc = 0;

	inflow_take(in, from < inflow_have(in) ? from : inflow_have(in));
	do {
		some = some || inflow_have(in);
		zero = zero && is_zero(inflow_bytes(in), inflow_have(in));
		inflow_take(in, inflow_have(in));
		in->start = in->end = 0;
		rc = in->eof ? 0 : read_more(in, e);
	} while (rc == 0 && (!in->eof || inflow_have(in)));
	*ret = zero && some;
	return rc;
}
