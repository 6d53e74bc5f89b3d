/* SPDX-License-Identifier: Apache-2.0 */
/* kubepass - a kubeconfig as it was read, from one worker to another. */
#include "kubepass.h"

#include "io.h"
#include "kubefile.h"
#include "own.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>

enum {
	FIELDS = 10,
	FIELD_MAX = 2 << 20,
	PASS_MAX = 8 << 20,
	ERRNO_END = 4096,
	NONE = 0xffffffff, /* in place of a length: there is no such string */
};

/* What the file begins with. */
struct head {
	char magic[8];
	uint32_t code; /* of the reason; 0: a kubeconfig follows */
	char text[sizeof(((struct err *)0)->text)];
};

static const char magic[8] = "kubepas1";

static void list_fields(struct kubeconfig *c, char **ret[FIELDS])
{
	char **fields[FIELDS] = {&c->server, &c->server_name, &c->ca, &c->ca_from, &c->cert,
		&c->key, &c->token, &c->token_file, &c->namespace, &c->context};

	memcpy(ret, fields, sizeof(fields));
}

static void put_field(struct buf *b, const char *s)
{
	uint32_t len = s ? (uint32_t)strlen(s) : (uint32_t)NONE;

	buf_add(b, &len, sizeof(len));
	if (s)
		buf_add(b, s, len);
}

int kubepass_write(int fd, const struct kubeconfig *config, const struct err *why, struct err *e)
{
	own_secret_buf struct buf b = BUF_INIT(PASS_MAX);
	struct head head = {.code = config ? 0 : (uint32_t)(why->code ? why->code : EIO)};
	struct kubeconfig copy;
	char **fields[FIELDS];

	memcpy(head.magic, magic, sizeof(magic));
	if (!config)
		memcpy(head.text, why->text, sizeof(head.text));
	buf_add(&b, &head, sizeof(head));
	if (config) {
		copy = *config;
		list_fields(&copy, fields);
		for (size_t i = 0; i < FIELDS; i++)
			put_field(&b, *fields[i]);
	}
	if (buf_check(&b, e) < 0)
		return -ENOSPC;
	return io_pwrite(fd, b.data, b.len, 0) < 0 ? err_errno(e, "hand the kubeconfig on") : 0;
}

/* One string at *at, which moves on. */
static int take_field(const struct buf *b, size_t *at, char **ret)
{
	uint32_t len;

	if (b->len - *at < sizeof(len))
		return -EPROTO;
	memcpy(&len, b->data + *at, sizeof(len));
	*at += sizeof(len);
	if (len == (uint32_t)NONE)
		return 0;
	if (len > FIELD_MAX || len > b->len - *at)
		return -EPROTO;
	*ret = strndup(b->data + *at, len);
	*at += len;
	return *ret ? 0 : -ENOMEM;
}

static int take_config(const struct buf *b, int root_fd, struct kubeconfig **ret)
{
	own_kubeconfig struct kubeconfig *c = calloc(1, sizeof(*c));
	size_t at = sizeof(struct head);
	char **fields[FIELDS];
	int rc = 0;

	if (!c)
		return -ENOMEM;
	c->root_fd = fcntl(root_fd, F_DUPFD_CLOEXEC, 3);
	list_fields(c, fields);
	for (size_t i = 0; rc == 0 && i < FIELDS; i++)
		rc = take_field(b, &at, fields[i]);
	if (rc == 0 && (c->root_fd < 0 || !c->server || !c->ca || at != b->len))
		rc = -EPROTO;
	if (rc == 0)
		*ret = take_ptr(c);
	return rc;
}

int kubepass_read(int fd, int root_fd, struct kubeconfig **ret, struct err *e)
{
	own_secret_buf struct buf b = BUF_INIT(PASS_MAX);
	struct head head;
	int rc;

	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_errno(e, "take the kubeconfig");
	rc = io_read_all(fd, &b, e);
	if (rc < 0)
		return rc;
	if (b.len < sizeof(head))
		return err_set(e, EPROTO, "the kubeconfig could not be read");
	memcpy(&head, b.data, sizeof(head));
	head.text[sizeof(head.text) - 1] = '\0';
	if (memcmp(head.magic, magic, sizeof(magic)) != 0)
		return err_set(e, EPROTO, "the kubeconfig could not be read");
	if (head.code)
		return err_set(e, head.code < ERRNO_END ? (int)head.code : EIO, "%s",
			head.text[0] ? head.text : "no reason was given");
	rc = take_config(&b, root_fd, ret);
	return rc < 0 ? err_set(e, -rc, "the kubeconfig could not be handed on") : 0;
}
