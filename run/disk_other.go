//go:build !linux && !darwin && !windows

package run

import "errors"

func freeBytes(string) (uint64, error) { return 0, errors.ErrUnsupported }
func systemDiskFull(error) bool        { return false }
