/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * lower - what the layers below have under a name, as overlayfs would merge
 * them: the topmost one wins, a whiteout or an opaque directory ends the search.
 * Links are never followed.
 */
#include "buf.h"
#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

enum {
	LOWER_LAYERS = 512, /* overlayfs itself stops at 500 */
	LOWER_LEVELS = 24,  /* directories below each other that stay open */
	LOWER_OPEN = 384,   /* descriptors in all */
};

/* One directory: its descriptors in the layers that have it, topmost first. */
struct lower_dir {
	unsigned n;
	int *fd;
	unsigned *layer;
};

struct lower {
	const int *root; /* O_PATH, topmost first; the caller's */
	unsigned roots;
	bool user_xattrs; /* user.overlay.*, and not trusted.overlay.* */
	unsigned open;
	unsigned levels;
	struct lower_dir level[LOWER_LEVELS]; /* [d]: a directory of depth d */
	struct lower_dir deep;		      /* one deeper than that */
	struct lower_dir *now;		      /* where lower_find() looks */
};

int lower_init(struct lower *l, const int *root, unsigned roots, bool user_xattrs, struct err *e)
	must_check;
void lower_done(struct lower *l);

/*
 * Goes to the directory 'path' (relative, at most REC_PATH; "" for the root), 'depth' names
 * below the root. Cheap when its parent was visited just before and the walk goes depth
 * first. What cannot be opened counts as not there.
 */
int lower_enter(struct lower *l, const char *path, uint32_t depth, struct err *e) must_check;
/* Goes nowhere: nothing will be found. */
void lower_leave(struct lower *l);
/* True: the layers below have it. */
bool lower_find(const struct lower *l, const char *name, struct stat *ret);
/* The file whose content a metacopy of this name stands for, as O_PATH; -1: not there. */
int lower_open_data(const struct lower *l, const char *name);
/*
 * Calls each for every name that lower_find() would find. Returns its first value
 * that is not 0, or a negative errno.
 */
int lower_each(const struct lower *l,
	int (*each)(const char *name, const struct stat *st, void *arg), void *arg);

/* char device 0/0 */
static inline bool lower_is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == 0;
}
