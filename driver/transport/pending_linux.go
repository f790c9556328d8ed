package transport

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// Pending asks the operating system for the bytes that arrived and were not
// read. An error only means that the number is not known.
func (c *tcpConn) Pending() (n int) {
	raw, ok := c.conn.(syscall.Conn)
	if !ok {
		return 0
	}
	control, err := raw.SyscallConn()
	if err != nil {
		return 0
	}
	_ = control.Control(func(fd uintptr) {
		if k, err := unix.IoctlGetInt(int(fd), unix.TIOCINQ); err == nil {
			n = k
		}
	})
	return n
}
