// Package filelock locks open files for a process: by flock on Unix, by LockFileEx
// on Windows. A lock lasts until its file is closed or its process ends, however
// that ends, so that nobody has to clean up after a crash. It is advice: it keeps
// nobody from reading and writing who does not ask for it.
//
// The package knows nothing else of the project, so that the locks of benches and
// the marks on runs and simulated chips can all be made by it.
package filelock

import "errors"

var (
	// ErrHeld tells that another process, or another open file of this one, has the lock.
	ErrHeld = errors.New("the file is locked by another process")
	// ErrUnsupported tells that the system or the file system knows no locks.
	ErrUnsupported = errors.New("this file system knows no locks")
)
