/* SPDX-License-Identifier: Apache-2.0 */
/* apikit - tests/lib/apiserver.py, started for a test program and ended with it. */
#include "unit.h"

#include "apikit.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void run_server(const char *dir, int in, int out)
{
	dup2(in, 0);
	dup2(out, 1);
	execlp("python3", "python3", "tests/lib/apiserver.py", dir, (char *)NULL);
	_exit(127);
}

/* Its lines up to "ready" go to the file "ports". */
static const char *read_ports(struct apikit *a, int fd)
{
	char text[1024];
	size_t len = 0;
	ssize_t n;

	while (len < sizeof(text) - 1) {
		n = read(fd, text + len, sizeof(text) - 1 - len);
		if (n <= 0)
			return "python3 or openssl is missing";
		len += (size_t)n;
		text[len] = '\0';
		if (strstr(text, "ready\n"))
			break;
	}
	apikit_write(a, "ports", text);
	return NULL;
}

const char *apikit_start(struct apikit *a)
{
	int in[2], out[2];
	const char *why;

	snprintf(a->dir, sizeof(a->dir), "/tmp/taphos-api-XXXXXX");
	if (!mkdtemp(a->dir) || pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		return "no folder in /tmp";
	a->pid = fork();
	if (a->pid == 0)
		run_server(a->dir, in[0], out[1]);
	close(in[0]);
	close(out[1]);
	a->alive = in[1];
	why = read_ports(a, out[0]);
	close(out[0]);
	return why;
}

void apikit_end(struct apikit *a)
{
	char command[128];

	close(a->alive);
	waitpid(a->pid, NULL, 0);
	snprintf(command, sizeof(command), "rm -rf %s", a->dir);
	assert_int_equal(system(command), 0);
}

char *apikit_text(const struct apikit *a, const char *name)
{
	char path[128], *text = calloc(1, 65536);
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", a->dir, name);
	f = fopen(path, "re");
	assert_non_null(f);
	assert_non_null(text);
	assert_true(fread(text, 1, 65535, f) < 65535);
	fclose(f);
	return text;
}

void apikit_write(const struct apikit *a, const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", a->dir, name);
	f = fopen(path, "we");
	assert_non_null(f);
	assert_int_equal(fputs(text, f) < 0, 0);
	assert_int_equal(fclose(f), 0);
}

unsigned apikit_port(const struct apikit *a, const char *name)
{
	char *text = apikit_text(a, "ports"), line[32];
	unsigned port = 0;
	char *at;

	snprintf(line, sizeof(line), "%s ", name);
	at = strstr(text, line);
	assert_non_null(at);
	assert_int_equal(sscanf(at + strlen(line), "%u", &port), 1);
	free(text);
	return port;
}
