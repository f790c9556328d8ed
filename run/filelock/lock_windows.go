package filelock

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// Locks are mandatory on this system, so the lock is put far beyond the end of
// the file, where nobody reads.
const offset = 1 << 30

// Lock locks f, and waits for who has it.
func Lock(f *os.File) error { return lock(f, windows.LOCKFILE_EXCLUSIVE_LOCK) }

// TryLock locks f, or gives ErrHeld at once.
func TryLock(f *os.File) error {
	return lock(f, windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY)
}

// TryShare locks f together with others who share it, or gives ErrHeld at once
// where somebody has it alone.
func TryShare(f *os.File) error { return lock(f, windows.LOCKFILE_FAIL_IMMEDIATELY) }

func lock(f *os.File, how uint32) error {
	err := windows.LockFileEx(windows.Handle(f.Fd()), how, 0, 1, 0, &windows.Overlapped{OffsetHigh: offset})
	switch {
	case errors.Is(err, windows.ERROR_LOCK_VIOLATION), errors.Is(err, windows.ERROR_IO_PENDING):
		return ErrHeld
	case errors.Is(err, windows.ERROR_NOT_SUPPORTED):
		return ErrUnsupported
	}
	return err
}
