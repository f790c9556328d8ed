package run

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"xlab/instrument"
)

// File is an open file of the journal.
type File interface {
	io.WriteCloser
	Sync() error // returns when everything written is on disk
}

func createFile(path string) (File, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o644)
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
	return errors.Is(err, errDiskFull) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || systemDiskFull(err)
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

// writeAtomic replaces path by a file with the given contents: a reader, or a
// person after a power cut, finds the old file or the new one, never a half.
func writeAtomic(path string, contents []byte) (err error) {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	if _, err = f.Write(contents); err == nil {
		// Temporary files are private; what is kept is as readable as the journal.
		if err = f.Chmod(0o644); errors.Is(err, errors.ErrUnsupported) {
			err = nil
		}
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}
