#compdef taphos
# zsh completion for taphos, made by 'taphos completion zsh'
_taphos() {
	local -a names=(
		'collect:collect a running container into a sealed, signed bundle'
		'list:show the containers on this node'
		'plan:show what a collection would read and touch; collects nothing'
		'verify:check that a bundle is what was collected, and all of it'
		'inspect:show what is in a bundle, or one member of it'
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
	collect)
		_arguments '(- *)'{-h,--help}'[show help]' \
			'-c+[a container'\''s id, a unique beginning of it, its name, or POD/CONTAINER]:ID:' \
			'--container=[a container'\''s id, a unique beginning of it, its name, or POD/CONTAINER]:ID:' \
			'--pid=[the container of this process, or the process in namespaces of its own]:N:' \
			'--cgroup=[the processes in this cgroup and below]:PATH:_files -/' \
			'--pod=[a pod of Kubernetes on this node, all its containers in one bundle]:NS/POD:' \
			'--pod-uid=[the same by the pod'\''s uid (a static pod'\''s\: the digest of its configuration)]:UID:' \
			'--container-name=[of the pod, this container alone]:NAME:' \
			'--force[also a target that runs in the host'\''s own namespaces, and an output that is in the target, or on a disk the kubelet needs]' \
			'-p+[what to collect\: triage, standard, filesystem, memory, full, or a file]:NAME:{_alternative "words\:word\:(triage standard filesystem memory full)" "files\:file\:_files"}' \
			'--profile=[what to collect\: triage, standard, filesystem, memory, full, or a file]:NAME:{_alternative "words\:word\:(triage standard filesystem memory full)" "files\:file\:_files"}' \
			'-o+[the bundle, or a folder for it, or - for stdout; nothing is ever overwritten \[a new name in the current folder\]]:FILE:_files' \
			'--output=[the bundle, or a folder for it, or - for stdout; nothing is ever overwritten \[a new name in the current folder\]]:FILE:_files' \
			'--key=[the private key that signs ('\''taphos keygen'\'') \[one made for this run\]]:FILE:_files' \
			'--case=[a case number for the record]:ID:' \
			'--operator=[who collects, for the record]:NAME:' \
			'--deadline=[the run is over by then, with what was reached]:TIME:' \
			'--max-size=[at most so much evidence; 0 for no limit]:SIZE:' \
			'--freeze=[stop the target while its memory is copied; always\: or leave that out]:WHEN:(auto always never)' \
			'--max-freeze=[it stands still no longer; what is not copied then is read while it runs]:TIME:' \
			'--stage=[memory of the node to copy to meanwhile; more goes to the output'\''s disk \[a quarter of what is available, at most 2G\]]:SIZE:' \
			'--memory-maps[of memory, only what is mapped; nothing is stopped]' \
			'--kubeconfig=[the API server to ask about the container'\''s pod, and the credential \[the service account of the pod that taphos runs in\]]:FILE:_files' \
			'--no-api[ask no API server]' \
			'--cri-socket=[where on the host the daemon of the container'\''s runtime listens \[where it does usually\]]:FILE:_files' \
			'--no-cri[ask no daemon of a container runtime]' \
			'--host-root=[where the host'\''s root is seen; found by itself where it is / or /host]:DIR:_files -/' \
			'--json[print the result as JSON]' \
			'-q[no progress and no summary on stderr, only errors]' \
			'--quiet[no progress and no summary on stderr, only errors]' ;;
	list)
		_arguments '(- *)'{-h,--help}'[show help]' \
			'--host-root=[where the host'\''s root is seen; found by itself where it is / or /host]:DIR:_files -/' \
			'--json[print the result as JSON]' ;;
	plan)
		_arguments '(- *)'{-h,--help}'[show help]' \
			'-c+[a container'\''s id, a unique beginning of it, its name, or POD/CONTAINER]:ID:' \
			'--container=[a container'\''s id, a unique beginning of it, its name, or POD/CONTAINER]:ID:' \
			'--pid=[the container of this process, or the process in namespaces of its own]:N:' \
			'--cgroup=[the processes in this cgroup and below]:PATH:_files -/' \
			'--pod=[a pod of Kubernetes on this node, all its containers in one bundle]:NS/POD:' \
			'--pod-uid=[the same by the pod'\''s uid (a static pod'\''s\: the digest of its configuration)]:UID:' \
			'--container-name=[of the pod, this container alone]:NAME:' \
			'--force[also a target that runs in the host'\''s own namespaces, and an output that is in the target, or on a disk the kubelet needs]' \
			'-p+[what to collect\: triage, standard, filesystem, memory, full, or a file]:NAME:{_alternative "words\:word\:(triage standard filesystem memory full)" "files\:file\:_files"}' \
			'--profile=[what to collect\: triage, standard, filesystem, memory, full, or a file]:NAME:{_alternative "words\:word\:(triage standard filesystem memory full)" "files\:file\:_files"}' \
			'-o+[the bundle, or a folder for it, or - for stdout; nothing is ever overwritten \[a new name in the current folder\]]:FILE:_files' \
			'--output=[the bundle, or a folder for it, or - for stdout; nothing is ever overwritten \[a new name in the current folder\]]:FILE:_files' \
			'--key=[the private key that signs ('\''taphos keygen'\'') \[one made for this run\]]:FILE:_files' \
			'--case=[a case number for the record]:ID:' \
			'--operator=[who collects, for the record]:NAME:' \
			'--deadline=[the run is over by then, with what was reached]:TIME:' \
			'--max-size=[at most so much evidence; 0 for no limit]:SIZE:' \
			'--freeze=[stop the target while its memory is copied; always\: or leave that out]:WHEN:(auto always never)' \
			'--max-freeze=[it stands still no longer; what is not copied then is read while it runs]:TIME:' \
			'--stage=[memory of the node to copy to meanwhile; more goes to the output'\''s disk \[a quarter of what is available, at most 2G\]]:SIZE:' \
			'--memory-maps[of memory, only what is mapped; nothing is stopped]' \
			'--kubeconfig=[the API server to ask about the container'\''s pod, and the credential \[the service account of the pod that taphos runs in\]]:FILE:_files' \
			'--no-api[ask no API server]' \
			'--cri-socket=[where on the host the daemon of the container'\''s runtime listens \[where it does usually\]]:FILE:_files' \
			'--no-cri[ask no daemon of a container runtime]' \
			'--host-root=[where the host'\''s root is seen; found by itself where it is / or /host]:DIR:_files -/' \
			'--json[print the result as JSON]' \
			'-q[no progress and no summary on stderr, only errors]' \
			'--quiet[no progress and no summary on stderr, only errors]' ;;
	verify)
		_arguments '(- *)'{-h,--help}'[show help]' \
			'-k+[the key that must have signed]:PUBLIC.pem:_files' \
			'--key=[the key that must have signed]:PUBLIC.pem:_files' \
			'--json[print the result as JSON]' \
			':BUNDLE:_files' ;;
	inspect)
		_arguments '(- *)'{-h,--help}'[show help]' \
			'-k+[the key that must have signed]:PUBLIC.pem:_files' \
			'--key=[the key that must have signed]:PUBLIC.pem:_files' \
			'--json[print the result as JSON]' \
			':BUNDLE:_files' \
			'::MEMBER:' ;;
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
