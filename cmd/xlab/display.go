package main

import (
	"fmt"
	"sync"

	"xlab/run"
)

// display shows how far a run is. While a run that is taken up again passes
// through its record, it says nothing: that is not progress.
type display struct {
	options run.ProgressOptions

	mu    sync.Mutex
	shown *run.Progress
	quiet bool
	last  run.Event // while it was quiet

	also []run.Observer // who else hears of live progress
}

var _ run.Observer = (*display)(nil)

func newDisplay(o run.ProgressOptions, quiet bool) *display {
	return &display{options: o, shown: run.NewProgress(o), quiet: quiet}
}

// Observe takes in how far the run is.
func (d *display) Observe(e run.Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.quiet {
		d.last = e
		return
	}
	d.shown.Observe(e)
	for _, o := range d.also {
		o.Observe(e)
	}
}

// listen lets somebody else hear of live progress too.
func (d *display) listen(o run.Observer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.also = append(d.also, o)
}

// Message shows a line of text.
func (d *display) Message(text string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.shown.Message(text)
}

// Close ends the display.
func (d *display) Close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.shown.Close()
}

// publish hands an event to the observers of a run. While the run passes through
// its record there is nothing that is news to them.
func (r *recorded) publish(events *run.Fanout, e run.Event) {
	if !r.tape.Live() {
		r.progress.Observe(e)
		return
	}
	// There are no critical observers among them: publishing cannot fail.
	_ = events.Publish(e)
}

// goLive lets the display speak, with a remaining time that counts from now,
// and tells how far the run was.
func (d *display) goLive() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.quiet = false
	d.options.Already = d.last.Done
	d.shown = run.NewProgress(d.options)
	if d.last.Total == 0 {
		return "no device was done"
	}
	text := fmt.Sprintf("%d of %s were done", d.last.Done, plural(d.last.Total, "device"))
	if d.last.Note != "" {
		text += " (" + d.last.Note + ")"
	}
	return text
}
