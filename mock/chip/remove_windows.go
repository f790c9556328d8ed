package chip

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

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
