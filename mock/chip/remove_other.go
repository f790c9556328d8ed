//go:build !windows

package chip

import (
	"errors"
	"os"
)

// remove removes a locked file while nobody else can have it.
func remove(f *os.File) error {
	return errors.Join(ignoreMissing(os.Remove(f.Name())), f.Close())
}
