package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// interruptible gives a context that ends when the program is asked to stop. A
// signal that was ignored when the program started stays ignored: that is how
// nohup works. The caller releases it.
func (a *app) interruptible(ctx context.Context) (context.Context, context.CancelFunc) {
	if a.signals != nil {
		return context.WithCancel(ctx)
	}
	var wanted []os.Signal
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(s) {
			wanted = append(wanted, s)
		}
	}
	if len(wanted) == 0 {
		return context.WithCancel(ctx) // without names, all signals would be meant
	}
	return signal.NotifyContext(ctx, wanted...)
}
