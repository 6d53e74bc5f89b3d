/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* exit - the exit codes of every command, a contract with scripts (README). */
enum exit_code {
	EXIT_COMPLETE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_PARTIAL = 3,   /* complete with gaps, or interrupted */
	EXIT_NOT_FOUND = 4, /* target not found or ambiguous */
	EXIT_NOT_PERMITTED = 5,
	EXIT_UPLOAD = 6,
	EXIT_BAD = 7, /* verification failed */
};
