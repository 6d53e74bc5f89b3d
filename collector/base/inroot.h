/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* inroot - openat2(2)'s RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS for kernels before 5.6, one
 * component after the other. For io.c alone. */

/*
 * Opens path below dirfd as if dirfd were the root. Links are followed inside it,
 * at most 40 of them, those of a proc file system never, and never the last
 * component (O_NOFOLLOW is added). A descriptor, or -1 and errno. Each component is
 * held by a descriptor: a directory that is moved meanwhile leads elsewhere below dirfd,
 * never above it.
 */
int inroot_open(int dirfd, const char *path, int flags);
