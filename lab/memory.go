package lab

import (
	"context"
	"errors"
	"slices"
	"time"

	"xlab/instrument"
	"xlab/lab/procedure"
	"xlab/lab/sim"
	"xlab/mock/chip"
	"xlab/run"
	"xlab/run/guarded"
)

// InMemory does the work of jobs, one after the other, on a bench around a simulated
// chip that is in memory only. Nothing is kept: what came of it is in the jobs and in
// the chip. The first job that ends with an error, a *run.Ended of its verdict among
// them, is the last one.
func (l *Lab) InMemory(ctx context.Context, c *chip.Chip, jobs ...procedure.Job) error {
	_, err := l.inMemory(ctx, c, jobs, func(context.Context, *Run) error { return nil })
	return err
}

// TimedInMemory is InMemory for who wants to know how long the jobs take together. The
// bench's clock is asked before and after, which takes time on the bench.
func (l *Lab) TimedInMemory(ctx context.Context, c *chip.Chip, jobs ...procedure.Job) (procedure.Figures, error) {
	var times []instrument.Seconds
	began := time.Now()
	busy, err := l.inMemory(ctx, c, jobs, func(ctx context.Context, r *Run) error {
		now, err := r.session.Analyzer.BenchTime(ctx)
		times = append(times, now)
		return err
	})
	f := procedure.Figures{WallSeconds: time.Since(began).Seconds(), BusySeconds: float64(busy)}
	if len(times) == 2 {
		f.BenchSeconds = float64(times[1] - times[0])
	}
	if busy > 0 {
		f.Overhead = f.BenchSeconds / f.BusySeconds
	}
	return f, err
}

// inMemory calls clock before the first job and after the last, if that has come to an
// end of its own, and gives what the instruments needed by themselves.
func (l *Lab) inMemory(ctx context.Context, c *chip.Chip, jobs []procedure.Job,
	clock func(ctx context.Context, r *Run) error) (busy instrument.Seconds, err error) {
	var all []string
	names := make([][]string, len(jobs))
	for i, j := range jobs {
		if names[i], err = l.boards(j); err != nil {
			return 0, err
		}
		for _, name := range names[i] {
			if !slices.Contains(all, name) {
				all = append(all, name)
			}
		}
	}
	bench, err := sim.New(l.Known(), l.Config, c, "")
	if err != nil {
		return 0, err
	}
	s, err := l.OpenOn(ctx, bench, all...)
	if err != nil {
		return 0, err
	}
	defer func() {
		if failed := s.Close(); failed != nil { // else a verdict stays one, see study.Chip.Timed
			err = errors.Join(err, failed)
		}
	}()
	r := &Run{lab: l, session: s, stack: guarded.New(guarded.Options{Turns: &s.Turns})}
	if err := clock(ctx, r); err != nil {
		return 0, err
	}
	for i, j := range jobs {
		r.header = l.header(s, j, names[i])
		if err = j.Work(ctx, r); err != nil {
			break
		}
	}
	if ended := (*run.Ended)(nil); err != nil && !errors.As(err, &ended) {
		return 0, err
	}
	if failed := clock(ctx, r); failed != nil {
		err = errors.Join(err, failed)
	}
	return r.stack.Busy(), err
}
