package recovery_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/run"
	"xlab/run/record"
	"xlab/run/recovery"
)

// bench is a crossbar of one cell on which every step counts what it did. fail
// decides before every request what goes wrong, and after how many steps.
type bench struct {
	array.Leaky   // nil: its leakage is not measured here
	pulses, reads int
	restored      []bool // with reopen
	back          func(attempt int) error
	fail          func(request int) (after int, begun bool, err error)
	requests      int
	events        []recovery.Event
	resolved      int
	notes         []string
}

func (b *bench) Size() (rows, cols int) { return 1, 1 }

func (b *bench) Do(ctx context.Context, cell array.Cell, steps ...array.Step) ([]array.Result, error) {
	b.requests++
	after, begun, err := len(steps), false, error(nil)
	if b.fail != nil {
		if n, in, e := b.fail(b.requests); e != nil {
			after, begun, err = min(n, len(steps)), in, e
		}
	}
	var results []array.Result
	done := after
	if begun {
		done = min(after+1, len(steps)) // the step under way happens, and its answer is lost
	}
	for i, s := range steps[:done] {
		if s.Stress() {
			b.pulses++
		} else {
			b.reads++
		}
		if i < after {
			results = append(results,
				array.Result{Levels: []array.Level{{Voltage: 0.2, Current: instrument.Amps(float64(b.pulses) * 1e-6)}}})
		}
	}
	if err != nil && !begun {
		err = array.NotBegun(err)
	}
	return results, err
}

func (b *bench) options() recovery.Options {
	return recovery.Options{
		Restore: func(_ context.Context, reopen bool) error {
			b.restored = append(b.restored, reopen)
			if b.back == nil {
				return nil
			}
			return b.back(len(b.restored))
		},
		Read: array.Read{Voltage: 0.2, Compliance: 1e-3, Aperture: 1e-3},
		Journal: func(kind string, data any) error {
			switch e := data.(type) {
			case recovery.Event:
				b.events = append(b.events, e)
			case array.Done:
				if kind != record.Resolve || len(e.Results) != 1 || e.Array != "A" {
					return fmt.Errorf("event %s: %+v", kind, e)
				}
				b.resolved++
			}
			return nil
		},
		Notify: func(text string) { b.notes = append(b.notes, text) },
	}
}

func failure(kind instrument.Kind) error {
	return &instrument.Error{Op: "bench", Kind: kind, Err: errors.New("it went wrong")}
}

var (
	cell  = array.Cell{}
	pulse = array.Pulse{Voltage: 1, Width: 1e-3, Scheme: array.HalfVoltage, Compliance: 1e-3}
	read  = array.Read{Voltage: 0.2, Compliance: 1e-3, Aperture: 1e-3}
)

// once fails the first request.
func once(after int, begun bool, kind instrument.Kind) func(int) (int, bool, error) {
	return func(request int) (int, bool, error) {
		if request == 1 {
			return after, begun, failure(kind)
		}
		return 0, false, nil
	}
}

func TestLadder(t *testing.T) {
	for name, tc := range map[string]struct {
		fail          func(int) (int, bool, error)
		steps         []array.Step
		pulses, reads int
		unknown       []bool
		restores      int
		resolved      int
	}{
		"nothing wrong": {nil, []array.Step{pulse, read}, 1, 1, []bool{false, false}, 0, 0},
		"read lost": {once(0, true, instrument.KindTimeout), []array.Step{read}, 0, 2, []bool{false}, 1,
			0},
		"pulse not begun": {once(0, false, instrument.KindUnreachable), []array.Step{pulse, read}, 1, 1,
			[]bool{false, false}, 1, 0},
		"pulse confirmed, read lost": {once(1, true, instrument.KindProtocol), []array.Step{pulse, read}, 1, 2,
			[]bool{false, false}, 1, 0},
		"pulse lost": {once(0, true, instrument.KindTimeout), []array.Step{pulse, read}, 1, 1,
			[]bool{true, false}, 1, 0},
		"second pulse lost": {once(1, true, instrument.KindInstrument), []array.Step{pulse, pulse, read}, 2, 1,
			[]bool{false, true, false}, 1, 0},
		"pulse lost, no read asked for": {once(0, true, instrument.KindTimeout), []array.Step{pulse}, 1, 1, []bool{true}, 1,
			1},
		"second of two not begun": {once(1, false, instrument.KindChain), []array.Step{pulse, pulse}, 2, 0,
			[]bool{false, false}, 1, 0},
		"two pulses lost": {once(0, true, instrument.KindTimeout), []array.Step{pulse, read, pulse}, 1, 1,
			[]bool{true, false, true}, 1, 0},
		"read lost twice in a row": {func(n int) (int, bool, error) { return 0, true, lostUntil(n, 3) },
			[]array.Step{read}, 0, 3, []bool{false}, 2, 0},
		"pulse lost, and the read behind": {func(n int) (int, bool, error) { return 0, true, lostUntil(n, 3) },
			[]array.Step{pulse, read}, 1, 2, []bool{true, false}, 2, 0},
	} {
		t.Run(name, func(t *testing.T) {
			b := &bench{fail: tc.fail}
			results, err := recovery.New(b.options()).Crossbar("A", b).Do(t.Context(), cell, tc.steps...)
			if err != nil || len(results) != len(tc.steps) {
				t.Fatalf("%d results for %d steps, %v", len(results), len(tc.steps), err)
			}
			for i, r := range results {
				if r.Unknown != tc.unknown[i] || r.Unknown == (len(r.Levels) > 0) {
					t.Errorf("result %d is %+v, want unknown %v", i, r, tc.unknown[i])
				}
			}
			if b.pulses != tc.pulses || b.reads != tc.reads || len(b.restored) != tc.restores || b.resolved != tc.resolved ||
				len(b.events) != tc.restores {
				t.Errorf("%d pulses, %d reads, %d restores, %d resolved, events %+v; want %d, %d, %d, %d",
					b.pulses, b.reads, len(b.restored), b.resolved, b.events, tc.pulses, tc.reads, tc.restores, tc.resolved)
			}
		})
	}
}

func lostUntil(n, until int) error {
	if n < until {
		return failure(instrument.KindTimeout)
	}
	return nil
}

// Whatever goes wrong, no pulse is made twice: as many as were asked for, or
// fewer where an answer was lost, in which case its result says so.
func TestStressIsNeverRepeated(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kinds := []instrument.Kind{instrument.KindTimeout, instrument.KindUnreachable, instrument.KindProtocol,
			instrument.KindInstrument,
			instrument.KindChain, instrument.KindInterlock, instrument.KindLimit, instrument.KindTrip}
		b := &bench{fail: func(int) (int, bool, error) {
			if rapid.IntRange(0, 2).Draw(t, "luck") > 0 {
				return 0, false, nil
			}
			return rapid.IntRange(0, 3).Draw(t, "after"), rapid.Bool().Draw(t, "begun"),
				failure(rapid.SampledFrom(kinds).Draw(t, "kind"))
		}}
		o := b.options()
		o.Retries = rapid.IntRange(-1, 3).Draw(t, "retries")
		b.back = func(int) error {
			if rapid.IntRange(0, 3).Draw(t, "back") > 0 {
				return nil
			}
			return failure(rapid.SampledFrom(kinds).Draw(t, "why not back"))
		}
		c := recovery.New(o).Crossbar("A", b)
		for range 5 {
			steps := rapid.SliceOfN(rapid.SampledFrom([]array.Step{pulse, read}), 1, 4).Draw(t, "steps")
			before, asked := b.pulses, 0
			for _, s := range steps {
				if s.Stress() {
					asked++
				}
			}
			results, err := c.Do(context.Background(), cell, steps...)
			made, known, unknown := b.pulses-before, 0, 0
			for i, r := range results {
				switch {
				case r.Unknown && !steps[i].Stress():
					t.Fatalf("a read is unknown: %+v", results)
				case r.Unknown:
					unknown++
				case steps[i].Stress():
					known++
				}
			}
			if made > asked || known > made || err == nil && (len(results) != len(steps) || made > known+unknown) {
				t.Fatalf("%d pulses asked for, %d made, %d told as known and %d as unknown, %v", asked, made, known, unknown, err)
			}
			if err != nil && errors.Is(err, array.ErrNotBegun) && made != known+unknown && unknown == 0 {
				t.Fatalf("%d pulses made, %d told, and the rest is said not to have begun: %v", made, known, err)
			}
		}
	})
}

func TestNotRecoverable(t *testing.T) {
	for _, kind := range []instrument.Kind{instrument.KindLimit, instrument.KindUsage, instrument.KindRouting,
		instrument.KindIdentity,
		instrument.KindInterlock, instrument.KindTrip, instrument.KindBusy, instrument.KindCancelled,
		instrument.KindUnknown} {
		b := &bench{fail: once(0, false, kind)}
		_, err := recovery.New(b.options()).Crossbar("A", b).Do(t.Context(), cell, read)
		if err == nil || instrument.KindOf(err) != kind || len(b.restored) > 0 {
			t.Errorf("%q: %v, %d restores", kind, err, len(b.restored))
		}
	}
}

// A bench that does not come back is waited for, and then the run ends as one
// that can be taken up, with the cause.
func TestHold(t *testing.T) {
	for name, tc := range map[string]struct {
		back     time.Duration // 0 = never
		hold     time.Duration
		outcome  run.Outcome
		kind     instrument.Kind
		states   []recovery.State
		duration time.Duration
	}{
		"back at once": {time.Nanosecond, time.Minute, run.OutcomeComplete, "",
			[]recovery.State{recovery.Held, recovery.Recovered}, time.Second},
		"back in time": {10 * time.Second, time.Minute, run.OutcomeComplete, "",
			[]recovery.State{recovery.Held, recovery.Recovered}, 15 * time.Second},
		"never back": {0, time.Minute, run.OutcomeInterrupted, instrument.KindUnreachable,
			[]recovery.State{recovery.Held, recovery.GivenUp}, time.Minute},
		"no hold": {0, 0, run.OutcomeInterrupted, instrument.KindUnreachable, []recovery.State{recovery.GivenUp},
			0},
		"back with another": {-1, time.Minute, run.OutcomeFailed, instrument.KindIdentity,
			[]recovery.State{recovery.Held, recovery.GivenUp}, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				b := &bench{fail: once(0, true, instrument.KindUnreachable)}
				b.back = func(attempt int) error {
					if tc.back < 0 && attempt > 3 {
						return failure(instrument.KindIdentity)
					}
					if tc.back > 0 && time.Since(began) >= tc.back {
						return nil
					}
					return failure(instrument.KindUnreachable)
				}
				o := b.options()
				o.Hold = tc.hold
				_, err := recovery.New(o).Crossbar("A", b).Do(t.Context(), cell, read)
				if run.OutcomeOf(err) != tc.outcome || err != nil && instrument.KindOf(err) != tc.kind {
					t.Errorf("%v: %s of kind %q", err, run.OutcomeOf(err), instrument.KindOf(err))
				}
				if tc.outcome == run.OutcomeInterrupted {
					if run.ExitCode(err) != run.ExitInterrupted || !strings.Contains(err.Error(), "it went wrong") ||
						!strings.Contains(err.Error(), "xlab resume") {
						t.Errorf("exit code %d: %v", run.ExitCode(err), err)
					}
				}
				var states []recovery.State
				for _, e := range b.events {
					states = append(states, e.State)
				}
				if fmt.Sprint(states) != fmt.Sprint(tc.states) || time.Since(began) != tc.duration {
					t.Errorf("%v after %v, want %v after %v", states, time.Since(began), tc.states, tc.duration)
				}
				if len(b.restored) < 3 || b.restored[0] || !b.restored[1] || (len(b.notes) > 0) != (tc.hold > 0) {
					t.Errorf("restores with new connections: %v; notes %q", b.restored, b.notes)
				}
			})
		})
	}
}

// Whoever asks the run to stop does not wait for the bench.
func TestStopWhileHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{fail: once(0, true, instrument.KindUnreachable),
			back: func(int) error { return failure(instrument.KindUnreachable) }}
		o := b.options()
		o.Hold = time.Hour
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(30*time.Second, cancel)
		began := time.Now()
		_, err := recovery.New(o).Crossbar("A", b).Do(ctx, cell, read)
		if run.OutcomeOf(err) != run.OutcomeInterrupted || time.Since(began) != 30*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

// Before stress the instruments are looked at, before reads they are not.
func TestCheck(t *testing.T) {
	b := &bench{}
	o := b.options()
	checks := 0
	o.Check = func(context.Context) error {
		if checks++; checks == 1 {
			return failure(instrument.KindInstrument)
		}
		return nil
	}
	c := recovery.New(o).Crossbar("A", b)
	if _, err := c.Do(t.Context(), cell, read); err != nil || checks != 0 {
		t.Errorf("%v, %d checks", err, checks)
	}
	if _, err := c.Do(t.Context(), cell, pulse, read); err != nil || checks != 2 || len(b.restored) != 1 || b.pulses != 1 {
		t.Errorf("%v, %d checks, %d restores, %d pulses", err, checks, len(b.restored), b.pulses)
	}
	o.Check = func(context.Context) error { return failure(instrument.KindInterlock) }
	if _, err := recovery.New(o).Crossbar("A", b).Do(t.Context(), cell,
		pulse); instrument.KindOf(err) != instrument.KindInterlock || !errors.Is(err, array.ErrNotBegun) || b.pulses != 1 {
		t.Errorf("%v, %d pulses", err, b.pulses)
	}
}
