package main

import (
	"context"
	"xlab/lab/config"
	"xlab/lab/procedure"
	"xlab/run"
)

// job is the work of one run that a command starts or takes up, with what it shows.
type job struct {
	command   string
	arrays    []string
	spec      any
	work      func(ctx context.Context, r procedure.Bench) error
	summarise func(r procedure.Bench, f procedure.Figures) any
	files     func(r procedure.Bench) error
	// show prints the outcome on stdout, after all else. It sees the run's error
	// and returns only what went wrong with printing.
	show func(err error) error
}

func (j job) Command() string                                   { return j.command }
func (j job) Arrays() []string                                  { return j.arrays }
func (j job) Spec() any                                         { return j.spec }
func (j job) Work(ctx context.Context, b procedure.Bench) error { return j.work(ctx, b) }

func (j job) Summary(b procedure.Bench, f procedure.Figures) any {
	if j.summarise == nil {
		return f
	}
	return j.summarise(b, f)
}

func (j job) Files(b procedure.Bench) error {
	if j.files == nil {
		return nil
	}
	return j.files(b)
}

// jobs are the functions that rebuild a job from a run's header, by command.
func (a *app) jobs() map[string]func(c *config.Config, h *run.Header) (procedure.Job, error) {
	list := make(map[string]func(c *config.Config, h *run.Header) (procedure.Job, error))
	for _, name := range []string{"mlp-import", "mlp-infer", "mlp-run"} {
		list[name] = a.rebuildMLP
	}
	return list
}
