package transfer

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"strconv"

	"gonum.org/v1/gonum/mat"

	"xlab/instrument"
	"xlab/mlp"
	"xlab/population"
	"xlab/tuning"
)

// Held is the verdict on a device that was left alone because training held it.
const Held tuning.Verdict = "held"

// Device is what became of one device.
type Device struct {
	mlp.Target
	Aim     instrument.Siemens `json:"aim_s"`   // what it was tuned to, after correction; the target where nothing was
	Final   instrument.Siemens `json:"final_s"` // by the last read of its array
	Pulses  int                `json:"pulses"`
	Verdict tuning.Verdict     `json:"outcome"`
	Reason  string             `json:"reason,omitempty"`
}

// Weight is what became of one weight.
type Weight struct {
	Layer  int                `json:"layer"`
	Neuron int                `json:"neuron"`
	Input  int                `json:"input"` // the number of inputs is the bias
	Target instrument.Siemens `json:"target_s"`
	Final  instrument.Siemens `json:"final_s"`
	// InTolerance: it is off by no more than the tolerance allows its carrying
	// device, or the idle tolerance a device at the minimum.
	InTolerance bool `json:"in_tolerance"`
}

// Outcome is the result of an import.
type Outcome struct {
	Devices []Device     // layer by layer, row by row
	Weights []Weight     // layer by layer, neuron by neuron
	Network *mlp.Network // with the conductances of the last reads, on the targets' scale
	// Actual is the same with the lines taken out: the devices' own conductances.
	Actual *mlp.Network
}

func (w *writing) outcome() (*Outcome, error) {
	o := &Outcome{}
	n, p := w.task.Network, w.task.Placement
	var err error
	for _, list := range []map[string]*mat.Dense{w.reads, w.lines} {
		for _, g := range list {
			// What hardly conducts can read below zero by noise.
			g.Apply(func(_, _ int, x float64) float64 { return max(x, 0) }, g)
		}
	}
	if o.Network, err = p.Read(n.Design, w.reads); err != nil {
		return nil, err
	}
	if o.Actual, err = p.Read(n.Design, w.lines); err != nil {
		return nil, err
	}
	list, err := n.Targets(p)
	if err != nil {
		return nil, err
	}
	for _, k := range list {
		d := Device{Target: k, Aim: k.Conductance,
			Final: instrument.Siemens(o.Network.G[k.Site.Layer].At(k.Site.Row, k.Site.Col)), Verdict: Held}
		if r, written := w.records[k.Device]; written {
			d.Aim, d.Pulses, d.Verdict, d.Reason = r.aim, r.Pulses, r.Verdict, r.Reason
		}
		o.Devices = append(o.Devices, d)
	}
	for l := range n.G {
		for j := range n.Design.Sizes[l+1] {
			for i := range n.Design.Sizes[l] + 1 {
				want, got := n.Pair(l, j, i), o.Network.Pair(l, j, i)
				allowed := max(w.spec.Tolerance*float64(max(want.Plus, want.Minus)), w.spec.Idle*float64(n.Design.Range.Min))
				o.Weights = append(o.Weights, Weight{Layer: l, Neuron: j, Input: i, Target: want.Weight(), Final: got.Weight(),
					InTolerance: math.Abs(float64(got.Weight()-want.Weight())) <= allowed})
			}
		}
	}
	return o, nil
}

// InTolerance is the number of weights that are in tolerance.
func (o *Outcome) InTolerance() int {
	n := 0
	for _, w := range o.Weights {
		if w.InTolerance {
			n++
		}
	}
	return n
}

// Pulses is the number of write pulses of all devices.
func (o *Outcome) Pulses() int {
	n := 0
	for _, d := range o.Devices {
		n += d.Pulses
	}
	return n
}

// MeanError is the mean size of the relative errors of written devices against their
// aims; devices that cannot be set are left out. It is not defined where no device
// was written.
func (o *Outcome) MeanError() population.Number {
	var errors []float64
	for _, d := range o.Devices {
		switch d.Verdict {
		case Held, tuning.Defective, tuning.Stuck:
			continue
		}
		errors = append(errors, math.Abs(float64(d.Final/d.Aim)-1))
	}
	return population.Of(errors).Mean
}

// Unsettable lists the devices that no allowed pulse brings to their targets
// and that the defect map does not know of.
func (o *Outcome) Unsettable() []Device {
	var list []Device
	for _, d := range o.Devices {
		if d.Verdict == tuning.Stuck || d.Verdict == tuning.GaveUp {
			list = append(list, d)
		}
	}
	return list
}

// WriteCSV writes one line per device in SI units.
func (o *Outcome) WriteCSV(w io.Writer) error {
	lines := [][]string{{"array", "row", "col", "layer", "neuron", "input", "line", "idle", "target_S", "aim_S",
		"final_S", "pulses", "outcome", "reason"}}
	number := func(x instrument.Siemens) string { return instrument.Decimal(float64(x)) }
	for _, d := range o.Devices {
		line := "minus"
		if d.Site.Plus() {
			line = "plus"
		}
		lines = append(lines, []string{d.Device.Array, strconv.Itoa(d.Device.Cell.Row), strconv.Itoa(d.Device.Cell.Col),
			strconv.Itoa(d.Site.Layer), strconv.Itoa(d.Site.Neuron()), strconv.Itoa(d.Site.Col), line, fmt.Sprint(d.Idle),
			number(d.Conductance), number(d.Aim), number(d.Final), strconv.Itoa(d.Pulses), string(d.Verdict),
			d.Reason})
	}
	return csv.NewWriter(w).WriteAll(lines)
}
