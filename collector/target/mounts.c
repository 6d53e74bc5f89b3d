/* SPDX-License-Identifier: Apache-2.0 */
/* mounts - the target's mount table. */
#include "mounts.h"
#include "own.h"
#include "procfs.h"
#include "record.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

enum { MOUNTINFO_ROWS = 8192 }; /* a hostile namespace may hold 100,000 (fs.mount-max) */

static bool is_one_of(const char *s, const char *const *list)
{
	for (; *list; list++)
		if (!strcmp(s, *list))
			return true;
	return false;
}

static bool is_pseudo(const char *type)
{
	static const char *const types[] = {"proc", "sysfs", "cgroup", "cgroup2", "devpts",
		"mqueue", "devtmpfs", "securityfs", "debugfs", "tracefs", "bpf", "pstore",
		"configfs", "nsfs", "binfmt_misc", "selinuxfs", "hugetlbfs", "rpc_pipefs",
		"efivarfs", "fusectl", "resctrl", "smackfs", NULL};

	return is_one_of(type, types);
}

/* A disk or memory of this host: reading it ends. */
static bool is_local(const char *type)
{
	static const char *const types[] = {"tmpfs", "ramfs", "overlay", "ext4", "ext3", "ext2",
		"xfs", "btrfs", "f2fs", "zfs", "bcachefs", "jfs", "reiserfs", "squashfs", "erofs",
		"vfat", "exfat", "iso9660", "udf", "ntfs3", "aufs", "bind", "volume", NULL};

	return is_one_of(type, types);
}

struct rule {
	const char *pattern;
	enum mount_kind kind;
};

static bool match(const char *text, const struct rule *rules, enum mount_kind *ret)
{
	for (; rules->pattern; rules++) {
		if (fnmatch(rules->pattern, text, 0) == 0) {
			*ret = rules->kind;
			return true;
		}
	}
	return false;
}

/* By the host's path that the runtime bound. */
static const struct rule by_source[] = {
	{"*/kubernetes.io~secret/*", MOUNT_SECRET},
	{"*/kubernetes.io~projected/*", MOUNT_SECRET},
	{"*/kubernetes.io~configmap/*", MOUNT_CONFIG},
	{"*/kubernetes.io~downward-api/*", MOUNT_CONFIG},
	{"*/kubelet/pods/*/volumes/*", MOUNT_VOLUME},
	{"*/kubelet/pods/*/volume-subpaths/*", MOUNT_VOLUME},
	{"*/kubelet/pods/*/etc-hosts", MOUNT_CONFIG},
	{"*/kubelet/pods/*/containers/*", MOUNT_CONFIG}, /* termination log */
	{"*/docker/volumes/*/_data*", MOUNT_VOLUME},
	{"*/containers/storage/volumes/*/_data*", MOUNT_VOLUME},
	{"*/nerdctl/*/volumes/*/_data*", MOUNT_VOLUME},
	{"*/containers/*/mounts/secrets*", MOUNT_SECRET}, /* docker swarm */
	{"*/userdata/secrets*", MOUNT_SECRET},
	{"*/userdata/run/secrets*", MOUNT_SECRET},
	{"*/containers/*/mounts/shm", MOUNT_SHM},
	{"*/userdata/shm", MOUNT_SHM},
	{"*/sandboxes/*/shm", MOUNT_SHM},
	{"*/sandboxes/*/*", MOUNT_CONFIG},
	{"*/containers/*/resolv.conf", MOUNT_CONFIG},
	{"*/containers/*/hostname", MOUNT_CONFIG},
	{"*/containers/*/hosts", MOUNT_CONFIG},
	{"*/userdata/resolv.conf", MOUNT_CONFIG},
	{"*/userdata/hostname", MOUNT_CONFIG},
	{"*/userdata/hosts", MOUNT_CONFIG},
	{"*/userdata/.containerenv", MOUNT_CONFIG},
	{0},
};

/* By where the container sees it. Only ever makes us more careful about content. */
static const struct rule by_point[] = {
	{"/run/secrets", MOUNT_SECRET},
	{"/run/secrets/*", MOUNT_SECRET},
	{"/var/run/secrets", MOUNT_SECRET},
	{"/var/run/secrets/*", MOUNT_SECRET},
	{"/dev/shm", MOUNT_SHM},
	{"/etc/resolv.conf", MOUNT_CONFIG},
	{"/etc/hostname", MOUNT_CONFIG},
	{"/etc/hosts", MOUNT_CONFIG},
	{"/dev/termination-log", MOUNT_CONFIG},
	{"/run/.containerenv", MOUNT_CONFIG},
	{0},
};

static enum mount_kind classify(const struct target_mount *m)
{
	enum mount_kind kind;

	if (is_pseudo(m->type))
		return MOUNT_PSEUDO;
	if (m->type[0] && !is_local(m->type))
		return MOUNT_FOREIGN;
	if (m->source[0] && match(m->source, by_source, &kind))
		return kind;
	if (!strcmp(m->type, "volume"))
		return MOUNT_VOLUME;
	if (match(m->point, by_point, &kind) &&
		(kind == MOUNT_SECRET || m->source[0] || !strcmp(m->type, "tmpfs")))
		return kind == MOUNT_SHM && strcmp(m->type, "tmpfs") && m->type[0] ? MOUNT_BIND
										   : kind;
	if (!m->source[0] && (!strcmp(m->type, "tmpfs") || !strcmp(m->type, "ramfs")))
		return MOUNT_TMPFS;
	return MOUNT_BIND;
}

static struct target_mount *find_declared(struct target *t, const char *point)
{
	for (unsigned i = 0; i < t->mounts; i++)
		if (!t->mount[i].id && !strcmp(t->mount[i].point, point))
			return &t->mount[i];
	return NULL;
}

void mounts_add_declared(struct target *t, const char *point, const char *source, const char *type)
{
	struct target_mount *m;
	char clean[TARGET_PATH];
	size_t len;

	if (!RECORD_TEXT(clean, point) || clean[0] != '/') {
		t->truncated |= clean[0] == '/';
		return;
	}
	for (len = strlen(clean); len > 1 && clean[len - 1] == '/'; len--)
		clean[len - 1] = '\0';
	m = find_declared(t, clean);
	if (!m)
		m = record_mount(t);
	if (!m)
		return;
	if (!m->point[0])
		RECORD_FIELD(t, m->point, clean);
	if (!m->source[0])
		RECORD_FIELD(t, m->source, source);
	if (!m->type[0])
		RECORD_FIELD(t, m->type, type);
	m->kind = classify(m);
}

/* --- mountinfo --- */

struct table {
	struct procfs_mount *row; /* in the order of the text, then sorted by id for look-ups */
	size_t rows;
	struct procfs_mount **by_id;
	bool *above; /* scratch: is row i an ancestor of the mount in question */
};

static void table_done(struct table *tab)
{
	free(tab->row);
	free(tab->by_id);
	free(tab->above);
}

static int by_id(const void *a, const void *b)
{
	const struct procfs_mount *x = *(struct procfs_mount *const *)a;
	const struct procfs_mount *y = *(struct procfs_mount *const *)b;

	return (x->id > y->id) - (x->id < y->id);
}

static const struct procfs_mount *find_id(const struct table *tab, uint64_t id)
{
	const struct procfs_mount key = {.id = id}, *p = &key;
	struct procfs_mount **hit =
		bsearch(&p, tab->by_id, tab->rows, sizeof(tab->by_id[0]), by_id);

	return hit ? *hit : NULL;
}

static int read_table(struct target *t, char *text, struct table *ret, struct err *e)
{
	char *line;

	ret->row = calloc(MOUNTINFO_ROWS, sizeof(ret->row[0]));
	ret->by_id = calloc(MOUNTINFO_ROWS, sizeof(ret->by_id[0]));
	ret->above = calloc(MOUNTINFO_ROWS, sizeof(ret->above[0]));
	if (!ret->row || !ret->by_id || !ret->above)
		return err_set(e, ENOMEM, "no memory for the mount table");
	while ((line = procfs_next_line(&text))) {
		if (ret->rows == MOUNTINFO_ROWS) {
			t->truncated = true;
			break;
		}
		if (procfs_parse_mount(line, &ret->row[ret->rows]) == 0)
			ret->rows++;
	}
	for (size_t i = 0; i < ret->rows; i++)
		ret->by_id[i] = &ret->row[i];
	qsort(ret->by_id, ret->rows, sizeof(ret->by_id[0]), by_id);
	return 0;
}

static bool is_under(const char *path, const char *top)
{
	size_t len = strlen(top);

	if (!strcmp(top, "/"))
		return true;
	return !strncmp(path, top, len) && (path[len] == '/' || !path[len]);
}

/*
 * Hidden: some mount lies on its point or on a directory above it, without being one of
 * those it is mounted on.
 */
static bool is_covered(const struct table *tab, const struct procfs_mount *m)
{
	const struct procfs_mount *up = m;

	memset(tab->above, 0, tab->rows * sizeof(tab->above[0]));
	for (size_t steps = 0; up && steps <= tab->rows; steps++) {
		tab->above[up - tab->row] = true;
		up = up->parent == up->id ? NULL : find_id(tab, up->parent);
	}
	for (size_t i = 0; i < tab->rows; i++)
		if (!tab->above[i] && is_under(m->point, tab->row[i].point))
			return true;
	return false;
}

/* Masked files and directories of /proc and /sys: binds of a device, never evidence. */
static bool is_mask(const struct procfs_mount *p)
{
	return (is_under(p->point, "/proc") || is_under(p->point, "/sys")) &&
	       strcmp(p->root, "/") != 0 && strcmp(p->type, "tmpfs") == 0;
}

static void join_row(struct target *t, const struct table *tab, const struct procfs_mount *p)
{
	struct target_mount *m = find_declared(t, p->point);
	bool volume = m && m->kind == MOUNT_VOLUME;

	if (!m)
		m = record_mount(t);
	if (!m)
		return;
	m->id = p->id;
	m->major = p->major;
	m->minor = p->minor;
	RECORD_FIELD(t, m->type, p->type);
	RECORD_FIELD(t, m->point, p->point);
	m->covered = is_covered(tab, p);
	m->kind = is_mask(p) ? MOUNT_PSEUDO : classify(m);
	if (volume && m->kind == MOUNT_BIND)
		m->kind = MOUNT_VOLUME; /* the runtime said so */
}

int mounts_join(struct target *t, char *mountinfo, struct err *e)
{
	__attribute__((cleanup(table_done))) struct table tab = {0};
	int rc = read_table(t, mountinfo, &tab, e);

	for (size_t i = 0; !rc && i < tab.rows; i++)
		if (strcmp(tab.row[i].point, "/") != 0)
			join_row(t, &tab, &tab.row[i]);
	return rc;
}
