#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# test_checks - the tree keeps its rules, and each check finds a violation that is planted.
set -u
. "$(dirname "$0")/../tap.sh"
cd "$TOP" || exit 1

ok 'symbols: calls and exports of every object' scripts/check-symbols "$BUILD"
ok 'layers: every #include' scripts/check-layers
ok 'files: licences, openings, sizes' scripts/check-files
# shellcheck disable=SC2046 # one word for each file
ok 'shellcheck: every script' shellcheck -x $(git ls-files --cached --others --exclude-standard |
	xargs grep -lE '^#!/bin/(ba)?sh|^# shellcheck shell')

# A small tree with one file, compiled as the real one is.
scratch=$TMPDIR/tree
plant() { # PATH: the body on stdin
	rm -rf "$scratch"
	mkdir -p "$scratch/$(dirname "$1")" "$scratch/build/$(dirname "$1")"
	{
		echo '/* SPDX-License-Identifier: Apache-2.0 */'
		echo "/* $(basename "$1" .c) - planted. */"
		cat
	} >"$scratch/$1"
	[ "${1%.c}" = "$1" ] || (cd "$scratch" &&
		cc -w -O2 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -D_FORTIFY_SOURCE=2 \
			-I. -c -o "build/${1%.c}.o" "$1")
}
in_tree() {
	(cd "$scratch" && "$@" 2>&1)
}
finds_symbol() { # NAME PATH ERE: the body on stdin
	plant "$2"
	like "check-symbols finds $1" "$(in_tree "$TOP/scripts/check-symbols" build)" "^$2:?[0-9]*: .*$3"
	not_ok "... and fails" in_tree "$TOP/scripts/check-symbols" build
}

finds_symbol 'a banned call behind FORTIFY' dumpers/bad.c 'needs strcpy' <<'END'
#include <string.h>
char dumper_bad[8];
void dumper_bad_(char *p) { strcpy(dumper_bad, p); }
END
finds_symbol 'a name service' collector/base/bad.c 'needs getpwnam' <<'END'
#include <pwd.h>
int bad_x(void) { return getpwnam("root") != 0; }
END
finds_symbol 'setns in a wrong file' collector/target/bad.c 'needs setns' <<'END'
#include <sched.h>
int bad_x(int fd) { return setns(fd, 0); }
END
finds_symbol 'fork in a wrong file' collector/bundle/bad.c 'needs fork' <<'END'
#include <unistd.h>
int bad_x(void) { return fork(); }
END
finds_symbol 'exit below main' collector/base/bad.c 'needs exit' <<'END'
#include <stdlib.h>
void bad_x(void) { exit(1); }
END
finds_symbol 'printing below the commands' collector/base/bad.c 'needs puts' <<'END'
#include <stdio.h>
void bad_x(void) { puts("x"); }
END
finds_symbol 'open in a dumper, by its 64 bit name' dumpers/bad.c 'needs open:' <<'END'
#include <fcntl.h>
int dumper_bad(const char *p) { return open(p, O_RDONLY | O_CLOEXEC); }
END
finds_symbol 'openat2 by number in a wrong file' collector/base/bad.c 'SYS_openat2' <<'END'
#include <sys/syscall.h>
#include <unistd.h>
long bad_x(void) { return syscall(SYS_openat2, 0, 0, 0, 0); }
END
finds_symbol 'a descriptor that is inherited' collector/base/bad.c 'without CLOEXEC' <<'END'
#include <fcntl.h>
int bad_x(const char *p) { return open(p, O_RDONLY); }
END
finds_symbol 'an export without its prefix' collector/base/bad.c 'exports other without' <<'END'
int other(void) { return 1; }
END
finds_symbol 'a second export of a dumper' dumpers/bad.c 'exports bad_x: a dumper' <<'END'
int dumper_bad; int bad_x(void) { return 1; }
END
finds_symbol 'a variable with a life of its own' collector/base/bad.c 'count is a variable' <<'END'
static int count;
int bad_x(void) { return count++; }
END
plant collector/base/good.c <<'END'
static const char *const names[] = { "a" };
const char *good_name(void) { return names[0]; }
END
ok 'check-symbols lets a good file pass' in_tree "$TOP/scripts/check-symbols" build

layer() { # NAME INCLUDER HEADER ERE
	plant "$2" <<<"#include \"$(basename "$3")\"" 2>/dev/null
	mkdir -p "$scratch/$(dirname "$3")"
	echo '#pragma once' >"$scratch/$3"
	like "check-layers finds $1" "$(in_tree "$TOP/scripts/check-layers")" "$4"
	not_ok '... and fails' in_tree "$TOP/scripts/check-layers"
}
layer 'a dumper that sees the bundle' dumpers/bad.c collector/bundle/seal.h 'may not include'
layer 'base that looks up' collector/base/bad.c collector/engine.h 'may not include'
layer 'a look sideways' collector/target/bad.c collector/sandbox/ns.h 'may not include'
layer 'a folder without a layer' collector/new/bad.c collector/new/x.h 'no place in the layers'

plant include/same.h </dev/null
mkdir -p "$scratch/collector/base"
cp "$scratch/include/same.h" "$scratch/collector/base/same.h"
like 'check-layers finds two headers of one name' \
	"$(in_tree "$TOP/scripts/check-layers")" 'share a name'

file() { # NAME ERE: the file on stdin
	cat >"$TMPDIR/bad.c"
	like "check-files finds $1" "$(scripts/check-files "$TMPDIR/bad.c")" "$2"
	not_ok '... and fails' scripts/check-files "$TMPDIR/bad.c"
}
head='/* SPDX-License-Identifier: Apache-2.0 */
/* bad - planted. */'
file 'a missing licence' 'no .SPDX' <<<'/* bad - planted. */'
file 'a missing opening' 'does not open with' <<<'/* SPDX-License-Identifier: Apache-2.0 */'
file 'a long file' '503 lines' < <(echo "$head"; seq -f '/* %g */' 501)
file 'a long function' 'long_one is 63 lines' \
	< <(echo "$head"; echo 'int long_one(int a)'; echo '{'; seq -f '	a += %g;' 61; echo '}')
{ echo "$head"; echo 'int short_one(void)'; echo '{'; echo '	return 1;'; echo '}'; } >"$TMPDIR/bad.c"
ok 'check-files lets a good file pass' scripts/check-files "$TMPDIR/bad.c"
done_testing
