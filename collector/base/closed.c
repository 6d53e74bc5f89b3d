/* SPDX-License-Identifier: Apache-2.0 */
/* closed - doors of libcrypto and c-ares that nobody here goes through. OpenSSL's configuration can
 * name shared objects to load, its sockets look names up, and c-ares asks for services by name,
 * which loads modules of the root the process stands in: an attacker's root. The linker puts these
 * in libc's place (--wrap, CLOSED in the Makefile), so that the name services are not in the
 * program at all. */
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <stddef.h>

/* nobody calls them by these names */
void *__wrap_dlopen(const char *file, int mode);
void *__wrap_dlsym(void *handle, const char *name);
int __wrap_dlclose(void *handle);
char *__wrap_dlerror(void);
int __wrap_dladdr(const void *address, Dl_info *info);
int __wrap_getaddrinfo(
	const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **res);
void __wrap_freeaddrinfo(struct addrinfo *ai);
const char *__wrap_gai_strerror(int code);
int __wrap_getnameinfo(const struct sockaddr *sa, socklen_t sa_len, char *host, socklen_t host_len,
	char *serv, socklen_t serv_len, int flags);
struct hostent *__wrap_gethostbyname(const char *name);
struct servent *__wrap_getservbyname(const char *name, const char *protocol);
int __wrap_getservbyport_r(int port, const char *protocol, struct servent *ret, char *room,
	size_t size, struct servent **result);

void *__wrap_dlopen(const char *file, int mode)
{
	(void)file, (void)mode;
	return NULL;
}

void *__wrap_dlsym(void *handle, const char *name)
{
	(void)handle, (void)name;
	return NULL;
}

int __wrap_dlclose(void *handle)
{
	(void)handle;
	return -1;
}

char *__wrap_dlerror(void)
{
	return NULL;
}

int __wrap_dladdr(const void *address, Dl_info *info)
{
	(void)address, (void)info;
	return 0;
}

int __wrap_getaddrinfo(
	const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **res)
{
	(void)node, (void)service, (void)hints;
	*res = NULL;
	return EAI_FAIL;
}

void __wrap_freeaddrinfo(struct addrinfo *ai)
{
	(void)ai;
}

const char *__wrap_gai_strerror(int code)
{
	(void)code;
	return "this program looks up no names";
}

int __wrap_getnameinfo(const struct sockaddr *sa, socklen_t sa_len, char *host, socklen_t host_len,
	char *serv, socklen_t serv_len, int flags)
{
	(void)sa, (void)sa_len, (void)host, (void)host_len, (void)serv, (void)serv_len;
	(void)flags;
	return EAI_FAIL;
}

struct hostent *__wrap_gethostbyname(const char *name)
{
	(void)name;
	h_errno = NO_RECOVERY;
	return NULL;
}

struct servent *__wrap_getservbyname(const char *name, const char *protocol)
{
	(void)name, (void)protocol;
	return NULL;
}

int __wrap_getservbyport_r(int port, const char *protocol, struct servent *ret, char *room,
	size_t size, struct servent **result)
{
	(void)port, (void)protocol, (void)ret, (void)room, (void)size;
	*result = NULL;
	return ENOENT;
}
