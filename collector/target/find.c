/* SPDX-License-Identifier: Apache-2.0 */
/* find - processes by the names of their cgroups. */
#include "find.h"
#include "buf.h"
#include "proctab.h"
#include "runtime.h"
#include "select.h"

#include <string.h>

bool find_agrees(const struct container *c, const char *text)
{
	struct cgroup_line line;
	struct cgroup_id id;

	while ((text = cgroup_next(text, &line)))
		if ((cgroup_identify(line.path, &id) && !id.monitor && !strcmp(id.id, c->ref.id)) ||
			(c->cgroup[0] == '/' && cgroup_is_below(line.path, c->cgroup)))
			return true;
	return false;
}

pid_t find_init(const struct target_host *host, const struct container *c)
{
	own_proctab struct proctab tab = {0};
	const struct proc_row *best = NULL;
	struct err ignored;

	if (proctab_scan(host->proc_fd, &tab, &ignored) < 0)
		return 0;
	for (size_t i = 0; i < tab.rows; i++) {
		const struct proc_row *row = &tab.row[i], *up;

		if (!row->ns_mnt || !find_agrees(c, proctab_cgroup(&tab, row)))
			continue;
		up = proctab_find(&tab, row->ppid);
		if (up && find_agrees(c, proctab_cgroup(&tab, up)))
			continue;
		if (!best || row->start_ticks < best->start_ticks)
			best = row;
	}
	return best ? best->pid : 0;
}

pid_t find_by_name(const struct proctab *tab, const char *text, struct cgroup_id *ret)
{
	const struct proc_row *best = NULL;
	size_t len = strlen(text);

	for (size_t i = 0; len >= SELECT_PREFIX_MIN && i < tab->rows; i++) {
		const char *at = proctab_cgroup(tab, &tab->row[i]);
		struct cgroup_line line;
		struct cgroup_id id;

		while ((at = cgroup_next(at, &line))) {
			if (!cgroup_identify(line.path, &id) || id.monitor || id.weak ||
				strncmp(id.id, text, len) != 0)
				continue;
			if (best && strcmp(ret->id, id.id) != 0)
				return 0;
			*ret = id;
			if (!best || tab->row[i].start_ticks < best->start_ticks)
				best = &tab->row[i];
		}
	}
	return best ? best->pid : 0;
}

static void note_container(struct find_below *s, const char *path)
{
	struct cgroup_id id;

	if (!cgroup_identify(path, &id) || id.monitor || id.weak || id.own_len <= strlen(s->path) ||
		!strcmp(id.id, s->found.id))
		return;
	s->found = id;
	s->containers++;
	if (s->candidates && !strstr(buf_str(s->candidates), id.id))
		buf_addf(s->candidates, "%s\n", id.id);
}

static void consider(struct find_below *s, const struct proctab *tab, const struct proc_row *row)
{
	const char *text = proctab_cgroup(tab, row);
	struct cgroup_line line;

	while ((text = cgroup_next(text, &line))) {
		if (!cgroup_is_below(line.path, s->path))
			continue;
		note_container(s, line.path);
		if (!s->oldest || s->oldest->start_ticks > row->start_ticks)
			s->oldest = row;
	}
}

void find_below(struct find_below *s, const struct proctab *tab)
{
	for (size_t i = 0; i < tab->rows; i++)
		consider(s, tab, &tab->row[i]);
}
