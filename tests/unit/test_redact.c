/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "hash.h"
#include "redact.h"

#include <string.h>

static const char env[] = "HOME=/root\0api_token=abc\0DB=pg://u:pw@h/d\0junk\0EMPTYPASS=\0"
			  "URL=http://h:80/a@b";
static const char *const want[] = {"HOME=/root",
	"api_token=sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
	"DB=sha256:", "junk", "EMPTYPASS=", "URL=http://h:80/a@b"};

static void secrets_become_digests(void **state)
{
	static const char *const words[] = {"TOKEN", "PASS", NULL};
	own_buf struct buf out = BUF_INIT(4096);
	const char *p;

	(void)state;
	assert_int_equal(redact_environ(&out, env, sizeof(env), words), 2);
	p = out.data;
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++, p += strlen(p) + 1) {
		if (i == 2) /* the digest itself is OpenSSL's */
			assert_memory_equal(p, want[i], 10);
		else
			assert_string_equal(p, want[i]);
	}
	assert_true(p == out.data + out.len);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(secrets_become_digests)};

	if (hash_setup(NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
