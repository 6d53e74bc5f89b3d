/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * options - a command line as data. One table per command says what it takes;
 * parsing, help, completion, the man page's lists, the TAPHOS_* variables and
 * the configuration file's keys all come from it.
 */
#include "err.h"

#include <stdbool.h>
#include <stdint.h>

enum option_kind {
	OPT_TEXT,     /* anything                      -> .text */
	OPT_FLAG,     /* no value on the line; yes, no, true, false, 1, 0 elsewhere -> .on */
	OPT_FILE,     /* the same, completed as a file -> .text */
	OPT_DIR,      /* the same, as a folder         -> .text */
	OPT_SIZE,     /* "20G"                         -> .number, bytes */
	OPT_DURATION, /* "15m"                         -> .number, nanoseconds */
	OPT_CHOICE,   /* one of .words                 -> .number, its index, and .text */
};

enum {
	OPT_LINE = 1 << 0,     /* on the command line only: neither variable nor file */
	OPT_HIDDEN = 1 << 1,   /* not in help, completion and man page */
	OPT_REQUIRED = 1 << 2, /* a positional argument that must be there */
	OPTIONS_MAX = 26,      /* in one table */
};

/* One option ("--max-size SIZE"), or one positional argument (only the metavar is shown). */
struct option_def {
	const char *name; /* "max-size": --max-size, TAPHOS_MAX_SIZE, the file's "max-size" */
	char letter;	  /* 'o': -o; 0: none */
	enum option_kind kind;
	unsigned flags;
	const char *metavar; /* "SIZE"; NULL for flags */
	const char *help;
	const char *def;	  /* text, NULL: none */
	const char *const *words; /* OPT_CHOICE, and what completion offers for OPT_TEXT and
				   * OPT_FILE; NULL-terminated */
	const char *section;	  /* starts a new heading in the help with this option */
};

/* Options that several commands have. */
#define OPTIONS_JSON                                                                 \
	{                                                                            \
		.name = "json", .kind = OPT_FLAG, .help = "print the result as JSON" \
	}

#define OPTIONS_HOST_ROOT                                                                       \
	{                                                                                       \
		.name = "host-root", .kind = OPT_DIR, .metavar = "DIR",                         \
		.help = "where the host's root is seen; found by itself where it is / or /host" \
	}

/* The key's flag: TAPHOS_KEY is the private one that collect signs with. */
#define OPTIONS_PUBLIC_KEY                                                         \
	{                                                                          \
		.name = "key", .letter = 'k', .kind = OPT_FILE, .flags = OPT_LINE, \
		.metavar = "PUBLIC.pem", .help = "the key that must have signed"   \
	}

#define OPTIONS_BUNDLE                                                                          \
	{                                                                                       \
		.name = "bundle", .kind = OPT_FILE, .flags = OPT_REQUIRED, .metavar = "BUNDLE", \
		.help = "the file, or '-' for standard input"                                   \
	}

enum option_source { FROM_NOWHERE, FROM_DEFAULT, FROM_FILE, FROM_ENVIRONMENT, FROM_LINE };

struct option_setting {
	enum option_source from;
	const char *text; /* as given; NULL when nowhere */
	uint64_t number;
	bool on;
};

struct command;
struct config;

/* What a command gets to run with. Values stand at the index of their option's row. */
struct invocation {
	const struct command *command;
	bool help; /* --help was given: nothing else was checked */
	struct option_setting option[OPTIONS_MAX];
	struct option_setting arg[OPTIONS_MAX];
	int argc; /* the whole line as started, for the record */
	char *const *argv;
};

/*
 * Parses what follows the command's name (words, NULL-terminated) into in (command set, the
 * rest zero). "--name value", "--name=value", "-x value"; "--" ends the options. -EINVAL with
 * a text.
 */
int options_parse(struct invocation *in, char *const *words, struct err *e) must_check;
/* Then what the line left open: environment, file (may be NULL), default. */
int options_fill(struct invocation *in, const struct config *file, struct err *e) must_check;

/* Checks and converts one value. 'what' names the place in the error: "option '--deadline'". */
int options_convert(const struct option_def *def, const char *what, const char *text,
	struct option_setting *ret, struct err *e) must_check;

/* The row with this name, NULL when there is none. Tables end with a NULL name; NULL: empty. */
const struct option_def *options_find(const struct option_def *table, const char *name);
/* Of two candidates for a mistyped word the nearer one; NULL stays when neither is near. */
const char *options_nearer(const char *word, const char *best, const char *candidate);
