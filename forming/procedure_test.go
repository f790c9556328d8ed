package forming_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"math"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"pgregory.net/rapid"

	"xlab/forming"
	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/run"
)

// RTH and Amin at their borders: what counts as pre-formed, and what as formed.
func TestCriteria(t *testing.T) {
	spec := forming.DefaultSpec(nil)
	for _, c := range []struct {
		name   string
		before float64
		formed float64
		state  array.State
		sweeps int
	}{
		{"just above RTH", 0.99e-6, 200e-6, array.StateFormed, 1},
		{"just below RTH", 1.01e-6, 200e-6, array.StatePreformed, 0},
		{"grown by just more than Amin", 0.9e-6, 9.1e-6, array.StateFormed, 1},
		// taken for one that switched on, in the second round
		{"grown by just less than Amin", 0.9e-6, 8.9e-6, array.StateFormed, 4},
		{"grown by Amin and still above RTH", 1e-8, 0.9e-6, array.StateDefective, 8},
		{"noise below zero before", -1e-10, 200e-6, array.StateFormed, 1},
	} {
		d := &ideal{g: c.before, forms: 1.6, formed: c.formed, resetsAt: -1, setsAt: 1.4}
		r := one(t, d, spec)
		if r.State != c.state || r.Sweeps != c.sweeps || float64(r.Before) != c.before {
			t.Errorf("%s: %+v", c.name, r)
		}
	}
}

// Each attempt raises the maximum by the step until the largest is reached; a
// maximum that cannot be raised is not tried again.
func TestMaximaOfTheAttempts(t *testing.T) {
	for _, c := range []struct {
		name string
		set  func(*forming.Spec)
		want []float64
	}{
		{"as published", func(*forming.Spec) {}, []float64{2.2, 2.5, 2.8, 3.1}},
		{"one attempt", func(s *forming.Spec) { s.Attempts = 1 }, []float64{2.2}},
		{"largest reached early", func(s *forming.Spec) { s.Vmax = 2.6 }, []float64{2.2, 2.5, 2.6}},
		{"no room", func(s *forming.Spec) { s.Vmax = 2.2 }, []float64{2.2}},
		{"current", func(s *forming.Spec) {
			s.Mode, s.Scheme = instrument.SweepCurrent, array.Floating
		}, []float64{150e-6, 300e-6, 450e-6, 600e-6}},
	} {
		spec := forming.DefaultSpec(nil)
		c.set(&spec)
		d := &ideal{g: 1e-8} // never forms
		r := one(t, d, spec)
		list := sweeps(d)
		if r.State != array.StateDefective || len(list) != 2*len(c.want) || r.Sweeps != len(list) {
			t.Errorf("%s: %d sweeps, %+v", c.name, len(list), r)
			continue
		}
		for i, w := range list {
			want := c.want[i%len(c.want)]
			if math.Abs(w.Stop/want-1) > 1e-12 || w.Kind != spec.Mode || w.Scheme != spec.Scheme || w.Steps != spec.Levels {
				t.Errorf("%s: sweep %d is %+v, want a maximum of %v", c.name, i, w, want)
			}
		}
		if r.Maximum != list[len(list)-1].Stop || !strings.Contains(r.Reason, "did not form") || len(voltages(d)) != 0 {
			t.Errorf("%s: %+v", c.name, r)
		}
	}
}

// The reset begins gently, is strengthened while it does little, goes in pairs
// far from the goal, and uses the schemes that protect the other devices.
func TestResetAtOnce(t *testing.T) {
	spec := forming.DefaultSpec(nil)
	d := &ideal{g: 1e-8, forms: 1.6, formed: 200e-6, resetsAt: -1.85}
	r := one(t, d, spec)
	want := []float64{-1.6, -1.6, -1.7, -1.7, -1.8, -1.8, -1.9, -1.9, -1.9, -1.9, -1.9}
	// 200 µS falls by a half with each pulse of -1.9 V: two pairs, and then one at a time below 40 µS.
	got := voltages(d)
	if len(got) != len(want) || r.Resets != len(got) || r.State != array.StateFormed || r.After > spec.Goff {
		t.Fatalf("pulses %v, %+v", got, r)
	}
	for i := range want {
		if math.Abs(got[i]-want[i]) > 1e-12 {
			t.Errorf("pulse %d: %v V, want %v V", i, got[i], want[i])
		}
	}
	for _, s := range d.touched {
		if p, ok := s.(array.Pulse); ok && (p.Scheme != array.HalfVoltage || p.Width != spec.PulseWidth ||
			p.Compliance != spec.Compliance) {
			t.Errorf("%+v", p)
		}
	}
	// Reset directly after the sweep that formed it, before any other device.
	b := newBar(2, 2)
	o, j := runOn(t, b, spec)
	if !slices.Equal(b.order, array.AllCells(2, 2)) || j.intents != 4 || o.Count(array.StateFormed) != 4 {
		t.Errorf("order %v, %d intents", b.order, j.intents)
	}
}

// A reset that has no effect ends at its strongest pulse; positive pulses of
// rising strength then tell whether the device moves at all.
func TestStuckAndReluctantDevices(t *testing.T) {
	spec := forming.DefaultSpec(nil)
	up := []float64{1.1, 1.2, 1.3, 1.4, 1.5, 1.6}
	stuck := &ideal{g: 30e-6}
	if r := one(t, stuck, spec); r.State != array.StateDefective || !strings.Contains(r.Reason, "stuck at 30.0 µS") ||
		r.Sweeps != 0 {
		t.Errorf("%+v", r)
	}
	perRound := voltages(stuck)[:len(voltages(stuck))/2]
	positive := perRound[len(perRound)-len(up):]
	for i, v := range perRound[:len(perRound)-len(up)] {
		if v > float64(spec.Vreset) || v < float64(spec.VresetMax) {
			t.Errorf("reset pulse %d: %v V", i, v)
		}
	}
	for i := range up {
		if math.Abs(positive[i]-up[i]) > 1e-12 {
			t.Errorf("set pulses %v, want %v", positive, up)
			break
		}
	}
	for _, s := range stuck.touched {
		if p, ok := s.(array.Pulse); ok && p.Voltage > 0 && p.Scheme != array.ThirdVoltage {
			t.Errorf("%+v", p)
		}
	}
	// One that is low already and cannot be lowered, but can be raised, works.
	low := &ideal{g: 3e-6, setsAt: 1.35, after: func(d *ideal, _ array.Step) {
		if d.g > 3.5e-6 {
			d.resetsAt = -1.5
		}
	}}
	if r := one(t, low, spec); r.State != array.StatePreformed || r.Reason != "" || r.After > spec.Goff {
		t.Errorf("%+v", r)
	}
}

// A device that conducts but forms no more than that is not called formed by
// an earlier round's reason.
func TestSecondRoundFindsWhatSwitchedOn(t *testing.T) {
	spec := forming.DefaultSpec(nil)
	b := newBar(1, 3)
	b.at(0, 1).forms = 0 // fails in the first round
	b.at(0, 2).after = func(d *ideal, s array.Step) {
		if _, ok := s.(array.Sweep); ok {
			b.at(0, 1).g = 50e-6 // an accident, while the next one is formed
		}
	}
	o, j := runOn(t, b, spec)
	r := o.Records[1]
	if r.State != array.StateFormed || r.Reason != "" || r.After > spec.Goff || r.Before != 1e-8 {
		t.Errorf("%+v", r)
	}
	// Three visits, two of the devices that work before the second round, one in it.
	if want := []array.Cell{{Row: 0, Col: 0}, {Row: 0, Col: 1}, {Row: 0, Col: 2}, {Row: 0, Col: 0}, {Row: 0, Col: 2},
		{Row: 0, Col: 1}}; !slices.Equal(b.order, want) || j.intents != 6 {
		t.Errorf("visits %v, %d intents", b.order, j.intents)
	}
}

// Only what was asked for is touched, in the order asked for.
func TestOnlyTheGivenDevices(t *testing.T) {
	spec := forming.DefaultSpec(nil)
	spec.Devices = []array.Cell{{Row: 1, Col: 1}, {Row: 0, Col: 2}}
	b := newBar(2, 3)
	o, _ := runOn(t, b, spec)
	if !slices.Equal(b.order, spec.Devices) || len(o.Records) != 2 || len(o.Defects.Cells(array.StateUntried)) != 4 ||
		len(o.Defects.Devices) != 6 {
		t.Errorf("visits %v, %+v", b.order, o.Defects)
	}
}

// The voltage at which a device formed is found in the noise of the sweep.
func TestFormingVoltage(t *testing.T) {
	spec := forming.DefaultSpec(nil)
	b := newBar(1, 1)
	b.devices[0].forms = 1.8
	// Currents of 10 nA in the noise of a range of milliamperes: any ratio of neighbours.
	signs := []float64{1e-6, 1e-10, -3e-7, 5e-7, 1e-9}
	n := 0
	b.noise = func() float64 { n++; return signs[n%len(signs)] }
	spec.RTH = 1e5 // the noise is read as a conductance too
	o, _ := runOn(t, b, spec)
	if v := float64(o.Records[0].SwitchedV); math.Abs(v-1.8) > 1.7/39 {
		t.Errorf("formed at %v V, %+v", v, o.Records[0])
	}
}

// Whatever call fails, the outcome so far comes with the error: every device
// has a record, what was finished stays as it was, the rest is untried.
func TestAnErrorAnywhere(t *testing.T) {
	spec := forming.DefaultSpec(nil)
	build := func() *bar {
		b := newBar(1, 4)
		b.at(0, 1).forms = 0
		b.at(0, 3).g = 20e-6
		return b
	}
	whole := build()
	complete, _ := runOn(t, whole, spec)
	for at := 1; at <= whole.calls; at++ {
		b := build()
		b.failAt = at
		observed := make(map[array.Cell]forming.Record)
		o, err := forming.Run(context.Background(), array.NewJournaled(b, "A", &journal{}), "A", spec, forming.Options{
			Observe: func(e forming.Event) { observed[e.Record.Cell] = e.Record }})
		if !errors.Is(err, errLink) || o == nil || len(o.Records) != 4 || b.calls != at {
			t.Fatalf("call %d: %+v, %v, %d calls", at, o, err, b.calls)
		}
		for i, r := range o.Records {
			seen, finished := observed[r.Cell]
			entry := o.Defects.At(r.Cell)
			if entry.State != r.State || entry.Reason != r.Reason || entry.Conductance != r.After {
				t.Errorf("call %d: the map says %+v of %+v", at, entry, r)
			}
			switch {
			case !finished && (r.State != array.StateUntried || len(b.devices[i].touched) > 0 &&
				!strings.Contains(r.Reason, "begun and not finished")):
				t.Errorf("call %d: %+v was never finished", at, r)
			case finished && r.State != seen.State:
				t.Errorf("call %d: %+v was %v", at, r, seen.State)
			case finished && r.State == array.StateDefective && complete.Records[i].State == array.StateDefective &&
				seen.Sweeps < 8 &&
				!strings.Contains(r.Reason, "not tried a second time") && len(observed) == 4:
				t.Errorf("call %d: %+v does not say that it had no second round", at, r)
			}
		}
	}
}

// An invalid reading ends the run with an error that says where to look; it is
// never taken for a conductance.
func TestInvalidReading(t *testing.T) {
	b := newBar(1, 1)
	b.status = instrument.StatusOverflow
	o, err := forming.Run(context.Background(), array.NewJournaled(b, "A", &journal{}), "A", forming.DefaultSpec(nil),
		forming.Options{})
	if instrument.KindOf(err) != instrument.KindInstrument || !strings.Contains(err.Error(), "r0c0") ||
		o.Count(array.StateUntried) != 1 {
		t.Errorf("%+v, %v", o, err)
	}
}

// One interrupt stops at the next device, with that one done; two stop at once.
func TestInterrupts(t *testing.T) {
	for _, n := range []int{1, 2} {
		signals := make(chan os.Signal, 2)
		b := newBar(1, 4)
		asked := false
		b.at(0, 1).after = func(_ *ideal, s array.Step) {
			if _, ok := s.(array.Sweep); ok && !asked {
				asked = true
				for range n {
					signals <- syscall.SIGINT
				}
			}
		}
		var o *forming.Outcome
		err := run.Guard(context.Background(), run.GuardOptions{Signals: signals}, func(ctx context.Context) (err error) {
			b.at(0, 1).after, asked = wait(ctx, n, b.at(0, 1).after), false
			o, err = forming.Run(ctx, array.NewJournaled(b, "A", &journal{}), "A", forming.DefaultSpec(nil),
				forming.Options{})
			return err
		})
		if run.OutcomeOf(err) != run.OutcomeInterrupted || !asked {
			t.Fatalf("%d interrupts: %v", n, err)
		}
		if formed := o.Count(array.StateFormed); formed != 3-n || o.Count(array.StateUntried) != 1+n ||
			len(b.at(0, 2).touched) != 0 {
			t.Errorf("%d interrupts: %d formed, %d untried", n, formed, o.Count(array.StateUntried))
		}
	}
}

// wait lets the interrupts arrive before the step is over.
func wait(ctx context.Context, interrupts int, f func(*ideal, array.Step)) func(*ideal, array.Step) {
	return func(d *ideal, s array.Step) {
		f(d, s)
		if _, ok := s.(array.Sweep); ok {
			<-run.Stopping(ctx)
			if interrupts > 1 {
				<-ctx.Done()
			}
		}
	}
}

func TestAllFaultsAtOnce(t *testing.T) {
	if err := forming.DefaultSpec(nil).Validate(20, 20); err != nil {
		t.Fatal(err)
	}
	bad := forming.Spec{Devices: []array.Cell{{Row: 2, Col: 0}, {Row: 0, Col: 0}, {Row: 0, Col: 0}}}
	err := bad.Validate(2, 2)
	for _, says := range []string{"r2c0", "r0c0 is listed twice", "attempts", "levels", "scheme:", "reset_scheme",
		"set_scheme", "mode", "aperture", "amin", "rth", "check:", "vreset ",
		"reset_pulses", "vreset_step", "vset", "pulse_width", "response", "goff", "compliance"} {
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q is not named in %v", says, err)
		}
	}
	nan := math.NaN()
	for name, change := range map[string]func(*forming.Spec){
		"vstart": func(s *forming.Spec) { s.Vstart = s.Vmin }, "vmin": func(s *forming.Spec) { s.Vmin = s.Vmax + 1 },
		"vstep":  func(s *forming.Spec) { s.Vstep = 0 },
		"icomp":  func(s *forming.Spec) { s.Icomp = instrument.Amps(nan) },
		"vmax":   func(s *forming.Spec) { s.Vmax = instrument.Volts(nan) },
		"istart": func(s *forming.Spec) { s.Mode, s.Scheme, s.Istart = instrument.SweepCurrent, array.Floating, 0 },
		"istep":  func(s *forming.Spec) { s.Mode, s.Scheme, s.Istep = instrument.SweepCurrent, array.Floating, -1 },
		"vcomp":  func(s *forming.Spec) { s.Mode, s.Scheme, s.Vcomp = instrument.SweepCurrent, array.Floating, 0 },
		"scheme": func(s *forming.Spec) { s.Scheme = "v4" }, "check": func(s *forming.Spec) { s.Check = 0.3 },
		"vset": func(s *forming.Spec) { s.VresetStep = 0.4 }, "vreset_max": func(s *forming.Spec) { s.VresetMax = -1 },
		"rth":  func(s *forming.Spec) { s.RTH = instrument.Ohms(nan) },
		"goff": func(s *forming.Spec) { s.Goff = instrument.Siemens(nan) },
	} {
		spec := forming.DefaultSpec(nil)
		change(&spec)
		if err := spec.Validate(20, 20); err == nil || !strings.Contains(err.Error(), name) ||
			strings.Count(err.Error(), "\n") > 0 {
			t.Errorf("%s: got %v", name, err)
		}
		if o, err := forming.Run(context.Background(), nil2{}, "A", spec, forming.Options{}); err == nil || o != nil {
			t.Errorf("%s: it was run", name)
		}
	}
}

// nil2 has a size and can do nothing.
type nil2 struct{ array.DUT }

func (nil2) Size() (int, int) { return 20, 20 }

// Whatever the devices are like, no step leaves the bounds that the estimate
// announces, no visit needs a second intent, and every device ends in a state.
func TestStaysWithinWhatIsAnnounced(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spec := forming.DefaultSpec(nil)
		spec.Attempts = rapid.IntRange(1, 5).Draw(t, "attempts")
		spec.ResetPulses = rapid.IntRange(1, 25).Draw(t, "resets")
		spec.VresetStep = instrument.Volts(rapid.Float64Range(0.01, 0.3).Draw(t, "step"))
		spec.Vstep = instrument.Volts(rapid.Float64Range(0.05, 0.5).Draw(t, "vstep"))
		b := newBar(2, 3)
		for _, d := range b.devices {
			*d = ideal{g: math.Exp(rapid.Float64Range(-20, -7).Draw(t, "ln g")),
				forms:    rapid.Float64Range(0, 4).Draw(t, "forms"),
				formed:   math.Exp(rapid.Float64Range(-14, -7).Draw(t, "ln formed")),
				resetsAt: -instrument.Volts(rapid.Float64Range(0, 3).Draw(t, "resets at")),
				setsAt:   instrument.Volts(rapid.Float64Range(0, 2).Draw(t, "sets at"))}
		}
		j := &journal{}
		o, err := forming.Run(context.Background(), array.NewJournaled(b, "A", j), "A", spec, forming.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if j.singles != 0 || j.open != 0 {
			t.Fatalf("%d steps were outside the bounds of their visit, %d intents open", j.singles, j.open)
		}
		e, err := spec.Estimate(2, 3, func(...array.Step) (instrument.Seconds, error) { return 1, nil })
		if err != nil {
			t.Fatal(err)
		}
		pulses, swept := 0, 0
		for _, d := range b.devices {
			pulses += len(voltages(d))
			swept += len(sweeps(d))
			for _, s := range d.touched {
				x, err := array.ExtentOf(s, array.Cell{}, array.Shape{})
				if v := x.Selected; err != nil || v.Highest > e.MaxVoltage || v.Lowest < e.MinVoltage ||
					x.Current > e.MaxCurrent {
					t.Fatalf("%+v is beyond %+v (%v)", s, e, err)
				}
			}
		}
		if pulses > e.Pulses || swept > e.Sweeps {
			t.Fatalf("%d pulses of at most %d, %d sweeps of at most %d", pulses, e.Pulses, swept, e.Sweeps)
		}
		resets := 0
		for _, r := range o.Records {
			resets += r.Resets
			switch {
			case r.State == array.StateDefective && r.Reason == "", r.State != array.StateDefective && r.Reason != "",
				r.State == array.StateUntried:
				t.Fatalf("%+v", r)
			}
		}
		if resets > pulses {
			t.Fatalf("%d resets among %d pulses", resets, pulses)
		}
	})
}

func TestEstimateText(t *testing.T) {
	second := func(...array.Step) (instrument.Seconds, error) { return 1, nil }
	spec := forming.DefaultSpec(nil)
	spec.Devices = []array.Cell{{Row: 0, Col: 0}, {Row: 1, Col: 1}}
	for _, c := range []struct {
		name string
		set  func(*forming.Spec)
		want []string
	}{
		{"voltage", func(*forming.Spec) {}, []string{"2 devices; nothing is touched by a dry run",
			"below 1.00 MΩ it is pre-formed", "voltage sweep from 500 mV to 2.20 V in 40 levels, current compliance 500 µA, " +
				"other lines v3",
			"has grown 10 times; otherwise again up to 3.10 V, 4 attempts", "pulses of 10.0 ms, -1.60 V to -2.40 V, until " +
				"below 10.0 µS, other lines v2", "-2.40 V to 3.10 V", "at most 16 sweeps and 184 pulses",
			"about 36 s if all form at once, 7 min if none does"}},
		{"current", func(s *forming.Spec) { s.Mode, s.Scheme = instrument.SweepCurrent, array.Floating },
			[]string{"current sweep from 1.00 µA to 150 µA in 40 levels, voltage compliance 3.00 V, other lines floating",
				"again up to 600 µA", "-2.40 V to 3.00 V"}},
	} {
		s := spec
		c.set(&s)
		e, err := s.Estimate(20, 20, second)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := e.Print(&b); err != nil {
			t.Fatal(err)
		}
		for _, want := range c.want {
			if !strings.Contains(b.String(), want) {
				t.Errorf("%s: %q is not in\n%s", c.name, want, b.String())
			}
		}
	}
	// A cost that refuses any of the steps refuses the whole.
	for refused := range 8 {
		n := 0
		_, err := spec.Estimate(20, 20, func(...array.Step) (instrument.Seconds, error) {
			if n++; n == refused+1 {
				return 0, errLink
			}
			return 1, nil
		})
		if errors.Is(err, errLink) != (n > refused) {
			t.Errorf("refusal %d of %d: %v", refused, n, err)
		}
	}
}

func TestCSV(t *testing.T) {
	b := newBar(2, 2)
	b.at(1, 0).forms = 0
	b.at(1, 1).g = 20e-6
	o, _ := runOn(t, b, forming.DefaultSpec(nil))
	var text bytes.Buffer
	if err := o.WriteCSV(&text); err != nil {
		t.Fatal(err)
	}
	lines, err := csv.NewReader(&text).ReadAll()
	if err != nil || len(lines) != 5 {
		t.Fatalf("%d lines, %v", len(lines), err)
	}
	want := [][]string{
		{"row", "col", "state", "sweeps", "sweep_maximum_V", "forming_V", "before_S", "formed_S", "after_S",
			"resets", "reason"},
		{"0", "0", "formed", "1", "2.2", "1.6333333", "1e-08", "0.0002", "6.25e-06", "5", ""},
		{"0", "1", "formed", "1", "2.2", "1.6333333", "1e-08", "0.0002", "6.25e-06", "5", ""},
		{"1", "0", "defective", "8", "3.1", "0", "1e-08", "0", "1e-08", "0",
			"did not form: 10.0 nS at 100 mV after 8 sweeps"},
		{"1", "1", "preformed", "0", "0", "0", "2e-05", "0", "1e-05", "1", ""},
	}
	for i := range want {
		if !slices.Equal(lines[i], want[i]) {
			t.Errorf("line %d: %q, want %q", i, lines[i], want[i])
		}
	}
}
