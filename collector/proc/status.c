/* SPDX-License-Identifier: Apache-2.0 */
/* status - a process's or thread's status text as JSON. */
#include "status.h"
#include "jsonw.h"
#include "procfs.h"

#include <string.h>
#include <sys/capability.h>

enum form { WORD, NUMBERS, CAPS, SECCOMP };

static const struct {
	const char *key, *json;
	enum form form;
	bool process; /* the same for all threads */
} fields[] = {
	{"Umask", "umask", WORD, true},
	{"Tgid", "tgid", WORD, true},
	{"NStgid", "pids_inside", NUMBERS, true},
	{"NSpid", "tids_inside", NUMBERS, false},
	{"NSpgid", "pgids_inside", NUMBERS, true},
	{"NSsid", "sids_inside", NUMBERS, true},
	{"TracerPid", "tracer", WORD, false},
	{"Uid", "uids", NUMBERS, false}, /* real, effective, saved, file system */
	{"Gid", "gids", NUMBERS, false},
	{"Groups", "groups", NUMBERS, false},
	{"FDSize", "fd_slots", WORD, true},
	{"VmPeak", "vm_peak", WORD, true},
	{"VmSize", "vm_size", WORD, true},
	{"VmLck", "vm_locked", WORD, true},
	{"VmHWM", "vm_rss_peak", WORD, true},
	{"VmRSS", "vm_rss", WORD, true},
	{"VmSwap", "vm_swap", WORD, true},
	{"VmPTE", "vm_pte", WORD, true},
	{"CoreDumping", "core_dumping", WORD, true},
	{"CapInh", "cap_inheritable", CAPS, false},
	{"CapPrm", "cap_permitted", CAPS, false},
	{"CapEff", "cap_effective", CAPS, false},
	{"CapBnd", "cap_bounding", CAPS, false},
	{"CapAmb", "cap_ambient", CAPS, false},
	{"NoNewPrivs", "no_new_privs", WORD, false},
	{"Seccomp", "seccomp", SECCOMP, false},
	{"Seccomp_filters", "seccomp_filters", WORD, false},
	{"SigPnd", "sig_pending", WORD, false},
	{"ShdPnd", "sig_pending_process", WORD, true},
	{"SigBlk", "sig_blocked", WORD, false},
	{"SigIgn", "sig_ignored", WORD, true},
	{"SigCgt", "sig_caught", WORD, true},
	{"Cpus_allowed_list", "cpus_allowed", WORD, false},
	{"voluntary_ctxt_switches", "switches_voluntary", WORD, false},
	{"nonvoluntary_ctxt_switches", "switches_involuntary", WORD, false},
};

static void numbers(struct jsonw *w, const char *key, const char *v, size_t len)
{
	jsonw_open_array(w, key);
	for (size_t i = 0; i < len;) {
		size_t n = strspn(v + i, "0123456789");

		if (n && n < 20 && i + n <= len)
			jsonw_raw(w, NULL, v + i, n);
		i += n ? n : 1;
	}
	jsonw_close_array(w);
}

static void caps(struct jsonw *w, const char *key, uint64_t set)
{
	jsonw_open(w, key);
	jsonw_hex(w, "set", set);
	jsonw_open_array(w, "names");
	for (int i = 0; i < 64; i++) {
		char *name = set >> i & 1 ? cap_to_name(i) : NULL;

		if (name)
			jsonw_str(w, NULL, name);
		if (name)
			cap_free(name);
	}
	jsonw_close_array(w);
	jsonw_close(w);
}

static void seccomp(struct jsonw *w, const char *key, uint64_t mode)
{
	static const char *const modes[] = {"off", "strict", "filter"};

	if (mode < 3)
		jsonw_str(w, key, modes[mode]);
	else
		jsonw_u64(w, key, mode);
}

void status_json(struct jsonw *w, const char *text, bool process)
{
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		size_t len;
		const char *v = procfs_field(text, fields[i].key, &len);
		uint64_t n;

		if (!v || (fields[i].process && !process))
			continue;
		if (fields[i].form == NUMBERS)
			numbers(w, fields[i].json, v, len);
		else if (fields[i].form == CAPS &&
			 procfs_field_u64(text, fields[i].key, 16, &n) == 0)
			caps(w, fields[i].json, n);
		else if (fields[i].form == SECCOMP &&
			 procfs_field_u64(text, fields[i].key, 10, &n) == 0)
			seccomp(w, fields[i].json, n);
		else
			jsonw_bytes(w, fields[i].json, v, len);
	}
}
