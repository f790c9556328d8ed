package characterize

import (
	"context"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"xlab/figure"
	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/instrument/profile"
	"xlab/population"
	"xlab/published"
	"xlab/run"
	"xlab/run/keyfigure"
)

// TemperatureSpec says how the dependence of states on temperature is measured.
type TemperatureSpec struct {
	Conditions
	Devices      []array.Cell         `json:"devices"`
	States       []instrument.Siemens `json:"states"`       // written to the devices in turn, at the first temperature
	Tolerance    float64              `json:"tolerance"`    // relative, of a written state
	Temperatures []instrument.Celsius `json:"temperatures"` // in the order of measuring
}

// DefaultTemperatureSpec covers the range of the published model, read at 0.1 V
// as there.
func DefaultTemperatureSpec(p *profile.Profile, devices []array.Cell) TemperatureSpec {
	p = profile.Of(p)
	c := DefaultConditions(p)
	c.Read, c.Low, c.High = p.Read.Check, p.Conductance.Low, p.Conductance.High
	return TemperatureSpec{Conditions: c, Devices: devices, States: slices.Clone(p.Measure.Heated),
		Tolerance:    0.1,
		Temperatures: []instrument.Celsius{25, 40, 55, 70, 85}}
}

// Validate checks the parameters; all faults are reported at once.
func (s TemperatureSpec) Validate(rows, cols int) error {
	var f faults
	f.cells(s.Devices, rows, cols)
	f.conditions(s.Conditions)
	f.states(s.States, s.Tolerance)
	f.Check(len(s.Temperatures) >= 2, "temperatures: give at least two, the first of them is where the states are written")
	for _, t := range s.Temperatures {
		f.Check(t > -273.15 && t < 1000, "temperature %v is not one that a chip can have", t)
	}
	return f.Err("temperature parameters")
}

// Estimate costs the specification at its worst.
func (s TemperatureSpec) Estimate(rows, cols int, cost Costing) (*Estimate, error) {
	n := len(s.Devices)
	return estimate(n, cost, append(s.preparing(n), work{rows * cols * len(s.Temperatures), s.read()})...)
}

// Warm is one read at a temperature.
type Warm struct {
	Temperature instrument.Celsius `json:"temperature"` // as the thermostat gave it
	Read        instrument.Siemens `json:"read"`        // through the lines
	Conductance instrument.Siemens `json:"conductance"` // of the device
}

// Heated is the result for one device.
type Heated struct {
	Cell   array.Cell         `json:"cell"`
	State  instrument.Siemens `json:"state"` // asked for
	Reads  []Warm             `json:"reads"` // in the order of the temperatures
	Reason string             `json:"reason,omitempty"`
}

// Change is the last conductance over the first, less 1; NaN below two reads.
func (h Heated) Change() float64 {
	if len(h.Reads) < 2 {
		return math.NaN()
	}
	return float64(h.Reads[len(h.Reads)-1].Conductance/h.Reads[0].Conductance) - 1
}

// Temperatures is the result of a measurement at several temperatures.
type Temperatures struct {
	Spec    TemperatureSpec `json:"spec"`
	Devices []Heated        `json:"devices"`
	Skipped []array.Cell    `json:"skipped"`
	Note    string          `json:"note,omitempty"` // on all of it
}

// MeasureTemperature writes all devices at the first temperature and reads the
// whole array at each: as all devices conduct more when they are warm, they load
// the lines more, which has to be told apart. It blocks and ends as MeasureThresholds does; asked to stop, it leaves
// the devices as written.
func MeasureTemperature(ctx context.Context, bench array.DUT, thermostat instrument.Thermostat, spec TemperatureSpec,
	o Options) (*Temperatures, error) {
	if err := spec.Validate(bench.Size()); err != nil {
		return nil, err
	}
	cells, skipped := o.usable(spec.Devices)
	out := &Temperatures{Spec: spec, Devices: []Heated{}, Skipped: skipped}
	for step, want := range spec.Temperatures {
		real, err := thermostat.Reach(ctx, want)
		if err != nil {
			return out, fmt.Errorf("temperature %v: %w", want, err)
		}
		for i, cell := range cells {
			if err := run.CheckStop(ctx); err != nil {
				return out, err
			}
			if step == 0 {
				h := Heated{Cell: cell, State: spec.States[i%len(spec.States)], Reads: []Warm{}}
				if h.Reason, err = spec.write(ctx, bench, cell, h.State, spec.Tolerance); err != nil {
					return out, fmt.Errorf("temperature: %w", err)
				}
				out.Devices = append(out.Devices, h)
			}
		}
		if err := spec.look(ctx, bench, out, real); err != nil {
			return out, fmt.Errorf("temperature %v: %w", real, err)
		}
		o.observe(Event{Done: step + 1, Total: len(spec.Temperatures), Note: real.String()})
	}
	return out, spec.switchOff(ctx, bench, cells)
}

// look reads the array and keeps what the devices have that were written.
func (s TemperatureSpec) look(ctx context.Context, bench array.DUT, out *Temperatures, at instrument.Celsius) error {
	w, err := s.readWhole(ctx, bench)
	if err != nil {
		return err
	}
	if w.note != "" {
		out.Note = w.note
	}
	for i := range out.Devices {
		if h := &out.Devices[i]; h.Reason == "" {
			h.Reads = append(h.Reads, Warm{at, w.read(h.Cell), w.device(h.Cell)})
		}
	}
	return nil
}

// publishedRise is the calculated rise of conductance at 0.1 V from 25 to 85 °C
// (published.Model), where the spec measures it and it is known.
func (s TemperatureSpec) publishedRise(state instrument.Siemens) (rise float64, known bool) {
	if s.Temperatures[0] != 25 || s.Temperatures[len(s.Temperatures)-1] != 85 || s.Read != 0.1 {
		return 0, false
	}
	for _, k := range []struct {
		state instrument.Siemens
		rise  float64
	}{{10e-6, 0.65}, {20e-6, 0.33}, {50e-6, 0.14}, {100e-6, 0.07}, {200e-6, 0.034}} {
		if math.Abs(float64(state/k.state)-1) < 1e-9 {
			return k.rise, true
		}
	}
	return 0, false
}

// Comparison lists measured beside published values.
func (t *Temperatures) Comparison() []keyfigure.Comparison {
	first, last := t.Spec.Temperatures[0], t.Spec.Temperatures[len(t.Spec.Temperatures)-1]
	var list []keyfigure.Comparison
	for _, state := range t.Spec.States {
		var change []float64
		for _, h := range t.Devices {
			if h.State == state && len(h.Reads) == len(t.Spec.Temperatures) {
				change = append(change, h.Change())
			}
		}
		p := population.Of(change)
		if p.N == 0 {
			continue
		}
		c := keyfigure.Comparison{What: fmt.Sprintf("change of %v from %v to %v", state, first, last),
			Measured: p.Text(population.Format("%+.1f %%", 100))}
		if rise, known := t.Spec.publishedRise(state); known {
			c.Published, c.Source = fmt.Sprintf("%+.2g %%", 100*rise), published.Model
		}
		list = append(list, c)
	}
	return list
}

// Figures shows conductance, relative to the first temperature, against
// temperature.
func (t *Temperatures) Figures() []figure.Figure {
	l := figure.Lines{Title: "Conductance against temperature", Subtitle: fmt.Sprintf("read at %v, relative to the "+
		"first temperature", t.Spec.Read),
		X: figure.Axis{Label: "temperature", Unit: "°C"}, Y: figure.Axis{Label: "relative conductance"}}
	var rings []string
	calculated := figure.Series{Name: published.Model, NoLine: true, Other: true}
	for _, state := range t.Spec.States {
		x, values, n := make([]float64, len(t.Spec.Temperatures)), make([][]float64, len(t.Spec.Temperatures)), 0
		for _, h := range t.Devices {
			if h.State != state || len(h.Reads) == 0 {
				continue
			}
			n++
			s := behind(figure.Series{Name: fmt.Sprintf("%s, %v", h.Cell, h.Reads[0].Conductance), Markers: true},
				len(t.Devices))
			for k, w := range h.Reads {
				ratio := float64(w.Conductance / h.Reads[0].Conductance)
				s.X, s.Y = append(s.X, float64(w.Temperature)), append(s.Y, ratio)
				x[k], values[k] = float64(w.Temperature), append(values[k], ratio)
			}
			l.Series = append(l.Series, s)
		}
		if n == 0 {
			continue
		}
		if len(t.Devices) > legendLimit {
			l.Series = append(l.Series, means(fmt.Sprintf("mean of %s at %v", population.Devices(n), state), x, values))
		}
		if rise, known := t.Spec.publishedRise(state); known {
			calculated.X, calculated.Y = append(calculated.X, 85), append(calculated.Y, 1+rise)
			rings = append(rings, state.String())
		}
	}
	if len(calculated.X) > 0 {
		l.Series = append(l.Series, calculated)
	}
	caption := fmt.Sprintf("Conductance of %s, each relative to its own at %v; the less a device conducts, "+
		"the more it gains. %s",
		population.Devices(len(t.Devices)), t.Spec.Temperatures[0], meanCaption)
	if len(rings) > 0 {
		caption += fmt.Sprintf(" Rings: %s, %s.", strings.Join(rings, ", "), published.Model)
	}
	return []figure.Figure{{Name: "temperature", Spec: l, Caption: caption}}
}

// WriteCSV writes one line per read.
func (t *Temperatures) WriteCSV(w io.Writer) error {
	lines := table{{"row", "col", "state_S", "temperature_C", "read_S", "conductance_S"}}
	for _, h := range t.Devices {
		for _, r := range h.Reads {
			lines.add(h.Cell.Row, h.Cell.Col, float64(h.State), float64(r.Temperature), float64(r.Read), float64(r.Conductance))
		}
	}
	return lines.write(w)
}

// Notes says which devices were not followed.
func (t *Temperatures) Notes() []string {
	list := notes(t.Skipped, t.Devices, func(h Heated) (array.Cell, string) { return h.Cell, h.Reason })
	if t.Note != "" {
		list = append(list, t.Note)
	}
	return list
}
