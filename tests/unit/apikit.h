/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* apikit - tests/lib/apiserver.py, started for a test program and ended with it. */
#include <sys/types.h>

struct apikit {
	char dir[64]; /* its keys and certificates, and what a test puts there */
	pid_t pid;
	int alive; /* closing it ends the server */
};

/* 0, or why it cannot run here. */
const char *apikit_start(struct apikit *a);
void apikit_end(struct apikit *a);
/* The port of one of its servers. */
unsigned apikit_port(const struct apikit *a, const char *name);
/* A file of its folder, its whole text; the caller frees it. */
char *apikit_text(const struct apikit *a, const char *name);
void apikit_write(const struct apikit *a, const char *name, const char *text);
