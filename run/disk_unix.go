//go:build linux || darwin

package run

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// freeBytes is the space that this user may still write to dir's disk.
func freeBytes(dir string) (uint64, error) {
	var s unix.Statfs_t
	for {
		err := unix.Statfs(dir, &s)
		if err == nil {
			return s.Bavail * uint64(s.Bsize), nil
		}
		if !errors.Is(err, unix.EINTR) {
			return 0, &os.PathError{Op: "statfs", Path: dir, Err: err}
		}
	}
}

func systemDiskFull(error) bool { return false } // they are in every system's list
