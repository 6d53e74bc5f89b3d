// SPDX-License-Identifier: Apache-2.0

// held listens on MPTCP, as Go does by itself since 1.24, and watches a folder with inotify.
// Prints as threads.c does.
package main

import (
	"fmt"
	"os"
	"syscall"
	"time"
	"unsafe"
)

var inData = [64]byte{}

//go:noinline
func deep(n int, held []byte) byte {
	if n == 0 {
		for {
			time.Sleep(time.Hour)
		}
	}
	return deep(n-1, held) + held[0]
}

func main() {
	const mptcp = 262
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, mptcp)
	if err != nil {
		fd, err = syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	}
	if err != nil || syscall.Listen(fd, 5) != nil {
		os.Exit(1)
	}
	watch, err := syscall.InotifyInit1(syscall.IN_CLOEXEC)
	if err != nil {
		os.Exit(1)
	}
	if _, err = syscall.InotifyAddWatch(watch, "/", syscall.IN_CREATE); err != nil {
		os.Exit(1)
	}
	held := append(make([]byte, 0, 4096), "planted on Go's heap\x00"...)
	copy(inData[:], "planted in Go's data")
	for i := 0; i < 20; i++ {
		go deep(10, held)
	}
	time.Sleep(100 * time.Millisecond)
	fmt.Printf("%p planted on Go's heap\n", unsafe.Pointer(&held[0]))
	fmt.Printf("%p planted in Go's data\nready\n", unsafe.Pointer(&inData[0]))
	deep(5, held)
}
