//go:build !linux && !darwin && !windows

package filelock

import "os"

// Lock gives ErrUnsupported on this system.
func Lock(*os.File) error { return ErrUnsupported }

// TryLock gives ErrUnsupported on this system.
func TryLock(*os.File) error { return ErrUnsupported }

// TryShare gives ErrUnsupported on this system.
func TryShare(*os.File) error { return ErrUnsupported }
