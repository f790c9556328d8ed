// Package study runs procedures over many simulated chips by seed, in memory, on all
// cores. What comes out depends on the seeds and the configuration alone, not on the
// number of cores.
//
// Terms: a chip's first part is forming; every other part of a study starts from the
// freshly formed chip.
package study

import (
	"context"
	"encoding/json"
	"fmt"

	"xlab/instrument/array"
	"xlab/lab"
	"xlab/lab/procedure"
	"xlab/lab/sim"
	"xlab/mock/chip"
	"xlab/run"
)

// Chip is a simulated chip after forming, to start from again and again.
type Chip struct {
	Seed    uint64
	Defects map[string]*array.DefectMap // by array

	lab   *lab.Lab
	state []byte // JSON of chip.Chip
}

// Part is work on a chip. It may be done beside other parts and other chips.
type Part struct {
	Name string
	Do   func(ctx context.Context, c *Chip) error
}

// Seeds are the seeds 1 to n.
func Seeds(n int) []uint64 {
	seeds := make([]uint64, n)
	for i := range seeds {
		seeds[i] = uint64(i + 1)
	}
	return seeds
}

// Over forms arrays of the chips with these seeds and does the parts with each of
// them. The first chip tells how long all take, which the laboratory's person is told;
// a dry run ends there. It blocks until all is done.
func Over(ctx context.Context, l *lab.Lab, seeds []uint64, arrays []string, parts []Part,
	dryRun bool) (*run.Batch, error) {
	chips := make([]*Chip, len(seeds))
	names := []string{"forming"}
	for _, p := range parts {
		names = append(names, p.Name)
	}
	batch := run.NewBatch(len(seeds), func(ctx context.Context, i, part int) (err error) {
		if part == 0 {
			chips[i], err = form(ctx, l, seeds[i], arrays)
			return err
		}
		return parts[part-1].Do(ctx, chips[i])
	}, names...)
	l.Say("the first chip tells how long the study takes")
	err := watched(l, "first chip", func(p *run.Progress) error { return batch.First(ctx, p.Observe) })
	if err != nil || dryRun {
		return batch, err
	}
	l.Say(batch.String())
	return batch, watched(l, "study", func(p *run.Progress) error { return batch.Rest(ctx, p.Observe) })
}

// watched does work that shows how far it is.
func watched(l *lab.Lab, label string, work func(p *run.Progress) error) error {
	p := run.NewProgress(run.ProgressOptions{Output: l.Messages, Label: label})
	defer p.Close()
	return work(p)
}

// form makes a chip and forms arrays of it.
func form(ctx context.Context, l *lab.Lab, seed uint64, arrays []string) (*Chip, error) {
	state, err := sim.NewChip(l.Config, seed)
	if err != nil {
		return nil, err
	}
	var jobs []procedure.Job
	for _, name := range arrays {
		jobs = append(jobs, procedure.NewForming(name, l.Config.Forming))
	}
	if err := l.InMemory(ctx, state, jobs...); err != nil {
		return nil, fmt.Errorf("forming chip %d: %w", seed, err)
	}
	c := &Chip{Seed: seed, Defects: make(map[string]*array.DefectMap), lab: l}
	for _, j := range jobs {
		defects := j.(*procedure.Forming).Outcome.Defects
		c.Defects[defects.Array] = defects
	}
	c.state, err = json.Marshal(state)
	return c, err
}

// Only is the defect map of the only array of a study.
func (c *Chip) Only() *array.DefectMap {
	for _, m := range c.Defects {
		return m
	}
	return nil
}

// fresh is the chip as it was after forming.
func (c *Chip) fresh() (*chip.Chip, error) {
	state := new(chip.Chip)
	return state, json.Unmarshal(c.state, state)
}

// Do does a job on the chip as it was after forming, which it stays.
func (c *Chip) Do(ctx context.Context, j procedure.Job) error {
	state, err := c.fresh()
	if err != nil {
		return err
	}
	return c.lab.InMemory(ctx, state, j)
}

// Timed does a job like Do and tells how long it takes. A job that reached less than it
// was to reach is no error: what it reached is what is studied.
func (c *Chip) Timed(ctx context.Context, j procedure.Job) (procedure.Figures, error) {
	state, err := c.fresh()
	if err != nil {
		return procedure.Figures{}, err
	}
	f, err := c.lab.TimedInMemory(ctx, state, j)
	// A verdict that something else went wrong beside is more than a verdict.
	if e, alone := err.(*run.Ended); alone && (e.Outcome == run.OutcomePartial || e.Outcome == run.OutcomeOutside) {
		err = nil
	}
	return f, err
}
