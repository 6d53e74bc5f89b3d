/* SPDX-License-Identifier: Apache-2.0 */
/* frames - tar bytes in; zstd frames and seals out. */
#include "frames.h"
#include "crew.h"
#include "output.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

enum {
	CHUNK = 1 << 20, /* what is in flight stays in the processor's caches */
	THREADS_MAX = 4,
	JOBS_SPARE = 6, /* what the file or the signer holds up does not hold up the rest */
	JOBS_MAX = THREADS_MAX + JOBS_SPARE,
	START_TRIES = 2000, /* of a millisecond and more */
};

enum job_state { JOB_FREE, JOB_FILLED, JOB_TAKEN, JOB_DONE };
enum seal_wish { SEAL_NONE, SEAL_AFTER, SEAL_FINAL };

struct job {
	enum job_state state;
	enum seal_wish seal;
	size_t in_len, out_len;
	unsigned char *in, *out;
};

/* Jobs form a ring: filled, compressed and written in this order. */
struct frames {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct job job[JOBS_MAX];
	unsigned jobs, threads;
	uint64_t filling, compressing, writing; /* numbers of jobs ever */
	uint64_t unsealed;
	int level;
	bool stop, finished;
	struct err failure; /* the first one; code 0: none */
	struct output *output;
	pthread_t compressor[THREADS_MAX], writer;
	unsigned started;
	bool writer_started;
};

static struct job *job_at(struct frames *f, uint64_t n)
{
	return &f->job[n % f->jobs];
}

/* With the lock held. */
static void fail(struct frames *f, const struct err *why)
{
	if (!f->failure.code)
		f->failure = *why;
	pthread_cond_broadcast(&f->changed);
}

static void compress_job(struct frames *f, ZSTD_CCtx *z, struct job *j)
{
	struct err why = ERR_INIT;
	size_t n = 0;

	if (j->in_len)
		n = ZSTD_compress2(z, j->out, ZSTD_compressBound(CHUNK), j->in, j->in_len);
	pthread_mutex_lock(&f->lock);
	if (ZSTD_isError(n)) {
		(void)err_set(&why, EIO, "zstd: %s", ZSTD_getErrorName(n));
		fail(f, &why);
		n = 0;
	}
	j->out_len = n;
	j->state = JOB_DONE;
	pthread_cond_broadcast(&f->changed);
	pthread_mutex_unlock(&f->lock);
}

static struct job *next_filled(struct frames *f)
{
	struct job *j = NULL;

	pthread_mutex_lock(&f->lock);
	while (!f->stop) {
		j = job_at(f, f->compressing);
		if (f->compressing < f->filling && j->state == JOB_FILLED) {
			f->compressing++;
			j->state = JOB_TAKEN;
			break;
		}
		j = NULL;
		pthread_cond_wait(&f->changed, &f->lock);
	}
	pthread_mutex_unlock(&f->lock);
	return j;
}

static void *compressor(void *arg)
{
	struct frames *f = arg;
	ZSTD_CCtx *z = ZSTD_createCCtx();
	struct err why = ERR_INIT;
	struct job *j;

	if (!z || ZSTD_isError(ZSTD_CCtx_setParameter(z, ZSTD_c_compressionLevel, f->level)) ||
		ZSTD_isError(ZSTD_CCtx_setParameter(z, ZSTD_c_checksumFlag, 1))) {
		(void)err_set(&why, ENOMEM, "zstd: no memory");
		pthread_mutex_lock(&f->lock);
		fail(f, &why);
		pthread_mutex_unlock(&f->lock);
	}
	while (z && (j = next_filled(f)))
		compress_job(f, z, j);
	ZSTD_freeCCtx(z);
	return NULL;
}

static struct job *next_done(struct frames *f)
{
	struct job *j = NULL;

	pthread_mutex_lock(&f->lock);
	while (!f->stop && !f->failure.code) {
		j = job_at(f, f->writing);
		if (f->writing < f->filling && j->state == JOB_DONE)
			break;
		j = NULL;
		pthread_cond_wait(&f->changed, &f->lock);
	}
	if (f->failure.code)
		j = NULL;
	pthread_mutex_unlock(&f->lock);
	return j;
}

static int write_job(struct frames *f, const struct job *j, struct err *e)
{
	int rc = output_frame(f->output, j->out, j->out_len, j->in_len, e);

	if (rc == 0 && j->seal != SEAL_NONE)
		rc = output_seal(f->output, j->seal == SEAL_FINAL, e);
	return rc;
}

static void *writer(void *arg)
{
	struct frames *f = arg;
	struct job *j;

	while ((j = next_done(f))) {
		struct err why = ERR_INIT;
		int rc = write_job(f, j, &why);

		pthread_mutex_lock(&f->lock);
		if (rc < 0)
			fail(f, &why);
		if (rc == 0 && j->seal == SEAL_FINAL)
			f->finished = true;
		j->state = JOB_FREE;
		j->in_len = 0;
		j->seal = SEAL_NONE;
		f->writing++;
		pthread_cond_broadcast(&f->changed);
		pthread_mutex_unlock(&f->lock);
	}
	return NULL;
}

/* A fork bomb next door leaves a free thread number now and then. */
static bool start_one(pthread_t *ret, void *(*run)(void *), struct frames *f)
{
	for (int i = 0; i < START_TRIES; i++) {
		if (pthread_create(ret, NULL, run, f) == 0)
			return true;
		(void)poll(NULL, 0, 1);
	}
	return false;
}

/* One compressor is enough to go on; more are for speed. */
static int start_threads(struct frames *f, struct err *e)
{
	f->writer_started = start_one(&f->writer, writer, f);
	while (f->writer_started && f->started < f->threads &&
		start_one(&f->compressor[f->started], compressor, f))
		f->started++;
	if (!f->started)
		return err_set(e, EAGAIN, "no thread could be started: too many processes");
	return 0;
}

int frames_open(const struct frames_opts *o, struct frames **ret, struct err *e)
{
	struct frames *f = calloc(1, sizeof(*f));
	int rc;

	if (!f)
		return err_set(e, ENOMEM, "no memory");
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->changed, NULL);
	f->level = o->level;
	f->threads = crew_cores(THREADS_MAX);
	f->jobs = f->threads + JOBS_SPARE;
	rc = output_open(o, &f->output, e);
	for (unsigned i = 0; rc == 0 && i < f->jobs; i++) {
		f->job[i].in = malloc(CHUNK);
		f->job[i].out = malloc(ZSTD_compressBound(CHUNK));
		if (!f->job[i].in || !f->job[i].out)
			rc = err_set(e, ENOMEM, "no memory");
	}
	if (rc == 0)
		rc = start_threads(f, e);
	if (rc < 0) {
		frames_free(f);
		return rc;
	}
	*ret = f;
	return 0;
}

/* The chunk being filled, once it is free. NULL: the output has failed. */
static struct job *filling_job(struct frames *f, struct err *e)
{
	struct job *j = job_at(f, f->filling);

	pthread_mutex_lock(&f->lock);
	while (j->state != JOB_FREE && !f->failure.code)
		pthread_cond_wait(&f->changed, &f->lock);
	if (f->failure.code) {
		if (e)
			*e = f->failure;
		j = NULL;
	}
	pthread_mutex_unlock(&f->lock);
	return j;
}

static void submit(struct frames *f, struct job *j, enum seal_wish seal)
{
	pthread_mutex_lock(&f->lock);
	j->seal = seal;
	j->state = JOB_FILLED;
	f->filling++;
	pthread_cond_broadcast(&f->changed);
	pthread_mutex_unlock(&f->lock);
}

int frames_add(struct frames *f, const void *p, size_t n, struct hash *hash, struct err *e)
{
	const char *from = p;

	while (n) {
		struct job *j = filling_job(f, e);
		size_t take;

		if (!j)
			return -f->failure.code;
		take = CHUNK - j->in_len < n ? CHUNK - j->in_len : n;
		memcpy(j->in + j->in_len, from, take);
		if (hash)
			hash_add(hash, j->in + j->in_len, take);
		j->in_len += take;
		f->unsealed += take;
		from += take;
		n -= take;
		if (j->in_len == CHUNK)
			submit(f, j, SEAL_NONE);
	}
	return 0;
}

int frames_seal(struct frames *f, struct err *e)
{
	struct job *j = filling_job(f, e);

	if (!j)
		return -f->failure.code;
	submit(f, j, SEAL_AFTER);
	f->unsealed = 0;
	return 0;
}

uint64_t frames_unsealed(const struct frames *f)
{
	return f->unsealed;
}

int frames_drain(struct frames *f, struct err *e)
{
	pthread_mutex_lock(&f->lock);
	while (f->writing < f->filling && !f->failure.code)
		pthread_cond_wait(&f->changed, &f->lock);
	pthread_mutex_unlock(&f->lock);
	return frames_failed(f, e);
}

int frames_finish(struct frames *f, struct frames_result *ret, struct err *e)
{
	struct job *j = filling_job(f, e);

	if (!j)
		return -f->failure.code;
	submit(f, j, SEAL_FINAL);
	pthread_mutex_lock(&f->lock);
	while (!f->finished && !f->failure.code)
		pthread_cond_wait(&f->changed, &f->lock);
	pthread_mutex_unlock(&f->lock);
	if (frames_failed(f, e) < 0)
		return -f->failure.code;
	output_result(f->output, ret);
	return 0;
}

int frames_failed(struct frames *f, struct err *e)
{
	int code;

	pthread_mutex_lock(&f->lock);
	code = f->failure.code;
	if (code && e)
		*e = f->failure;
	pthread_mutex_unlock(&f->lock);
	return -code;
}

void frames_free(struct frames *f)
{
	if (!f)
		return;
	pthread_mutex_lock(&f->lock);
	f->stop = true;
	pthread_cond_broadcast(&f->changed);
	pthread_mutex_unlock(&f->lock);
	for (unsigned i = 0; i < f->started; i++)
		pthread_join(f->compressor[i], NULL);
	if (f->writer_started)
		pthread_join(f->writer, NULL);
	output_free(f->output);
	for (unsigned i = 0; i < JOBS_MAX; i++) {
		free(f->job[i].in);
		free(f->job[i].out);
	}
	pthread_mutex_destroy(&f->lock);
	pthread_cond_destroy(&f->changed);
	free(f);
}
