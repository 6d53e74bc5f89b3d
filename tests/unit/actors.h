/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* actors - what a forked process of a test does before it waits to be collected. */

void actors_nothing(void);
/* A deleted file, a memfd "payload" with "memory file", a socket as fds 0 and 1. */
void actors_descriptors(void);
/* Runs a copy of sleep that has no name any more, called "[kworker/0:1]". */
void actors_deleted_program(void);
/* Runs sleep from a memfd, with A_TOKEN=abc. */
void actors_memory_program(void);
/* Leaves a thread behind and ends its first one: does not return. */
void actors_leave_leader(void);
void actors_thousand_descriptors(void);
/* Has a child, which dies with it. */
void actors_child(void);
