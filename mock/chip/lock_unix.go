//go:build linux || darwin

package chip

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// lock makes f this process's until it is closed or the process ends.
func lock(f *os.File) error {
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EWOULDBLOCK):
			return ErrOwned
		case errors.Is(err, unix.ENOTSUP), errors.Is(err, unix.ENOLCK):
			return nil // a file system without locks
		default:
			return err
		}
	}
}

// remove removes a locked file while nobody else can have it.
func remove(f *os.File) error {
	return errors.Join(ignoreMissing(os.Remove(f.Name())), f.Close())
}
