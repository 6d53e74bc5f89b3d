/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * bolt - reads the key-value files of containerd (go.etcd.io/bbolt, format 2)
 * without its daemon and without its lock. A page may change while it is read:
 * everything is checked against bounds, and what makes no sense is -EBADMSG.
 *
 * Buckets nest; a path of bucket names is one string with '\1' between.
 */
#include "buf.h"
#include "err.h"

#include <stdint.h>

struct bolt {
	int fd; /* -1: not open */
	uint32_t page_size;
	uint64_t pages; /* of the file */
	uint64_t root;
};

#define BOLT_INIT ((struct bolt){.fd = -1})
#define BOLT_SEP "\1"
#define own_bolt __attribute__((cleanup(bolt_close)))

/* The newer of its two states. -ENOENT, or -EBADMSG: not such a file. */
int bolt_open(struct bolt *b, int root_fd, const char *path, struct err *e) must_check;
void bolt_close(struct bolt *b);

/* The value of a key; path's last name is the key. Adds to ret, whose maximum is the limit. -ENOENT
 * without text. */
int bolt_get(const struct bolt *b, const char *path, struct buf *ret) must_check;
/* The same as text: "" when absent, too long or not to be read. */
void bolt_text(const struct bolt *b, const char *path, char *ret, size_t size);

/* Calls each for every name in a bucket (path "": the top), at most 100,000; stops when it returns
 * non-zero. Names that hold a NUL are left out. */
int bolt_each(const struct bolt *b, const char *path, int (*each)(const char *name, void *arg),
	void *arg) must_check;
