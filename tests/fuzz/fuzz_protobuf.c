/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_protobuf - answers of a runtime, each kind by its first byte; what was read is written
 * again and must be read as the same. */
#include "crimsg.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct protobuf_type *const types[] = {&crimsg_version, &crimsg_pods, &crimsg_pod,
	&crimsg_pod_status, &crimsg_containers, &crimsg_container, &crimsg_container_status,
	&crimsg_image_status, &crimsg_mounts, &crimsg_snapshot_mount, &crimsg_mount, &crimsg_pair,
	&crimsg_ip};
enum { TYPES = sizeof(types) / sizeof(types[0]) };

union record {
	struct cri_version version;
	struct cri_pod pod;
	struct cri_container container;
	struct cri_image image;
	struct cri_snapshot_mount mount;
	struct protobuf_list list;
	char bytes[512];
};

static uint64_t number_at(const struct protobuf_field *f, const char *at)
{
	uint64_t u64;
	uint32_t u32;

	if (f->kind == PROTOBUF_BOOL)
		return *(const unsigned char *)at;
	if (f->kind == PROTOBUF_I64 || f->kind == PROTOBUF_U64)
		return memcpy(&u64, at, sizeof(u64)), u64;
	memcpy(&u32, at, sizeof(u32));
	/* as protobuf writes a negative int32 */
	return f->kind == PROTOBUF_I32 ? (uint64_t)(int64_t)(int32_t)u32 : u32;
}

static void write_list(const struct protobuf_field *f, const char *at, struct buf *out)
{
	struct protobuf_list l;
	struct protobuf_text t;
	uint32_t count;

	memcpy(&l, at, sizeof(l));
	count = l.count;
	while (protobuf_next(&l, &t)) {
		protobuf_put_text(out, f->number, t.p, t.n);
		count--;
	}
	if (count)
		abort();
}

static void write_again(
	const struct protobuf_type *t, const union record *r, size_t at, struct buf *out)
{
	for (unsigned i = 0; i < t->count; i++) {
		const struct protobuf_field *f = &t->field[i];
		const char *from = r->bytes + at + f->offset;
		struct buf inner = BUF_INIT(1 << 20);
		struct protobuf_text text;

		if (f->kind == PROTOBUF_MESSAGE) {
			write_again(f->of, r, at + f->offset, &inner);
			protobuf_put_text(out, f->number, buf_str(&inner), inner.len);
		} else if (f->kind == PROTOBUF_LIST) {
			write_list(f, from, out);
		} else if (f->kind == PROTOBUF_TEXT) {
			memcpy(&text, from, sizeof(text));
			protobuf_put_text(out, f->number, text.p, text.n);
		} else {
			protobuf_put_u64(out, f->number, number_at(f, from));
		}
		buf_done(&inner);
	}
}

static int read_into(const struct protobuf_type *t, const struct buf *b, union record *r)
{
	memset(r, 0, sizeof(*r));
	return protobuf_read(t, (struct protobuf_text){b->data, b->len}, r, NULL);
}

/* Elements are of a kind that their list does not tell: each is tried as any. */
static void read_elements(const struct protobuf_list *of)
{
	struct protobuf_list l = *of;
	struct protobuf_text t;
	union record r;

	while (protobuf_next(&l, &t))
		for (unsigned i = 0; i < TYPES; i++) {
			memset(&r, 0, sizeof(r));
			(void)!protobuf_read(types[i], t, &r, NULL);
		}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf in = BUF_INIT(1 << 20), once = BUF_INIT(1 << 20), again = BUF_INIT(1 << 20);
	const struct protobuf_type *t;
	union record r;

	if (!size || size > 64 << 10)
		return 0;
	t = types[data[0] % TYPES];
	(void)buf_add(&in, data + 1, size - 1);
	if (read_into(t, &in, &r) == 0) {
		if (t == &crimsg_pods || t == &crimsg_containers || t == &crimsg_mounts)
			read_elements(&r.list);
		write_again(t, &r, 0, &once);
		if (read_into(t, &once, &r) < 0)
			abort();
		write_again(t, &r, 0, &again);
		if (once.len != again.len || memcmp(buf_str(&once), buf_str(&again), once.len))
			abort();
	}
	buf_done(&in);
	buf_done(&once);
	buf_done(&again);
	return 0;
}
