# SPDX-License-Identifier: Apache-2.0
# narrow - a 32-bit program: says that it is ready, and waits with a number in a register.
	.data
	.globl planted
planted:
	.asciz "planted in 32 bits"
line:
	.ascii "ready\n"
	.text
	.globl _start
_start:
	movl $4, %eax	# write
	movl $1, %ebx
	movl $line, %ecx
	movl $6, %edx
	int $0x80
again:
	movl $0x4711, %ebx
	movl $29, %eax	# pause
	int $0x80
	jmp again
