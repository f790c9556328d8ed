//go:build !linux && !darwin && !windows

package lock

const noFollow = 0

// SharedDirectory is where lock files of instruments are: the same for all users
// of the computer.
func SharedDirectory() string { return "/tmp/xlab-lock" }
