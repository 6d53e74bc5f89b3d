/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_pkgdb - package databases: a list of dpkg's, a NUL, its status; and all of it as
 * apk's file. */
#include "own.h"
#include "pkgdb.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put(int dir, const char *path, const uint8_t *p, size_t n)
{
	own_fd int fd = openat(dir, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || (n && write(fd, p, n) != (ssize_t)n))
		abort();
}

static char root[] = "/tmp/fuzz_pkgdb.XXXXXX";

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

static void remove_root(void)
{
	(void)nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static int make_root(void)
{
	static const char *const folders[] = {"var", "var/lib", "var/lib/dpkg", "var/lib/dpkg/info",
		"lib", "lib/apk", "lib/apk/db"};
	int fd;

	if (!mkdtemp(root) || atexit(remove_root) != 0)
		abort();
	fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		if (mkdirat(fd, folders[i], 0700) < 0)
			abort();
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int dir = -1;
	const uint8_t *nul = memchr(data, 0, size);
	size_t first = nul ? (size_t)(nul - data) : size;
	struct pkgdb_owner owner[2] = {0};
	const struct pkgdb_question q[2] = {
		{"/usr/bin/runc", &owner[0]}, {"/usr/sbin/dockerd", &owner[1]}};

	if (dir < 0)
		dir = make_root();
	put(dir, "var/lib/dpkg/info/x:y.list", data, first);
	put(dir, "var/lib/dpkg/status", data + first, size - first);
	put(dir, "lib/apk/db/installed", data, size);
	if (pkgdb_owners(dir, q, 2, NULL) < 0)
		abort();
	for (int i = 0; i < 2; i++)
		if (strlen(owner[i].name) >= sizeof(owner[i].name) ||
			strlen(owner[i].version) >= sizeof(owner[i].version) ||
			strlen(owner[i].architecture) >= sizeof(owner[i].architecture) ||
			(owner[i].kind == PKGDB_NONE && owner[i].name[0]))
			abort();
	return 0;
}
