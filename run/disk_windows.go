package run

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// freeBytes is the space that this user may still write to dir's disk.
func freeBytes(dir string) (uint64, error) {
	path, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, err
	}
	var free uint64
	if err := windows.GetDiskFreeSpaceEx(path, &free, nil, nil); err != nil {
		return 0, &os.PathError{Op: "GetDiskFreeSpaceEx", Path: dir, Err: err}
	}
	return free, nil
}

// systemDiskFull knows the numbers that this system has for a full disk.
func systemDiskFull(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL)
}

// syncDir has nothing to do: NTFS keeps names in its own log.
func syncDir(string) error { return nil }

// Locks are mandatory on this system, so the mark is put far beyond the end of
// the file, where nobody reads.
const markOffset = 1 << 30

// own marks the run whose journal is f as being written by this process. The
// mark ends with the process, however that ends.
func own(f *os.File) error { return mark(f, windows.LOCKFILE_EXCLUSIVE_LOCK) }

// ownNow is own without waiting for somebody else's mark.
func ownNow(f *os.File) (bool, error) {
	err := mark(f, windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return false, nil
	}
	return err == nil, err
}

// owned tells whether a living process has marked f.
func owned(f *os.File) (bool, error) {
	err := mark(f, windows.LOCKFILE_FAIL_IMMEDIATELY)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return true, nil
	}
	return false, err
}

func mark(f *os.File, flags uint32) error {
	return windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, &windows.Overlapped{OffsetHigh: markOffset})
}
