package main

import (
	"io"
	"log/slog"
	"os"
	"xlab/lab/config"
	"xlab/lab/session"
	"xlab/run"
)

// Lab is a laboratory's bench as a program sees it, and how runs on it are kept.
type Lab struct {
	session.Opener
	In io.Reader // answers of the person at the bench

	Jobs map[string]func(c *config.Config, h *run.Header) (job, error) // that can be rebuilt from a run's header, by command

	Notify []string // who is told of a run's end, beside those of the configuration
	CutOff string   // the run that was begun or taken up, for who goes on with it; "" = none

	// Of a command that is a task of a plan: the plan tells people, is told of the
	// run's ID before that has a directory, and hears of its progress.
	Quiet    bool
	Task     *run.Task
	Announce func(id string) error
	Watch    run.Observer
	Accept   bool // tasks are taken up although the bench is not as it was

	Signals <-chan os.Signal              // interrupts; nil = those of the process
	Keep    func(run.Options) run.Options // how runs are kept otherwise, in tests; nil = no otherwise
}

// logger is where it is written what happens.
func (l *Lab) logger() *slog.Logger {
	if l.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return l.Log
}
