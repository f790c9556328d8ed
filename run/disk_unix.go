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

// syncDir puts the names in a directory on disk, without which a new file's
// contents may survive a power cut and the file not.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTSUP) {
		err = nil // file systems that keep names in order by themselves
	}
	return errors.Join(err, d.Close())
}

// own marks the run whose journal is f as being written by this process. The
// mark ends with the process, however that ends.
func own(f *os.File) error { return flock(f, unix.LOCK_EX) }

// ownNow is own without waiting for somebody else's mark.
func ownNow(f *os.File) (bool, error) {
	err := flock(f, unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}

// owned tells whether a living process has marked f.
func owned(f *os.File) (bool, error) {
	err := flock(f, unix.LOCK_SH|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return true, nil
	}
	return false, err
}

func flock(f *os.File, how int) error {
	for {
		err := unix.Flock(int(f.Fd()), how)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
