package run

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"xlab/instrument"
	"xlab/run/screen"
)

// Part is one kind of work of a batch.
type Part struct {
	What  string             `json:"what"`
	Times int                `json:"times"`        // pieces of it, one per sample
	Each  instrument.Seconds `json:"each_seconds"` // that a piece takes on one core, as measured on the first sample
}

// Batch is the same work on many samples on all cores, as in a study over simulated
// chips. The first part of a sample comes before its others, which may be done in
// any order. How long all of it takes is measured on the first sample.
type Batch struct {
	Samples int                `json:"samples"`
	Cores   int                `json:"cores"`
	Parts   []Part             `json:"parts"`
	Wall    instrument.Seconds `json:"wall_seconds"` // of the whole, estimated; 0 before the first sample

	// Done is told of every sample that is done, in their order and never twice at a
	// time; its error ends the batch. nil = nobody is told.
	Done func(sample int) error `json:"-"`

	do        func(ctx context.Context, sample, part int) error
	slots     chan struct{}
	observe   func(Event)
	estimated func()

	mu    sync.Mutex
	done  []int // by part
	first int   // pieces of the first sample that are done

	handing  sync.Mutex
	finished map[int]bool // samples that wait for an earlier one
	next     int          // sample that Done is told of next
}

// NewBatch prepares a batch of so many samples; do does a part on a sample.
func NewBatch(samples int, do func(ctx context.Context, sample, part int) error, parts ...string) *Batch {
	b := &Batch{Samples: samples, Cores: runtime.GOMAXPROCS(0), do: do, done: make([]int, len(parts)),
		finished: make(map[int]bool)}
	b.slots = make(chan struct{}, b.Cores)
	for _, what := range parts {
		b.Parts = append(b.Parts, Part{What: what, Times: samples})
	}
	return b
}

// Do does the samples, or only the first. Of that one observe is told piece by piece;
// when it is done, so that it is known how long all samples take, estimated is called,
// and from then on observe is told of all pieces. Neither is called twice at a time.
func (b *Batch) Do(ctx context.Context, onlyFirst bool, observe func(Event), estimated func()) error {
	b.observe, b.estimated = observe, estimated
	group, ctx := errgroup.WithContext(ctx)
	// One sample after the other, so that few are in memory and few are lost with the
	// process: as many as cores, because each may be at its first part.
	group.SetLimit(b.Cores)
	for i := range b.Samples {
		if i == 0 || !onlyFirst {
			group.Go(func() error { return b.sample(ctx, i) })
		}
	}
	return group.Wait()
}

func (b *Batch) sample(ctx context.Context, i int) error {
	if err := b.piece(ctx, i, 0); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	for part := 1; part < len(b.Parts); part++ {
		group.Go(func() error { return b.piece(ctx, i, part) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if i == 0 {
		b.estimate()
	}
	return b.hand(i)
}

// estimate says by the first sample how long all take.
func (b *Batch) estimate() {
	b.mu.Lock()
	defer b.mu.Unlock()
	wall := instrument.Seconds(0)
	for _, p := range b.Parts {
		wall += instrument.Seconds(p.Times) * p.Each
	}
	// A sample's first part has nothing beside it; more cores than pieces do not help.
	b.Wall = wall / instrument.Seconds(min(b.Cores, b.Samples*max(1, len(b.Parts)-1)))
	b.estimated()
}

// hand tells Done of a sample, and of those that have waited for it.
func (b *Batch) hand(i int) error {
	b.handing.Lock()
	defer b.handing.Unlock()
	for b.finished[i] = true; b.finished[b.next]; b.next++ {
		delete(b.finished, b.next)
		if b.Done != nil {
			if err := b.Done(b.next); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *Batch) piece(ctx context.Context, sample, part int) error {
	select {
	case b.slots <- struct{}{}:
		defer func() { <-b.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	began := time.Now()
	if err := b.do(ctx, sample, part); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.done[part]++
	if sample == 0 {
		b.Parts[part].Each = instrument.Seconds(time.Since(began).Seconds())
	}
	switch {
	case b.Wall > 0:
		b.observe(b.event(part))
	case sample == 0:
		b.first++
		b.observe(Event{Kind: "part", Done: b.first, Total: len(b.Parts), Note: b.Parts[part].What})
	}
	return nil
}

// event says how far the batch is. Pieces count by what they take, so that long
// ones weigh more: a step is a millisecond of the first sample's.
func (b *Batch) event(part int) Event {
	steps := func(each instrument.Seconds) int { return max(1, int(1000*each)) }
	e := Event{Kind: "part", Note: b.Parts[part].What, Steps: steps(b.Parts[part].Each)}
	ahead := 0
	for i, p := range b.Parts {
		e.Done, e.Total = e.Done+b.done[i], e.Total+p.Times
		ahead += (p.Times - b.done[i]) * steps(p.Each)
	}
	e.Ahead = []Work{{Kind: "part", Steps: ahead, Each: 1}}
	return e
}

// String tells how long the batch takes, and how that is known.
func (b *Batch) String() string {
	var costs []string
	for _, p := range b.Parts {
		if text := p.What + " " + FormatDuration(p.Each); !slices.Contains(costs, text) {
			costs = append(costs, text)
		}
	}
	return fmt.Sprintf("about %s for %s on %s, estimated from the first chip: %s", FormatDuration(b.Wall),
		screen.Count(b.Samples, "chip"), screen.Count(b.Cores, "core"), strings.Join(costs, ", "))
}
