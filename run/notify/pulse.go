package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"xlab/instrument"
	"xlab/run"
	"xlab/run/atomicfile"
)

// Heartbeat says where and how often a run shows that it is alive.
type Heartbeat struct {
	File      string            // written at every beat; "" = none
	URL       string            // fetched at every beat; "" = none
	Every     time.Duration     // > 0
	Transport http.RoundTripper // nil = http.DefaultTransport
}

// Beat is what the heartbeat file holds.
type Beat struct {
	Time  time.Time `json:"time"`
	Run   string    `json:"run"`
	State string    `json:"state"` // "running", "stalled", or the outcome
	Done  int       `json:"done"`
	Total int       `json:"total"`
	Next  time.Time `json:"next_before,omitzero"` // a beat is due before this; absent after the last one
}

// Vigil watches over a run: it beats the heart and tells of stalls. It is an
// observer of the run's progress.
type Vigil struct {
	run       string
	stall     time.Duration
	heartbeat Heartbeat
	onStall   func(idle instrument.Seconds, done, total int)
	trouble   func(error)

	mu          sync.Mutex
	heard       time.Time
	done, total int
	stalled     bool

	stop chan struct{}
	over sync.WaitGroup
}

var _ run.Observer = (*Vigil)(nil)

// StartVigil watches over a run until End. stall is how long it may tell
// nothing (0 = as long as it likes); onStall is called once for each stall, on
// a goroutine of the vigil; trouble is told what is wrong with the heartbeat,
// once until it works again.
func StartVigil(runID string, stall time.Duration, h Heartbeat, onStall func(idle instrument.Seconds, done, total int),
	trouble func(error)) *Vigil {
	v := &Vigil{run: runID, stall: stall, heartbeat: h, onStall: onStall, trouble: trouble, heard: time.Now(),
		stop: make(chan struct{})}
	if v.stall > 0 {
		v.over.Go(v.watch)
	}
	if h.Every > 0 && (h.File != "" || h.URL != "") {
		v.over.Go(v.pulse)
	}
	return v
}

// Observe hears of progress.
func (v *Vigil) Observe(e run.Event) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.heard, v.stalled = time.Now(), false
	if e.Total > 0 {
		v.done, v.total = e.Done, e.Total
	}
}

// Progress is how far the run was when it was last heard of.
func (v *Vigil) Progress() (done, total int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.done, v.total
}

// End stops watching and leaves a last beat that says how the run ended. It
// waits for a beat or an onStall that is under way.
func (v *Vigil) End(outcome run.Outcome) {
	close(v.stop)
	v.over.Wait()
	if v.heartbeat.File != "" {
		if err := v.write(string(outcome), time.Time{}); err != nil {
			v.trouble(err)
		}
	}
}

func (v *Vigil) watch() {
	for {
		wait := v.look()
		select {
		case <-v.stop:
			return
		case <-time.After(wait):
		}
	}
}

// look tells of a stall that has begun and gives the time until it is worth
// looking again.
func (v *Vigil) look() time.Duration {
	v.mu.Lock()
	idle := time.Since(v.heard)
	begun := idle >= v.stall && !v.stalled
	v.stalled = v.stalled || begun
	done, total := v.done, v.total
	v.mu.Unlock()
	if begun {
		v.onStall(instrument.Seconds(idle.Seconds()), done, total)
	}
	if idle >= v.stall {
		return v.stall
	}
	return v.stall - idle
}

// beatTimeout bounds how long fetching the heartbeat's URL may take.
const beatTimeout = 10 * time.Second

func (v *Vigil) pulse() {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-v.stop
		cancel()
	}()
	failing := false
	for {
		err := v.beat(ctx)
		if err != nil && !failing && ctx.Err() == nil {
			v.trouble(err)
		}
		failing = err != nil
		select {
		case <-v.stop:
			return
		case <-time.After(v.heartbeat.Every):
		}
	}
}

// beat shows that the run is alive. The URL is not fetched during a stall: the
// switch behind it shall notice.
func (v *Vigil) beat(ctx context.Context) error {
	v.mu.Lock()
	state := "running"
	if v.stalled {
		state = "stalled"
	}
	v.mu.Unlock()
	var errs []error
	if v.heartbeat.File != "" {
		errs = append(errs, v.write(state, time.Now().Add(2*v.heartbeat.Every)))
	}
	if v.heartbeat.URL != "" && state == "running" {
		if _, err := fetch(ctx, v.heartbeat.Transport, beatTimeout, http.MethodGet, v.heartbeat.URL, nil); err != nil {
			errs = append(errs, fmt.Errorf("heartbeat to %s: %w", run.RedactURL(v.heartbeat.URL), err))
		}
	}
	return errors.Join(errs...)
}

// write replaces the heartbeat file in one piece.
func (v *Vigil) write(state string, next time.Time) error {
	done, total := v.Progress()
	text, err := json.Marshal(Beat{Time: time.Now(), Run: v.run, State: state, Done: done, Total: total, Next: next})
	if err != nil {
		return fmt.Errorf("heartbeat: %w", err)
	}
	// Others watch the file: it is for everybody to read.
	if err := atomicfile.WriteFile(v.heartbeat.File, atomicfile.Shared, append(text, '\n')); err != nil {
		return fmt.Errorf("heartbeat: %w", err)
	}
	return nil
}
