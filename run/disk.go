package run

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"xlab/instrument"
	"xlab/run/atomicfile"
)

// File is an open file of the journal.
type File interface {
	io.WriteCloser
	Sync() error // returns when everything written is on disk
}

// CreateFile makes a new file of a journal, which nobody else may read.
func CreateFile(path string) (File, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, atomicfile.Private)
}

func syncFile(f File) error { return f.Sync() }

// checkFree refuses to go on when the disk of dir has less than reserve bytes.
// The reserve is there for the results of what is under way and for the end.
func checkFree(free func(string) (uint64, error), dir string, reserve uint64) error {
	n, err := free(dir)
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		return nil // this system does not tell; a full disk is then noticed by the write itself
	case err != nil:
		return &instrument.Error{Op: "journal", Channel: dir, Kind: instrument.KindTrip,
			Err:    fmt.Errorf("the free space of the disk cannot be found out: %w", err),
			Advice: "check that the disk is mounted; nothing was sent"}
	case n < reserve:
		return &instrument.Error{Op: "journal", Channel: dir, Kind: instrument.KindTrip,
			Err:    fmt.Errorf("%w: it has %s left, less than the reserve of %s", errDiskFull, byteCount(n), byteCount(reserve)),
			Advice: "free some space; nothing was sent"}
	}
	return nil
}

var errDiskFull = errors.New("the disk is full")

// diskFull tells whether err says that no space was left. The work itself has
// not failed then: it goes on once there is some.
func diskFull(err error) bool {
	return errors.Is(err, errDiskFull) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) ||
		systemDiskFull(err)
}

func byteCount(n uint64) string {
	switch {
	case n < 10<<10:
		return fmt.Sprintf("%d bytes", n)
	case n < 10<<20:
		return fmt.Sprintf("%d KiB", n>>10)
	default:
		return fmt.Sprintf("%d MiB", n>>20)
	}
}
