//go:build !linux && !darwin && !windows

package chip

import (
	"errors"
	"os"
)

// lock does nothing on this system.
func lock(*os.File) error { return nil }

func remove(f *os.File) error {
	return errors.Join(ignoreMissing(os.Remove(f.Name())), f.Close())
}
