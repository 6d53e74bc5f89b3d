# bash completion for taphos, made by 'taphos completion bash'
_taphos() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
	local want='' cmd=${COMP_WORDS[1]}
	COMPREPLY=()
	if [ "$COMP_CWORD" -eq 1 ]; then
		COMPREPLY=($(compgen -W 'collect list plan verify inspect keygen doctor version completion help --help --version' -- "$cur"))
		return
	fi
	# --name=value arrives as three words
	if [ "$prev" = = ]; then
		prev=${COMP_WORDS[COMP_CWORD-2]}
	elif [ "$cur" = = ]; then
		cur=
	fi
	case $cmd:$prev in
	collect:--container | collect:-c) want="" ;;
	collect:--pid) want="" ;;
	collect:--cgroup) want="-d" ;;
	collect:--pod) want="" ;;
	collect:--pod-uid) want="" ;;
	collect:--container-name) want="" ;;
	collect:--profile | collect:-p) want="-f -W 'triage standard filesystem memory full'" ;;
	collect:--output | collect:-o) want="-f" ;;
	collect:--key) want="-f" ;;
	collect:--case) want="" ;;
	collect:--operator) want="" ;;
	collect:--deadline) want="" ;;
	collect:--max-size) want="" ;;
	collect:--freeze) want="-W 'auto always never'" ;;
	collect:--max-freeze) want="" ;;
	collect:--stage) want="" ;;
	collect:--kubeconfig) want="-f" ;;
	collect:--cri-socket) want="-f" ;;
	collect:--host-root) want="-d" ;;
	list:--host-root) want="-d" ;;
	plan:--container | plan:-c) want="" ;;
	plan:--pid) want="" ;;
	plan:--cgroup) want="-d" ;;
	plan:--pod) want="" ;;
	plan:--pod-uid) want="" ;;
	plan:--container-name) want="" ;;
	plan:--profile | plan:-p) want="-f -W 'triage standard filesystem memory full'" ;;
	plan:--output | plan:-o) want="-f" ;;
	plan:--key) want="-f" ;;
	plan:--case) want="" ;;
	plan:--operator) want="" ;;
	plan:--deadline) want="" ;;
	plan:--max-size) want="" ;;
	plan:--freeze) want="-W 'auto always never'" ;;
	plan:--max-freeze) want="" ;;
	plan:--stage) want="" ;;
	plan:--kubeconfig) want="-f" ;;
	plan:--cri-socket) want="-f" ;;
	plan:--host-root) want="-d" ;;
	verify:--key | verify:-k) want="-f" ;;
	inspect:--key | inspect:-k) want="-f" ;;
	keygen:--output | keygen:-o) want="-f" ;;
	doctor:--output | doctor:-o) want="-f" ;;
	doctor:--key) want="-f" ;;
	doctor:--host-root) want="-d" ;;
	*) case $cmd in
	collect) want="-W '--container --pid --cgroup --pod --pod-uid --container-name --force --profile --output --key --case --operator --deadline --max-size --freeze --max-freeze --stage --memory-maps --kubeconfig --no-api --cri-socket --no-cri --host-root --json --quiet --help'" ;;
	list) want="-W '--host-root --json --help'" ;;
	plan) want="-W '--container --pid --cgroup --pod --pod-uid --container-name --force --profile --output --key --case --operator --deadline --max-size --freeze --max-freeze --stage --memory-maps --kubeconfig --no-api --cri-socket --no-cri --host-root --json --quiet --help'" ;;
	verify) want="-W '--key --json --help'"; [ "${cur#-}" != "$cur" ] || want="$want -f" ;;
	inspect) want="-W '--key --json --help'"; [ "${cur#-}" != "$cur" ] || want="$want -f"; [ "${cur#-}" != "$cur" ] || want="$want " ;;
	keygen) want="-W '--output --json --help'" ;;
	doctor) want="-W '--output --key --host-root --json --help'" ;;
	version) want="-W '--json --help'" ;;
	completion) want="-W '--help'"; [ "${cur#-}" != "$cur" ] || want="$want -W 'bash zsh fish'" ;;
	help) want="-W '--help'"; [ "${cur#-}" != "$cur" ] || want="$want " ;;
	esac ;;
	esac
	[ -n "$want" ] || return
	compopt -o filenames 2>/dev/null
	local IFS=$'\n'
	COMPREPLY=($(IFS=$' \n'; eval "compgen $want" '-- "$cur"'))
}
complete -F _taphos taphos
