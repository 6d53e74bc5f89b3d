/* SPDX-License-Identifier: Apache-2.0 */
/* relics - the bytes that only a process still holds. */
#include "relics.h"
#include "hash.h"
#include "io.h"
#include "jsonw.h"
#include "lines.h"
#include "listing.h"
#include "own.h"
#include "place.h"
#include "procfs.h"
#include "sink.h"
#include "subject.h"
#include "target.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	SEEN_MAX = 65536,
	ROWS_MAX = 65536, /* deleted files of one process */
	JSON_BYTES = 64 << 20,
	BLOCK = 65536,
};
static const uint64_t hash_max = 1ULL << 30; /* of a program whose bytes are not kept */

/* A file that was read for some process already. */
struct seen {
	unsigned major, minor;
	uint64_t ino;
	int64_t born_sec;
	uint32_t born_nsec;
	bool content;
	char member[64]; /* where its content is; "" when only its digest was taken */
	char sha256[HASH_HEX];
};

struct relics {
	struct place_world world;
	struct seen *seen;
	unsigned count;
	uint64_t taken; /* bytes of content */
	struct hash *hash;
	char block[BLOCK];
};

struct walk {
	struct subject *s;
	struct relics *r;
	struct listing list;
	struct buf link;
	uint64_t root_mount;
	int dir_fd; /* fd/ */
};

/* One file in question. */
struct relic {
	struct place place;
	const char *source; /* "exe", "fd 3", "map 7f00-7f10" */
	const char *member; /* below process/PID/ */
	bool exe;
};

struct relics *relics_new(int self_fd, bool shared)
{
	struct relics *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->hash = hash_new();
	if (!r->hash) {
		free(r);
		return NULL;
	}
	place_begin(&r->world, self_fd, shared);
	return r;
}

void relics_free(struct relics *r)
{
	if (!r)
		return;
	place_end(&r->world);
	hash_free(r->hash);
	free(r->seen);
	free(r);
}

static struct seen *find_seen(struct relics *r, const struct statx *st)
{
	for (unsigned i = 0; i < r->count; i++) {
		struct seen *x = &r->seen[i];

		if (x->ino == st->stx_ino && x->minor == st->stx_dev_minor &&
			x->major == st->stx_dev_major && x->born_sec == st->stx_btime.tv_sec &&
			x->born_nsec == st->stx_btime.tv_nsec)
			return x;
	}
	return NULL;
}

/* NULL: no room; it is only read again then. */
static struct seen *add_seen(struct relics *r, const struct statx *st)
{
	if (r->count == SEEN_MAX)
		return NULL;
	if (r->count % 64 == 0) {
		struct seen *more = realloc(r->seen, (r->count + 64) * sizeof(*more));

		if (!more)
			return NULL;
		r->seen = more;
	}
	r->seen[r->count] = (struct seen){
		.major = st->stx_dev_major,
		.minor = st->stx_dev_minor,
		.ino = st->stx_ino,
		.born_sec = st->stx_btime.tv_sec,
		.born_nsec = st->stx_btime.tv_nsec,
	};
	return &r->seen[r->count++];
}

static int lost(
	struct walk *k, const struct relic *x, enum gap_kind kind, const char *why, struct err *e)
{
	struct err reason;

	err_set(&reason, 0, "%s", why);
	jsonw_str(&k->list.w, "not_taken", why);
	if (sink_gapf(k->s->run->out, kind, NULL, &reason, "process %d: %s: %s",
		    (int)k->s->row->pid, x->source, buf_str(&k->link)) < 0)
		return err_set(e, EPIPE, "the writer is gone");
	return 0;
}

/* 'size' bytes of fd into the open member, padded when there are fewer. */
static int pump(struct walk *k, int fd, uint64_t size, uint64_t *ret_short, struct err *e)
{
	struct dossier_run *run = k->s->run;
	uint64_t left = size;

	while (left) {
		size_t room;
		void *to = sink_room(run->out, &room, e);
		ssize_t n;
		int rc;

		if (!to)
			return -EPIPE;
		sink_item(run->out, run->item);
		n = read(fd, to, room < left ? room : (size_t)left);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		hash_add(k->r->hash, to, (size_t)n);
		rc = sink_commit(run->out, (size_t)n, e);
		if (rc < 0)
			return rc;
		left -= (uint64_t)n;
	}
	*ret_short = left;
	return sink_zeros(run->out, left, e);
}

static bool changed(int fd, const struct statx *before)
{
	struct stat st;

	return fstat(fd, &st) < 0 || (uint64_t)st.st_size != before->stx_size ||
	       st.st_mtim.tv_sec != before->stx_mtime.tv_sec ||
	       st.st_mtim.tv_nsec != before->stx_mtime.tv_nsec;
}

static int take_content(
	struct walk *k, const struct relic *x, int fd, char sha256[HASH_HEX], struct err *e)
{
	struct dossier_run *run = k->s->run;
	struct subject_name member = subject_member(k->s, x->member);
	uint64_t whole = x->place.st.stx_size, missing = 0;
	uint64_t size = whole < run->policy.file_max ? whole : run->policy.file_max;
	uint8_t digest[HASH_LEN];
	int rc = sink_begin(run->out, member.text, size, e);

	if (rc == 0)
		rc = pump(k, fd, size, &missing, e);
	hash_end(k->r->hash, digest);
	if (rc == 0)
		rc = sink_end(run->out, e);
	if (rc < 0)
		return rc;
	k->r->taken += size;
	if (!missing)
		hash_hex(digest, sha256);
	if ((missing || changed(fd, &x->place.st)) &&
		sink_gapf(run->out, GAP_CHANGED, member.text, NULL, "%" PRIu64 " bytes padded",
			missing) < 0)
		return err_set(e, EPIPE, "the writer is gone");
	if (size < whole && sink_gapf(run->out, GAP_OVER_BUDGET, member.text, NULL,
				    "%" PRIu64 " of %" PRIu64 " bytes", size, whole) < 0)
		return err_set(e, EPIPE, "the writer is gone");
	return 0;
}

/* Only the digest. false: not whole. */
static bool take_digest(struct walk *k, int fd, char sha256[HASH_HEX])
{
	struct relics *r = k->r;
	uint8_t digest[HASH_LEN];
	uint64_t total = 0;
	ssize_t n;

	while ((n = io_read(fd, r->block, BLOCK)) > 0 && (total += (uint64_t)n) <= hash_max) {
		sink_item(k->s->run->out, k->s->run->item);
		hash_add(r->hash, r->block, (size_t)n);
	}
	hash_end(r->hash, digest);
	if (n != 0)
		return false;
	hash_hex(digest, sha256);
	return true;
}

static bool wants_content(const struct walk *k, const struct relic *x)
{
	const struct dossier_policy *policy = &k->s->run->policy;
	const struct place *p = &x->place;

	if (!policy->file_max || p->kind == PLACE_HOST)
		return false;
	if (!x->exe || policy->exe == EXE_ALWAYS)
		return true;
	return policy->exe == EXE_EVIDENCE &&
	       (p->kind == PLACE_MEMORY || !p->st.stx_nlink ||
		       (k->s->row->flags & PROC_EXE_DELETED) || p->mount != k->root_mount);
}

static int read_relic(struct walk *k, const struct relic *x, struct seen *seen, struct err *e)
{
	struct dossier_run *run = k->s->run;
	bool content = wants_content(k, x);
	struct err why = ERR_INIT;
	char sha256[HASH_HEX] = "";
	own_fd int fd = -1;
	int rc = 0;

	if (content && k->r->taken + x->place.st.stx_size > run->policy.files_max &&
		k->r->taken + run->policy.file_max > run->policy.files_max)
		return lost(k, x, GAP_OVER_BUDGET, "the limit of all files is reached", e);
	fd = io_reopen(x->place.fd, &why);
	if (fd < 0)
		return lost(k, x, sink_gap_of(why.code), why.text, e);
	if (content)
		rc = take_content(k, x, fd, sha256, e);
	else if (!take_digest(k, fd, sha256))
		return lost(k, x, GAP_OVER_BUDGET, "too long for a digest, or unreadable", e);
	if (rc < 0)
		return rc;
	if (*sha256)
		jsonw_str(&k->list.w, "sha256", sha256);
	if (content)
		jsonw_str(&k->list.w, "member", subject_member(k->s, x->member).text);
	if (!seen)
		seen = add_seen(k->r, &x->place.st);
	if (!seen)
		return 0;
	memcpy(seen->sha256, sha256, sizeof(sha256));
	seen->content |= content;
	if (content)
		snprintf(seen->member, sizeof(seen->member), "%.60s",
			subject_member(k->s, x->member).text);
	return 0;
}

static int consider(struct walk *k, const struct relic *x, struct err *e)
{
	struct seen *seen = find_seen(k->r, &x->place.st);

	if (!S_ISREG(x->place.st.stx_mode))
		return lost(k, x, GAP_SPECIAL_FILE, "not a regular file", e);
	if (!strncmp(buf_str(&k->link), "/secretmem", 10) && x->place.kind == PLACE_UNKNOWN)
		return lost(k, x, GAP_SECRET_MEMORY, "memfd_secret", e);
	if (x->place.kind == PLACE_UNKNOWN || x->place.kind == PLACE_FOREIGN)
		return lost(k, x, GAP_REFUSED, "its file system may never answer", e);
	if (x->place.kind == PLACE_HOST && !x->exe)
		return lost(k, x, GAP_REFUSED, "not on a file system of the container", e);
	if (!seen || (wants_content(k, x) && !seen->content))
		return read_relic(k, x, seen, e);
	if (*seen->sha256)
		jsonw_str(&k->list.w, "sha256", seen->sha256);
	if (*seen->member)
		jsonw_str(&k->list.w, "same_as", seen->member);
	return 0;
}

static int write_relic(struct walk *k, const struct relic *x, struct err *e)
{
	const struct statx *st = &x->place.st;
	struct jsonw *w = &k->list.w;
	int rc;

	jsonw_open(w, NULL);
	jsonw_str(w, "source", x->source);
	jsonw_bytes(w, "link", buf_str(&k->link), k->link.len);
	jsonw_str(w, "place", place_names[x->place.kind]);
	jsonw_u64(w, "dev_major", st->stx_dev_major);
	jsonw_u64(w, "dev_minor", st->stx_dev_minor);
	jsonw_u64(w, "ino", st->stx_ino);
	jsonw_u64(w, "size", st->stx_size);
	jsonw_u64(w, "links", st->stx_nlink);
	jsonw_hex(w, "mode", st->stx_mode);
	jsonw_u64(w, "uid", st->stx_uid);
	jsonw_time(w, "mtime", (struct timespec){st->stx_mtime.tv_sec, st->stx_mtime.tv_nsec});
	rc = consider(k, x, e);
	jsonw_close(w);
	listing_row(&k->list);
	return rc;
}

static int take_exe(struct walk *k, struct err *e)
{
	struct subject *s = k->s;
	struct relic x = {.source = "exe", .member = "exe.bin", .exe = true};
	struct err why = ERR_INIT;
	struct statx root;
	int rc;

	if (s->run->policy.exe == EXE_NEVER)
		return 0;
	if (statx(s->live, "root", AT_STATX_DONT_SYNC, STATX_MNT_ID, &root) == 0 &&
		(root.stx_mask & STATX_MNT_ID))
		k->root_mount = root.stx_mnt_id;
	buf_clear(&k->link);
	rc = io_read_link(s->live, "exe", &k->link, &why);
	if (rc == 0)
		rc = place_open(&k->r->world, subject_mounts(s), s->live, "exe", &x.place, &why);
	if (rc < 0)
		return subject_lost(s, "exe", -rc, e);
	rc = write_relic(k, &x, e);
	(void)close(x.place.fd);
	return rc;
}

/* Shared memory that is no file is the affair of a memory dump. */
static bool is_plain_memory(const struct walk *k, const struct place *p)
{
	const char *link = buf_str(&k->link);

	return (p->kind == PLACE_MEMORY &&
		       (!strncmp(link, "/dev/zero", 9) || !strncmp(link, "/SYSV", 5))) ||
	       (p->kind == PLACE_UNKNOWN && !strncmp(link, "/[aio]", 6));
}

/* k->link holds the path; deleted is what has no link left, whatever its name says. */
static int take_deleted(struct walk *k, int dirfd, const char *name, struct relic *x, struct err *e)
{
	struct err why = ERR_INIT;
	int rc = place_open(&k->r->world, subject_mounts(k->s), dirfd, name, &x->place, &why);

	if (rc < 0) /* closed or unmapped meanwhile, or not permitted: said once for a process */
		return rc == -ENOENT ? 0 : subject_lost(k->s, x->member, -rc, e);
	if (!x->place.st.stx_nlink && S_ISREG(x->place.st.stx_mode) &&
		!is_plain_memory(k, &x->place) && listing_wants(&k->list))
		rc = write_relic(k, x, e);
	(void)close(x->place.fd);
	return rc;
}

static int each_fd(pid_t fd, void *arg)
{
	struct walk *k = arg;
	char name[16], source[32], member[64];
	struct relic x = {.source = source, .member = member};

	sink_item(k->s->run->out, k->s->run->item);
	snprintf(name, sizeof(name), "%d", (int)fd);
	snprintf(source, sizeof(source), "fd %d", (int)fd);
	snprintf(member, sizeof(member), "deleted/fd-%d.bin", (int)fd);
	buf_clear(&k->link);
	if (io_read_link(k->dir_fd, name, &k->link, NULL) < 0 || *buf_str(&k->link) != '/' ||
		!procfs_says_deleted(buf_str(&k->link), k->link.len))
		return 0;
	return take_deleted(k, k->dir_fd, name, &x, NULL);
}

static int take_map(struct walk *k, const struct procfs_map *m, struct err *e)
{
	char name[64], source[64], member[64];
	struct relic x = {.source = source, .member = member};

	snprintf(name, sizeof(name), "map_files/%" PRIx64 "-%" PRIx64, m->start, m->end);
	snprintf(source, sizeof(source), "map %" PRIx64 "-%" PRIx64, m->start, m->end);
	snprintf(member, sizeof(member), "deleted/map-%" PRIx64 ".bin", m->start);
	buf_clear(&k->link);
	buf_adds(&k->link, m->path);
	return take_deleted(k, k->s->live, name, &x, e);
}

static int take_maps(struct walk *k, struct err *e)
{
	own_fd int fd = openat(k->s->live, "maps", O_RDONLY | O_CLOEXEC);
	own_free struct lines *l = malloc(sizeof(*l));
	struct procfs_map m, last = {0};
	char *line;
	int rc = 0;

	if (fd < 0 || !l)
		return subject_lost(k->s, "maps", errno, e);
	lines_begin(l, fd);
	while (rc == 0 && (line = lines_next(l))) {
		sink_item(k->s->run->out, k->s->run->item);
		if (procfs_parse_map(line, &m) < 0 || *m.path != '/' ||
			!procfs_says_deleted(m.path, strlen(m.path)))
			continue;
		if (m.inode != last.inode || m.major != last.major || m.minor != last.minor)
			rc = take_map(k, &m, e);
		last = m;
	}
	return rc;
}

static int take_fds(struct walk *k, struct err *e)
{
	own_fd int fd = openat(k->s->live, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct err why = ERR_INIT;
	int rc;

	if (fd < 0)
		return subject_lost(k->s, "fd", errno, e);
	k->dir_fd = fd;
	rc = procfs_each_number(fd, each_fd, k, &why);
	return rc < 0 ? err_set(e, -rc, "%s", why.text) : 0;
}

int relics_write(struct subject *s, struct err *e)
{
	struct walk k = {.s = s, .r = s->run->relics, .link = BUF_INIT(65536)};
	int rc;

	if (s->row->flags & PROC_ZOMBIE)
		return 0;
	if (s->run->policy.exe == EXE_NEVER && !s->run->policy.file_max)
		return 0;
	listing_begin(&k.list, s, "files", ROWS_MAX, JSON_BYTES);
	rc = take_exe(&k, e);
	if (rc == 0 && s->run->policy.file_max && !s->gone)
		rc = take_fds(&k, e);
	if (rc == 0 && s->run->policy.file_max && !s->gone)
		rc = take_maps(&k, e);
	if (rc == 0)
		rc = listing_end(&k.list, e);
	listing_done(&k.list);
	buf_done(&k.link);
	return rc;
}
