/* SPDX-License-Identifier: Apache-2.0 */
/* writelock - a reader that gives up writing. */
#include "writelock.h"
#include "own.h"

#include <linux/landlock.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Of the rights of a version all but READ_FILE and READ_DIR; of later ones only those that change
 * something (REFER: 2, TRUNCATE: 3). */
static uint64_t rights_of(int version)
{
	const unsigned count = version >= 3 ? 15 : version == 2 ? 14 : 13;

	return ((1ULL << count) - 1) &
	       ~(uint64_t)(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR);
}

int writelock_version(void)
{
	long rc = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return rc < 0 ? -errno : (int)rc;
}

int writelock_load(struct err *e)
{
	/* version 1 has this one field */
	const struct {
		uint64_t handled_access_fs;
	} rules = {rights_of(writelock_version())};
	own_fd int fd = (int)syscall(SYS_landlock_create_ruleset, &rules, sizeof(rules), 0);

	if (fd < 0)
		return err_errno(e, "make a Landlock ruleset");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_errno(e, "give up new privileges");
	if (syscall(SYS_landlock_restrict_self, fd, 0) < 0)
		return err_errno(e, "enter a Landlock domain");
	return 0;
}
