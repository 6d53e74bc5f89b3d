/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hangfs - a FUSE file system that never answers one kind of request: who asks sleeps, also
 * through SIGKILL, until the connection is aborted.
 *	hangfs DIR MODE READY [CONTENT]     MODE: open, read, write, getattr, lookup, readdir, all
 *
 * It has a directory with one file, "f", of 8 MiB that begins as CONTENT does. READY is a file
 * that exists once it is mounted. A mode "later-..." answers everything until SIGUSR1 comes: a
 * target can first map or run the file.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_SIZE = 8 << 20, FILE_NODE = 2, REQUEST_MAX = 1 << 20, ANSWER_MAX = 1 << 17 };

static struct {
	struct fuse_out_header head;
	char data[ANSWER_MAX];
} answer;
static const char *mode;
static volatile sig_atomic_t armed;
static char file_data[FILE_SIZE];

static void load(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	(void)!read(fd, file_data, sizeof(file_data));
	close(fd);
}

static void hang_from_now(int sig)
{
	(void)sig;
	armed = 1;
}

static int hangs(const char *kind)
{
	return armed && (!strcmp(mode, kind) || !strcmp(mode, "all"));
}

static void attributes(struct fuse_attr *a, uint64_t node)
{
	*a = (struct fuse_attr){.ino = node, .nlink = 1, .mode = S_IFDIR | 0755};
	if (node == FILE_NODE) {
		a->mode = S_IFREG | 0755;
		a->size = FILE_SIZE;
		a->blocks = FILE_SIZE / 512;
	}
}

static size_t on_init(void)
{
	*(struct fuse_init_out *)answer.data = (struct fuse_init_out){
		.major = 7, .minor = 31, .max_write = 65536, .max_readahead = 4096};
	return sizeof(struct fuse_init_out);
}

static size_t on_lookup(const char *name)
{
	struct fuse_entry_out *out = (void *)answer.data;

	if (strcmp(name, "f") != 0) {
		answer.head.error = -ENOENT;
		return 0;
	}
	memset(out, 0, sizeof(*out));
	out->nodeid = FILE_NODE;
	attributes(&out->attr, FILE_NODE);
	return sizeof(*out);
}

static size_t on_getattr(uint64_t node)
{
	struct fuse_attr_out *out = (void *)answer.data;

	memset(out, 0, sizeof(*out));
	attributes(&out->attr, node);
	return sizeof(*out);
}

static size_t on_readdir(const struct fuse_read_in *in)
{
	struct fuse_dirent *d = (void *)answer.data;

	if (in->offset)
		return 0;
	memset(d, 0, 32);
	*d = (struct fuse_dirent){.ino = FILE_NODE, .off = 1, .namelen = 1, .type = DT_REG};
	d->name[0] = 'f';
	return 32;
}

static size_t on_read(const struct fuse_read_in *in)
{
	size_t left = in->offset < FILE_SIZE ? FILE_SIZE - in->offset : 0;
	size_t n = in->size < left ? in->size : left;

	memcpy(answer.data, file_data + FILE_SIZE - left, n);
	return n;
}

/* Taken, and forgotten. */
static size_t on_write(const struct fuse_write_in *in)
{
	*(struct fuse_write_out *)answer.data = (struct fuse_write_out){.size = in->size};
	return sizeof(struct fuse_write_out);
}

/* Bytes of the answer, or -1 when there will be none. */
static long serve(const struct fuse_in_header *in)
{
	const void *arg = in + 1;

	switch (in->opcode) {
	case FUSE_INIT:
		return (long)on_init();
	case FUSE_LOOKUP:
		return hangs("lookup") ? -1 : (long)on_lookup(arg);
	case FUSE_GETATTR:
		return hangs("getattr") && in->nodeid == FILE_NODE ? -1
								   : (long)on_getattr(in->nodeid);
	case FUSE_OPEN:
	case FUSE_OPENDIR:
		/* else who opens it waits for what is being written */
		*(struct fuse_open_out *)answer.data = (struct fuse_open_out){
			.open_flags = strcmp(mode, "write") ? 0 : FOPEN_KEEP_CACHE};
		return in->opcode == FUSE_OPEN && hangs("open")
			       ? -1
			       : (long)sizeof(struct fuse_open_out);
	case FUSE_READ:
		return hangs("read") ? -1 : (long)on_read(arg);
	case FUSE_WRITE:
		return hangs("write") ? -1 : (long)on_write(arg);
	case FUSE_READDIR:
		return hangs("readdir") ? -1 : (long)on_readdir(arg);
	case FUSE_STATFS:
		memset(answer.data, 0, sizeof(struct fuse_statfs_out));
		return sizeof(struct fuse_statfs_out);
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		return -1;
	case FUSE_RELEASE:
	case FUSE_RELEASEDIR:
	case FUSE_FLUSH:
		return 0;
	default:
		answer.head.error = -ENOSYS;
		return 0;
	}
}

static int serve_all(int fd)
{
	static char request[REQUEST_MAX];
	const struct fuse_in_header *in = (void *)request;

	for (;;) {
		ssize_t n = read(fd, request, sizeof(request) - 1);
		long len;

		if (n < 0 && (errno == EINTR || errno == ENOENT || errno == EAGAIN))
			continue;
		if (n < 0)
			return 0; /* unmounted or aborted */
		request[n] = '\0';
		answer.head.error = 0;
		len = serve(in);
		if (len < 0)
			continue;
		answer.head.unique = in->unique;
		answer.head.len = (uint32_t)(sizeof(answer.head) + (size_t)len);
		(void)!write(fd, &answer, answer.head.len);
	}
}

int main(int argc, char **argv)
{
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	char options[128];

	if (argc < 4 || fd < 0)
		return 2;
	armed = strncmp(argv[2], "later-", 6) != 0;
	mode = armed ? argv[2] : argv[2] + 6;
	if (argc > 4)
		load(argv[4]);
	(void)signal(SIGUSR1, hang_from_now);
	snprintf(options, sizeof(options), "fd=%d,rootmode=40755,user_id=0,group_id=0,allow_other",
		fd);
	if (mount("hangfs", argv[1], "fuse", 0, options) < 0) {
		perror("hangfs: mount");
		return 1;
	}
	close(open(argv[3], O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	return serve_all(fd);
}
