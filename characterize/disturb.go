package characterize

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/instrument/profile"
	"xlab/run"
)

// DisturbSpec says how the disturb of neighbours is measured: pulses on one
// device, reads of three others between them.
type DisturbSpec struct {
	Conditions
	Device     array.Cell         `json:"device"`     // that the pulses are meant for
	Amplitudes []instrument.Volts `json:"amplitudes"` // one series of pulses each, signed
	Schemes    []array.Scheme     `json:"schemes"`    // each with all amplitudes
	Pulses     int                `json:"pulses"`     // of a series
}

// DefaultDisturbSpec compares the schemes at the amplitudes around which devices
// are tuned.
func DefaultDisturbSpec(p *profile.Profile, device array.Cell) DisturbSpec {
	return DisturbSpec{Conditions: DefaultConditions(p), Device: device,
		Amplitudes: slices.Clone(profile.Of(p).Measure.Disturb),
		Schemes:    []array.Scheme{array.HalfVoltage, array.ThirdVoltage, array.Floating}, Pulses: 50}
}

// Validate checks the parameters; all faults are reported at once.
func (s DisturbSpec) Validate(rows, cols int) error {
	var f faults
	f.cells([]array.Cell{s.Device}, rows, cols)
	f.conditions(s.Conditions)
	f.Check(rows > 1 && cols > 1, "an array of %d x %d is too small for neighbours: it needs at least 2 x 2 devices",
		rows, cols)
	f.Check(len(s.Amplitudes) > 0 && len(s.Schemes) > 0, "give at least one amplitude and one scheme")
	for _, v := range s.Amplitudes {
		f.Check(v != 0 && v <= s.SetMax && v >= s.ResetMax, "amplitude %v must not be 0 V and be between reset_max, %v, "+
			"and set_max, %v", v, s.ResetMax, s.SetMax)
	}
	for _, scheme := range s.Schemes {
		f.scheme("scheme", scheme)
	}
	f.Check(s.Pulses >= 3 && s.Pulses <= 1_000_000, "pulses: %d must be 3 to a million", s.Pulses)
	return f.Err("disturb parameters")
}

// Estimate costs the specification at its worst.
func (s DisturbSpec) Estimate(rows, cols int, cost Costing) (*Estimate, error) {
	series := len(s.Amplitudes) * len(s.Schemes)
	list := append(s.preparing(4*(series+1)), work{series * (rows*cols + 4*(s.Pulses+1)), s.read()})
	for _, v := range s.Amplitudes {
		list = append(list, work{len(s.Schemes) * s.Pulses, s.pulse(v, s.Width)})
		for _, scheme := range s.Schemes { // only to have refused what cannot be done
			list = append(list, work{0, array.Pulse{Voltage: v, Width: s.Width, Scheme: scheme, Compliance: s.Compliance}})
		}
	}
	return estimate(4, cost, list...)
}

// Place is where a device sits, seen from the one that the pulses are meant for.
type Place string

const (
	Selected   Place = "selected"
	OnRow      Place = "same row"
	OnColumn   Place = "same column"
	Unselected Place = "unselected"
)

// Victim is one device in one series.
type Victim struct {
	Place Place                `json:"place"`
	Cell  array.Cell           `json:"cell"`
	Reads []instrument.Siemens `json:"reads"` // through the lines, before the series and after each pulse

	// Conductances are the device's own by the same reads. The selected device
	// changes by much and with it the load of its lines, which would look like
	// disturb in the reads of its neighbours.
	Conductances []instrument.Siemens `json:"conductances"`
}

// Change is the last conductance over the first, less 1; NaN below two reads.
func (v Victim) Change() float64 {
	if len(v.Conductances) < 2 {
		return math.NaN()
	}
	return float64(v.Conductances[len(v.Conductances)-1]/v.Conductances[0]) - 1
}

// PerPulse is the relative change by one pulse, by least squares over all of them;
// NaN below three of them.
func (v Victim) PerPulse() float64 {
	var x, y []float64
	for n, g := range v.Conductances {
		if g > 0 {
			x, y = append(x, float64(n)), append(y, math.Log(float64(g)))
		}
	}
	if len(x) < 3 {
		return math.NaN()
	}
	_, slope := stat.LinearRegression(x, y, nil, false)
	return slope
}

// DisturbSeries is one amplitude under one scheme.
type DisturbSeries struct {
	Scheme    array.Scheme     `json:"scheme"`
	Amplitude instrument.Volts `json:"amplitude"`
	Devices   []Victim         `json:"devices"` // the selected one first
	Reason    string           `json:"reason,omitempty"`
}

// Disturb is the result of a disturb measurement.
type Disturb struct {
	Spec   DisturbSpec     `json:"spec"`
	Series []DisturbSeries `json:"series"`
	Note   string          `json:"note,omitempty"` // on all of it
}

// MeasureDisturb measures one series after the other; before each all four
// devices are written between Low and High. It blocks and ends as
// MeasureThresholds does; a request to stop is honoured between series.
func MeasureDisturb(ctx context.Context, bench array.DUT, spec DisturbSpec, o Options) (*Disturb, error) {
	rows, cols := bench.Size()
	if err := spec.Validate(rows, cols); err != nil {
		return nil, err
	}
	out := &Disturb{Spec: spec, Series: []DisturbSeries{}}
	cells, err := spec.neighbours(rows, cols, o)
	if err != nil {
		return nil, err
	}
	total := len(spec.Amplitudes) * len(spec.Schemes)
	for _, v := range spec.Amplitudes {
		for _, scheme := range spec.Schemes {
			if err := run.CheckStop(ctx); err != nil {
				return out, err
			}
			s := DisturbSeries{Scheme: scheme, Amplitude: v, Devices: slices.Clone(cells)}
			note, err := spec.series(ctx, bench, &s)
			for errors.Is(err, errCutOff) {
				s = DisturbSeries{Scheme: scheme, Amplitude: v, Devices: slices.Clone(cells)}
				note, err = spec.series(ctx, bench, &s)
			}
			err = noVerdict(err, &s.Reason)
			out.Series = append(out.Series, s)
			if note != "" {
				out.Note = note
			}
			if err != nil {
				return out, fmt.Errorf("disturb: %w", err)
			}
			o.observe(Event{Done: len(out.Series), Total: total, Note: fmt.Sprintf("%s %v", scheme, v)})
		}
	}
	return out, spec.switchOff(ctx, bench, cellsOf(cells))
}

func cellsOf(victims []Victim) []array.Cell {
	var list []array.Cell
	for _, v := range victims {
		list = append(list, v.Cell)
	}
	return list
}

// neighbours finds the nearest usable device in each place.
func (s DisturbSpec) neighbours(rows, cols int, o Options) ([]Victim, error) {
	if keep, _ := o.usable([]array.Cell{s.Device}); len(keep) == 0 {
		return nil, &instrument.Error{Op: "disturb", Channel: s.Device.String(), Kind: instrument.KindUsage,
			Err: errors.New("the device does not switch, by the defect map"), Advice: "name another device"}
	}
	all := array.AllCells(rows, cols)
	distance := func(c array.Cell) int {
		r, k := c.Row-s.Device.Row, c.Col-s.Device.Col
		return max(r, -r) + max(k, -k)
	}
	slices.SortStableFunc(all, func(a, b array.Cell) int { return distance(a) - distance(b) })
	usable, _ := o.usable(all)
	list := []Victim{{Place: Selected, Cell: s.Device}}
	for _, place := range []Place{OnRow, OnColumn, Unselected} {
		i := slices.IndexFunc(usable, func(c array.Cell) bool {
			return c != s.Device && (c.Row == s.Device.Row) == (place == OnRow) && (c.Col == s.Device.Col) == (place == OnColumn)
		})
		if i < 0 {
			return nil, &instrument.Error{Op: "disturb", Channel: s.Device.String(), Kind: instrument.KindUsage,
				Err: fmt.Errorf("there is no usable device %s", place), Advice: "name another device"}
		}
		list = append(list, Victim{Place: place, Cell: usable[i]})
	}
	return list, nil
}

// errCutOff ends a series in which a pulse may not have happened: the disturb is
// counted per pulse, so that it has to be done again.
var errCutOff = errors.New("the run was cut off in this series")

// series prepares the four devices and measures one amplitude under one scheme.
// note is about the reads.
func (s DisturbSpec) series(ctx context.Context, bench array.DUT, d *DisturbSeries) (note string, err error) {
	probes := make([]*probe, len(d.Devices))
	for i, v := range d.Devices {
		probes[i] = &probe{bench: bench, conditions: s.Conditions, cell: v.Cell}
		if err := bench.Expect(v.Cell, s.bounds(0)); err != nil {
			return "", err
		}
		ok, err := probes[i].bring(ctx, s.Low, s.High)
		if err != nil {
			return "", err
		}
		if !ok && d.Reason == "" {
			d.Reason = fmt.Sprintf("%d pulses did not bring %s between %v and %v", s.PreparePulses, v.Cell, s.Low, s.High)
		}
		if err := bench.Settle(nil); err != nil {
			return "", err
		}
	}
	if d.Reason != "" {
		return "", nil
	}
	w, err := s.readWhole(ctx, bench)
	if err != nil {
		return "", err
	}
	if err := bench.Expect(s.Device, s.bounds(s.Pulses)); err != nil {
		return "", err
	}
	pulse := array.Pulse{Voltage: d.Amplitude, Width: s.Width, Scheme: d.Scheme, Compliance: s.Compliance}
	cells, reads := cellsOf(d.Devices), make([]instrument.Siemens, len(d.Devices))
	for n := range s.Pulses + 1 {
		for i, p := range probes {
			var steps []array.Step
			if i == 0 && n > 0 {
				steps = append(steps, pulse)
			}
			if err := p.do(ctx, steps...); err != nil {
				return w.note, err
			}
			if p.unknown {
				return w.note, errors.Join(errCutOff, bench.Settle(nil))
			}
			d.Devices[i].Reads = append(d.Devices[i].Reads, p.last)
			reads[i] = p.last
		}
		w.follow(cells, reads)
		for i := range d.Devices {
			d.Devices[i].Conductances = append(d.Devices[i].Conductances, w.device(cells[i]))
		}
	}
	return w.note, bench.Settle(nil)
}
