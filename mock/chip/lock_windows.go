package chip

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// Locks are mandatory on this system, so the lock is put far beyond the end of
// the file, where nobody reads.
const lockOffset = 1 << 30

// lock makes f this process's until it is closed or the process ends.
func lock(f *os.File) error {
	const how = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	err := windows.LockFileEx(windows.Handle(f.Fd()), how, 0, 1, 0, &windows.Overlapped{OffsetHigh: lockOffset})
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return ErrOwned
	}
	return err
}

// remove closes and removes a file: an open one cannot be removed. Where the
// next owner was quicker it stays.
func remove(f *os.File) error {
	if err := f.Close(); err != nil {
		return err
	}
	err := os.Remove(f.Name())
	if errors.Is(err, windows.ERROR_SHARING_VIOLATION) {
		return nil
	}
	return ignoreMissing(err)
}
