/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_verify - any bytes as a bundle: a verdict, and never SEALED without a seal. */
#include "io.h"
#include "verify.h"

#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct verify_ops ops = {0};
	static int fd[3] = {-1, -1, -1};
	struct verify_report r;

	for (int i = 0; i < 3 && fd[i] < 0; i++)
		fd[i] = io_spool(-1, NULL);
	if (hash_setup(NULL) < 0 || ftruncate(fd[0], 0) < 0 ||
		io_pwrite(fd[0], data, size, 0) < 0 || lseek(fd[0], 0, SEEK_SET) < 0)
		abort();
	if (verify_run(&(struct verify_request){.fd = fd[0],
			       .spool_fd = fd[1],
			       .sums_fd = fd[2],
			       .want = "begin.json",
			       .ops = &ops},
		    &r, NULL) < 0)
		return 0;
	if ((r.verdict == VERIFY_SEALED || r.verdict == VERIFY_INTERRUPTED) && !r.seals)
		abort();
	if (r.sealed_bytes > r.file_bytes || r.file_bytes > size)
		abort();
	return 0;
}
