// Package study runs procedures over many simulated chips by seed, in memory, on all
// cores. What comes out depends on the seeds and the configuration alone, not on the
// number of cores, nor on how many processes share the seeds (see package shard): what
// comes of a chip is a line, and what a study finds is computed from lines.
//
// Terms: a chip's first part is forming; every other part of a study starts from the
// freshly formed chip.
package study

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/lab"
	"xlab/lab/procedure"
	"xlab/lab/sim"
	"xlab/lab/study/shard"
	"xlab/mock/chip"
	"xlab/run"
	"xlab/run/screen"
)

// Chip is a simulated chip after forming, to start from again and again.
type Chip struct {
	Seed    uint64
	Defects map[string]*array.DefectMap // by array

	lab   *lab.Lab
	state []byte // JSON of chip.Chip
}

// Part is work on a chip. It may be done beside other parts and other chips. What it
// finds, as JSON, depends on the chip and the study's settings alone: it holds no time of
// the wall's clock.
type Part struct {
	Name string
	Do   func(ctx context.Context, c *Chip) (found any, err error)
}

// Study is work on each of many simulated chips, and a table over all of them.
type Study struct {
	Name  string // one of the tables
	Parts []Part

	lab      *lab.Lab
	arrays   []string                        // that are formed first
	settings any                             // all that the results depend on beside the configuration
	prepare  func(ctx context.Context) error // for all chips; nil = there is nothing
	begun    func(seed uint64)               // is told of every chip; nil = nobody is
}

// Found is what a study finds: []TuningRow, *Network or *procedure.MeasurementResult.
type Found any

// tables make what a study finds of its settings and of the chips. Whether the chips were
// computed here or read from shards makes no difference.
var tables = map[string]func(settings json.RawMessage, chips []shard.Chip) (Found, error){
	"tuning": tuningTable, "mlp": networkTable, "thresholds": thresholdTable,
}

// settings are those of a shard.
type settings struct {
	Study json.RawMessage `json:"study"`
	Bench map[string]any  `json:"bench"`
}

// Head is that of a shard of this study with these seeds.
func (s *Study) Head(seeds shard.Seeds) (*shard.Head, error) {
	own, err := json.Marshal(s.settings)
	if err != nil {
		return nil, err
	}
	var parts []string
	for _, p := range s.Parts {
		parts = append(parts, p.Name)
	}
	return shard.NewHead(s.Name, seeds, parts, settings{own, s.lab.Config.Deciding()})
}

// table is what the chips show.
func table(h *shard.Head, chips []shard.Chip) (Found, error) {
	of, known := tables[h.Study]
	if !known {
		return nil, run.Usage(fmt.Errorf("this program knows no study %q: use the one that computed it", h.Study))
	}
	var s settings
	if err := json.Unmarshal(h.Settings, &s); err != nil {
		return nil, err
	}
	return of(s.Study, chips)
}

// results reads what a part has found of every chip.
func results[T any](chips []shard.Chip, part int) ([]T, error) {
	list := make([]T, len(chips))
	for i, c := range chips {
		if err := json.Unmarshal(c.Results[part], &list[i]); err != nil {
			return nil, fmt.Errorf("chip %d: %w", c.Seed, err)
		}
	}
	return list, nil
}

// Merge puts shards together and makes of them what one run makes of all their chips, as
// shard.Merge says. The head is that of the whole. Shards of another version of the program
// are refused: what it keeps may mean something else.
func Merge(files []string, wanted shard.Seeds) (*shard.Head, Found, error) {
	h, chips, err := shard.Merge(files, wanted)
	if err != nil {
		return nil, nil, err
	}
	now, err := shard.Program()
	if err != nil {
		return nil, nil, err
	}
	if h.Program != now {
		return nil, nil, run.Usage(fmt.Errorf("%s was computed by xlab %s, and this is %s: merge with the one that "+
			"computed it", files[0], h.Program, now))
	}
	found, err := table(h, chips)
	return h, found, err
}

// Run studies chips in memory and keeps nothing.
func (s *Study) Run(ctx context.Context, seeds shard.Seeds) (Found, error) {
	h, err := s.Head(seeds)
	if err != nil {
		return nil, err
	}
	var chips []shard.Chip
	_, err = s.over(ctx, h, seeds, false, func(c shard.Chip) error {
		chips = append(chips, c)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return table(h, chips)
}

// Shard studies chips and keeps them in a shard, a file. Where an earlier process has left
// it, it goes on; where the shard is there already, nothing is done.
func (s *Study) Shard(ctx context.Context, seeds shard.Seeds, path string) (err error) {
	h, err := s.Head(seeds)
	if err != nil {
		return err
	}
	w, err := shard.Begin(path, h)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	left := w.Left()
	switch {
	case len(left) == 0:
		return nil
	case len(left) < len(seeds):
		s.lab.Say(fmt.Sprintf("going on with seeds %v of shard %s", left, path))
	}
	s.begun = func(seed uint64) { s.lab.Say(fmt.Sprintf("chip %d", seed)) }
	_, err = s.over(ctx, h, left, false, w.Append)
	return err
}

// DryRun does the first chip and says how long all take.
func (s *Study) DryRun(ctx context.Context, seeds shard.Seeds) (*run.Batch, error) {
	h, err := s.Head(seeds)
	if err != nil {
		return nil, err
	}
	return s.over(ctx, h, seeds, true, func(shard.Chip) error { return nil })
}

// unchanged refuses a chip when a file that decides results, which every chip reads, has
// changed since the study began: the head does not say what that chip follows from.
func (s *Study) unchanged(h *shard.Head, c shard.Chip) error {
	now, err := s.Head(h.Seeds)
	if err == nil {
		err = h.Agree(now, "the study as it began", "its files as they are now")
	}
	if err != nil {
		return fmt.Errorf("chip %d is not kept: %w: put the file back and give the command again", c.Seed, err)
	}
	return nil
}

// over forms the chips with these seeds, does the parts with each of them, and hands them
// over in the order of their seeds. The first chip tells how long all take, which the
// laboratory's person is told; a dry run ends there. It blocks until all is done.
func (s *Study) over(ctx context.Context, h *shard.Head, seeds shard.Seeds, dryRun bool,
	take func(shard.Chip) error) (*run.Batch, error) {
	l, began := s.lab, time.Now()
	if s.prepare != nil {
		if err := s.prepare(ctx); err != nil {
			return nil, err
		}
	}
	names := []string{"forming"}
	for _, p := range s.Parts {
		names = append(names, p.Name)
	}
	chips := make([]*Chip, len(seeds))
	lines := make([]shard.Chip, len(seeds))
	for i, seed := range seeds {
		lines[i] = shard.Chip{Seed: seed, Results: make([]json.RawMessage, len(s.Parts))}
	}
	batch := run.NewBatch(len(seeds), func(ctx context.Context, i, part int) (err error) {
		if part == 0 {
			if s.begun != nil {
				s.begun(seeds[i])
			}
			chips[i], err = form(ctx, l, seeds[i], s.arrays)
			return err
		}
		found, err := s.Parts[part-1].Do(ctx, chips[i])
		if err == nil {
			lines[i].Results[part-1], err = json.Marshal(found)
		}
		return err
	}, names...)
	batch.Done = func(i int) error {
		line := lines[i]
		chips[i], lines[i] = nil, shard.Chip{} // many of them would not fit into memory
		if err := s.unchanged(h, line); err != nil {
			return err
		}
		return take(line)
	}
	show := func(label string) *run.Progress {
		return run.NewProgress(run.ProgressOptions{Output: l.Messages, Label: label})
	}
	l.Say("the first chip tells how long the study takes")
	progress := show("first chip")
	defer func() { progress.Close() }()
	err := batch.Do(ctx, dryRun, func(e run.Event) { progress.Observe(e) }, func() {
		if !dryRun {
			progress.Close()
			l.Say(batch.String())
			progress = show("study")
		}
	})
	if err == nil && !dryRun {
		progress.Close()
		l.Say(fmt.Sprintf("%s took %s", screen.Count(len(seeds), "chip"),
			run.FormatDuration(instrument.Seconds(time.Since(began).Seconds()))))
	}
	return batch, err
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
