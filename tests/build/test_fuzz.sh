#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# test_fuzz - every fuzz target has inputs to replay, and no inputs lie there without a target.
set -u
. "$(dirname "$0")/../tap.sh"
cd "$TOP" || exit 1

for target in tests/fuzz/fuzz_*.c; do
	[ -e "$target" ] || break
	name=$(basename "$target" .c)
	ok "$name has inputs" ls "tests/fuzz/corpus/${name#fuzz_}"/[!.]*
done
for corpus in tests/fuzz/corpus/*/; do
	[ -d "$corpus" ] || break
	name=$(basename "$corpus")
	ok "corpus/$name has a target" test -e "tests/fuzz/fuzz_$name.c"
done

# the driver that replays them: a crash is a failure, an empty corpus too
cat >"$TMPDIR/target.c" <<'END'
#include <stdint.h>
#include <stdlib.h>
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 2 && data[0] == 'b')
		abort();
	return 0;
}
END
ok 'the driver builds' cc -D_GNU_SOURCE -o "$TMPDIR/fuzz_planted" "$TMPDIR/target.c" tests/fuzz/replay.c
echo good >"$TMPDIR/good"
echo bad >"$TMPDIR/bad"
ok 'a good input passes' "$TMPDIR/fuzz_planted" "$TMPDIR/good"
not_ok 'a bad one fails' "$TMPDIR/fuzz_planted" "$TMPDIR/bad"
not_ok 'no corpus fails' "$TMPDIR/fuzz_planted"
done_testing
