package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"xlab/run"
)

// alone ends the program by a signal where there is nothing to be left safe, with
// the code that it has everywhere.
func (a *app) alone() (release func()) {
	if a.Signals != nil {
		return func() {}
	}
	return run.Alone(func(s os.Signal, stacks []byte) {
		fmt.Fprintf(a.Messages, "%sxlab: %s: ended; no bench was in use\n", stacks, s)
		os.Exit(run.ExitInterrupted)
	})
}

// outputGone tells whether err is that nobody reads the output any more, as in
// `xlab runs | head`: whoever went away has what was wanted.
func outputGone(err error) bool {
	var p *fs.PathError
	return errors.Is(err, syscall.EPIPE) && errors.As(err, &p) && p.Path == os.Stdout.Name()
}
