//go:build unix

package run

import (
	"maps"
	"os"
	"os/signal"
	"syscall"
	"time"
)

var systemReactions = func() map[os.Signal]reaction {
	table := map[os.Signal]reaction{
		syscall.SIGSYS:  stopNow,
		syscall.SIGXCPU: stop, // the last word before a kill
		syscall.SIGTSTP: standStill, syscall.SIGTTIN: standStill, syscall.SIGTTOU: standStill,
	}
	maps.Copy(table, moreReactions)
	return table
}()

// untilContinued gets ready to stand still and gives the function that does, which
// returns when the process is continued, at once if that has been by then.
//
// The process stops itself by the signal that cannot be caught: the one that it got
// has been. A process that cannot be stopped (the first of a container) goes on
// after a second.
func untilContinued() (stand func()) {
	continued := make(chan os.Signal, 1)
	signal.Notify(continued, syscall.SIGCONT)
	return func() {
		defer signal.Stop(continued)
		select {
		case <-continued:
			return
		default:
		}
		if syscall.Kill(syscall.Getpid(), syscall.SIGSTOP) != nil {
			return
		}
		select {
		case <-continued:
		case <-time.After(time.Second):
		}
	}
}
