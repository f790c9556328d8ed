package network

import (
	"fmt"
	"math"

	"xlab/figure"
	"xlab/instrument/array"
	"xlab/lab/boxes"
	"xlab/lab/config"
	"xlab/lab/procedure"
	"xlab/lab/sim"
	"xlab/mlp"
	"xlab/mlp/dataset"
	"xlab/published"
	"xlab/run"
)

// Transient is how the neurons follow a change of the inputs, from one training
// pattern to another.
type Transient struct {
	From   string  `json:"from"`
	To     string  `json:"to"`
	Within float64 `json:"within_v"`            // V, how near its final value an output has to stay
	Delay  float64 `json:"propagation_delay_s"` // until all outputs do
	// until all hidden neurons are as near, by the same part of their swing
	Hidden  float64     `json:"hidden_delay_s"`
	Times   []float64   `json:"times_s"`
	Outputs [][]float64 `json:"outputs_v"` // one row per time
	Classes []string    `json:"-"`         // of the outputs
	Held
}

// converterStep is the output converter's resolution (hwdocs/neuron.md).
const converterStep = 20.48 / 65536

// Follow applies the training pattern of the number from, then that of the number to,
// and follows the outputs of all neurons for duration s from the moment the input
// switches change, step s between two points, with the amplifiers' bandwidth and slew
// rate. name is the network that the arrays should hold: a file, a run, or "" for the
// newest of the runs.
func Follow(l procedure.Lab, known *boxes.Registry, c *config.Config, name string, from, to int,
	step, duration float64) (*Transient, error) {
	if err := described(c); err != nil {
		return nil, err
	}
	letters := dataset.Letters()
	for _, k := range []int{from, to} {
		if k < 0 || k >= letters.Len() {
			return nil, run.Usage(fmt.Errorf("there is no training pattern %d: they count from 0 to %d", k, letters.Len()-1))
		}
	}
	if !(step > 0) || !(duration > step) || duration/step > 1e6 {
		return nil, run.Usage(fmt.Errorf("--step %g ns and --duration %g µs: give a step and a longer duration of at "+
			"most a million steps", step*1e9, duration*1e6))
	}
	n, err := load(l, c)
	if err != nil {
		return nil, err
	}
	s, err := sim.New(known, c, n.chip, "")
	if err != nil {
		return nil, err
	}
	if err := n.connect(); err != nil {
		return nil, err
	}
	h, err := n.held(name)
	if err != nil {
		return nil, err
	}
	r := &Transient{Held: h, From: letters.Classes[letters.Labels[from]], To: letters.Classes[letters.Labels[to]],
		Within: converterStep, Classes: letters.Classes}
	apply := func(k int) error {
		for layer, block := range n.placement {
			lines, err := n.computing(layer, block, letters.X.RawRowView(k))
			if err != nil {
				return err
			}
			s.Netlist.Switch(block.Array, lines)
		}
		return nil
	}
	var hidden [][]float64
	s.Netlist.Do(func() {
		if err = apply(from); err != nil {
			return
		}
		s.Netlist.Hold(1e-3)
		r.Times, hidden, r.Outputs = s.Netlist.Transient(func() { err = apply(to) }, step, duration)
	})
	if err == nil {
		err = s.Netlist.Fault()
	}
	if err != nil {
		return nil, err
	}
	r.Delay = settled(r.Times, r.Outputs, r.Within)
	r.Hidden = settled(r.Times, hidden, r.Within*float64(n.design.Hidden.Limit)/10)
	return r, nil
}

// computing is the setting of an array's switches that applies features to its
// layer of the network.
func (n *network) computing(layer int, b mlp.Block, features []float64) ([]uint8, error) {
	w, err := n.lab.Wiring(b.Array)
	if err != nil {
		return nil, err
	}
	routing := w.NewRouting()
	rows, cols := n.design.Block(layer)
	for i := range rows {
		if err := routing.Row(b.Row+i, array.BusNeuron); err != nil {
			return nil, err
		}
	}
	for i := range cols {
		bus := array.BusReadPlus // the bias
		switch {
		case i < cols-1 && layer > 0:
			bus = array.BusNeuron
		case i < cols-1 && features[i] < 0:
			bus = array.BusReadMinus
		}
		if err := routing.Col(b.Column+i, bus); err != nil {
			return nil, err
		}
	}
	if err := routing.Others(array.BusGround); err != nil {
		return nil, err
	}
	var closed []uint8
	for _, line := range routing.Lines() {
		closed = append(closed, uint8(line))
	}
	return closed, nil
}

// settled is when all values stay within a distance of their last ones.
func settled(times []float64, rows [][]float64, within float64) float64 {
	last := rows[len(rows)-1]
	for k := len(rows) - 1; k >= 0; k-- {
		for j, v := range rows[k] {
			if math.Abs(v-last[j]) > within {
				return times[min(k+1, len(times)-1)]
			}
		}
	}
	return 0
}

// Figure shows the outputs over time.
func (r *Transient) Figure() figure.Lines {
	l := figure.Lines{
		Title:    "Outputs after the inputs change",
		Subtitle: fmt.Sprintf("from a pattern of %s to one of %s", r.From, r.To),
		X:        figure.Axis{Label: "time after the switches change", Unit: "s"},
		Y:        figure.Axis{Label: "output", Unit: "V"},
		Moments: []figure.Mark{{Name: fmt.Sprintf("settled after %.2f µs", r.Delay*1e6), Values: []float64{r.Delay}},
			{Name: "published: earlier than 5 µs", Values: []float64{published.Delay}}},
	}
	for j, class := range r.Classes {
		series := figure.Series{Name: class, X: r.Times}
		for _, row := range r.Outputs {
			series.Y = append(series.Y, row[j])
		}
		l.Series = append(l.Series, series)
	}
	return l
}
