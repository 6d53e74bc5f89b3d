#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The command line: what is refused, how it is said, where it goes, which exit code.
. "${TOP:-$(dirname "$0")/../..}/tests/tap.sh"
cd "$TMPDIR" || exit 1
export TAPHOS_CONFIG="$TMPDIR/config.json"
echo '{}' >"$TAPHOS_CONFIG"

# run ARGS...: sets $out, $err, $rc
run() {
	out=$("$TAPHOS" "$@" 2>stderr </dev/null)
	rc=$?
	err=$(cat stderr)
}

# refused NAME EXIT TEXT ARGS...: one line on stderr that holds TEXT, nothing on stdout
refused() {
	local name=$1 want=$2 text=$3
	shift 3
	run "$@"
	is "$name" "$rc/$out/$err" "$want//taphos: $text"
}

width() { # of the widest line
	printf '%s\n' "$1" | awk '{ if (length($0) > n) n = length($0) } END { print n + 0 }'
}

commands=$("$TAPHOS" help | sed -n '/^Commands:/,/^$/s/^  \([a-z]\+\) .*/\1/p')
like "there are commands" "$commands" '^version$'
for c in $commands; do
	run "$c" --help
	is "$c --help: exit, stderr" "$rc/$err" 0/
	like "$c --help names itself" "$out" "^Usage: taphos $c"
	ok "$c --help fits 80 columns" [ "$(width "$out")" -le 80 ]
	again=$("$TAPHOS" help "$c")
	is "help $c says the same" "$again" "$out"
done

run
is "no command: exit, stdout" "$rc/$out" 2/
like "no command: usage on stderr" "$err" '^Usage: taphos COMMAND'
ok "usage fits 80 columns" [ "$(width "$err")" -le 80 ]
run --version
like "--version" "$rc $out" '^0 taphos [0-9]'
run --help
like "--help" "$rc $out" '^0 Usage: taphos COMMAND'

refused "unknown command" 2 "unknown command 'frob' (see 'taphos --help')" frob
refused "mistyped command" 2 \
	"unknown command 'versoin', did you mean 'version'? (see 'taphos --help')" versoin
refused "unknown option" 2 "unknown option '--foo' (see 'taphos doctor --help')" doctor --foo
refused "mistyped option" 2 \
	"unknown option '--ouptut', did you mean '--output'? (see 'taphos doctor --help')" \
	doctor --ouptut x
refused "escapes are shown, not sent" 2 \
	"unknown option '--\\x1b[31m' (see 'taphos version --help')" version $'--\e[31m'
refused "value missing" 2 \
	"option '--output' needs a value: --output DIR (see 'taphos doctor --help')" doctor --output
refused "argument too many" 2 "'x' is one argument too many (see 'taphos version --help')" version x
refused "argument missing" 2 "the SHELL argument is missing (see 'taphos completion --help')" \
	completion
refused "not among the words" 2 \
	"SHELL: 'tcsh' is none of: bash, zsh, fish (see 'taphos completion --help')" completion tcsh

TAPHOS_JSON=1 run version
like "variable sets a flag" "$out" '^\{"version"'
TAPHOS_JSON=1 run version --json=no
like "line wins over variable" "$out" '^taphos '
echo '{"json": true}' >"$TAPHOS_CONFIG"
run version
like "file sets a flag" "$out" '^\{"version"'
TAPHOS_JSON=no run version
like "variable wins over file" "$out" '^taphos '
printf '{\n"jsno": true}' >"$TAPHOS_CONFIG"
refused "file: unknown key" 2 "$TAPHOS_CONFIG:2: unknown key 'jsno', did you mean 'json'?" version
echo '{"json": "yes"}' >"$TAPHOS_CONFIG"
refused "file: wrong type" 2 "$TAPHOS_CONFIG:1: key 'json' must be true or false" version
echo '{' >"$TAPHOS_CONFIG"
refused "file: no JSON" 2 "$TAPHOS_CONFIG:2: string or '}' expected near end of file" version
rm "$TAPHOS_CONFIG"
refused "file: named and missing" 2 "open $TAPHOS_CONFIG: No such file or directory" version
mkfifo fifo
TAPHOS_CONFIG=fifo refused "file: a FIFO does not hold us up" 2 "fifo: not a regular file" version
export TAPHOS_CONFIG=

run version --json
ok "version --json is JSON" jq -e '.version and .build_id and .libraries.openssl' <<<"$out"
file=$(readelf -n "$TAPHOS" | sed -n 's/.*Build ID: //p')
is "build id is the file's" "$(jq -r .build_id <<<"$out")" "$file"
err=$("$TAPHOS" version 2>&1 >/dev/full)
is "full stdout: exit 1" $? 1
is "full stdout is told" "$err" "taphos: write the result to stdout: No space left on device"
"$TAPHOS" version >&- 2>/dev/null
is "closed stdout is /dev/null" $? 0
{ "$TAPHOS" help; echo $? >status; } 2>/dev/null | true
unlike "closed pipe does not kill" "$(cat status)" '^1[34]'
"$TAPHOS" frob 2>&-
is "closed stderr keeps the exit code" $? 2

best=1000
for _ in 1 2 3 4 5; do
	start=$(date +%s%N)
	"$TAPHOS" version >/dev/null
	now=$((($(date +%s%N) - start) / 1000000))
	[ $now -ge $best ] || best=$now
done
# the bench measures it alone; other tests may run beside this one
ok "version is quick ($best ms)" [ $best -lt 50 ]
done_testing
