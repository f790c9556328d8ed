package lock

import (
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/windows"
)

// noFollow has no meaning here.
const noFollow = 0

// Locks are mandatory on this system, so the lock is put far beyond the end of
// the file, where nobody reads.
const lockOffset = 1 << 30

// tryLock locks f until it is closed, or gives errHeld.
func tryLock(f *os.File) error {
	const how = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	err := windows.LockFileEx(windows.Handle(f.Fd()), how, 0, 1, 0, &windows.Overlapped{OffsetHigh: lockOffset})
	switch {
	case errors.Is(err, windows.ERROR_LOCK_VIOLATION), errors.Is(err, windows.ERROR_IO_PENDING):
		return errHeld
	case errors.Is(err, windows.ERROR_NOT_SUPPORTED):
		return ErrUnsupported
	}
	return err
}

// SharedDirectory is where lock files of instruments are: the same for all users
// of the computer.
func SharedDirectory() string {
	dir := os.Getenv("ProgramData")
	if !filepath.IsAbs(dir) {
		dir = os.TempDir()
	}
	return filepath.Join(dir, "xlab", "lock")
}
