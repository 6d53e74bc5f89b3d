/* SPDX-License-Identifier: Apache-2.0 */
/* crew - several threads that do parts of one thing at the same time. */
#include "crew.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

enum {
	MOST = 8,
	STACK = 256 << 10, /* a worker's memory is limited, stacks count */
};

struct member {
	struct crew *crew;
	pthread_t thread;
	unsigned hand; /* the caller of crew_run() is hand 0 */
};

struct crew {
	pthread_mutex_t lock;
	pthread_cond_t begun, ended;
	struct member member[MOST];
	unsigned threads;
	bool stop;
	/* what is being done */
	void (*part)(void *arg, unsigned i, unsigned hand);
	void *arg;
	unsigned parts, next, left;
};

unsigned crew_cores(unsigned most)
{
	cpu_set_t set;
	int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;

	return n < 1 ? 1 : (unsigned)n < most ? (unsigned)n : most;
}

/* Parts, until none is left to begin. With the lock held, but not within a part. */
static void take_part(struct crew *c, unsigned hand)
{
	while (c->next < c->parts) {
		unsigned i = c->next++;

		pthread_mutex_unlock(&c->lock);
		c->part(c->arg, i, hand);
		pthread_mutex_lock(&c->lock);
		if (--c->left == 0)
			pthread_cond_signal(&c->ended);
	}
}

static void *work(void *arg)
{
	const struct member *m = arg;
	struct crew *c = m->crew;

	pthread_mutex_lock(&c->lock);
	while (!c->stop) {
		take_part(c, m->hand);
		if (!c->stop)
			pthread_cond_wait(&c->begun, &c->lock);
	}
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

static bool add_member(struct crew *c, const pthread_attr_t *attr)
{
	struct member *m = &c->member[c->threads];

	m->crew = c;
	m->hand = c->threads + 1;
	if (pthread_create(&m->thread, attr, work, m) != 0)
		return false;
	c->threads++;
	return true;
}

struct crew *crew_new(unsigned threads)
{
	struct crew *c = threads ? calloc(1, sizeof(*c)) : NULL;
	pthread_attr_t attr;

	if (!c || pthread_attr_init(&attr) != 0) {
		free(c);
		return NULL;
	}
	(void)pthread_attr_setstacksize(&attr, STACK);
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->begun, NULL);
	pthread_cond_init(&c->ended, NULL);
	while (c->threads < threads && c->threads < MOST && add_member(c, &attr))
		continue;
	pthread_attr_destroy(&attr);
	return c;
}

void crew_free(struct crew *c)
{
	if (!c)
		return;
	pthread_mutex_lock(&c->lock);
	c->stop = true;
	pthread_cond_broadcast(&c->begun);
	pthread_mutex_unlock(&c->lock);
	for (unsigned i = 0; i < c->threads; i++)
		(void)pthread_join(c->member[i].thread, NULL);
	pthread_cond_destroy(&c->ended);
	pthread_cond_destroy(&c->begun);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

unsigned crew_hands(const struct crew *c)
{
	return c ? c->threads + 1 : 1;
}

void crew_run(
	struct crew *c, unsigned n, void (*part)(void *arg, unsigned i, unsigned hand), void *arg)
{
	if (!c || n < 2) {
		for (unsigned i = 0; i < n; i++)
			part(arg, i, 0);
		return;
	}
	pthread_mutex_lock(&c->lock);
	c->part = part;
	c->arg = arg;
	c->next = 0;
	c->parts = c->left = n;
	pthread_cond_broadcast(&c->begun);
	take_part(c, 0);
	while (c->left)
		pthread_cond_wait(&c->ended, &c->lock);
	pthread_mutex_unlock(&c->lock);
}
