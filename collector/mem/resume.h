/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* resume - a capture that goes on where another worker ended: what that one finished, and whom it
 * did not come back from. */
#include "draft.h"

/* Marks who is in the table, takes its sums, cuts what is behind the last whole process, and adds
 * who was in the frozen cgroup beside the target's known members. */
int resume_from_table(struct capture *c, struct err *e) must_check;
/* Is nothing of this process's memory to be read? */
bool resume_leaves_out(const struct capture *c, const struct proc_one *p);
/* What somebody did not come back from, NULL: he is left out for others. */
const char *resume_not_back(const struct capture *c, const struct proc_one *p);
