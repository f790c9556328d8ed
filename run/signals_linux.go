package run

import (
	"os"
	"syscall"
)

var moreReactions = map[os.Signal]reaction{
	syscall.SIGPWR:    stop, // the power is about to go
	syscall.SIGSTKFLT: stopNow,
}
