#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Man page and completion scripts say what the option tables say, and work in their shells.
. "${TOP:-$(dirname "$0")/../..}/tests/tap.sh"
cd "$TOP" || exit 1

ok "man page and completions are up to date" scripts/mkman --check "$TAPHOS"

mkdir -p "$TMPDIR/tree/docs/man"
cp -r scripts completion "$TMPDIR/tree/"
sed 's/fingerprint/fingertip/; /It Fl .-host.-root/d' docs/man/taphos.1 \
	>"$TMPDIR/tree/docs/man/taphos.1"
not_ok "a missing option is noticed" "$TMPDIR/tree/scripts/mkman" --check "$TAPHOS"
sed -i s/--json/--jsno/ "$TMPDIR/tree/completion/taphos.bash"
cp docs/man/taphos.1 "$TMPDIR/tree/docs/man/"
not_ok "a wrong completion is noticed" "$TMPDIR/tree/scripts/mkman" --check "$TAPHOS"
ok "mkman mends it" "$TMPDIR/tree/scripts/mkman" "$TAPHOS"
is "as it was" "$(cat "$TMPDIR/tree/completion/taphos.bash")" "$(cat completion/taphos.bash)"

is "man has nothing to complain of" "$(MANPAGER=cat MANWIDTH=80 man --warnings -l docs/man/taphos.1 2>&1 >/dev/null)" ""
is "nor has mandoc" "$(mandoc -T lint -W warning docs/man/taphos.1 2>&1)" ""
for c in $("$TAPHOS" help | sed -n '/^Commands:/,/^$/s/^  \([a-z]\+\) .*/\1/p'); do
	like "man page has $c" "$(cat docs/man/taphos.1)" "^\.Ss taphos $c"
done

# complete WORDS...: what bash offers for the last word
complete_bash() {
	bash --norc -c '
		. completion/taphos.bash
		COMP_WORDS=("$@")
		COMP_CWORD=$(($# - 1))
		_taphos
		printf "%s\n" "${COMPREPLY[@]}" | LC_ALL=C sort' - "$@"
}
like "bash: commands" "$(complete_bash taphos '')" '^doctor$'
is "bash: beginning of a command" "$(complete_bash taphos vers)" version
is "bash: options" "$(complete_bash taphos keygen --)" $'--help\n--json\n--output'
is "bash: hidden options stay so" "$(complete_bash taphos help --)" --help
is "bash: words of an argument" "$(complete_bash taphos completion '')" $'bash\nfish\nzsh'
mkdir "$TMPDIR/files"
touch "$TMPDIR/files/a b.key" "$TMPDIR/files/c.key"
mkdir "$TMPDIR/files/dir"
is "bash: files, with blanks in them" "$(complete_bash taphos doctor --key "$TMPDIR/files/a")" \
	"$TMPDIR/files/a b.key"
is "bash: folders only" "$(complete_bash taphos doctor --host-root "$TMPDIR/files/")" \
	"$TMPDIR/files/dir"
is "bash: after =" "$(complete_bash taphos doctor --key = "$TMPDIR/files/c")" "$TMPDIR/files/c.key"
# shellcheck disable=SC2016
is "bash: nothing typed is run" "$(complete_bash taphos doctor '$(touch "$TMPDIR/ran")'; ls "$TMPDIR/ran" 2>&1)" \
	"
ls: cannot access '$TMPDIR/ran': No such file or directory"
ok "bash: shellcheck agrees" shellcheck -s bash -e SC2207 completion/taphos.bash

if command -v zsh >/dev/null; then
	ok "zsh: parses" zsh -n completion/taphos.zsh
	# shellcheck disable=SC2016
	ok "zsh: loads" zsh -fc 'autoload -U compinit && compinit -u -d "$1/zdump" &&
		. completion/taphos.zsh && [ "$_comps[taphos]" = _taphos ]' - "$TMPDIR"
else
	skip "zsh: loads" "zsh is not installed"
fi
if command -v fish >/dev/null; then
	offered() {
		HOME=$TMPDIR fish --no-config -c "source completion/taphos.fish; complete -C '$1'" |
			cut -f1
	}
	like "fish: commands" "$(offered 'taphos ')" '^doctor$'
	like "fish: options" "$(offered 'taphos keygen --')" '^--output$'
	like "fish: words" "$(offered 'taphos completion ')" '^zsh$'
else
	skip "fish: completes" "fish is not installed"
fi
done_testing
