/* SPDX-License-Identifier: Apache-2.0 */
/* regs - the register sets of a stopped thread. */
#include "regs.h"

#include "hold.h"

#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

/* All that gdb knows to use. A set that the processor lacks is refused, and not missed. */
static const uint32_t notes[] = {
	NT_PRSTATUS, NT_PRFPREG,
#if defined(__x86_64__)
	NT_386_TLS, NT_X86_XSTATE, 0x204, /* NT_X86_SHSTK */
#elif defined(__aarch64__)
	NT_ARM_TLS, NT_ARM_SYSTEM_CALL, NT_ARM_SVE, 0x406, /* NT_ARM_PAC_MASK */
	0x409,						   /* NT_ARM_TAGGED_ADDR_CTRL */
#endif
};

/* Whose general registers have this size? */
static uint16_t machine_of(size_t size)
{
#if defined(__x86_64__)
	return size == 27 * 8 ? EM_X86_64 : size == 17 * 4 ? EM_386 : EM_NONE;
#elif defined(__aarch64__)
	return size == 34 * 8 ? EM_AARCH64 : size == 18 * 4 ? EM_ARM : EM_NONE;
#else
	(void)size;
	return EM_NONE;
#endif
}

static int add(struct memtable *t, uint32_t note, const void *p, size_t n, struct err *e)
{
	struct mem_regs r = {.head.type = MEM_REGS, .note = note, .n = (uint32_t)n};

	return memtable_add(t, &r, sizeof(r), p, n, e);
}

/* The signal it was about to take; zeros for a thread that only stopped for us. */
static int add_signal(struct memtable *t, const struct hold_thread *thread, struct err *e)
{
	siginfo_t info;

	memset(&info, 0, sizeof(info));
	if (thread->signal && ptrace(PTRACE_GETSIGINFO, thread->tid, NULL, &info) < 0)
		memset(&info, 0, sizeof(info));
	return add(t, NT_SIGINFO, &info, sizeof(info), e);
}

int regs_read(struct memtable *t, const struct hold_thread *thread, uint16_t *machine,
	int *ret_error, struct err *e)
{
	char set[MEM_REGSET];
	int sets = 0, rc;

	for (size_t i = 0; i < sizeof(notes) / sizeof(notes[0]); i++) {
		struct iovec v = {set, sizeof(set)};

		if (ptrace(PTRACE_GETREGSET, thread->tid, (void *)(uintptr_t)notes[i], /* NOLINT */
			    &v) < 0) {
			if (notes[i] != NT_PRSTATUS)
				continue;
			*ret_error = errno;
			return 0;
		}
		if (notes[i] == NT_PRSTATUS && machine_of(v.iov_len))
			*machine = machine_of(v.iov_len);
		rc = add(t, notes[i], set, v.iov_len, e);
		if (rc < 0)
			return rc;
		sets++;
	}
	rc = add_signal(t, thread, e);
	return rc < 0 ? rc : sets;
}
