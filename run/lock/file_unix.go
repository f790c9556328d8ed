//go:build linux || darwin

package lock

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// noFollow refuses symbolic links: in a directory that everybody may write to,
// one could lead anywhere.
const noFollow = unix.O_NOFOLLOW

// tryLock locks f until it is closed, or gives errHeld.
func tryLock(f *os.File) error {
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EWOULDBLOCK):
			return errHeld
		case errors.Is(err, unix.ENOTSUP), errors.Is(err, unix.ENOLCK), errors.Is(err, unix.ENOSYS):
			return ErrUnsupported
		default:
			return err
		}
	}
}

// SharedDirectory is where lock files of instruments are: the same for all users
// of the computer.
func SharedDirectory() string {
	// /run/lock is the place for it, and never cleaned up while the computer is
	// on; on some distributions only root may write there. Its mode decides and
	// not what this user may: all users have to find the same directory.
	if info, err := os.Stat("/run/lock"); err == nil && info.Mode().Perm()&0o002 != 0 {
		return "/run/lock/xlab"
	}
	// Not os.TempDir: that may be another one for every user.
	return "/tmp/xlab-lock"
}
