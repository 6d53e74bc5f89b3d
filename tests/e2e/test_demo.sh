#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The demo as a person sees it: what it shows, in 80 columns, and that it leaves nothing.
. "${TOP:-$(dirname "$0")/../..}/tests/tap.sh"
. "$TOP/tests/lib/container.sh"
[ "$(id -u)" = 0 ] || skip_all "not root"
for tool in tmux busybox jq openssl zstd; do
	command -v "$tool" >/dev/null || skip_all "$tool is not installed"
done
command -v crun >/dev/null || command -v runc >/dev/null || skip_all "neither crun nor runc is installed"
container_trap
export TMUX_TMPDIR=$TMPDIR
unset TMUX NO_COLOR
container_atexit tmux -L demo kill-server

left() { # what a demo could leave
	grep -F taphos-scratch /proc/self/mountinfo | grep -F "$TMPDIR"
	find "$TMPDIR" -maxdepth 1 -name 'taphos-scratch-*'
	find /run/crun /run/runc -maxdepth 1 -name "taphos-demo-$1" 2>/dev/null
	pgrep -f "$TMPDIR/taphos-scratch"
}

start() { # COMMAND: in a terminal of 80 columns and 24 lines that remembers what scrolled by
	LC_ALL=C.UTF-8 tmux -L demo -f /dev/null new-session -d -x 80 -y 24 \
		"trap : INT; KEEP=$TMPDIR/kept bash -c 'echo demo pid \$\$; exec \"$TOP/scripts/demo\" \"$TAPHOS\"'; echo demo exit \$?; sleep 60"
}

screen() {
	LC_ALL=C.UTF-8 tmux -L demo capture-pane -p -J -S -
}

shown() { # ERE
	screen | grep -Eq -- "$1"
}

start
ok "it ends" env WAIT=60 bash -c ". $TOP/tests/lib/container.sh; $(declare -f screen shown); wait_until shown '^demo exit'"
text=$(screen)
pid=$(sed -n 's/^demo pid //p' <<<"$text")
like "well" "$text" '^demo exit 0$'
last=$(LC_ALL=C.UTF-8 tmux -L demo capture-pane -p)
tmux -L demo kill-server
ok "in 80 columns" [ "$(grep -vF "$TMPDIR" <<<"$text" | LC_ALL=C.UTF-8 wc -L)" -le 80 ]
like "verified" "$text" '^SEALED, complete: '
like "by standard tools too" "$text" '^[0-9]+ files OK, Signature Verified Successfully$'
like "the last screen has the processes" "$last" '^  [0-9]+ +/bin/sh /bin/intruder$'
like "the deleted program" "$last" '^  [0-9]+ +/tmp/\.x/httpd -f -p 4444 +deleted: process/[0-9]+/exe\.bin$'
like "the listener" "$last" '^  [0-9]+ +listens on tcp port 4444'
like "what changed" "$last" '^  modified +/etc/passwd +sha256 [0-9a-f]+'
like "what was removed" "$last" '^  deleted +/var/log/auth\.log$'
like "what was added" "$last" '^  added +/bin/\.sshd'
like "what is only in memory" "$last" '^  /tmpfs +curl '
like "the secret's digest" "$last" '^  DB_PASSWORD=sha256:'
unlike "not the secret" "$text" 'horse'
ok "the bundle that was kept verifies" "$TAPHOS" verify --key "$TMPDIR/kept/key.pub" \
	"$TMPDIR/kept/demo.tar.zst"
is "nothing else is left" "$(left "$pid")" ""

start
ok "it starts again" env bash -c ". $TOP/tests/lib/container.sh; $(declare -f screen shown); wait_until shown '^crun runs|^runc runs'"
pid=$(screen | sed -n 's/^demo pid //p')
LC_ALL=C.UTF-8 tmux -L demo send-keys C-c
ok "Ctrl-C ends it" wait_until shown 'demo exit (130|0)$' # behind ^C
is "and nothing is left" "$(left "$pid")" ""
done_testing
