package main

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"xlab/instrument/array"
	"xlab/lab/config"
	"xlab/lab/procedure"
	"xlab/lab/sim"
	"xlab/mlp"
	"xlab/mlp/dataset"
	"xlab/mock/chip"
	"xlab/mock/inference"
	"xlab/published"
	"xlab/run"
	"xlab/run/figure"

	"github.com/spf13/cobra"
)

// transientResult is what `xlab sim transient --json` prints.
type transientResult struct {
	From   string  `json:"from"`
	To     string  `json:"to"`
	Within float64 `json:"within_v"`            // V, how near its final value an output has to stay
	Delay  float64 `json:"propagation_delay_s"` // until all outputs do
	// until all hidden neurons are as near, by the same part of their swing
	Hidden  float64     `json:"hidden_delay_s"`
	Times   []float64   `json:"times_s"`
	Outputs [][]float64 `json:"outputs_v"` // one row per time
	hidden  [][]float64
	swing   float64
	classes []string
	held
}

func (a *app) simTransientCommand() *cobra.Command {
	var from, to int
	var output, network string
	var duration, step float64
	c := &cobra.Command{
		Use:   "transient",
		Short: "Follow the simulated neurons after the inputs change",
		Long: `Applies one training letter to the network in the simulated chip's arrays, then
another one, and follows the outputs of all neurons from the moment the input
switches change, with the amplifiers' bandwidth and slew rate. The propagation
delay is the time after which every output stays within a step of the board's
converter (20.48 V / 65536) of its final value. The chip's file is not changed.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if _, err := a.simulatedConfig(); err != nil {
				return err
			}
			r, err := a.transient(network, from, to, step*1e-9, duration*1e-6)
			if err != nil {
				return err
			}
			if output != "" {
				drawing, err := r.draw().Draw()
				if err != nil {
					return err
				}
				if err := writeDrawing(drawing, output); err != nil {
					return err
				}
			}
			if a.json {
				return a.writeJSON(r)
			}
			return a.printTransient(r, output)
		},
	}
	f := c.Flags()
	f.IntVar(&from, "from", 0, "training pattern before, from 0")
	f.IntVar(&to, "to", 30, "training pattern after")
	f.Float64Var(&step, "step", 20, "time between two points in ns")
	f.Float64Var(&duration, "duration", 6, "time followed in µs")
	f.StringVar(&network, "network", "", "network that the arrays should hold: a file, "+
		"or a run that has one (default: of the newest run)")
	f.StringVarP(&output, "output", "o", "", "draw the outputs into this .svg, .png or .pdf file")
	return c
}

// converterStep is the output converter's resolution (hwdocs/neuron.md).
const converterStep = 20.48 / 65536

func (a *app) transient(network string, from, to int, step, duration float64) (*transientResult, error) {
	if a.Config.Neurons.Address == "" {
		return nil, run.Usage(fmt.Errorf("there is no neuron board on this bench; %s describes it without neurons",
			a.Config.Origin()))
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
	state, err := chip.Load(a.Config.Simulation.Chip)
	if err != nil {
		return nil, run.Usage(fmt.Errorf("%w; form, train and import first: `xlab mlp run` does", err))
	}
	s, err := sim.New(a.Config, state, "")
	if err != nil {
		return nil, err
	}
	design := mlp.LetterDesign()
	placement, err := procedure.PlaceOn(&a.Lab, design, "A,B")
	if err != nil {
		return nil, err
	}
	layers := computingLayers(state, design, placement)
	fast, err := inference.New(float64(design.InputLevel), layers...)
	if err != nil {
		return nil, run.Usage(fmt.Errorf("%w; the devices have to be formed and the network imported", err))
	}
	h, err := heldNetwork(a.Config, network, fast)
	if err != nil {
		return nil, err
	}
	r := &transientResult{held: h, From: letters.Classes[letters.Labels[from]], To: letters.Classes[letters.Labels[to]],
		Within: converterStep, swing: float64(design.Hidden.Limit), classes: letters.Classes}
	apply := func(k int) error {
		for l, block := range placement {
			lines, err := computing(a.Config, design, l, block, letters.X.RawRowView(k))
			if err != nil {
				return err
			}
			s.Netlist.Switch(block.Array, lines)
		}
		return nil
	}
	s.Netlist.Do(func() {
		if err = apply(from); err != nil {
			return
		}
		s.Netlist.Hold(1e-3)
		times, hidden, outputs := s.Netlist.Transient(func() { err = apply(to) }, step, duration)
		r.Times, r.hidden, r.Outputs = times, hidden, outputs
	})
	if err == nil {
		err = s.Netlist.Fault()
	}
	if err != nil {
		return nil, err
	}
	r.Delay = settled(r.Times, r.Outputs, r.Within)
	r.Hidden = settled(r.Times, r.hidden, r.Within*r.swing/10)
	return r, nil
}

// computing is the setting of an array's switches that applies features to its
// layer of the network.
func computing(c *config.Config, d mlp.Design, layer int, b mlp.Block, features []float64) ([]uint8, error) {
	board, err := c.Board(b.Array)
	if err != nil {
		return nil, err
	}
	w, err := board.LoadWiring()
	if err != nil {
		return nil, err
	}
	routing := w.NewRouting()
	rows, cols := d.Block(layer)
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

func (r *transientResult) draw() figure.Lines {
	l := figure.Lines{
		Title:    "Outputs after the inputs change",
		Subtitle: fmt.Sprintf("from a pattern of %s to one of %s", r.From, r.To),
		X:        figure.Axis{Label: "time after the switches change", Unit: "s"},
		Y:        figure.Axis{Label: "output", Unit: "V"},
		Moments: []figure.Mark{{Name: fmt.Sprintf("settled after %.2f µs", r.Delay*1e6), Values: []float64{r.Delay}},
			{Name: "published: earlier than 5 µs", Values: []float64{published.Delay}}},
	}
	for j, class := range r.classes {
		series := figure.Series{Name: class, X: r.Times}
		for _, row := range r.Outputs {
			series.Y = append(series.Y, row[j])
		}
		l.Series = append(l.Series, series)
	}
	return l
}

func (a *app) printTransient(r *transientResult, output string) error {
	last := r.Outputs[len(r.Outputs)-1]
	var b strings.Builder
	for j, class := range r.classes {
		fmt.Fprintf(&b, "  %s %+.3f V to %+.3f V\n", class, r.Outputs[0][j], last[j])
	}
	_, err := fmt.Fprintf(a.out, "from a pattern of %s to one of %s:\n%spropagation delay %.2f µs, until all outputs "+
		"stay within %.2f mV; hidden neurons %.2f µs\n",
		r.From, r.To, b.String(), r.Delay*1e6, r.Within*1e3, r.Hidden*1e6)
	err = errors.Join(err, r.print(a))
	if err == nil && output != "" {
		_, err = fmt.Fprintln(a.out, filepath.Clean(output))
	}
	return err
}
