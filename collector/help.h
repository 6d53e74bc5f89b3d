/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* help - what the tables say, for people: at most 80 columns. */

struct buf;
struct command;

/* 'taphos help': the commands. */
void help_overview(struct buf *out);
/* 'taphos CMD --help' */
void help_command(const struct command *c, struct buf *out);
/* The synopsis and option lists of one command in mdoc(7), for the man page. */
void help_mdoc(const struct command *c, struct buf *out);
