#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a person sees in a terminal of 80 columns, and in a narrow one.
. "${TOP:-$(dirname "$0")/../..}/tests/tap.sh"
command -v tmux >/dev/null || skip_all "tmux is not installed"
export TMUX_TMPDIR=$TMPDIR
unset TMUX NO_COLOR

# screen COLUMNS COMMAND: what is on the screen when it has ended; -e keeps colours
screen() {
	local columns=$1 flags=$2 i server=t$BASHPID # a subshell each, so a server each
	shift 2
	rm -f "$TMPDIR/ended"
	LC_ALL=C.UTF-8 tmux -L "$server" -f /dev/null new-session -d -x "$columns" -y 100 \
		"$*; touch $TMPDIR/ended; exec sleep 60"
	for ((i = 0; i < 100; i++)); do
		[ ! -e "$TMPDIR/ended" ] || break
		sleep 0.1
	done
	sleep 0.1
	# shellcheck disable=SC2086
	LC_ALL=C.UTF-8 tmux -L "$server" capture-pane -p $flags
	tmux -L "$server" kill-server
}

for c in $("$TAPHOS" help | sed -n '/^Commands:/,/^$/s/^  \([a-z]\+\) .*/\1/p'); do
	is "help $c looks the same at 80 columns" \
		"$(screen 80 '' "$TAPHOS help $c")" "$("$TAPHOS" help "$c")"
done
like "doctor has colours on a terminal" "$(screen 80 -e "$TAPHOS doctor")" $'\e\\[32mpass'
unlike "unless NO_COLOR is set" "$(screen 80 -e "NO_COLOR=1 $TAPHOS doctor")" $'\e\\[3'
unlike "or the terminal is dumb" "$(screen 80 -e "TERM=dumb $TAPHOS doctor")" $'\e\\[3'

root=$TMPDIR/root
id=$(printf 'ab%.0s' {1..32})
mkdir -p "$root/proc" "$root/var/lib/docker/containers/$id"
jq -n --arg id "$id" '{ID: $id, Name: "/a-container-with-a-name-of-some-length",
	Config: {Image: "registry.example.com/an/image/of/some/length:1.0"},
	State: {Running: false, Pid: 0}}' >"$root/var/lib/docker/containers/$id/config.v2.json"
[ "$(id -u)" = 0 ] || skip_all "not root"
for columns in 60 80 120; do
	is "the list takes two lines at $columns columns" \
		"$(screen $columns '' "$TAPHOS list --host-root $root" | sed '/^$/d' | wc -l)" 2
done
like "what is cut ends in an ellipsis" "$(screen 60 '' "$TAPHOS list --host-root $root")" '^abab.*…  docker'
mkdir -p "$root/run/runc/a-name-for-an-id-that-is-longer-than-most"
echo '{"id": "a-name-for-an-id-that-is-longer-than-most"}' \
	>"$root/run/runc/a-name-for-an-id-that-is-longer-than-most/state.json"
like "an id that is a name is whole" "$(screen 200 '' "$TAPHOS list --host-root $root")" \
	'^a-name-for-an-id-that-is-longer-than-most  '
done_testing
