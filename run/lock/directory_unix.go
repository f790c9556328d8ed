//go:build linux || darwin

package lock

import (
	"os"

	"golang.org/x/sys/unix"
)

// noFollow refuses symbolic links: in a directory that everybody may write to,
// one could lead anywhere.
const noFollow = unix.O_NOFOLLOW

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
