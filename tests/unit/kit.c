/* SPDX-License-Identifier: Apache-2.0 */
/* kit - makes bundles in memory, good ones and others. */
#include "kit.h"

#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

enum { BLOCK = 512, MAX = 256 << 20 };

static void need(bool ok)
{
	if (!ok)
		abort();
}

void kit_open(struct kit *k)
{
	struct sign_key *key = NULL;

	*k = (struct kit){.out = BUF_INIT(MAX),
		.tar = BUF_INIT(MAX),
		.sums = BUF_INIT(MAX),
		.rows = BUF_INIT(MAX)};
	need(sign_generate(&key, NULL) == 0);
	k->key = key;
	kit_reset(k);
}

void kit_reset(struct kit *k)
{
	struct kit next = {.key = k->key,
		.out = k->out,
		.tar = k->tar,
		.sums = k->sums,
		.rows = k->rows,
		.verdict = "complete",
		.run = KIT_RUN,
		.folder_run = KIT_RUN,
		.level = 1};

	*k = next;
	buf_clear(&k->out);
	buf_clear(&k->tar);
	buf_clear(&k->sums);
	buf_clear(&k->rows);
	sign_public(k->key, k->seal.signer);
}

void kit_done(struct kit *k)
{
	sign_free(k->key);
	buf_done(&k->out);
	buf_done(&k->tar);
	buf_done(&k->sums);
	buf_done(&k->rows);
}

static void add(struct buf *b, const void *p, size_t n)
{
	need(buf_add(b, p, n) == 0);
}

static void pad(struct buf *b)
{
	static const char zeros[BLOCK];

	add(b, zeros, -b->len % BLOCK);
}

static void header(struct kit *k, const char *path, char type, size_t size)
{
	unsigned char h[BLOCK] = {0};
	unsigned sum = 0;

	need(strlen(path) <= 100);
	memcpy(h, path, strlen(path));
	memcpy(h + 100, "0000600", 8);
	memcpy(h + 108, "0000000", 8);
	memcpy(h + 116, "0000000", 8);
	snprintf((char *)h + 124, 12, "%011zo", size);
	memcpy(h + 136, "15137201000", 12);
	memset(h + 148, ' ', 8);
	h[156] = (unsigned char)type;
	memcpy(h + 257,
		"ustar\0"
		"00",
		8);
	for (size_t i = 0; i < BLOCK; i++)
		sum += h[i];
	snprintf((char *)h + 148, 8, "%06o", sum);
	add(&k->tar, h, BLOCK);
}

void kit_file(struct kit *k, const char *path, const void *p, size_t n)
{
	if (k->pax) {
		header(k, "pax", 'x', strlen(k->pax));
		add(&k->tar, k->pax, strlen(k->pax));
		pad(&k->tar);
		k->pax = NULL;
	}
	header(k, path, k->type ? k->type : '0', n);
	k->type = 0;
	add(&k->tar, p, n);
	pad(&k->tar);
}

void kit_unlisted(struct kit *k, const char *name, const void *p, size_t n)
{
	char path[256];

	snprintf(path, sizeof(path), "taphos-%s/%s", k->folder_run, name);
	kit_file(k, path, p, n);
}

static void list_sum(struct kit *k, const char *name, const void *p, size_t n, char hex[HASH_HEX])
{
	uint8_t digest[HASH_LEN];

	hash_of(p, n, digest);
	hash_hex(digest, hex);
	buf_addf(&k->sums, "%s  %s\n", hex, name);
}

void kit_member(struct kit *k, const char *name, const void *p, size_t n)
{
	char hex[HASH_HEX];

	kit_unlisted(k, name, p, n);
	list_sum(k, name, p, n, hex);
	buf_addf(&k->rows,
		"%s{\"name\":\"%s\",\"dumper\":\"kit\",\"size\":%zu,\"sha256\":\"%s\","
		"\"status\":\"ok\"}",
		k->rows.len ? ",\n" : "", name, n, hex);
}

void kit_begin_json(struct kit *k)
{
	own_buf struct buf b = BUF_INIT(4096);

	buf_addf(&b, "{\"format\":\"taphos/1\",\"run_id\":\"%s\",\"signer\":{\"public_key\":\"",
		k->run);
	text_hex(&b, k->seal.signer, SEAL_KEY);
	buf_adds(&b, "\"},\"target\":{\"id\":\"c0ffee\",\"name\":\"web\"}}\n");
	kit_member(k, "begin.json", b.data, b.len);
}

/* The pending tar as frames; at least one. */
void kit_frame(struct kit *k)
{
	ZSTD_CCtx *z = ZSTD_createCCtx();
	size_t bound = ZSTD_compressBound(4 << 20);

	ZSTD_CCtx_setParameter(z, ZSTD_c_compressionLevel, k->level);
	ZSTD_CCtx_setParameter(z, ZSTD_c_checksumFlag, !k->no_checksum);
	ZSTD_CCtx_setParameter(z, ZSTD_c_contentSizeFlag, !k->no_size);
	for (size_t at = 0; at < k->tar.len;) {
		size_t n = k->tar.len - at < 4 << 20 ? k->tar.len - at : 4 << 20;
		void *to = buf_room(&k->out, bound);
		size_t put;

		need(to != NULL);
		put = ZSTD_compress2(z, to, bound, k->tar.data + at, n);
		need(!ZSTD_isError(put));
		k->out.len += put;
		at += n;
		k->seal.tar_length += n;
	}
	buf_clear(&k->tar);
	ZSTD_freeCCtx(z);
}

size_t kit_compress(void *to, size_t room, const void *p, size_t n)
{
	ZSTD_CCtx *z = ZSTD_createCCtx();
	size_t put;

	ZSTD_CCtx_setParameter(z, ZSTD_c_checksumFlag, 1);
	put = ZSTD_compress2(z, to, room, p, n);
	need(!ZSTD_isError(put));
	ZSTD_freeCCtx(z);
	return put;
}

void kit_seal(struct kit *k, bool final)
{
	own_buf struct buf line = BUF_INIT(4096);
	struct seal s = k->seal;
	uint8_t sig[SEAL_SIG];
	size_t at;

	snprintf(s.run, sizeof(s.run), "%s", k->run);
	s.offset = k->region;
	s.length = k->out.len - k->region;
	hash_of(k->out.data, k->out.len, s.sha256);
	s.wall = (struct timespec){1769853600, 0};
	s.boot_ns = 123456789;
	s.final = final;
	if (k->mend)
		k->mend(&s);
	seal_render(&s, &line);
	need(sign_bytes(k->key, line.data, line.len, sig, NULL) == 0);
	at = k->out.len;
	seal_frame(line.data, line.len, sig, &k->out);
	hash_of(k->out.data + at + SEAL_HEAD, k->out.len - at - SEAL_HEAD, k->seal.prev);
	k->region = k->out.len;
	k->seal.seq++;
	k->seal.tar_offset += k->seal.tar_length;
	k->seal.tar_length = 0;
}

void kit_manifest(struct kit *k)
{
	own_buf struct buf b = BUF_INIT(MAX);
	char hex[HASH_HEX];

	buf_addf(&b, "{\"format\":\"taphos/1\",\"run_id\":\"%s\",\n\"verdict\":\"%s\",", k->run,
		k->verdict);
	buf_adds(&b, "\"reason\":\"\",\"tool\":{\"x\":[1,2,{\"y\":\"]}\\\"\"}]},\n"
		     "\"dumpers\":[\n{\"name\":\"kit\",\"status\":\"skipped\",\"reason\":\"it does "
		     "not run\"}],\n\"artifacts\":[\n");
	add(&b, buf_str(&k->rows), k->rows.len);
	if (!strcmp(k->verdict, "partial"))
		buf_adds(&b, "],\n\"gaps\":[\n{\"kind\":\"unreadable\",\"where\":\"\\u0000\"}],\n"
			     "\"gap_counts\":{\"unreadable\":1},");
	else
		buf_adds(&b, "],\n\"gaps\":[\n],\n\"gap_counts\":{},");
	buf_adds(
		&b, "\n\"findings\":[\n{\"dumper\":\"kit\",\"text\":\"a \\u001b[31mfinding\"}]}\n");
	kit_unlisted(k, "manifest.json", b.data, b.len);
	list_sum(k, "manifest.json", b.data, b.len, hex);
}

void kit_sums(struct kit *k)
{
	kit_unlisted(k, "SHA256SUMS", buf_str(&k->sums), k->sums.len);
}

void kit_sig(struct kit *k)
{
	uint8_t sig[SEAL_SIG];

	need(sign_bytes(k->key, buf_str(&k->sums), k->sums.len, sig, NULL) == 0);
	kit_unlisted(k, "SHA256SUMS.sig", sig, sizeof(sig));
}

void kit_signer(struct kit *k)
{
	char pem[160];

	need(sign_public_pem(k->seal.signer, pem, sizeof(pem), NULL) == 0);
	kit_unlisted(k, "signer.pem", pem, strlen(pem));
}

void kit_end(struct kit *k)
{
	static const char zeros[2 * BLOCK];

	add(&k->tar, zeros, sizeof(zeros));
}

void kit_finish(struct kit *k)
{
	kit_manifest(k);
	kit_sums(k);
	kit_sig(k);
	kit_signer(k);
	kit_end(k);
	kit_frame(k);
	kit_seal(k, true);
}

void kit_small(struct kit *k)
{
	kit_begin_json(k);
	kit_frame(k);
	kit_seal(k, false);
	kit_member(k, "process/tree.json", "{}\n", 3);
	kit_member(k, "process/41/maps", "", 0);
	kit_finish(k);
}
