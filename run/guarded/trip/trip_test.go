package trip_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/run"
	"xlab/run/guarded/trip"
	"xlab/run/record"
)

// bar is a crossbar whose readings have the status given.
type bar struct {
	status  func(cell array.Cell) instrument.Status
	done    int
	leakage func(n int) (array.Leakage, error)
	leaks   int
	volts   instrument.Volts
}

func (b *bar) Size() (rows, cols int) { return 20, 20 }

func (b *bar) Do(_ context.Context, cell array.Cell, steps ...array.Step) ([]array.Result, error) {
	results := make([]array.Result, len(steps))
	for i := range steps {
		b.done++
		results[i] = array.Result{Levels: []array.Level{{Voltage: 0.2, Current: 1e-6}}}
		if b.status != nil {
			results[i].Status = b.status(cell)
		}
	}
	return results, nil
}

func (b *bar) Leakage(_ context.Context, v instrument.Volts, _ instrument.Amps,
	_ instrument.Seconds) (array.Leakage, error) {
	b.leaks++
	b.volts = v
	m, err := b.leakage(b.leaks)
	m.Voltage = v
	return m, err
}

var (
	pulse = array.Pulse{Voltage: 1, Width: 1e-3, Scheme: array.HalfVoltage, Compliance: 1e-3}
	read  = array.Read{Voltage: 0.2, Compliance: 1e-3, Aperture: 1e-3}
)

func at(n int) array.Cell { return array.Cell{Row: n / 20, Col: n % 20} }

type condition func() error

func (c condition) Check(context.Context) error { return c() }

// diary is a journal.
type diary struct{ kinds []string }

func (d *diary) event(kind string, _ any) error { d.kinds = append(d.kinds, kind); return nil }

func (d *diary) count(kind string) (n int) {
	for _, k := range d.kinds {
		if k == kind {
			n++
		}
	}
	return n
}

func TestConditions(t *testing.T) {
	for name, tc := range map[string]struct {
		err     error
		suspend bool
		code    int
		kind    instrument.Kind
		says    string
	}{
		"met": {nil, false, run.ExitDone, "", ""},
		"not met": {&trip.Trip{What: "the humidity", Value: "90 %", Limit: "60 %"}, false, run.ExitTrip,
			instrument.KindTrip, "the humidity: 90 %; the limit is 60 %"},
		"not met, suspended": {&trip.Trip{What: "the humidity", Value: "90 %", Limit: "60 %"}, true, run.ExitInterrupted,
			instrument.KindTrip, "xlab resume"},
		"cannot be told": {errors.New("no such sensor"), false, run.ExitTrip, instrument.KindTrip, "no such sensor"},
		"an instrument's": {&instrument.Error{Kind: instrument.KindInterlock, Err: errors.New("open")}, false, run.ExitTrip,
			instrument.KindInterlock, "open"},
	} {
		t.Run(name, func(t *testing.T) {
			b, d, asked := &bar{}, &diary{}, 0
			w := trip.New(trip.Options{Suspend: tc.suspend, Journal: d.event,
				Conditions: []trip.Condition{condition(func() error { asked++; return tc.err })}})
			c := w.Crossbar("A", b)
			if _, err := c.Do(t.Context(), at(0), read); err != nil || asked != 0 {
				t.Errorf("before a read: %v, asked %d times", err, asked)
			}
			_, err := c.Do(t.Context(), at(0), pulse, read)
			if asked != 1 || run.ExitCode(err) != tc.code || instrument.KindOf(err) != tc.kind {
				t.Errorf("asked %d times, exit code %d of kind %q: %v", asked, run.ExitCode(err), instrument.KindOf(err), err)
			}
			if err == nil {
				return
			}
			if !strings.Contains(err.Error(), tc.says) || !errors.Is(err, array.ErrNotBegun) || b.done != 1 {
				t.Errorf("%v, with %d steps done", err, b.done)
			}
			if want := map[bool]int{true: 1}[tc.kind == instrument.KindTrip]; d.count(record.Trip) != want {
				t.Errorf("events %v", d.kinds)
			}
		})
	}
}

func TestStatus(t *testing.T) {
	bad := map[int]instrument.Status{}
	b, d := &bar{}, &diary{}
	b.status = func(cell array.Cell) instrument.Status { return bad[cell.Row*20+cell.Col] }
	c := trip.New(trip.Options{Compliance: 3, Journal: d.event}).Crossbar("A", b)
	do := func(n int, steps ...array.Step) error {
		_, err := c.Do(t.Context(), at(n), steps...)
		return err
	}
	for n := range 10 {
		bad[n] = instrument.StatusCompliance
	}
	bad[2], bad[5] = 0, 0
	// One defective device, however often it is read, and two in a row.
	for _, n := range []int{0, 0, 0, 1, 2, 3, 4, 5} {
		if err := do(n, read); err != nil {
			t.Fatalf("device %d: %v", n, err)
		}
	}
	// Compliance of a pulse is what compliance is for.
	for n := 6; n < 10; n++ {
		if err := do(n, pulse); err != nil {
			t.Fatal(err)
		}
	}
	for n := 6; n < 9; n++ {
		err := do(n, read)
		if (err != nil) != (n == 8) || err != nil && (run.ExitCode(err) != run.ExitTrip ||
			!strings.Contains(err.Error(), "r0c6 r0c7 r0c8") || errors.Is(err, array.ErrNotBegun)) {
			t.Fatalf("device %d: %v", n, err)
		}
	}
	bad[11] = instrument.StatusOscillating
	if err := do(11, pulse); run.ExitCode(err) != run.ExitTrip || !strings.Contains(err.Error(), "oscillates") {
		t.Errorf("%v", err)
	}
	if d.count(record.Trip) != 2 {
		t.Errorf("events %v", d.kinds)
	}
}

func TestLeakage(t *testing.T) {
	const every = 4
	for name, tc := range map[string]struct {
		leakage func(n int) (array.Leakage, error)
		trips   int // at this measurement; 0 = never
		says    string
	}{
		"devices that get conductive": {func(n int) (array.Leakage, error) {
			return array.Leakage{Total: instrument.Amps(n) * 50e-6, Lost: instrument.Amps(n%3) * 1e-9}, nil
		}, 0, ""},
		"within what meters may be apart": {func(n int) (array.Leakage, error) {
			return array.Leakage{Total: 1e-3, Lost: 9e-6 * instrument.Amps(n%2)}, nil
		}, 0, ""},
		"growth": {func(n int) (array.Leakage, error) {
			return array.Leakage{Total: 1e-3, Lost: -5e-6 * instrument.Amps(map[bool]int{false: 1, true: 11}[n >= 9])}, nil
		}, 9, "the leakage of array A: 55.0 µA of the 1.00 mA"},
		"from the beginning": {func(n int) (array.Leakage, error) {
			return array.Leakage{Total: 1e-3, Lost: 200e-6}, nil
		}, 0, ""},
		"a short": {func(n int) (array.Leakage, error) {
			return array.Leakage{Total: 5e-3, Status: map[bool]instrument.Status{true: instrument.StatusCompliance}[n == 3]}, nil
		}, 3, "there is a short"},
		"no reading": {func(n int) (array.Leakage, error) {
			return array.Leakage{Status: instrument.StatusOverflow}, nil
		}, 1, "status"},
		"no answer": {func(n int) (array.Leakage, error) {
			return array.Leakage{}, &instrument.Error{Kind: instrument.KindTimeout, Err: errors.New("no answer")}
		}, 1, "no answer"},
	} {
		t.Run(name, func(t *testing.T) {
			b, d := &bar{leakage: tc.leakage}, &diary{}
			c := trip.New(trip.Options{Journal: d.event, Leakage: &trip.LeakageOptions{Factor: 10, Every: every,
				Compliance: 5e-3}}).Crossbar("A", b)
			for n := range 100 {
				if _, err := c.Do(t.Context(), at(n), read); err != nil {
					t.Fatal(err)
				}
				var err error
				for range 3 { // pulses of one visit
					if _, err = c.Do(t.Context(), at(n), pulse); err != nil {
						break
					}
				}
				if err == nil {
					continue
				}
				if b.leaks != tc.trips || n != every*tc.trips-1 || !strings.Contains(err.Error(), tc.says) || b.done != 4*n+1 {
					t.Errorf("at measurement %d, device %d, %d steps done: %v", b.leaks, n, b.done, err)
				}
				return
			}
			if tc.trips != 0 || b.leaks != 100/every || d.count(record.Leakage) != b.leaks || b.volts != 20e-3 {
				t.Errorf("%d measurements at %v, events %v; it did not trip", b.leaks, b.volts, d.kinds)
			}
		})
	}
}

func TestSensor(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "temperature")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	now := time.Unix(1000, 0)
	s := &trip.Sensor{File: file, Min: 15, Max: 35, Every: time.Minute, Now: func() time.Time { return now }}
	for _, step := range []struct {
		text  string
		after time.Duration
		says  string // "" = fine
	}{
		{"25.5\n", 0, ""},
		{"50", 59 * time.Second, ""}, // too early to look again
		{"50", time.Second, "50 °C"},
		{"34.9 °C", time.Minute, ""},
		{"14", time.Minute, "15 °C to 35 °C"},
		{"20", 0, "14 °C"}, // the last value holds until the next is due
		{"20", time.Minute, ""},
		{"warm", time.Minute, "cannot be read"},
		{"21", 0, ""}, // what could not be read is looked at again at once
		{"NaN", time.Minute, "cannot be read"},
		{"", 0, "cannot be read"},
		{"22", -time.Hour, ""}, // a clock that was set back
		{"40", time.Minute, "40 °C"},
	} {
		write(step.text)
		now = now.Add(step.after)
		err := s.Check(t.Context())
		var found *trip.Trip
		if (err == nil) != (step.says == "") || err != nil && (!errors.As(err, &found) ||
			!strings.Contains(err.Error(), step.says)) {
			t.Errorf("%q after %v: %v, want %q", step.text, step.after, err, step.says)
		}
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Hour)
	if err := s.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "cannot be read") {
		t.Errorf("without its file: %v", err)
	}
}

func TestSensorCommand(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the commands of this test are not there")
	}
	for command, says := range map[string]string{
		"echo 24.5":            "",
		"echo 99 °C":           "99 °C",
		"false":                "false",
		"/nonexistent/command": "cannot be read",
		"sleep 60":             "did not end within",
		"ls /nonexistent/file": "nonexistent",
	} {
		s := &trip.Sensor{Command: command, Min: 15, Max: 35, Every: time.Minute, Timeout: 100 * time.Millisecond}
		if !strings.HasPrefix(command, "sleep") {
			s.Timeout = 0
		}
		err := s.Check(t.Context())
		if (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", command, err, says)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := &trip.Sensor{Command: "sleep 60", Min: 15, Max: 35}
	if err := s.Check(ctx); instrument.KindOf(err) != instrument.KindCancelled {
		t.Errorf("cancelled: %v", err)
	}
}
