package transport

import (
	"cmp"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// watch waits for a serial port to have something to read, on a descriptor of
// its own, so that the library is only asked to read when it will not block.
// That is what makes Close immediate with both libraries, lets nobody be inside
// the library's Read when its port is closed (go.bug.st/serial closes the
// descriptor under a read, whose number may then belong to another file), and
// tells a hang-up from the time-out that github.com/tarm/serial reports as
// io.EOF.
type watch struct {
	file *os.File
	raw  syscall.RawConn
}

// openWatch opens the device beside the library. It has to come first: the
// library may take exclusive access, after which nobody else can open it.
func openWatch(device string) (*watch, error) {
	file, err := os.OpenFile(device, unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	raw, err := file.SyscallConn()
	if err != nil {
		file.Close()
		return nil, err
	}
	return &watch{file, raw}, nil
}

// readable blocks until there is something to read or the port has hung up.
// After close it fails.
func (w *watch) readable() (hungUp bool, err error) {
	var events int16
	var failed error
	err = w.raw.Read(func(fd uintptr) bool {
		// The runtime's poller reports changes only: whether there is something
		// already has to be asked each time.
		for {
			poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
			n, err := unix.Poll(poll, 0)
			if err == unix.EINTR {
				continue
			}
			events, failed = poll[0].Revents, err
			return n != 0 || err != nil
		}
	})
	err = cmp.Or(err, failed)
	return events&(unix.POLLHUP|unix.POLLERR|unix.POLLNVAL) != 0, err
}

// close ends a wait that is under way at once.
func (w *watch) close() error { return w.file.Close() }
