package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"xlab/run/filelock"
	"xlab/run/lock"
)

// lockBench makes the bench this process's, from before the first byte is sent
// to after it was left safe. reason says in words what it is held for.
func (a *app) lockBench(ctx context.Context, c *Config, reason string) (*lock.Lock, error) {
	bench := c.Bench
	if c.simulated() {
		bench = "the simulated chip " + c.chipFile()
	}
	held, err := lock.Acquire(ctx, c.lockFiles(), lock.Options{
		Owner: lock.Owner{Command: strings.Join(append([]string{"xlab"}, a.arguments...), " "), Reason: reason, Bench: bench},
		Wait:  a.wait,
		Waiting: func(e *lock.HeldError) {
			fmt.Fprintf(a.err, "waiting for up to %s: %v\n", a.wait, e)
		},
	})
	if errors.Is(err, filelock.ErrUnsupported) {
		// Refusing every bench on such a system would help nobody.
		fmt.Fprintf(a.err, "warning: %v: nothing keeps another process from using this bench at the same time\n", err)
		return nil, nil
	}
	return held, err
}

// lockFiles are the lock files of everything that the bench consists of.
func (c *Config) lockFiles() []string {
	if c.simulated() {
		return []string{lock.ChipFile(c.chipFile())}
	}
	dir := cmp.Or(c.Locks, lock.SharedDirectory())
	files := []string{lock.InstrumentFile(dir, c.Analyzer.Address)}
	for _, b := range c.Boards {
		// What is in front of a port's address says what hangs on it.
		files = append(files, lock.InstrumentFile(dir, strings.TrimPrefix(b.Address, "buspirate:")))
	}
	if c.Neurons.Address != "" {
		files = append(files, lock.InstrumentFile(dir, c.Neurons.Address))
	}
	return files
}

// begun tells of a run that was begun or taken up: the bench's lock names it
// and the index has it. Both are for people, and a failure is of no consequence.
func (a *app) begun(ctx context.Context, c *Config, r *recorded) {
	a.cutOff = r.ID()
	held := r.session.held
	if r.session.sim != nil {
		held = r.session.sim.held
	}
	if err := held.Working(r.ID()); err != nil {
		fmt.Fprintf(a.err, "warning: the bench's lock does not name the run: %v\n", err)
	}
	a.noteRun(ctx, c, r.ID())
}
