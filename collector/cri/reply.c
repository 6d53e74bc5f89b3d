/* SPDX-License-Identifier: Apache-2.0 */
/* reply - what has come of one answer. */
#include "reply.h"
#include "text.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

enum { HEADERS_MAX = 64, /* trailers among them */ HTTP_OK = 200 };

/* By the number of the status, grpc.github.io/grpc/core/md_doc_statuscodes.html */
static const struct {
	const char *name;
	int code;
} statuses[] = {
	{"OK", 0},
	{"CANCELLED", EREMOTEIO},
	{"UNKNOWN", EREMOTEIO},
	{"INVALID_ARGUMENT", EREMOTEIO},
	{"DEADLINE_EXCEEDED", ETIMEDOUT},
	{"NOT_FOUND", ENOENT},
	{"ALREADY_EXISTS", EREMOTEIO},
	{"PERMISSION_DENIED", EACCES},
	{"RESOURCE_EXHAUSTED", EREMOTEIO},
	{"FAILED_PRECONDITION", EREMOTEIO},
	{"ABORTED", EREMOTEIO},
	{"OUT_OF_RANGE", EREMOTEIO},
	{"UNIMPLEMENTED", ENOSYS},
	{"INTERNAL", EREMOTEIO},
	{"UNAVAILABLE", EAGAIN},
	{"DATA_LOSS", EREMOTEIO},
	{"UNAUTHENTICATED", EACCES},
};

/* What is no number is the largest. */
static int number(const char *value)
{
	uint64_t v;

	return text_parse_u64(value, INT_MAX, &v) < 0 ? INT_MAX : (int)v;
}

/* %XX is a byte; anything else, a bad %XX too, stands for itself. */
static void decode_message(char ret[REPLY_DETAIL], const char *p, size_t n)
{
	size_t len = 0;
	unsigned char byte;

	for (size_t i = 0; i < n && len < REPLY_DETAIL - 1; i++) {
		char hex[3] = {0};

		byte = (unsigned char)p[i];
		if (byte == '%' && n - i > 2) {
			memcpy(hex, p + i + 1, 2);
			if (text_unhex(hex, &byte, 1) == 0)
				i += 2;
		}
		ret[len++] = (char)byte;
	}
	ret[len] = '\0';
}

int reply_header(struct reply *r, const char *name, const char *value, size_t len, struct err *e)
{
	static const char grpc[] = "application/grpc";

	if (++r->headers > HEADERS_MAX)
		return err_set(e, EPROTO, "an answer with over %d headers", HEADERS_MAX);
	if (!strcmp(name, ":status"))
		r->http_status = number(value);
	else if (!strcmp(name, "content-type"))
		r->is_grpc = !strncmp(value, grpc, strlen(grpc));
	else if (!strcmp(name, "grpc-status"))
		r->grpc_status = number(value);
	else if (!strcmp(name, "grpc-message"))
		decode_message(r->message, value, len);
	return 0;
}

static int start_message(struct reply *r, struct err *e)
{
	const unsigned char *p = r->prefix;

	r->expected = (size_t)p[1] << 24 | (size_t)p[2] << 16 | (size_t)p[3] << 8 | p[4];
	if (p[0])
		return err_set(e, EPROTO, "a compressed answer, which was not asked for");
	if (r->expected > r->out->max)
		return err_set(e, EFBIG, "an answer of %zu bytes, over the limit of %zu",
			r->expected, r->out->max);
	return 0;
}

int reply_data(struct reply *r, const void *data, size_t n, struct err *e)
{
	const unsigned char *p = data;
	int rc = 0;

	while (n && r->prefix_len < REPLY_PREFIX) {
		r->prefix[r->prefix_len++] = *p++;
		n--;
		if (r->prefix_len == REPLY_PREFIX)
			rc = start_message(r, e);
	}
	if (rc < 0 || !n)
		return rc;
	if (n > r->expected - r->out->len)
		return err_set(e, EPROTO, "more than one message in an answer");
	if (buf_add(r->out, p, n) < 0)
		return err_set(e, ENOMEM, "no memory for an answer");
	return 0;
}

static int refused(const struct reply *r, struct err *e)
{
	size_t known = sizeof(statuses) / sizeof(statuses[0]);
	unsigned status = (unsigned)r->grpc_status;
	own_buf struct buf text = BUF_INIT(REPLY_DETAIL * 4);

	text_escape(&text, r->message, strlen(r->message));
	if (status >= known)
		return err_set(e, EREMOTEIO, "grpc status %u: %s", status, buf_str(&text));
	return err_set(e, statuses[status].code, "%s: %s", statuses[status].name, buf_str(&text));
}

int reply_judge(const struct reply *r, const char *reset, struct err *e)
{
	if (r->http_status >= 0 && r->http_status != HTTP_OK)
		return err_set(e, EPROTO, "HTTP status %d", r->http_status);
	if (r->grpc_status > 0)
		return refused(r, e);
	if (reset && r->grpc_status < 0)
		return err_set(e, EPROTO, "the server reset the stream: %s", reset);
	if (!r->is_grpc)
		return err_set(e, EPROTO, "an answer that is not application/grpc");
	if (r->grpc_status < 0)
		return err_set(e, EPROTO, "an answer without a grpc-status");
	if (r->prefix_len < REPLY_PREFIX || r->out->len < r->expected)
		return err_set(e, EPROTO, "an answer of %zu bytes ends after %zu", r->expected,
			r->out->len);
	return 0;
}
