/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_crijson - answers of a runtime, each kind by its first byte, as JSON: whatever is in them,
 * it is JSON. */
#include "crijson.h"
#include "criinfo.h"
#include "crimsg.h"
#include "jsonx.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int render_pod(struct jsonw *w, struct protobuf_text from)
{
	struct cri_pod p = {0};
	struct criinfo info;

	if (protobuf_read(&crimsg_pod_status, from, &p, NULL) < 0)
		return -1;
	criinfo_read(p.info, &info);
	json_decref(criinfo_network(p.info));
	return crijson_pod(w, &p, NULL);
}

static int render_container(struct jsonw *w, struct protobuf_text from)
{
	struct cri_container k = {0};

	if (protobuf_read(&crimsg_container_status, from, &k, NULL) < 0)
		return -1;
	return crijson_container(w, &k, NULL);
}

static int render_image(struct jsonw *w, struct protobuf_text from)
{
	struct cri_image i = {0};

	if (protobuf_read(&crimsg_image_status, from, &i, NULL) < 0)
		return -1;
	return crijson_image(w, &i, NULL);
}

static int render_mount(struct jsonw *w, struct protobuf_text from)
{
	struct cri_snapshot_mount m = {0};

	if (protobuf_read(&crimsg_snapshot_mount, from, &m, NULL) < 0)
		return -1;
	crijson_mount(w, &m);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int (*const render[])(struct jsonw *, struct protobuf_text) = {
		render_pod, render_container, render_image, render_mount};
	struct buf out = BUF_INIT(4 << 20);
	struct jsonw w = JSONW(&out);

	if (!size || size > 64 << 10)
		return 0;
	if (render[data[0] % 4](&w, (struct protobuf_text){(const char *)data + 1, size - 1}) ==
			0 &&
		buf_check(&out, NULL) == 0) {
		json_error_t why;
		json_t *root = json_loadb(buf_str(&out), out.len, JSON_ALLOW_NUL, &why);

		/* what was nested as deep as a parser goes, is deeper now */
		if (!root && json_error_code(&why) != json_error_stack_overflow)
			abort();
		json_decref(root);
	}
	buf_done(&out);
	return 0;
}
