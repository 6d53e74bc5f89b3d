/* SPDX-License-Identifier: Apache-2.0 */
/* caps - what this process may do, reduced for good. */
#include "caps.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <unistd.h>

/*
 * Owns no file and runs no daemon anywhere: being root without capabilities would
 * still make us the owner of root's files. Above what systemd and subuid tables
 * hand out, and another one for each process: the kernel counts processes and
 * descriptors in flight by user, so that whoever knows the number could use it
 * inside a container and have us refused; and one worker cannot signal another.
 */
enum { OWN_UID_FIRST = 0x70000000, OWN_UID_BITS = 0x0fffffff };

static int get_set(cap_flag_t flag, uint64_t *ret)
{
	cap_t c = cap_get_proc();
	uint64_t mask = 0;

	if (!c)
		return -errno;
	for (cap_value_t v = 0; v < 64 && CAP_IS_SUPPORTED(v); v++) {
		cap_flag_value_t on = CAP_CLEAR;

		(void)cap_get_flag(c, v, flag, &on);
		if (on == CAP_SET)
			mask |= 1ULL << v;
	}
	cap_free(c);
	*ret = mask;
	return 0;
}

uint64_t caps_effective(void)
{
	uint64_t mask = 0;

	(void)get_set(CAP_EFFECTIVE, &mask); /* on failure: nothing */
	return mask;
}

static int set_exactly(uint64_t mask)
{
	cap_t c = cap_init(); /* all clear, inheritable too */
	int rc = c ? 0 : -ENOMEM;

	for (cap_value_t v = 0; rc == 0 && v < 64; v++) {
		if (!(mask & 1ULL << v))
			continue;
		if (cap_set_flag(c, CAP_PERMITTED, 1, &v, CAP_SET) < 0 ||
			cap_set_flag(c, CAP_EFFECTIVE, 1, &v, CAP_SET) < 0)
			rc = -errno;
	}
	if (rc == 0 && cap_set_proc(c) < 0)
		rc = -errno;
	cap_free(c);
	return rc;
}

static int leave_root(struct err *e)
{
	uint32_t random;
	uid_t own;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return err_errno(e, "random bytes");
	own = OWN_UID_FIRST | (random & OWN_UID_BITS);
	/* In a user namespace that does not map it this fails: we stay, without capabilities. */
	if (setgroups(0, NULL) == 0 && setresgid(own, own, own) == 0)
		(void)!setresuid(own, own, own);
	return 0;
}

int caps_drop(uint64_t keep, struct err *e)
{
	uint64_t have, now;

	keep &= caps_effective();
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return err_errno(e, "keep capabilities");
	for (cap_value_t v = 0; v < 64 && CAP_IS_SUPPORTED(v); v++)
		(void)cap_drop_bound(v); /* without CAP_SETPCAP: no_new_privs holds all the same */
	if (leave_root(e) < 0)
		return -EIO;
	(void)cap_reset_ambient();
	if (set_exactly(keep) < 0)
		return err_errno(e, "set capabilities");
	if (get_set(CAP_EFFECTIVE, &have) < 0 || get_set(CAP_PERMITTED, &now) < 0 || have != keep ||
		now != keep)
		return err_set(e, EPERM, "capabilities are not what was set");
	return 0;
}

void caps_names(uint64_t mask, char *ret, size_t size)
{
	size_t len = 0;

	ret[0] = '\0';
	for (cap_value_t v = 0; v < 64; v++) {
		char *name;
		int n;

		if (!(mask & 1ULL << v))
			continue;
		name = cap_to_name(v);
		for (char *p = name; p && *p; p++)
			if (*p >= 'a' && *p <= 'z')
				*p = (char)(*p - 'a' + 'A');
		n = snprintf(ret + len, size - len, "%s%s", len ? ", " : "", name ? name : "?");
		cap_free(name);
		if (n < 0 || (size_t)n >= size - len)
			return;
		len += (size_t)n;
	}
}

int caps_require(uint64_t needed, struct err *e)
{
	uint64_t missing = needed & ~caps_effective();
	char names[128];

	if (!missing)
		return 0;
	caps_names(missing, names, sizeof(names));
	return err_set(e, EPERM,
		"not permitted: %s missing; run as root, or give them ('taphos doctor' shows all)",
		names);
}
