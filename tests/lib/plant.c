/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plant - what a shell in a container cannot do by itself. Static, on libc alone.
 *	plant files DIR      an xattr, a file capability, a sparse file, a device, odd times
 *	plant listen         sockets: TCP listener and connection, UDP, unix by path and abstract
 *	plant memfd [ARG]... runs this program from a memfd that has no name on any disk
 *	plant wait [ARG]...  sleeps until it is killed
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { TCP_PORT = 4444, UDP_PORT = 5353, SPARSE_SIZE = 64 << 20, SPARSE_AT = 40 << 20 };

static int check(int rc, const char *what)
{
	if (rc < 0) {
		fprintf(stderr, "plant: %s: %s\n", what, strerror(errno));
		exit(1);
	}
	return rc;
}

static int create(const char *name)
{
	return check(open(name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644), name);
}

static void plant_files(const char *dir)
{
	const struct vfs_cap_data cap = {
		.magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE,
		.data[0].permitted = 1u << CAP_NET_RAW,
	};
	const struct timespec odd[2] = {{1000000000, 123456789}, {1234567890, 987654321}};
	char value[256];
	int fd;

	check(chdir(dir), dir);
	fd = create("xattr");
	for (size_t i = 0; i < sizeof(value); i++)
		value[i] = (char)i;
	check(fsetxattr(fd, "user.any bytes", value, sizeof(value), 0), "user.any bytes");
	check(fsetxattr(fd, "user.empty", "", 0, 0), "user.empty");
	close(fd);
	fd = create("capable");
	check(fchmod(fd, 0755), "fchmod");
	check(fsetxattr(fd, "security.capability", &cap, XATTR_CAPS_SZ_2, 0), "file capability");
	close(fd);
	fd = create("sparse");
	check((int)pwrite(fd, "middle", 6, SPARSE_AT), "pwrite");
	check(ftruncate(fd, SPARSE_SIZE), "ftruncate");
	close(fd);
	fd = create("times");
	check(futimens(fd, odd), "futimens");
	close(fd);
	close(create("new\nline \xff\x1b[31m"));
	check(mkfifo("fifo", 0600), "mkfifo");
	check(mknod("null", S_IFCHR | 0666, makedev(1, 3)), "mknod");
}

static void bind_unix(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	size_t len = strlen(path);
	int fd = check(socket(AF_UNIX, SOCK_STREAM, 0), "socket");

	memcpy(a.sun_path, path, len);
	if (*path == '@')
		a.sun_path[0] = '\0';
	check(bind(fd, (struct sockaddr *)&a, offsetof(struct sockaddr_un, sun_path) + len), path);
	check(listen(fd, 1), path);
}

static void plant_listen(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(TCP_PORT)};
	int tcp = check(socket(AF_INET, SOCK_STREAM, 0), "socket"), peer;

	check(bind(tcp, (struct sockaddr *)&a, sizeof(a)), "bind tcp");
	check(listen(tcp, 7), "listen");
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	peer = check(socket(AF_INET, SOCK_STREAM, 0), "socket");
	check(connect(peer, (struct sockaddr *)&a, sizeof(a)), "connect");
	a.sin_port = htons(UDP_PORT);
	check(bind(check(socket(AF_INET, SOCK_DGRAM, 0), "socket"), (struct sockaddr *)&a,
		      sizeof(a)),
		"bind udp");
	bind_unix("/run/planted.sock");
	bind_unix("@planted");
}

static void plant_memfd(char **argv)
{
	int self = check(open("/proc/self/exe", O_RDONLY | O_CLOEXEC), "self");
	int fd = check(memfd_create("planted", MFD_CLOEXEC), "memfd");
	struct stat st;
	char path[64];

	check(fstat(self, &st), "stat");
	check((int)sendfile(fd, self, NULL, (size_t)st.st_size), "sendfile");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	argv[1] = "wait";
	check(execv(path, argv), path);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (!strcmp(what, "files") && argc == 3) {
		plant_files(argv[2]);
		return 0;
	}
	if (!strcmp(what, "memfd"))
		plant_memfd(argv);
	else if (!strcmp(what, "listen"))
		plant_listen();
	else if (strcmp(what, "wait") != 0)
		return 2;
	if (!strcmp(what, "listen"))
		close(create("/run/listening"));
	for (;;)
		pause();
}
