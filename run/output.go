package run

import (
	"fmt"
	"io"
	"os"

	"xlab/run/atomicfile"
)

// WriteOutput writes a file for others to read, as a whole or not at all. One that is
// there already is replaced only by force; a device or a pipe is written to.
func WriteOutput(path string, force bool, write func(io.Writer) error) error {
	if old, err := os.Stat(path); err == nil && old.Mode().IsRegular() && !force {
		return Usage(fmt.Errorf("%s exists already; --force replaces it", path))
	}
	var failed error
	err := atomicfile.Write(path, atomicfile.Shared, func(w io.Writer) error {
		failed = write(w)
		return failed
	})
	if err != nil && failed == nil {
		return Usage(err) // no place for a file
	}
	return err
}
