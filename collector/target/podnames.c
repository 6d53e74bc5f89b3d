/* SPDX-License-Identifier: Apache-2.0 */
/* podnames - what the kubelet writes into the names of files. */
#include "podnames.h"

#include <string.h>

enum { UID_HEX = 32, UID_DASHED = 36 };

static bool copy(char *ret, size_t size, const char *from, size_t len)
{
	if (!len || len >= size)
		return false;
	memcpy(ret, from, len);
	ret[len] = '\0';
	return true;
}

bool podnames_link(const char *name, struct podname *ret)
{
	const char *ns = strchr(name, '_'), *container = ns ? strchr(ns + 1, '_') : NULL;
	const char *id = container ? strrchr(container, '-') : NULL;
	struct podname n = {0};
	size_t len;

	if (!id)
		return false;
	len = strlen(id + 1);
	if (len <= 4 || strcmp(id + 1 + len - 4, ".log") != 0)
		return false;
	if (!copy(n.pod, sizeof(n.pod), name, (size_t)(ns - name)) ||
		!copy(n.pod_namespace, sizeof(n.pod_namespace), ns + 1,
			(size_t)(container - ns - 1)) ||
		!copy(n.container, sizeof(n.container), container + 1,
			(size_t)(id - container - 1)) ||
		!copy(n.id, sizeof(n.id), id + 1, len - 4))
		return false;
	*ret = n;
	return true;
}

bool podnames_log_folder(const char *name, struct podname *ret)
{
	const char *pod = strchr(name, '_'), *uid = strrchr(name, '_');
	struct podname n = {0};

	if (!pod || uid == pod || !podnames_is_uid(uid + 1))
		return false;
	if (!copy(n.pod_namespace, sizeof(n.pod_namespace), name, (size_t)(pod - name)) ||
		!copy(n.pod, sizeof(n.pod), pod + 1, (size_t)(uid - pod - 1)) ||
		!copy(n.uid, sizeof(n.uid), uid + 1, strlen(uid + 1)))
		return false;
	*ret = n;
	return true;
}

bool podnames_is_uid(const char *text)
{
	size_t len = strlen(text);

	return (len == UID_HEX || len == UID_DASHED) && strspn(text, "0123456789abcdef-") == len;
}

bool podnames_is_static(const char *uid)
{
	return strlen(uid) == UID_HEX && strspn(uid, "0123456789abcdef") == UID_HEX;
}
