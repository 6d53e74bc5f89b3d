/* SPDX-License-Identifier: Apache-2.0 */
/* kubepath - paths of the API: which of them may be asked, and names put into them. */
#include "kubepath.h"

#include "text.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

enum { PARTS_MAX = 16 };

/* A path cut at its slashes, percent signs decoded. */
struct parts {
	char text[KUBEPATH_MAX];
	const char *v[PARTS_MAX];
	size_t n;
};

static int decode(const char *path, size_t len, char *to)
{
	for (size_t i = 0; i < len; i++, to++) {
		uint8_t byte;
		char hex[3];

		*to = path[i];
		if (path[i] != '%')
			continue;
		if (len - i < 3)
			return -EINVAL;
		memcpy(hex, path + i + 1, 2);
		hex[2] = '\0';
		/* an encoded slash would be one part to us and two to somebody else */
		if (text_unhex(hex, &byte, 1) < 0 || byte == '/' || byte < ' ' || byte == '%')
			return -EINVAL;
		*to = (char)byte;
		i += 2;
	}
	*to = '\0';
	return 0;
}

static int split(const char *path, struct parts *p)
{
	size_t len = strcspn(path, "?");
	char *save = NULL;

	if (path[0] != '/' || strlen(path) >= sizeof(p->text) || decode(path, len, p->text) < 0)
		return -EINVAL;
	if (strstr(p->text, "//") || p->text[strlen(p->text) - 1] == '/')
		return -EINVAL;
	for (char *at = strtok_r(p->text, "/", &save); at; at = strtok_r(NULL, "/", &save)) {
		if (p->n == PARTS_MAX || !strcmp(at, ".") || !strcmp(at, ".."))
			return -EINVAL;
		p->v[p->n++] = at;
	}
	return 0;
}

static bool is_readable(const char *subresource)
{
	return !strcmp(subresource, "log") || !strcmp(subresource, "status") ||
	       !strcmp(subresource, "scale");
}

/* What follows the version: [namespaces/NS/]RESOURCE[/NAME[/SUBRESOURCE]] */
static int check_resource(const struct parts *p, size_t at)
{
	if (p->n - at >= 3 && !strcmp(p->v[at], "namespaces"))
		at += 2;
	if (p->n == at)
		return 0; /* discovery */
	if (!strcmp(p->v[at], "secrets") || !strcmp(p->v[at], "watch") ||
		!strcmp(p->v[at], "proxy"))
		return -EPERM;
	if (p->n - at > 3)
		return -EPERM;
	return p->n - at == 3 && !is_readable(p->v[at + 2]) ? -EPERM : 0;
}

static int check_parts(const struct parts *p)
{
	const char *first = p->n ? p->v[0] : "";

	if (!strcmp(first, "version") && p->n == 1)
		return 0;
	if (!strcmp(first, "api"))
		return p->n <= 2 ? 0 : check_resource(p, 2);
	if (!strcmp(first, "apis"))
		return p->n <= 3 ? 0 : check_resource(p, 3);
	return -EPERM;
}

int kubepath_check(const char *path, struct err *e)
{
	struct parts p = {.n = 0};
	int rc = 0;

	for (const char *at = path; *at; at++)
		if (*at <= ' ' || *at > '~' || *at == '#')
			rc = -EINVAL;
	if (rc == 0)
		rc = split(path, &p);
	if (rc == 0)
		rc = check_parts(&p);
	if (rc == -EPERM)
		return err_set(e, EPERM, "%.100s: taphos does not ask for that", path);
	return rc < 0 ? err_set(e, EINVAL, "not a path of the API") : 0;
}

static void encode(struct buf *to, const char *text, const char *plain)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

	for (; *text; text++) {
		if (strchr(letters, *text) || strchr(plain, *text))
			buf_addc(to, *text);
		else
			buf_addf(to, "%%%02X", (unsigned char)*text);
	}
}

int kubepath_name(struct buf *path, const char *name)
{
	if (!*name || !strcmp(name, ".") || !strcmp(name, ".."))
		return -EINVAL;
	for (const char *at = name; *at; at++)
		if ((unsigned char)*at < ' ' || *at == '/' || *at == '%' || *at == 0x7f)
			return -EINVAL;
	encode(path, name, "-._~:");
	return 0;
}

void kubepath_value(struct buf *path, const char *text)
{
	encode(path, text, "-._~");
}
