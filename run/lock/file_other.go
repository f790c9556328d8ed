//go:build !linux && !darwin && !windows

package lock

import "os"

const noFollow = 0

func tryLock(*os.File) error { return ErrUnsupported }

// SharedDirectory is where lock files of instruments are: the same for all users
// of the computer.
func SharedDirectory() string { return "/tmp/xlab-lock" }
