/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* config - the configuration file: one JSON object whose keys are names of options
 * ("max-size": "20G", "json": true). */
#include "err.h"

#include <stdbool.h>

struct command;
struct config;
struct option_def;

#define CONFIG_PATH "/etc/taphos/config.json"

/*
 * Reads path; NULL: CONFIG_PATH, which need not be there (*ret_config is NULL then). The keys and
 * types are held against the options of all commands (NULL-terminated); the error names file, line
 * and key.
 */
int config_load(const char *path, const struct command *const *all, struct config **ret_config,
	struct err *e) must_check;
void config_free(struct config *c);

/* The text for an option ("true", "false" for flags), NULL when the file does not set it; lives
 * as long as c. c may be NULL. */
const char *config_get(const struct config *c, const char *name);
/* Where it was read from, for errors. */
const char *config_path(const struct config *c);
