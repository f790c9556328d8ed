//go:build !linux && !darwin && !windows

package run

import (
	"errors"
	"os"
)

func freeBytes(string) (uint64, error) { return 0, errors.ErrUnsupported }
func systemDiskFull(error) bool        { return false }
func syncDir(string) error             { return nil }
func own(*os.File) error               { return errors.ErrUnsupported }
func ownNow(*os.File) (bool, error)    { return false, errors.ErrUnsupported }
func owned(*os.File) (bool, error)     { return false, errors.ErrUnsupported }
