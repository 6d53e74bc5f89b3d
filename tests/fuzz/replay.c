/* SPDX-License-Identifier: Apache-2.0 */
/* replay - runs a fuzz target over its corpus without a fuzzer: each file of
 * tests/fuzz/corpus/NAME, or those given. A crash is a failure; prints TAP. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *path, int number)
{
	FILE *f = fopen(path, "re");
	struct stat st;
	uint8_t *data;
	size_t n;

	if (!f || fstat(fileno(f), &st) < 0) {
		printf("not ok %d - %s: %m\n", number, path);
		return 1;
	}
	/* exactly as large as the input, so that reading past it shows */
	data = malloc(st.st_size ? (size_t)st.st_size : 1);
	if (!data)
		abort();
	n = fread(data, 1, (size_t)st.st_size, f);
	fclose(f);
	LLVMFuzzerTestOneInput(data, n);
	free(data);
	printf("ok %d - %s\n", number, path);
	fflush(stdout);
	return 0;
}

static int is_input(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static int replay_corpus(const char *target)
{
	struct dirent **list = NULL;
	char dir[256], path[600];
	int failed = 0, n;

	snprintf(dir, sizeof(dir), "tests/fuzz/corpus/%s", target);
	n = scandir(dir, &list, is_input, alphasort);
	if (n <= 0) {
		printf("1..1\nnot ok 1 - %s holds no input\n", dir);
		return 1;
	}
	printf("1..%d\n", n);
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, list[i]->d_name);
		failed |= replay(path, i + 1);
		free(list[i]);
	}
	free(list);
	return failed;
}

int main(int argc, char **argv)
{
	const char *name = strstr(basename(argv[0]), "fuzz_");
	int failed = 0;

	if (argc == 1)
		return replay_corpus(name ? name + strlen("fuzz_") : "");
	printf("1..%d\n", argc - 1);
	for (int i = 1; i < argc; i++)
		failed |= replay(argv[i], i);
	return failed;
}
