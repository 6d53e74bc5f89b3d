/* SPDX-License-Identifier: Apache-2.0 */
/* fdinfo - what the kernel says of an open descriptor. */
#include "fdinfo.h"
#include "jsonw.h"
#include "procfs.h"

#include <stdio.h>
#include <string.h>

enum { LIST_MAX = 4096 };

/* open(2), as the kernel numbers them; the few that differ between x86 and arm64 are left to
 * the number. */
static const struct {
	uint64_t bit;
	const char *name;
} flag_names[] = {
	{02000, "append"},
	{04000, "nonblock"},
	{010000, "dsync"},
	{020000, "async"},
	{01000000, "noatime"},
	{02000000, "cloexec"},
	{010000000, "path"},
};

/* One number or word for each kind of descriptor. */
static const struct {
	const char *key, *json;
} words[] = {
	{"ino", "info_ino"},
	{"eventfd-count", "eventfd_count"},
	{"eventfd-id", "eventfd_id"},
	{"sigmask", "signalfd_mask"},
	{"clockid", "timerfd_clock"},
	{"ticks", "timerfd_ticks"},
	{"settime flags", "timerfd_flags"},
	{"it_value", "timerfd_value"},
	{"it_interval", "timerfd_interval"},
	{"Pid", "pidfd_pid"},
	{"NSpid", "pidfd_nspid"},
	{"scm_fds", "socket_fds_in_flight"},
	{"SqThread", "uring_sq_thread"},
	{"SqThreadCpu", "uring_sq_cpu"},
	{"UserFiles", "uring_files"},
	{"UserBufs", "uring_buffers"},
	{"prog_id", "bpf_prog"},
	{"prog_type", "bpf_prog_type"},
	{"prog_tag", "bpf_prog_tag"},
	{"map_id", "bpf_map"},
	{"map_type", "bpf_map_type"},
	{"link_id", "bpf_link"},
	{"link_type", "bpf_link_type"},
	{"lock", "lock"},
};

/* Lines that come many times. Those that begin with a blank are io_uring's tables. */
static const char *const list_heads[] = {"tfd:", "inotify ", "fanotify ", " ", "\t"};

struct fdinfo fdinfo_parse(const char *text)
{
	struct fdinfo f = {0};

	f.good = procfs_field_u64(text, "pos", 10, &f.pos) == 0 &&
		 procfs_field_u64(text, "flags", 8, &f.flags) == 0 &&
		 procfs_field_u64(text, "mnt_id", 10, &f.mnt_id) == 0;
	return f;
}

static bool is_list_line(const char *line, size_t len)
{
	for (size_t i = 0; i < sizeof(list_heads) / sizeof(list_heads[0]); i++) {
		size_t n = strlen(list_heads[i]);

		if (len > n && !memcmp(line, list_heads[i], n))
			return true;
	}
	return false;
}

static void lists(struct jsonw *w, const char *text)
{
	unsigned count = 0;

	for (size_t len; *text; text += len + (text[len] == '\n')) {
		len = strcspn(text, "\n");
		if (!is_list_line(text, len))
			continue;
		if (!count++)
			jsonw_open_array(w, "lists");
		if (count <= LIST_MAX)
			jsonw_bytes(w, NULL, text, len);
	}
	if (!count)
		return;
	jsonw_close_array(w);
	jsonw_u64(w, "list_lines", count);
}

void fdinfo_json(struct jsonw *w, const struct fdinfo *info, const char *text)
{
	static const char *const access[] = {"read", "write", "read_write", "none"};

	if (info->good) {
		jsonw_u64(w, "pos", info->pos);
		jsonw_u64(w, "mnt_id", info->mnt_id);
		jsonw_hex(w, "flags", info->flags);
		jsonw_str(w, "access", access[info->flags & 3]);
		jsonw_open_array(w, "flag_names");
		for (size_t i = 0; i < sizeof(flag_names) / sizeof(flag_names[0]); i++)
			if (info->flags & flag_names[i].bit)
				jsonw_str(w, NULL, flag_names[i].name);
		jsonw_close_array(w);
	}
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t len;
		const char *v = procfs_field(text, words[i].key, &len);

		if (v)
			jsonw_bytes(w, words[i].json, v, len);
	}
	lists(w, text);
}
