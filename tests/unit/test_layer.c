/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "buf.h"
#include "dirsink.h"
#include "dumper.h"
#include "hash.h"
#include "io.h"
#include "layer.h"
#include "own.h"
#include "spool.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>

/* Everything happens in a tmpfs that only this process sees, and below it. */
#define TOP "/tmp"

struct place {
	int lower, upper, out, spool;
	struct dirsink sink;
	struct layer_job job;
	struct layer_stats stats;
	struct dumper_resume resume;
	char rows[1 << 20];
};

static struct place p;
static unsigned long mount_flags;

static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fputs(text, f) < 0, 0);
	assert_int_equal(fclose(f), 0);
}

static int directory(const char *path)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static int setup(void **state)
{
	static const char *const dirs[] = {"lower", "upper", "work", "merged", "out"};

	(void)state;
	assert_int_equal(mount("tmpfs", TOP, "tmpfs", mount_flags, "size=64m"), 0);
	assert_int_equal(chdir(TOP), 0);
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		assert_int_equal(mkdir(dirs[i], 0755), 0);
	p.lower = directory("lower");
	p.upper = directory("upper");
	p.out = directory("out");
	p.spool = io_spool(p.out, NULL);
	dirsink_init(&p.sink, p.out);
	memset(&p.resume, 0, sizeof(p.resume));
	p.job = (struct layer_job){
		.root_fd = p.upper,
		.lower = &p.lower,
		.lowers = 1,
		.form = LAYER_OVERLAY,
		.content = LAYER_FILES,
		.max_file = 1 << 20,
		.max_total = 1 << 24,
		.max_entries = 1000,
		.max_bytes = 1 << 26,
		.tar = "diff.tar",
		.aside = "aside.tar",
		.rows = "diff.jsonl",
		.bodyfile = "bodyfile.txt",
		.bodyfile_prefix = "",
		.spool_fd = p.spool,
		.resume = &p.resume,
	};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(chdir("/"), 0);
	(void)close(p.lower);
	(void)close(p.upper);
	(void)close(p.out);
	(void)close(p.spool);
	while (umount2(TOP "/merged", MNT_DETACH) == 0)
		;
	return umount2(TOP, MNT_DETACH);
}

static void mount_overlay(void)
{
	assert_int_equal(mount("overlay", "merged", "overlay", 0,
				 "lowerdir=lower,upperdir=upper,workdir=work"),
		0);
}

static void mount_metacopy(void)
{
	assert_int_equal(mount("overlay", "merged", "overlay", 0,
				 "lowerdir=lower,upperdir=upper,workdir=work,metacopy=on,"
				 "redirect_dir=on"),
		0);
}

static void read_rows(void)
{
	own_fd int fd = openat(p.out, "diff.jsonl", O_RDONLY | O_CLOEXEC);
	ssize_t n = io_read(fd, p.rows, sizeof(p.rows) - 1);

	assert_true(n >= 0);
	p.rows[n] = '\0';
}

static void collect(void)
{
	struct err e = ERR_INIT;

	if (layer_collect(&p.job, &p.sink.sink, &p.stats, &e) < 0)
		fail_msg("%s", e.text);
	assert_int_equal(chdir(TOP), 0); /* the walk stands in the directory it lists */
	read_rows();
}

/* The row of a path; NULL: there is none. */
static const char *row(const char *path)
{
	static char line[1 << 16];
	char key[4200];
	const char *at;

	snprintf(key, sizeof(key), "{\"path\":\"%s\",", path);
	at = strstr(p.rows, key);
	if (!at)
		return NULL;
	snprintf(line, sizeof(line), "%.*s", (int)strcspn(at, "\n"), at);
	return line;
}

static void has(const char *path, const char *text)
{
	const char *r = row(path);

	if (!r || !strstr(r, text))
		fail_msg("%s: no %s in %s", path, text, r ? r : "(no row)");
}

static void has_not(const char *path, const char *text)
{
	const char *r = row(path);

	if (!r || strstr(r, text))
		fail_msg("%s: %s in %s", path, text, r ? r : "(no row)");
}

/* Is there a header for this name in the archive? */
static bool stored(const char *member, const char *name)
{
	own_fd int fd = openat(p.out, member, O_RDONLY | O_CLOEXEC);
	char block[512];

	while (fd >= 0 && io_read(fd, block, sizeof(block)) == sizeof(block))
		if (!memcmp(block + 257, "ustar", 6) && !strncmp(block, name, 100))
			return true;
	return false;
}

static void nothing_is_read_when_time_is_over(void **state)
{
	own_buf struct buf gaps = BUF_INIT(65536);

	(void)state;
	put("upper/file", "text");
	p.job.until_ns = 1;
	collect();
	assert_true(p.stats.cut);
	assert_int_equal(p.stats.files, 0);
	assert_int_equal(io_read_file(p.out, "gaps.txt", &gaps, NULL), 0);
	assert_non_null(strstr(buf_str(&gaps), "over_budget"));
	assert_non_null(strstr(buf_str(&gaps), "no time left"));
}

static void changes_agree_with_docker_diff(void **state)
{
	(void)state;
	assert_int_equal(mkdir("lower/etc", 0755) | mkdir("lower/dir", 0755) |
				 mkdir("lower/dir/sub", 0755) | mkdir("lower/quiet", 0755) |
				 mkdir("lower/moded", 0755),
		0);
	put("lower/etc/passwd", "root");
	put("lower/etc/gone", "gone");
	put("lower/etc/same", "same");
	put("lower/dir/old", "old");
	put("lower/dir/sub/deep", "deep");
	put("lower/quiet/file", "x");
	mount_overlay();
	put("merged/etc/passwd", "root and more");
	put("merged/new", "new");
	assert_int_equal(unlink("merged/etc/gone"), 0);
	assert_int_equal(unlink("merged/dir/old") | unlink("merged/dir/sub/deep"), 0);
	assert_int_equal(rmdir("merged/dir/sub") | rmdir("merged/dir"), 0);
	assert_int_equal(mkdir("merged/dir", 0755), 0);
	assert_int_equal(chmod("merged/moded", 0700), 0);
	assert_int_equal(chmod("merged/etc/same", 0600) | chmod("merged/etc/same", 0644), 0);
	put("merged/quiet/temporary", "x");
	assert_int_equal(unlink("merged/quiet/temporary"), 0);
	collect();
	has("/etc", "\"change\":\"modified\"");
	has("/etc/passwd", "\"change\":\"modified\"");
	has("/etc/gone", "\"change\":\"deleted\"");
	has("/etc/same", "\"change\":\"unchanged\"");
	has("/new", "\"change\":\"added\"");
	has("/new",
		"\"sha256\":\"11507a0e2f5e69d5dfa40a62a1bd7b6ee57e6bcd85c67c9b8431b36fff21c437\"");
	has("/moded", "\"change\":\"modified\"");
	has("/dir", "\"opaque\":true");
	has("/dir/old", "\"hidden_by_opaque\":true");
	has("/dir/sub", "\"change\":\"deleted\"");
	assert_null(row("/dir/sub/deep"));
	has("/quiet", "\"change\":\"unchanged\"");
	has_not("/quiet", "stored");
	assert_true(stored("diff.tar", "etc/.wh.gone"));
	assert_true(stored("diff.tar", "dir/.wh..wh..opq"));
	assert_true(stored("diff.tar", "etc/passwd"));
	assert_false(stored("diff.tar", "quiet/"));
	assert_int_equal(p.sink.gaps, 0);
}

static void attributes_of_a_user_say_nothing(void **state)
{
	(void)state;
	assert_int_equal(mkdir("lower/etc", 0755), 0);
	put("lower/etc/passwd", "root");
	mount_overlay();
	assert_int_equal(chmod("merged/etc", 0700), 0);
	if (setxattr("merged/etc", "user.overlay.opaque", "y", 1, 0) < 0)
		unit_skip("user attributes on tmpfs: Linux 6.6");
	collect();
	has_not("/etc", "\"opaque\"");
	assert_null(row("/etc/passwd"));
}

/* SHA-256 of "content" */
#define CONTENT "\"sha256\":\"ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73\""

static void metacopies_have_the_content_below(void **state)
{
	(void)state;
	assert_int_equal(mkdir("lower/dir", 0755) | mkdir("lower/dir/sub", 0755), 0);
	put("lower/dir/sub/file", "content");
	put("lower/moved", "content");
	mount_metacopy();
	assert_int_equal(chmod("merged/dir/sub/file", 0600), 0);
	assert_int_equal(rename("merged/moved", "merged/dir/here"), 0);
	collect();
	has("/dir/sub/file", "\"metacopy\":true");
	has("/dir/sub/file", CONTENT);
	has("/dir/here", CONTENT);
	has("/moved", "\"change\":\"deleted\"");
	assert_int_equal(p.sink.gaps, 0);
}

static void renamed_directories_are_gaps(void **state)
{
	(void)state;
	assert_int_equal(mkdir("lower/dir", 0755) | mkdir("lower/other", 0755), 0);
	put("lower/dir/file", "content");
	put("lower/other/file", "wrong");
	mount_metacopy();
	assert_int_equal(rename("merged/other", "merged/gone"), 0);
	assert_int_equal(rename("merged/dir", "merged/other"), 0);
	assert_int_equal(chmod("merged/other/file", 0600), 0);
	collect();
	has("/other", "\"redirect\":true");
	has("/other", "\"gap\":\"refused\"");
	has("/other/file", CONTENT); /* and not the bytes of another file of that name */
}

static void times_set_back_hide_nothing(void **state)
{
	static const struct timespec then[2] = {{5, 5}, {5, 5}};

	(void)state;
	put("lower/tool", "content");
	put("lower/same", "content");
	assert_int_equal(utimensat(AT_FDCWD, "lower/tool", then, 0), 0);
	mount_overlay();
	put("merged/tool", "evil!!!");
	assert_int_equal(utimensat(AT_FDCWD, "merged/tool", then, 0), 0);
	assert_int_equal(chmod("merged/same", 0600) | chmod("merged/same", 0644), 0);
	collect();
	has("/tool", "\"change\":\"modified\"");
	has("/tool", "\"time_set_back\":true");
	has("/same", "\"change\":\"unchanged\"");
	assert_int_equal(p.sink.findings, 2);
}

static void says(const char *text)
{
	own_fd int fd = openat(p.out, "findings.txt", O_RDONLY | O_CLOEXEC);
	own_buf struct buf all = BUF_INIT(1 << 16);

	assert_int_equal(io_read_all(fd, &all, NULL), 0);
	if (!strstr(buf_str(&all), text))
		fail_msg("no '%s' in %s", text, buf_str(&all));
}

static void what_stands_out_is_said(void **state)
{
	(void)state;
	put("lower/gone", "x");
	mount_overlay();
	assert_int_equal(unlink("merged/gone"), 0);
	put("merged/text", "text");
	for (char i = '0'; i <= '9'; i++) {
		char name[] = {'m', 'e', 'r', 'g', 'e', 'd', '/', 'x', i, 0};

		put(name, "program");
		assert_int_equal(chmod(name, 0755), 0);
	}
	assert_int_equal(chmod("merged/x0", 06755), 0);
	collect();
	says("files: 11 added, 0 modified, 1 deleted, see diff.jsonl\n");
	says("/x0: added program, setuid, setgid, of uid 0 and gid 0\n");
	says("executable files added or modified: /x");
	says(" and 2 more, see diff.jsonl\n");
	assert_int_equal(p.sink.findings, 3);
}

static void fuse_overlay_has_names_for_it(void **state)
{
	(void)state;
	assert_int_equal(mkdir("lower/dir", 0755) | mkdir("upper/dir", 0755), 0);
	put("lower/gone", "gone");
	put("lower/dir/old", "old");
	put("upper/.wh.gone", "");
	put("upper/dir/.wh..wh..opq", "");
	put("upper/dir/new", "new");
	assert_int_equal(mkdir("lower/own", 0755) | mkdir("upper/own", 0755), 0);
	put("lower/own/old", "old");
	put("upper/own/.wh..opq", "");
	p.job.form = LAYER_FUSE_OVERLAY;
	collect();
	has("/own", "\"opaque\":true");
	has("/own/old", "\"hidden_by_opaque\":true");
	assert_true(stored("diff.tar", "own/.wh..wh..opq"));
	assert_false(stored("diff.tar", "own/.wh..opq"));
	has("/gone", "\"change\":\"deleted\"");
	has("/dir", "\"opaque\":true");
	has("/dir/old", "\"hidden_by_opaque\":true");
	assert_true(stored("diff.tar", ".wh.gone"));
	assert_true(stored("diff.tar", "dir/.wh..wh..opq"));
	assert_int_equal(p.sink.gaps, 0);
}

static void names_a_layer_cannot_hold_go_aside(void **state)
{
	char deep[64];
	const char *r;
	int fd = openat(p.upper, ".", O_RDONLY | O_CLOEXEC);

	(void)state;
	put("upper/.wh.evil", "evil");
	memset(deep, 'd', 60);
	deep[60] = '\0';
	for (int i = 0; i < 100; i++) {
		int next;

		assert_int_equal(mkdirat(fd, deep, 0755), 0);
		next = openat(fd, deep, O_RDONLY | O_CLOEXEC);
		(void)close(fd);
		fd = next;
	}
	(void)close(openat(fd, "bottom", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	(void)close(fd);
	collect();
	has("/.wh.evil", "\"stored\":\"aside\"");
	assert_false(stored("diff.tar", ".wh.evil"));
	r = strstr(p.rows, "{\"name\":\"bottom\"");
	assert_non_null(r);
	assert_non_null(strstr(r, "\"stored\":\"aside\""));
	assert_int_equal(p.sink.gaps, 0);
}

static void links_are_stored_once(void **state)
{
	(void)state;
	put("upper/one", "content");
	assert_int_equal(link("upper/one", "upper/two"), 0);
	collect();
	assert_true(!!strstr(row("/one"), "link_to") != !!strstr(row("/two"), "link_to"));
	has("/one",
		"\"sha256\":\"ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73\"");
	has("/two",
		"\"sha256\":\"ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73\"");
	assert_int_equal(p.stats.files, 1);
}

static void special_files_are_not_opened(void **state)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "upper/sock"};
	own_fd int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	assert_int_equal(mkfifo("upper/fifo", 0600), 0);
	assert_int_equal(mknod("upper/dev", S_IFCHR | 0600, makedev(10, 130)), 0);
	assert_int_equal(bind(s, (struct sockaddr *)&name, sizeof(name)), 0);
	collect(); /* opening the fifo would wait for ever */
	has("/fifo", "\"type\":\"fifo\"");
	has("/dev", "\"rdev\":\"10:130\"");
	has("/sock", "\"gap\":\"special_file\"");
	assert_int_equal(p.sink.gaps, 1);
}

static void enormous_sparse_file_is_its_extents(void **state)
{
	own_fd int fd = open("upper/big", O_CREAT | O_RDWR | O_CLOEXEC, 0600);

	(void)state;
	if (ftruncate(fd, 8191LL << 50) < 0)
		unit_skip("files of 8 EiB on tmpfs");
	assert_int_equal(pwrite(fd, "hidden", 6, 4LL << 60), 6);
	collect();
	has("/big", "\"sha256_of_extents\"");
	has("/big", "\"stored\":\"layer\"");
	assert_int_equal(p.stats.bytes, 4096);
	assert_int_equal(p.sink.gaps, 0);
}

static void limits_are_gaps(void **state)
{
	own_fd int fd = open("upper/large", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	static const char *const exclude[] = {"/private", NULL};
	char block[4096];

	(void)state;
	memset(block, 'x', sizeof(block));
	for (int i = 0; i < 300; i++)
		assert_int_equal(write(fd, block, sizeof(block)), sizeof(block));
	assert_int_equal(mkdir("upper/private", 0700), 0);
	put("upper/private/key", "key");
	put("upper/small", "small");
	p.job.exclude = exclude;
	collect();
	has("/large", "\"gap\":\"over_budget\"");
	has_not("/large", "stored");
	has("/private", "\"gap\":\"by_profile\"");
	assert_null(row("/private/key"));
	has("/small", "\"stored\":\"layer\"");
}

static void entries_are_limited(void **state)
{
	char name[32];

	(void)state;
	for (int i = 0; i < 50; i++) {
		snprintf(name, sizeof(name), "upper/f%d", i);
		put(name, "x");
	}
	p.job.max_entries = 20;
	collect();
	assert_true(p.stats.cut);
	assert_int_equal(p.stats.entries, 20);
	has("/", "\"gap\":\"over_budget\"");
}

/* A sink that lets the target act when the second pass begins. */
static struct sink_ops acting;
static const struct sink_ops *plain;

static int act_begin(void *ctx, const char *member, uint64_t size, struct err *e)
{
	assert_int_equal(chdir(TOP), 0);
	if (!strcmp(member, "diff.tar")) {
		assert_int_equal(truncate("upper/shrinks", 2), 0);
		assert_int_equal(unlink("upper/vanishes"), 0);
		assert_int_equal(rename("upper/other", "upper/swapped"), 0);
		put("upper/grows", "0123456789 and more");
		assert_int_equal(unlink("upper/link"), 0);
		assert_int_equal(symlink("/etc/passwd", "upper/link"), 0);
		assert_int_equal(unlink("upper/fifo"), 0);
		assert_int_equal(mkfifo("upper/fifo", 0600), 0);
		assert_int_equal(rename("upper/dir", "moved"), 0);
		assert_int_equal(symlink("/etc", "upper/dir"), 0);
	}
	return plain->begin(ctx, member, size, e);
}

static void what_changes_meanwhile_is_a_gap(void **state)
{
	static const char *const files[] = {"upper/shrinks", "upper/vanishes", "upper/swapped",
		"upper/grows", "upper/link", "upper/fifo", "upper/stays", "upper/other"};

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		put(files[i], "0123456789");
	assert_int_equal(mkdir("upper/dir", 0755), 0);
	put("upper/dir/passwd", "mine");
	plain = p.sink.sink.ops;
	acting = *plain;
	acting.begin = act_begin;
	p.sink.sink.ops = &acting;
	collect(); /* and the members have their sizes: the sink checks */
	has("/shrinks", "\"gap\":\"changed\"");
	has_not("/shrinks", "sha256");
	has("/vanishes", "\"gap\":\"vanished\"");
	has("/swapped", "\"gap\":\"vanished\"");
	has("/grows", "\"gap\":\"changed\"");
	has("/link", "\"gap\":\"vanished\"");
	has("/fifo", "\"gap\":\"vanished\"");
	has("/dir/passwd", "\"gap\":\"vanished\"");
	has("/stays", "84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882");
}

/* Moves a name out of the directory that is not listed yet, into the one that is: it is in no
 * listing. Two names, as either directory may come first. */
static void act_item(void *ctx, uint64_t n)
{
	static const unsigned between = 10; /* the first sign of life in the second directory */

	if ((n & 0xff) == between) {
		assert_int_equal(rename(TOP "/upper/a/one", TOP "/upper/b/one"), 0);
		assert_int_equal(rename(TOP "/upper/b/two", TOP "/upper/a/two"), 0);
	}
	plain->item(ctx, n);
}

static void a_name_that_dodges_the_listing_leaves_a_gap(void **state)
{
	(void)state;
	assert_int_equal(mkdir("upper/a", 0755), 0);
	assert_int_equal(mkdir("upper/b", 0755), 0);
	put("upper/a/one", "1");
	put("upper/b/two", "2");
	plain = p.sink.sink.ops;
	acting = *plain;
	acting.item = act_item;
	p.sink.sink.ops = &acting;
	collect();
	assert_int_not_equal(strstr(p.rows, "/one\"") != NULL, strstr(p.rows, "/two\"") != NULL);
	has("/a", "\"gap\":\"changed\"");
	has("/b", "\"gap\":\"changed\"");
}

/* A worker that stalls: dies at a sign of life of its choice. */
static uint64_t stall_at;

static void stall(void *ctx, uint64_t item)
{
	plain->item(ctx, item);
	if (!--stall_at)
		_exit(7);
}

/* True: it died; then the next one is told where. */
static bool worker(uint64_t at)
{
	pid_t pid = fork();
	struct err e = ERR_INIT;
	int status;

	if (!pid) {
		plain = p.sink.sink.ops;
		acting = *plain;
		acting.item = stall;
		p.sink.sink.ops = &acting;
		stall_at = at;
		_exit(layer_collect(&p.job, &p.sink.sink, &p.stats, &e) < 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 0)
		return false;
	assert_int_equal(WEXITSTATUS(status), 7);
	return true;
}

/* What the engine tells: the open member is the one that is there and short of its rows. */
static void take_over(const char *member)
{
	struct stat st = {0};

	memset(&p.resume, 0, sizeof(p.resume));
	p.resume.again = true;
	if (fstatat(p.out, member, &st, 0) == 0) {
		snprintf(p.resume.member, sizeof(p.resume.member), "%s", member);
		p.resume.member_done = (uint64_t)st.st_size;
		snprintf(p.sink.member, sizeof(p.sink.member), "%s", member);
		p.sink.member_fd = openat(p.out, member, O_WRONLY | O_APPEND | O_CLOEXEC);
		p.sink.left = UINT64_MAX;
	}
}

static void make_files(void)
{
	char name[32], text[5000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (int i = 0; i < 30; i++) {
		snprintf(name, sizeof(name), "upper/f%d", i);
		put(name, text);
	}
	assert_int_equal(mkdir("upper/dir", 0755), 0);
	put("upper/dir/last", "last");
}

static unsigned count(const char *text)
{
	unsigned n = 0;

	for (const char *at = p.rows; (at = strstr(at, text)); at++)
		n++;
	return n;
}

static void a_stalled_walk_goes_on(void **state)
{
	(void)state;
	make_files();
	assert_true(worker(10)); /* 1 the directory, 2 its names, then one each */
	take_over("diff.tar");
	assert_true(worker(20));
	take_over("diff.tar");
	collect();
	assert_int_equal(count("{\"path\":\"/f"), 30);
	assert_int_equal(count("\"gap\":\"stalled\""), 2);
	has("/dir/last", "\"sha256\"");
	assert_int_equal(p.stats.entries, 32);
}

static void a_stalled_directory_is_left_out(void **state)
{
	(void)state;
	make_files();
	assert_true(worker(34 + 2)); /* the listing of dir: its names */
	take_over("diff.tar");
	collect();
	has("/dir", "\"gap\":\"stalled\"");
	assert_null(row("/dir/last"));
	assert_int_equal(count("\"gap\":\"stalled\""), 1);
}

static int accept_end(void *ctx, struct err *e)
{
	((struct dirsink *)ctx)->left = 0;
	return plain->end(ctx, e);
}

/* A file that stalls in the second pass: the archive has its planned size all the same. */
static void a_stalled_file_is_zeros(void **state)
{
	own_fd int first = -1;
	struct stat whole, again;

	(void)state;
	make_files();
	collect();
	assert_int_equal(fstatat(p.out, "diff.tar", &whole, 0), 0);
	assert_int_equal(unlinkat(p.out, "diff.tar", 0) | unlinkat(p.out, "diff.jsonl", 0) |
				 unlinkat(p.out, "bodyfile.txt", 0),
		0);
	assert_true(worker(36 + 25)); /* the 24th file or so: beyond the first block of the sink */
	take_over("diff.tar");
	assert_true(p.resume.member_done >= 65536);
	plain = p.sink.sink.ops;
	acting = *plain;
	acting.end = accept_end;
	p.sink.sink.ops = &acting;
	collect();
	assert_int_equal(fstatat(p.out, "diff.tar", &again, 0), 0);
	assert_int_equal(again.st_size, whole.st_size);
	assert_int_equal(count("\"gap\":\"stalled\""), 1);
	assert_int_equal(count("\"sha256\""), 30);
}

static void plain_trees_are_compared(void **state)
{
	(void)state;
	put("lower/same", "same");
	put("lower/gone", "gone");
	put("upper/new", "new");
	assert_int_equal(mknod("upper/zero", S_IFCHR | 0600, 0), 0); /* no whiteout here */
	put("upper/same", "same");
	assert_int_equal(utimensat(p.lower, "same", (struct timespec[2]){{5, 0}, {5, 0}}, 0), 0);
	assert_int_equal(utimensat(p.upper, "same", (struct timespec[2]){{5, 0}, {5, 0}}, 0), 0);
	p.job.form = LAYER_PLAIN;
	collect();
	has("/new", "\"change\":\"added\"");
	has("/zero", "\"change\":\"added\"");
	has("/same", "\"change\":\"unchanged\"");
	has_not("/same", "stored");
	has("/gone", "\"change\":\"deleted\"");
	assert_true(stored("diff.tar", ".wh.gone"));
}

static void other_mounts_are_not_entered(void **state)
{
	(void)state;
	assert_int_equal(mkdir("upper/mnt", 0755), 0);
	assert_int_equal(mount("tmpfs", "upper/mnt", "tmpfs", 0, NULL), 0);
	put("upper/mnt/host-file", "host");
	p.job.form = LAYER_PLAIN;
	collect();
	assert_int_equal(umount("upper/mnt"), 0);
	has("/mnt", "\"gap\":\"crossed_mount\"");
	assert_null(row("/mnt/host-file"));
}

static void metadata_and_hashes_alone(void **state)
{
	(void)state;
	put("upper/secret", "secret");
	p.job.content = LAYER_HASHES;
	collect();
	has("/secret", "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b");
	has_not("/secret", "stored");
	assert_int_equal(faccessat(p.out, "diff.tar", F_OK, 0), -1);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_read_when_time_is_over),
		TEST(changes_agree_with_docker_diff),
		TEST(attributes_of_a_user_say_nothing),
		TEST(metacopies_have_the_content_below),
		TEST(renamed_directories_are_gaps),
		TEST(times_set_back_hide_nothing),
		TEST(what_stands_out_is_said),
		TEST(fuse_overlay_has_names_for_it),
		TEST(names_a_layer_cannot_hold_go_aside),
		TEST(links_are_stored_once),
		TEST(special_files_are_not_opened),
		TEST(enormous_sparse_file_is_its_extents),
		TEST(limits_are_gaps),
		TEST(entries_are_limited),
		TEST(what_changes_meanwhile_is_a_gap),
		TEST(a_name_that_dodges_the_listing_leaves_a_gap),
		TEST(a_stalled_walk_goes_on),
		TEST(a_stalled_directory_is_left_out),
		TEST(a_stalled_file_is_zeros),
		TEST(plain_trees_are_compared),
		TEST(other_mounts_are_not_entered),
		TEST(metadata_and_hashes_alone),
	};

	if (hash_setup(NULL) < 0)
		return 1;
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
		puts("1..0 # SKIP needs root");
		return 0;
	}
	if (cmocka_run_group_tests_name("with devices", tests, NULL, NULL))
		return 1;
	mount_flags = MS_NODEV; /* files are opened in one step */
	return cmocka_run_group_tests_name("without devices", tests, NULL, NULL);
}
