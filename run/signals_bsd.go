//go:build unix && !linux

package run

import (
	"os"
	"syscall"
)

var moreReactions = map[os.Signal]reaction{syscall.Signal(7): stopNow} // SIGEMT
