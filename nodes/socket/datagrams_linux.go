package socket

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// This file asks Linux about a socket.

// bufferOf gives the size of the receive buffer, 0 if the system does not say.
func bufferOf(c syscall.Conn) (size int) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0
	}
	raw.Control(func(fd uintptr) {
		if size, err = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF); err != nil {
			size = 0
		}
	})
	return size / 2 // it has twice what it was asked for, half of it for the accounts of the system
}

// thrownAway gives how many datagrams the system had no room for since the socket was made.
func thrownAway(c syscall.Conn) (n uint32, ok bool) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, false
	}
	raw.Control(func(fd uintptr) {
		var info [unix.SK_MEMINFO_DROPS + 1]uint32
		size := uint32(unsafe.Sizeof(info))
		_, _, failed := unix.Syscall6(unix.SYS_GETSOCKOPT, fd, unix.SOL_SOCKET, unix.SO_MEMINFO,
			uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
		ok = failed == 0 && uintptr(size) == unsafe.Sizeof(info)
		n = info[unix.SK_MEMINFO_DROPS]
	})
	return n, ok
}
