package insitu_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/mlp"
	"xlab/mock/device"
	"xlab/tuning"
)

// crossbar is simulated devices behind ideal lines: pulses reach every device
// with the part that the scheme gives it.
type crossbar struct {
	devices *device.Array
	held    map[array.Cell]bool // stuck devices, which take no part
	writes  []write
	status  map[array.Cell]instrument.Status // of reads
	fail    error                            // of the pulse after so many writes
	failAt  int
	unknown bool // it is not known of the first write whether it happened
	reads   map[array.Cell]int
}

// write is what one step did.
type write struct {
	rows, cols []int
	pulse      array.Pulse
}

// formed makes a chip whose devices have been formed, and brought to a
// conductance in S to within a relative tolerance.
func formed(t testing.TB, rows, cols int, seed uint64, g, tolerance float64) *crossbar {
	t.Helper()
	devices, err := device.NewArray(device.Default(), rows, cols, seed)
	if err != nil {
		t.Fatal(err)
	}
	c := &crossbar{devices: devices, held: make(map[array.Cell]bool), status: make(map[array.Cell]instrument.Status),
		reads: make(map[array.Cell]int)}
	for k := range devices.Len() {
		for v := 1.2; v < 2.4 && devices.Condition(k) == device.Pristine; v += 0.1 {
			c.stress(k, v, 1e-3)
		}
		for v := 0.8; devices.Condition(k) == device.Formed; {
			now := devices.Conductance(k, 0.2)
			if math.Abs(now/g-1) < tolerance || v > 2.2 {
				break
			}
			c.stress(k, math.Copysign(v, g-now), 500e-6)
			if after := devices.Conductance(k, 0.2); (after-g)*(now-g) < 0 {
				v = 0.8
			} else {
				v += 0.01
			}
		}
		if devices.Condition(k) != device.Formed {
			c.held[array.Cell{Row: k / cols, Col: k % cols}] = true
		}
	}
	return c
}

// stress applies a voltage to one device alone.
func (c *crossbar) stress(k int, v, seconds float64) {
	volts, amps, slopes := make([]float64, c.devices.Len()), make([]float64, c.devices.Len()),
		make([]float64, c.devices.Len())
	volts[k] = v
	c.devices.Currents(volts, amps, slopes)
	c.devices.Stress(volts, amps, seconds, 0)
}

func (c *crossbar) Size() (rows, cols int) { return c.devices.Rows(), c.devices.Cols() }

func (c *crossbar) Do(_ context.Context, cell array.Cell, steps ...array.Step) ([]array.Result, error) {
	var results []array.Result
	for _, step := range steps {
		if step.Stress() && c.fail != nil && len(c.writes) == c.failAt {
			return results, c.fail
		}
		r := array.Result{Levels: []array.Level{{}}}
		switch s := step.(type) {
		case array.Read:
			c.devices.SampleNoise(float64(s.Aperture))
			volts, amps, slopes := make([]float64, c.devices.Len()), make([]float64, c.devices.Len()),
				make([]float64, c.devices.Len())
			k := cell.Row*c.devices.Cols() + cell.Col
			volts[k] = float64(s.Voltage)
			c.devices.Currents(volts, amps, slopes)
			c.devices.ClearNoise()
			r.Levels[0] = array.Level{Voltage: s.Voltage, Current: instrument.Amps(amps[k])}
			r.Status = c.status[cell]
			if len(c.writes) > 0 {
				c.reads[cell]++
			}
		case array.Pulse:
			c.write([]int{cell.Row}, []int{cell.Col}, s)
		case array.Parallel:
			c.write(indices(s.Rows), indices(s.Cols), array.Pulse{Voltage: s.Voltage, Width: s.Width, Scheme: s.Scheme,
				Compliance: s.Compliance})
		default:
			return results, fmt.Errorf("%T is not for this bench", step)
		}
		if r.Unknown = step.Stress() && c.unknown && len(c.writes) == 1; r.Unknown {
			r.Levels = nil
		}
		results = append(results, r)
	}
	return results, nil
}

func indices(l array.Lines) []int {
	list, err := l.Indices()
	if err != nil {
		panic(err)
	}
	return list
}

func (c *crossbar) write(rows, cols []int, p array.Pulse) {
	c.writes = append(c.writes, write{rows, cols, p})
	f := p.Scheme.Fractions()
	volts, amps, slopes := make([]float64, c.devices.Len()), make([]float64, c.devices.Len()),
		make([]float64, c.devices.Len())
	for k := range volts {
		row, col := f.OtherRows, f.OtherCols
		if slices.Contains(rows, k/c.devices.Cols()) {
			row = f.Row
		}
		if slices.Contains(cols, k%c.devices.Cols()) {
			col = f.Col
		}
		volts[k] = (row - col) * float64(p.Voltage)
	}
	c.devices.Currents(volts, amps, slopes)
	c.devices.Stress(volts, amps, float64(p.Width), 0)
}

// neurons computes with the devices' true currents.
type neurons struct {
	design    mlp.Design
	placement mlp.Placement
	arrays    map[string]*crossbar
}

func (n *neurons) Trim(context.Context) error { return nil }

func (n *neurons) Layers(_ context.Context, features *mat.Dense) (hidden, outputs *mat.Dense, err error) {
	v, err := n.design.Drive(features)
	if err != nil {
		return nil, nil, err
	}
	hidden = n.layer(0, v)
	return hidden, n.layer(1, hidden), nil
}

func (n *neurons) layer(l int, v *mat.Dense) *mat.Dense {
	samples, inputs := v.Dims()
	b := n.placement[l]
	devices := n.arrays[b.Array].devices
	out := mat.NewDense(samples, n.design.Sizes[l+1], nil)
	volts, amps, slopes := make([]float64, devices.Len()), make([]float64, devices.Len()), make([]float64, devices.Len())
	for s := range samples {
		clear(volts)
		for k := range volts {
			switch c := k%devices.Cols() - b.Column; {
			case c >= 0 && c < inputs:
				volts[k] = v.At(s, c)
			case c == inputs:
				volts[k] = float64(n.design.BiasLevel)
			}
		}
		devices.Currents(volts, amps, slopes)
		for j := range n.design.Sizes[l+1] {
			dI := 0.0
			for c := range inputs + 1 {
				plus := (b.Row+2*j)*devices.Cols() + b.Column + c
				dI += amps[plus] - amps[plus+devices.Cols()]
			}
			out.Set(s, j, n.design.Neuron(l).Output(dI))
		}
	}
	return out
}

func newLaw(rows, cols int) *tuning.Learned {
	return tuning.NewLearned(rows, cols, nil, tuning.DefaultSpec(nil).Pulses, 0.01)
}
