/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "kubepage.h"
#include "kubepath.h"

#include <errno.h>
#include <string.h>

static void lets_objects_and_logs_pass(void **state)
{
	static const char *const good[] = {
		"/version",
		"/api",
		"/apis",
		"/api/v1",
		"/apis/apps/v1",
		"/api/v1/nodes/n1",
		"/api/v1/namespaces/secrets",
		"/api/v1/namespaces/secrets/pods/secrets",
		"/api/v1/namespaces/shop/pods/web/log?container=c&previous=true",
		"/api/v1/events?fieldSelector=involvedObject.kind%3DNode",
		"/apis/rbac.authorization.k8s.io/v1/namespaces/shop/roles/system:x",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(kubepath_check(good[i], NULL), 0);
}

static void keeps_the_rest_out(void **state)
{
	static const struct {
		const char *path;
		int code;
	} bad[] = {
		{"/api/v1/secrets", EPERM},
		{"/api/v1/namespaces/shop/secrets", EPERM},
		{"/api/v1/namespaces/shop/secrets/x", EPERM},
		{"/api/v1/namespaces/shop/%73ecrets/x", EPERM},
		{"/api/v1/watch/namespaces/shop/secrets", EPERM},
		{"/api/v1/nodes/n1/proxy/configz", EPERM},
		{"/api/v1/nodes/n1/proxy", EPERM},
		{"/api/v1/proxy/nodes/n1", EPERM},
		{"/api/v1/namespaces/shop/pods/web/exec?command=id", EPERM},
		{"/api/v1/namespaces/shop/pods/web/attach", EPERM},
		{"/api/v1/namespaces/shop/pods/web/log/x", EPERM},
		{"/logs/", EINVAL},
		{"/metrics", EPERM},
		{"/", EINVAL},
		{"", EINVAL},
		{"api/v1", EINVAL},
		{"/api/v1/../v1/secrets", EINVAL},
		{"/api/v1/namespaces/a%2Fsecrets", EINVAL},
		{"/api//v1/secrets", EINVAL},
		{"/api/v1/nodes/n%", EINVAL},
		{"/api/v1/nodes/n\r\nX: y", EINVAL},
		{"/api/v1/nodes/n#x", EINVAL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(kubepath_check(bad[i].path, NULL), -bad[i].code);
}

static void names_cannot_leave_their_place(void **state)
{
	struct buf b = BUF_INIT(4096);

	(void)state;
	assert_int_equal(kubepath_name(&b, "system:node x?y"), 0);
	assert_string_equal(buf_str(&b), "system:node%20x%3Fy");
	assert_int_equal(kubepath_name(&b, ".."), -EINVAL);
	assert_int_equal(kubepath_name(&b, "a/b"), -EINVAL);
	assert_int_equal(kubepath_name(&b, "a%2fb"), -EINVAL);
	assert_int_equal(kubepath_name(&b, ""), -EINVAL);
	buf_clear(&b);
	kubepath_value(&b, "a in (b,c)&\xc3\xa4");
	assert_string_equal(buf_str(&b), "a%20in%20%28b%2Cc%29%26%C3%A4");
	buf_done(&b);
}

static void finds_the_next_page_wherever_it_is_cut(void **state)
{
	static const char text[] =
		"{\"kind\":\"PodList\",\"metadata\":{\"x\":{\"continue\":\"no\"},\"l\":["
		"\"continue\","
		"{\"continue\":\"no\"}],\"continue\":\"yes\",\"remainingItemCount\":3},\"items\":["
		"{\"metadata\":{\"continue\":\"no\",\"a\":\"\\\"}\\\\\"}},{},{\"items\":[{}]}]}";

	(void)state;
	for (size_t cut = 0; cut < sizeof(text); cut++) {
		struct kubepage p = KUBEPAGE_INIT;

		kubepage_feed(&p, text, cut);
		kubepage_feed(
			&p, text + cut, strlen(text) - (cut < strlen(text) ? cut : strlen(text)));
		assert_string_equal(p.token, "yes");
		assert_int_equal(p.items, 3);
		assert_false(p.bad);
	}
}

static void a_token_it_cannot_send_is_none(void **state)
{
	struct kubepage p = KUBEPAGE_INIT;
	static const char text[] = "{\"metadata\":{\"continue\":\"a\\u0026b\"}}";

	(void)state;
	kubepage_feed(&p, text, strlen(text));
	assert_true(p.bad);
	assert_string_equal(p.token, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lets_objects_and_logs_pass),
		cmocka_unit_test(keeps_the_rest_out),
		cmocka_unit_test(names_cannot_leave_their_place),
		cmocka_unit_test(finds_the_next_page_wherever_it_is_cut),
		cmocka_unit_test(a_token_it_cannot_send_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
