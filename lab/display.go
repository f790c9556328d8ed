package lab

import (
	"cmp"
	"fmt"
	"strings"
	"sync"

	"xlab/run"
	"xlab/run/screen"
)

// display shows how far a run is. While a run that is taken up again passes
// through its record, it says nothing: that is not progress.
type display struct {
	*run.Progress
	array string // that the run is on, where it is one

	mu   sync.Mutex
	live bool
	also []run.Observer // who else hears of live progress
}

var _ run.Observer = (*display)(nil)

func newDisplay(o run.ProgressOptions) *display {
	return &display{Progress: run.NewProgress(o), live: !o.Quiet}
}

// Observe takes in how far the run is.
func (d *display) Observe(e run.Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	e.Array = cmp.Or(e.Array, d.array)
	d.Progress.Observe(e)
	if !d.live {
		return
	}
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

// Publish implements procedure.Bench. While the run passes through its record there
// is nothing that is news to observers.
func (r *Run) Publish(e run.Event) {
	if r.tape == nil {
		return // nobody looks on
	}
	if !r.tape.Live() {
		r.progress.Observe(e)
		return
	}
	r.events.Put(e)
}

// goLive lets the display speak, with a remaining time that counts from now,
// and tells how far the run was.
func (d *display) goLive() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.live = true
	last := d.Resume()
	if last.Total == 0 {
		return "no device was done"
	}
	text := fmt.Sprintf("%d of %s were done", last.Done, screen.Count(last.Total, cmp.Or(last.Kind, "device")))
	if where := strings.TrimSpace(last.Array + " " + last.Phase); where != "" {
		text += " in " + where
	}
	if last.Note != "" {
		text += " (" + last.Note + ")"
	}
	return text
}
