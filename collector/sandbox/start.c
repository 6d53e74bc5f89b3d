/* SPDX-License-Identifier: Apache-2.0 */
/* start - the first act of main. */
#include "start.h"
#include "own.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U /* Linux 6.3; older kernels answer EINVAL and need none */
#endif

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static bool known(const char *var)
{
	static const char *const names[] = {"TERM=", "NO_COLOR=", "COLUMNS=", "TMPDIR=",
		"KUBERNETES_SERVICE_HOST=", "KUBERNETES_SERVICE_PORT="};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strncmp(var, names[i], strlen(names[i])))
			return true;
	return !strncmp(var, "TAPHOS_", 7);
}

static void clean_environment(void)
{
	size_t kept = 0;

	for (size_t i = 0; environ[i]; i++)
		if (known(environ[i]))
			environ[kept++] = environ[i];
	environ[kept] = NULL;
}

int start_clean(int argc, struct err *e)
{
	int fd;

	if (argc < 1)
		return err_set(e, EINVAL, "started without a name");
	do {
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (fd < 0)
			return err_errno(e, "open /dev/null");
		if (fd <= 2) /* one that lives on: not close-on-exec */
			(void)fcntl(fd, F_SETFD, 0);
	} while (fd <= 2);
	(void)close(fd);
	clean_environment();
	/* else libc looks for /etc/localtime, of whichever root, when it first needs a date */
	if (setenv("TZ", "UTC0", 1) < 0)
		return err_errno(e, "set the time zone");
	(void)umask(077);
	return 0;
}

static int copy_self(int from, int to, struct err *e)
{
	struct stat st;
	off_t off = 0;

	if (fstat(from, &st) < 0)
		return err_errno(e, "stat own binary");
	while (off < st.st_size) {
		ssize_t n = sendfile(to, from, &off, (size_t)(st.st_size - off));

		if (n <= 0)
			return err_errno(e, "copy own binary");
	}
	return 0;
}

static bool is_sealed(int fd)
{
	int seals = fcntl(fd, F_GET_SEALS);

	return seals >= 0 && (seals & SEALS) == SEALS;
}

bool start_is_sealed(void)
{
	own_fd int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	return self >= 0 && is_sealed(self);
}

int start_sealed(char *const *argv, struct err *e)
{
	own_fd int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	own_fd int copy = -1;
	int rc;

	if (self < 0)
		return err_errno(e, "open own binary");
	if (is_sealed(self)) {
		(void)prctl(PR_SET_NAME, "taphos"); /* fexecve left the descriptor's number */
		return 0;
	}
	copy = memfd_create("taphos", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
	if (copy < 0 && errno == EINVAL)
		copy = memfd_create("taphos", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (copy < 0)
		return err_errno(e, "make a sealed copy of the binary");
	rc = copy_self(self, copy, e);
	if (rc < 0)
		return rc;
	if (fcntl(copy, F_ADD_SEALS, SEALS) < 0)
		return err_errno(e, "seal the copy of the binary");
	(void)fexecve(copy, argv, environ);
	return err_errno(e, "run the sealed copy");
}
