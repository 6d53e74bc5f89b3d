/* SPDX-License-Identifier: Apache-2.0 */
/* ahead - what the names of a directory are, asked before somebody wants to know. */
#include "ahead.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

enum {
	STACK = 128 << 10,
	NAMES = 6144,	     /* of a block of 128 KiB: at least 24 bytes each */
	FEW_BYTES = 2 << 10, /* a shorter block is not worth waking somebody */
};

struct ahead {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool busy, quit; /* under the lock */
	struct ahead_block block;
	atomic_size_t wanted; /* what the first thread has come to */
	atomic_size_t known;  /* this one and all behind it are */
	uint32_t at[NAMES];
	struct ahead_one one[NAMES];
};

static bool is_here(const struct ahead_block *b, const struct statx *x)
{
	if (b->mount_id && (x->stx_mask & STATX_MNT_ID))
		return x->stx_mnt_id == b->mount_id;
	return makedev(x->stx_dev_major, x->stx_dev_minor) == b->dev;
}

static void ask(const struct ahead_block *b, const char *name, struct ahead_one *ret)
{
	ssize_t n;

	ret->asked = !b->skip(b->arg, name);
	ret->no_xattrs = false;
	if (!ret->asked)
		return;
	ret->error = statx(b->dir_fd, name, AHEAD_FLAGS, AHEAD_WANT, &ret->x) < 0 ? errno : 0;
	if (ret->error || !is_here(b, &ret->x))
		return;
	n = llistxattr(name, NULL, 0);
	ret->no_xattrs = n == 0 || (n < 0 && (errno == ENOTSUP || errno == ENOSYS));
}

static size_t count(struct ahead *a)
{
	size_t n = 0;

	for (size_t at = 0; at < a->block.len && n < NAMES; n++) {
		const struct dirent64 *d = (const void *)(a->block.dirents + at);

		a->at[n] = (uint32_t)at;
		at += d->d_reclen;
	}
	return n;
}

static void ask_all(struct ahead *a)
{
	for (size_t n = count(a); n-- > atomic_load(&a->wanted);) {
		const struct dirent64 *d = (const void *)(a->block.dirents + a->at[n]);

		ask(&a->block, d->d_name, &a->one[n]);
		atomic_store(&a->known, n);
	}
}

static void *run(void *arg)
{
	struct ahead *a = arg;

	pthread_mutex_lock(&a->lock);
	while (!a->quit) {
		if (!a->busy) {
			pthread_cond_wait(&a->changed, &a->lock);
			continue;
		}
		pthread_mutex_unlock(&a->lock);
		ask_all(a);
		pthread_mutex_lock(&a->lock);
		a->busy = false;
		pthread_cond_broadcast(&a->changed);
	}
	pthread_mutex_unlock(&a->lock);
	return NULL;
}

struct ahead *ahead_new(void)
{
	struct ahead *a = calloc(1, sizeof(*a));
	pthread_attr_t small;
	int rc;

	if (!a)
		return NULL;
	atomic_init(&a->known, NAMES);
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->changed, NULL);
	pthread_attr_init(&small);
	(void)pthread_attr_setstacksize(&small, STACK);
	rc = pthread_create(&a->thread, &small, run, a);
	pthread_attr_destroy(&small);
	if (rc == 0)
		return a;
	free(a);
	return NULL;
}

void ahead_free(struct ahead *a)
{
	if (!a)
		return;
	pthread_mutex_lock(&a->lock);
	a->quit = true;
	pthread_cond_broadcast(&a->changed);
	pthread_mutex_unlock(&a->lock);
	pthread_join(a->thread, NULL);
	pthread_cond_destroy(&a->changed);
	pthread_mutex_destroy(&a->lock);
	free(a);
}

void ahead_start(struct ahead *a, const struct ahead_block *b)
{
	if (!a || b->len < FEW_BYTES)
		return;
	pthread_mutex_lock(&a->lock);
	a->block = *b;
	a->busy = true;
	atomic_store(&a->wanted, 0);
	pthread_cond_broadcast(&a->changed);
	pthread_mutex_unlock(&a->lock);
}

const struct ahead_one *ahead_get(struct ahead *a, size_t number)
{
	static const struct ahead_one unknown;

	if (!a)
		return &unknown;
	atomic_store(&a->wanted, number + 1);
	return number < NAMES && number >= atomic_load(&a->known) ? &a->one[number] : &unknown;
}

void ahead_stop(struct ahead *a)
{
	if (!a)
		return;
	atomic_store(&a->wanted, NAMES);
	pthread_mutex_lock(&a->lock);
	while (a->busy)
		pthread_cond_wait(&a->changed, &a->lock);
	atomic_store(&a->known, NAMES);
	pthread_mutex_unlock(&a->lock);
}
