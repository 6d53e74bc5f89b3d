#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# test_runner - tests/run counts what it should, and nothing that went wrong is a pass.
set -u
. "$(dirname "$0")/../tap.sh"
cd "$TOP" || exit 1

# The runner over one script with this body; its output, then its status.
run_of() { # BODY [ARGUMENT...]
	printf '#!/bin/bash\n%s\n' "$1" >"$TMPDIR/prog"
	chmod +x "$TMPDIR/prog"
	tests/run "${@:2}" --serial "$TMPDIR/prog" 2>&1
	echo "status $?"
}
says() { # NAME BODY ERE...: every line of it must be there
	local name=$1 output missing=
	output=$(run_of "$2")
	shift 2
	for line in "$@"; do
		grep -Eq -- "$line" <<<"$output" || missing+="no line matches $line
"
	done
	is "$name" "${missing:+$missing$output}" ""
}

says 'passes count' 'echo 1..2; echo ok 1 - a; echo ok 2 - b' '^2 passed, 0 failed, 0 skipped$' '^status 0$'
says 'a failure fails' 'echo 1..2; echo ok 1 - a; echo not ok 2 - b; exit 1' \
	'^1 passed, 1 failed, 0 skipped$' '^status 1$' '\| not ok 2 - b'
says 'a skip is listed with its reason' 'echo 1..2; echo ok 1 - a; echo "ok 2 - b # SKIP no kernel"' \
	'^1 passed, 0 failed, 1 skipped$' 'prog: b: no kernel$' '^status 0$'
says 'a skip without a reason shows' 'echo 1..2; echo ok 1 - a; echo "ok 2 - b # SKIP"' 'NO REASON GIVEN'
says 'a whole file may be skipped' 'echo "1..0 # SKIP no docker"' \
	'^0 passed, 0 failed, 1 skipped$' 'all of it: no docker' '^status 1$'
says 'no plan is a failure' 'echo ok 1 - a' '^1 passed, 1 failed' 'no plan' '^status 1$'
says 'no output is a failure' 'true' '^0 passed, 1 failed' '^status 1$'
says 'a plan not met is a failure' 'echo 1..3; echo ok 1 - a' '3 tests planned, 1 seen' '^status 1$'
says 'a crash is a failure' 'echo 1..1; echo ok 1 - a; kill -SEGV $$' 'killed by SIGSEGV' '^status 1$'
says 'a status is a failure' 'echo 1..1; echo ok 1 - a; exit 3' 'status 3' '^status 1$'
says 'bailing out is a failure' 'echo 1..1; echo ok 1 - a; echo "Bail out! no disk"' 'Bail out' '^status 1$'
says 'no end is a failure' '# timeout: 1
echo 1..1; echo ok 1 - a; sleep 60' 'no end after 1 s' '^status 1$'
says 'what a test leaves running is ended' "echo 1..1; echo ok 1 - a; sleep 4711 &" '^status 0$'
is '... really' "$(pgrep -f 'sleep 4711')" ''
like 'no test at all is a failure' "$(tests/run --only nothing_like_it --serial "$TMPDIR/prog" 2>&1; echo "status $?")" '^status 1$'
says "cmocka's failure is one" 'echo 1..1; echo "not ok 1 - a"; exit 1' '^0 passed, 1 failed'
done_testing
