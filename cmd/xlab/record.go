package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/run"
)

// recorded is a run on an open bench: its directory, and the array with the
// journal in front of it.
type recorded struct {
	*run.Run
	session  *session
	bar      *array.Journaled
	progress *run.Progress
	began    time.Time
	start    instrument.Seconds // bench time at the beginning
}

// figures are the key figures that every run that touches devices has.
type figures struct {
	Run          string  `json:"run"`
	BenchSeconds float64 `json:"bench_seconds"`
	WallSeconds  float64 `json:"wall_seconds"`
	BusySeconds  float64 `json:"instrument_seconds"` // what the instruments need by themselves for the same steps
	Overhead     float64 `json:"overhead"`           // bench time over instrument time
}

// record carries work out as a run of the command on one array: directory,
// journal, safe exit. On every way out, with the bench safe, files writes the
// run's data files and summarise gives the key figures that are kept.
func (a *app) record(ctx context.Context, c *Config, command, name string, spec any,
	work func(ctx context.Context, r *recorded) error, summarise func(r *recorded, f figures) any, files func(r *recorded) error) (err error) {
	board, err := c.board(name)
	if err != nil {
		return err
	}
	// Guard catches interrupts from where something can be stressed; opening
	// must not be cut off in the middle either.
	opening, release := a.interruptible(ctx)
	defer release()
	s, err := a.open(opening, c, board.Name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	header := run.Header{Command: command, Arguments: a.arguments, Array: board.Name, Program: version(), Bench: s.describe(),
		Simulated: s.sim != nil, Instruments: map[string]instrument.Identity{"analyzer": s.identity}, Limits: c.limits(), Spec: spec}
	if s.sim != nil {
		header.Chip, header.Seed = chipIdentity(s.sim.file, s.sim.chip.Seed), s.sim.chip.Seed
	}
	r := &recorded{session: s, began: time.Now()}
	if r.Run, err = run.Create(c.runsDir(), header); err != nil {
		return errors.Join(err, s.makeSafe(ctx))
	}
	r.bar = array.NewJournaled(s.arrays[board.Name], board.Name, r.Journal())
	r.progress = run.NewProgress(run.ProgressOptions{Output: a.err, Label: command + " " + board.Name})
	var end figures
	err = run.Guard(ctx, run.GuardOptions{
		Safers: s.safers(), Timeout: s.safeTimeout(), Journal: r.Journal(), Signals: a.signals,
		Notify: func(text string) { r.progress.Message(text) },
		Finish: func(err error) error {
			r.progress.Close()
			return r.End(errors.Join(err, files(r)), summarise(r, end))
		},
	}, func(ctx context.Context) error {
		if opening.Err() != nil {
			return run.ErrInterrupted // between opening and here
		}
		start, err := s.analyzer.BenchTime(ctx)
		if err != nil {
			return err
		}
		r.start = start
		r.Journal().SetBenchTime(0)
		err = work(ctx, r)
		end = r.figures(ctx, err)
		return err
	})
	return err
}

// figures reads the bench's clock for the last time. Where the bench no longer
// answers the bench time is 0; what is known not to answer is not asked,
// because waiting for it would keep the bench from being made safe.
func (r *recorded) figures(ctx context.Context, err error) figures {
	f := figures{Run: r.ID(), WallSeconds: time.Since(r.began).Seconds(), BusySeconds: float64(r.bar.Busy())}
	switch instrument.KindOf(err) {
	case instrument.KindTimeout, instrument.KindUnreachable:
		return f
	}
	if now, err := r.session.analyzer.BenchTime(ctx); err == nil {
		f.BenchSeconds = float64(now - r.start)
		r.Journal().SetBenchTime(now - r.start)
	}
	if f.BusySeconds > 0 {
		f.Overhead = f.BenchSeconds / f.BusySeconds
	}
	return f
}

// overheadLine explains the ratio of bench time to instrument time.
func (f figures) overheadLine() string {
	if f.BusySeconds == 0 || f.BenchSeconds == 0 {
		return ""
	}
	return fmt.Sprintf("bench time %.1f s, of which the instruments needed %.1f s (ratio %.3f); wall time %.1f s\n",
		f.BenchSeconds, f.BusySeconds, f.Overhead, f.WallSeconds)
}

// writeTo puts a file into the run's directory.
func (r *recorded) writeTo(name string, write func(w io.Writer) error) error {
	var b bytes.Buffer
	if err := write(&b); err != nil {
		return err
	}
	return r.WriteFile(name, b.Bytes())
}
