//go:build unix

package atomicfile

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// SyncDir puts the names in a directory on disk, without which a new file's
// contents may survive a power cut and the file not.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = fsync(d)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTSUP) {
		err = nil // file systems that keep names in order by themselves
	}
	return errors.Join(err, d.Close())
}
