# SPDX-License-Identifier: Apache-2.0
# exit - what is left to do when a script ends.
# shellcheck shell=bash

# COMMANDS: run when this shell ends. A child that is killed by SIGTERM before it has become another
# program would run its parent's trap too.
at_exit() {
	# shellcheck disable=SC2064
	trap "[ \"\$BASHPID\" = $$ ] && { $1; }" EXIT
}
