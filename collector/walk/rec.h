/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* rec - what a walk knows of one name, as it lies in the spool: this structure,
 * then the name, the link's target, the attributes and the extents. */
#include "hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	REC_MAX = 1 << 20, /* bytes of one record with everything behind it */
	REC_NAME = 256,
	REC_EXTENTS = 16384, /* of a sparse file; the map stays below 1 MiB, what Go's tar takes */
	REC_PATH = 4096 - 256, /* of a name in a layer: whoever unpacks it adds a prefix */
	REC_DEPTH = 1 << 16,   /* directories below each other */
};

enum rec_change {
	REC_ADDED,
	REC_MODIFIED,
	REC_DELETED,
	REC_UNCHANGED, /* copied up: the lower layer has the same metadata */
	REC_PRESENT,   /* there is no lower side to compare with */
	REC_CHANGES
};

enum rec_flag {
	REC_BLOCK = 1 << 0,	   /* not a name: the start of a directory's listing */
	REC_LAYER = 1 << 1,	   /* goes into the layer */
	REC_ASIDE = 1 << 2,	   /* content goes beside the layer, which cannot hold the name */
	REC_OPAQUE = 1 << 3,	   /* directory that hides the lower one */
	REC_HIDDEN = 1 << 4,	   /* deleted by the opaque directory above, not by a whiteout */
	REC_REDIRECT = 1 << 5,	   /* renamed directory: its lower side has another name */
	REC_METACOPY = 1 << 6,	   /* the content is in a lower layer */
	REC_SPARSE = 1 << 7,	   /* has extents */
	REC_BELOW = 1 << 8,	   /* directory with a change below it */
	REC_HASHED = 1 << 9,	   /* digest of the content */
	REC_HASHED_DATA = 1 << 10, /* digest of the extents only: too many holes */
	REC_MOUNT = 1 << 11,	   /* another mount lies here */
	REC_EXCLUDED = 1 << 12,	   /* left out by the profile */
	REC_BARE = 1 << 13,	   /* a name and nothing more */
	REC_UNFIT = 1 << 14,	  /* the path cannot be in a layer: too long, or a name that means a
				     whiteout */
	REC_XATTRS_CUT = 1 << 15, /* not all attributes are here */
	REC_UNLINKED = 1 << 16,	  /* other names of it may be stored as files of their own */
	REC_READ = 1 << 17,	  /* its content is wanted */
	REC_SET_BACK = 1 << 19,	  /* size and times as below, the content is not */
	REC_HIDES = 1 << 18,	  /* directory that is opaque, or below one that is */
};

struct rec_time {
	int64_t sec;
	uint32_t nsec;
	uint32_t known;
};

struct rec {
	uint32_t len; /* of everything, a multiple of 8 */
	uint16_t name_len;
	uint8_t change;		      /* enum rec_change */
	uint8_t gap;		      /* enum gap_kind + 1, 0: none */
	uint32_t flags;		      /* enum rec_flag */
	uint32_t depth;		      /* of the root: 0 */
	uint32_t path_len;	      /* with the slashes between names, without one in front */
	int32_t error;		      /* errno of the gap */
	uint64_t parent;	      /* record of the directory it is in */
	uint64_t first_dir, next_dir; /* first directory listed in it; the next one beside it */
	uint64_t link_to; /* record of another name of the same file, earlier in the layer */
	uint64_t dev, ino, size, blocks;
	uint64_t data; /* bytes of content that are read: all, or the extents' */
	uint32_t mode, uid, gid, nlink, rdev_major, rdev_minor;
	uint32_t head_len; /* of its headers in the layer */
	uint32_t why;	   /* enum rec_why: the words of the gap */
	struct rec_time atime, mtime, ctime, btime;
	uint8_t digest[HASH_LEN];
	uint32_t target_len, xattr_len, extents, unused;
};

struct rec_extent {
	uint64_t start, len;
};

enum rec_why {
	WHY_ERRNO, /* what the errno says */
	WHY_STALLED,
	WHY_OTHER_FILE,
	WHY_CHANGED,
	WHY_DIR_CHANGED,
	WHY_SHRUNK,
	WHY_SOCKET,
	WHY_MOUNT,
	WHY_DEEP,
	WHY_MAX_FILE,
	WHY_MAX_TOTAL,
	WHY_MAX_ENTRIES,
	WHY_LATE,
	WHY_XATTRS,
	WHY_EXTENTS,
	WHY_EXCLUDED,
	WHY_REDIRECT,
	WHY_METACOPY,
	WHY_LEASE,
	WHY_NAME,
	WHYS
};
extern const char *const rec_whys[WHYS];
extern const char *const rec_changes[REC_CHANGES];

static inline const char *rec_name(const struct rec *r)
{
	return (const char *)(r + 1);
}

static inline const char *rec_target(const struct rec *r)
{
	return rec_name(r) + r->name_len;
}

static inline const char *rec_xattrs(const struct rec *r)
{
	return rec_target(r) + r->target_len;
}

/* Not aligned: copy them out (rec_extent_at). */
struct rec_extent rec_extent_at(const struct rec *r, uint32_t i);

/*
 * Paths while records are read in their order: dir[REC_PATH + 1] is that of the current
 * directory. rec_enter() at the record of a directory that starts being listed; the bytes of
 * the directories above it are still there, because the order is depth first.
 */
void rec_enter(char *dir, uint32_t path_len, const char *name, size_t name_len);
/* The path of a name in it into ret[REC_PATH + 1]; false and "" when it is too long. */
bool rec_path(const char *dir, const struct rec *r, char *ret);

/* Keeps the first gap only: it is the one that matters most. */
void rec_gap(struct rec *r, int gap_kind, enum rec_why why, int error);
