package lock

import (
	"os"
	"path/filepath"
)

// noFollow has no meaning here.
const noFollow = 0

// SharedDirectory is where lock files of instruments are: the same for all users
// of the computer.
func SharedDirectory() string {
	dir := os.Getenv("ProgramData")
	if !filepath.IsAbs(dir) {
		dir = os.TempDir()
	}
	return filepath.Join(dir, "xlab", "lock")
}
