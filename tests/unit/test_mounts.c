/* SPDX-License-Identifier: Apache-2.0 */
/* test_mounts - mount tables of targets, honest and not. */
#include "unit.h"

#include "mounts.h"
#include "overlay.h"
#include "procfs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct target *t;

static int setup(void **state)
{
	(void)state;
	t = calloc(1, sizeof(*t));
	return t ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	free(t);
	return 0;
}

static void join(const char *text)
{
	char *copy = strdup(text);

	assert_non_null(copy);
	assert_int_equal(mounts_join(t, copy, NULL), 0);
	free(copy);
}

static const struct target_mount *with_id(uint64_t id)
{
	for (unsigned i = 0; i < t->mounts; i++)
		if (t->mount[i].id == id)
			return &t->mount[i];
	fail_msg("no mount %llu", (unsigned long long)id);
	return NULL;
}

static void classifies_by_type_source_and_point(void **state)
{
	(void)state;
	mounts_add_declared(t, "/data/", "/srv/data", "bind");
	mounts_add_declared(
		t, "/cache", "/var/lib/kubelet/pods/u/volumes/kubernetes.io~empty-dir/c", "bind");
	join("1 0 0:1 / / rw - overlay overlay rw\n"
	     "2 1 0:2 / /proc rw - proc proc rw\n"
	     "3 1 0:3 / /data rw - ext4 /dev/a rw\n"
	     "4 1 0:3 / /cache rw - tmpfs tmpfs rw\n"
	     "5 1 0:4 / /net rw - nfs4 server:/x rw\n"
	     "6 1 0:5 / /odd rw - brandnewfs x rw\n"
	     "7 1 0:6 / /dev/shm rw - tmpfs shm rw\n"
	     "8 1 0:7 / /run/secrets/kubernetes.io/serviceaccount ro - tmpfs tmpfs ro\n"
	     "9 2 0:8 /null /proc/kcore rw - tmpfs tmpfs rw\n"
	     "10 1 0:9 / /t rw - tmpfs tmpfs rw\n"
	     "11 1 0:9 / /f rw - fuse.sshfs x rw\n"
	     "12 1 8:1 /etc /etc/host-etc rw - ext4 /dev/a rw\n");
	assert_int_equal(t->mounts, 11); /* the root itself is none */
	assert_int_equal(with_id(2)->kind, MOUNT_PSEUDO);
	assert_int_equal(with_id(3)->kind, MOUNT_BIND);
	assert_string_equal(with_id(3)->source, "/srv/data");
	assert_string_equal(with_id(3)->type, "ext4");
	assert_int_equal(with_id(4)->kind, MOUNT_VOLUME);
	assert_int_equal(with_id(5)->kind, MOUNT_FOREIGN);
	assert_int_equal(with_id(6)->kind, MOUNT_FOREIGN);
	assert_int_equal(with_id(7)->kind, MOUNT_SHM);
	assert_int_equal(with_id(8)->kind, MOUNT_SECRET);
	assert_int_equal(with_id(9)->kind, MOUNT_PSEUDO);
	assert_int_equal(with_id(10)->kind, MOUNT_TMPFS);
	assert_int_equal(with_id(11)->kind, MOUNT_FOREIGN);
	assert_int_equal(with_id(12)->kind, MOUNT_BIND);
	assert_string_equal(with_id(12)->source, ""); /* never from the target's text */
}

static void sees_what_is_covered(void **state)
{
	(void)state;
	join("1 0 0:1 / / rw - overlay o rw\n"
	     "2 1 0:2 / /a rw - tmpfs t rw\n"
	     "3 2 0:3 / /a/b rw - tmpfs t rw\n" /* on the first /a: hidden by the second */
	     "4 2 0:4 / /a rw - tmpfs t rw\n"	/* over it */
	     "5 4 0:5 / /a/c rw - tmpfs t rw\n" /* on the second: to be seen */
	     "6 1 0:6 / /ab rw - tmpfs t rw\n"	/* a name that only begins alike */
	     "7 1 0:7 / /x/y rw - tmpfs t rw\n" /* under a later mount above it */
	     "8 1 0:8 / /x rw - tmpfs t rw\n");
	assert_true(with_id(2)->covered);
	assert_true(with_id(3)->covered);
	assert_false(with_id(4)->covered);
	assert_false(with_id(5)->covered);
	assert_false(with_id(6)->covered);
	assert_true(with_id(7)->covered);
	assert_false(with_id(8)->covered);
}

static void survives_loops_and_floods(void **state)
{
	char *text = malloc(9000 * 64), *at = text;

	(void)state;
	assert_non_null(text);
	for (unsigned i = 1; i <= 9000; i++)
		at += sprintf(at, "%u %u 0:1 / /m rw - tmpfs t rw\n", i, i % 9000 + 1);
	mounts_add_declared(t, "/kept", "/srv/kept", "bind");
	join(text);
	free(text);
	assert_true(t->truncated);
	assert_int_equal(t->mounts, TARGET_MOUNTS);
	assert_string_equal(t->mount[0].point, "/kept");
}

static void reads_layers_of_an_overlay(void **state)
{
	struct overlay *o = malloc(sizeof(*o));
	/* what Linux 6.18 shows for a layer named "a,b", one named "c:d", and so on */
	char text[] = "rw,lowerdir=a\\134\\054b:c\\134:d:e\\040f::data,upperdir=/u,workdir=/w";
	char forged[] = "rw,lowerdir=/l\\054upperdir=/etc,upperdir=/real,workdir=/w";
	char newer[] = "rw,lowerdir+=a\\054b,lowerdir+=c:d,datadir+=e,upperdir=u";

	(void)state;
	assert_non_null(o);
	overlay_parse(text, o);
	assert_int_equal(o->lowers, 4);
	assert_string_equal(o->text + o->lower[0], "a,b");
	assert_string_equal(o->text + o->lower[1], "c:d");
	assert_string_equal(o->text + o->lower[2], "e f");
	assert_string_equal(o->text + o->lower[3], "data");
	assert_string_equal(o->upper, "/u");
	overlay_parse(forged, o);
	assert_string_equal(o->upper, "/real");
	overlay_parse(newer, o);
	assert_int_equal(o->lowers, 3);
	assert_string_equal(o->text + o->lower[0], "a,b");
	assert_string_equal(o->text + o->lower[1], "c:d");
	overlay_parse((char[]){"ro"}, o);
	assert_false(o->has_upper);
	free(o);
}

static void counts_what_does_not_fit(void **state)
{
	struct overlay *o = calloc(1, sizeof(*o));
	char list[TARGET_LOWERS * 3 + 64] = "";

	(void)state;
	assert_non_null(o);
	for (unsigned i = 0; i < TARGET_LOWERS + 5; i++)
		strcat(list, "a:");
	overlay_add_lowers(o, list);
	assert_int_equal(o->lowers, TARGET_LOWERS);
	assert_true(o->truncated);
	free(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			classifies_by_type_source_and_point, setup, teardown),
		cmocka_unit_test_setup_teardown(sees_what_is_covered, setup, teardown),
		cmocka_unit_test_setup_teardown(survives_loops_and_floods, setup, teardown),
		cmocka_unit_test(reads_layers_of_an_overlay),
		cmocka_unit_test(counts_what_does_not_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
