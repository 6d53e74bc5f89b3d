#compdef taphos
# zsh completion for taphos, made by 'taphos completion zsh'
_taphos() {
	local -a names=(
		'list:show the containers on this node'
		'keygen:make an Ed25519 key pair'
		'doctor:check whether this node can be collected, and how to mend it'
		'version:show version, build id and libraries'
		'completion:print a completion script for a shell'
		'help:show the commands, or the options of one'
	)
	if (( CURRENT == 2 )); then
		_describe command names
		return
	fi
	shift words
	(( CURRENT-- ))
	case $words[1] in
	list)
		_arguments '(- *)'{-h,--help}'[show help]' \
			'--host-root=[where the host'\''s root is seen; found by itself where it is / or /host]:DIR:_files -/' \
			'--json[print the result as JSON]' ;;
	keygen)
		_arguments '(- *)'{-h,--help}'[show help]' \
			'-o+[the private key goes to FILE, the public one to FILE.pub]:FILE:_files' \
			'--output=[the private key goes to FILE, the public one to FILE.pub]:FILE:_files' \
			'--json[print the result as JSON]' ;;
	doctor)
		_arguments '(- *)'{-h,--help}'[show help]' \
			'-o+[where bundles would go]:DIR:_files' \
			'--output=[where bundles would go]:DIR:_files' \
			'--key=[the private key that would sign them]:FILE:_files' \
			'--host-root=[where the host'\''s root is seen; found by itself where it is / or /host]:DIR:_files -/' \
			'--json[print the result as JSON]' ;;
	version)
		_arguments '(- *)'{-h,--help}'[show help]' \
			'--json[print the result as JSON]' ;;
	completion)
		_arguments '(- *)'{-h,--help}'[show help]' \
			':SHELL:(bash zsh fish)' ;;
	help)
		_arguments '(- *)'{-h,--help}'[show help]' \
			'::COMMAND:' ;;
	esac
}
if [ "$funcstack[1]" = _taphos ]; then
	_taphos "$@"
else
	compdef _taphos taphos
fi
