//go:build !linux

package socket

import "syscall"

// This file is for systems that are not asked about a socket.

func bufferOf(syscall.Conn) int { return 0 }

func thrownAway(syscall.Conn) (uint32, bool) { return 0, false }
