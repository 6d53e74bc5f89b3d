/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * hostfs - files of the host named by path: state of runtimes, layers. A path
 * is taken below the host's root descriptor with or without its leading '/'.
 * Symbolic links of the host are followed inside that root.
 */
#include "err.h"
#include "jsonx.h"

#include <stdbool.h>
#include <sys/types.h>

/* O_PATH of a directory; links are followed, the last component included. */
int hostfs_open_dir(int root_fd, const char *path, struct err *e) must_check;
/* A regular file for reading: links may lead to its directory, itself it may be none. */
int hostfs_open_file(int root_fd, const char *path, struct err *e) must_check;
bool hostfs_is_dir(int root_fd, const char *path);
bool hostfs_is_file(int root_fd, const char *path);
/* Who owns a directory; (uid_t)-1 when it cannot be seen. */
uid_t hostfs_owner(int root_fd, const char *path);
/*
 * Parses a state file. One that everybody may write is refused (-EPERM). NULL on failure.
 */
json_t *hostfs_json(int root_fd, const char *path, struct err *e) must_check;
/* The first line of a small file, without its newline. */
int hostfs_line(int root_fd, const char *path, char *ret, size_t size, struct err *e) must_check;

/* Calls each for every name of a directory but "." and ".."; stops and returns what it returned
 * when that is not 0. A directory that is not there has no names. */
int hostfs_each_name(int root_fd, const char *path, int (*each)(const char *name, void *arg),
	void *arg, struct err *e) must_check;
