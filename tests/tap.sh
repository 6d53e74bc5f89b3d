# SPDX-License-Identifier: Apache-2.0
# tap - what shell tests share. A test sources it, calls these, and ends with done_testing:
#
#   . "$TOP/tests/tap.sh"
#   ok NAME COMMAND...      passes when the command does; its output is shown when not
#   not_ok NAME COMMAND...  passes when the command fails
#   is NAME GOT WANT        passes when both are the same
#   like NAME TEXT ERE      passes when a line of the text matches
#   unlike NAME TEXT ERE    passes when none does
#   pass NAME / fail NAME [WHY]
#   skip NAME REASON        counted, and listed at the end of the run
#   skip_all REASON         nothing of this file can run here
#   at_exit COMMANDS        run when the test ends, however it ends
#
# $TAPHOS is the binary, $BUILD its folder, $TOP the tree, $TMPDIR a folder that is removed
# afterwards: tests/run sets them; a test started by hand gets the defaults below.
# shellcheck shell=bash

TOP=${TOP:-$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)}
BUILD=${BUILD:-$TOP/build}
TAPHOS=${TAPHOS:-$BUILD/taphos}
export TOP BUILD TAPHOS
tap_count=0
tap_failed=0

# shellcheck source=tests/lib/exit.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/exit.sh"

if [ -z "${TMPDIR:-}" ]; then
	TMPDIR=$(mktemp -d /tmp/taphos-test-XXXXXX)
	export TMPDIR
	# shellcheck disable=SC2016 # expanded then
	at_exit 'rm -rf "$TMPDIR"'
fi

tap_lines() { # as comments
	sed 's/^/# /'
}

pass() {
	tap_count=$((tap_count + 1))
	echo "ok $tap_count - $1"
}

fail() {
	tap_count=$((tap_count + 1))
	tap_failed=$((tap_failed + 1))
	echo "not ok $tap_count - $1"
	[ -z "${2:-}" ] || printf '%s\n' "$2" | tap_lines
}

ok() {
	local name=$1 output status=0
	shift
	output=$("$@" 2>&1) || status=$?
	if [ "$status" = 0 ]; then
		pass "$name"
	else
		fail "$name" "$* gave $status:
$output"
	fi
}

not_ok() {
	local name=$1 output
	shift
	if output=$("$@" 2>&1); then
		fail "$name" "$* gave 0:
$output"
	else
		pass "$name"
	fi
}

is() {
	if [ "$2" = "$3" ]; then
		pass "$1"
	else
		fail "$1" "got:  $2
want: $3"
	fi
}

like() {
	if printf '%s\n' "$2" | grep -Eq -- "$3"; then
		pass "$1"
	else
		fail "$1" "no line matches $3 in $(printf '%s\n' "$2" | wc -l) lines, the last of them:
$(printf '%s\n' "$2" | tail -n 60)"
	fi
}

unlike() {
	if printf '%s\n' "$2" | grep -Eq -- "$3"; then
		fail "$1" "a line matches $3:
$(printf '%s\n' "$2" | grep -E -m 60 -- "$3")"
	else
		pass "$1"
	fi
}

skip() {
	tap_count=$((tap_count + 1))
	echo "ok $tap_count - $1 # SKIP $2"
}

skip_all() {
	echo "1..0 # SKIP $1"
	exit 0
}

done_testing() {
	echo "1..$tap_count"
	[ "$tap_failed" = 0 ]
	exit
}
