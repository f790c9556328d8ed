package main

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"
	"xlab/lab/config"
	"xlab/lab/procedure"
	"xlab/mlp"
	"xlab/mlp/dataset"
	"xlab/mock/bench"
	"xlab/mock/chip"
	"xlab/mock/crossbar"
	"xlab/mock/inference"
	"xlab/run"

	"github.com/spf13/cobra"
	"gonum.org/v1/gonum/mat"
)

// evaluateResult is what `xlab sim evaluate --json` prints.
type evaluateResult struct {
	Patterns int     `json:"patterns"`
	Seconds  float64 `json:"seconds"`
	Rate     float64 `json:"patterns_per_second"` // on one core
	Compared int     `json:"compared"`            // with the full solution
	Worst    float64 `json:"worst_error"`         // of any output, as a part of full scale
	RMS      float64 `json:"rms_error"`
	Scale    float64 `json:"full_scale_v"`
	Train    float64 `json:"train"` // %, of the letters
	Test     float64 `json:"test"`
	held
}

// held is which network the arrays are taken to hold, and what speaks against it.
type held struct {
	Network  string   `json:"network"` // file; "" = none is known
	Warnings []string `json:"warnings"`
}

// print says on a terminal which network was looked for in the arrays.
func (h held) print(a *app) error {
	for _, text := range h.Warnings {
		fmt.Fprintln(a.Messages, "warning: "+text)
	}
	if h.Network == "" {
		return nil
	}
	_, err := fmt.Fprintln(a.out, "network "+h.Network)
	return err
}

func (a *app) simEvaluateCommand() *cobra.Command {
	var count, compared int
	var seed uint64
	var network string
	c := &cobra.Command{
		Use:   "evaluate",
		Short: "Classify very many patterns with the network in the simulated chip",
		Long: `Classifies random patterns with the letter network in the simulated chip by the
fast evaluation path (transfer matrices with line resistance, corrected for the
devices' curvature), on one core, and compares some of them with the full nodal
solution of both arrays. Neurons are ideal: no offset, no noise. Arrays that decide
otherwise than the network in software are warned of. The chip's file is not changed.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if count < 1 || compared < 0 {
				return run.Usage(fmt.Errorf("--patterns %d and --compare %d: give at least one pattern", count, compared))
			}
			if _, err := a.simulatedConfig(); err != nil {
				return err
			}
			r, err := a.evaluateFast(network, count, compared, seed)
			if err != nil {
				return err
			}
			if a.json {
				return a.writeJSON(r)
			}
			_, err = fmt.Fprintf(a.out, "%d random patterns in %.3g s: %.2g million a second on one core\n"+
				"%d of them beside the full solution: worst output %.4f %% of full scale (±%.0f V) away, rms %.4f %%\n"+
				"letters: %.2f %% of the training set, %.2f %% of the test set\n",
				r.Patterns, r.Seconds, r.Rate/1e6, r.Compared, 100*r.Worst, r.Scale, 100*r.RMS, r.Train, r.Test)
			return errors.Join(err, r.print(a))
		},
	}
	f := c.Flags()
	f.IntVarP(&count, "patterns", "n", 1_000_000, "random patterns to classify")
	f.IntVar(&compared, "compare", 500, "how many of them to compare with the full solution")
	f.StringVar(&network, "network", "", "network that the arrays should hold: a file, "+
		"or a run that has one (default: of the newest run)")
	f.Uint64Var(&seed, "seed", 1, "of the patterns")
	return c
}

func (a *app) evaluateFast(network string, count, compared int, seed uint64) (*evaluateResult, error) {
	if a.Config.Neurons.Address == "" {
		return nil, run.Usage(fmt.Errorf("there is no neuron board on this bench; %s describes it without neurons",
			a.Config.Origin()))
	}
	state, err := chip.Load(a.Config.Simulation.Chip)
	if err != nil {
		return nil, run.Usage(fmt.Errorf("%w; form, train and import first: `xlab mlp run` does", err))
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
	full, err := inference.NewReference(float64(design.InputLevel), layers...)
	if err != nil {
		return nil, err
	}
	r := &evaluateResult{Patterns: count, Scale: float64(design.Output.Limit)}

	random := rand.New(rand.NewPCG(seed, 0))
	inputs := design.Sizes[0]
	patterns := make([][]uint8, min(count, 1<<16))
	for i := range patterns {
		patterns[i] = make([]uint8, fast.PatternBytes())
		for m := range inputs {
			patterns[i][m/8] |= uint8(random.IntN(2)) << (m % 8)
		}
	}
	out := make([]float64, fast.Outputs())
	began := time.Now()
	for i := range count {
		fast.Classify(patterns[i%len(patterns)], out)
	}
	r.Seconds = time.Since(began).Seconds()
	r.Rate = float64(count) / r.Seconds

	r.Compared = min(compared, len(patterns))
	for i := range r.Compared {
		all, err := full.Classify(patterns[i])
		if err != nil {
			return nil, err
		}
		want := all[len(all)-1]
		fast.Classify(patterns[i], out)
		for j, v := range out {
			e := math.Abs(v-want[j]) / r.Scale
			r.Worst = max(r.Worst, e)
			r.RMS += e * e / float64(r.Compared*len(out))
		}
	}
	r.RMS = math.Sqrt(r.RMS)
	letters := dataset.Letters()
	flipped, err := dataset.Flip(letters)
	if err != nil {
		return nil, err
	}
	for _, part := range []struct {
		set  *dataset.Set
		into *float64
	}{{letters, &r.Train}, {flipped, &r.Test}} {
		e, err := mlp.Evaluate(answers(fast, part.set), part.set.Labels)
		if err != nil {
			return nil, err
		}
		*part.into = e.Accuracy
	}
	r.held, err = heldNetwork(a.Config, network, fast)
	return r, err
}

// answers are the outputs in V for a set of two-level samples, samples x outputs.
func answers(c *inference.Classifier, s *dataset.Set) *mat.Dense {
	out := mat.NewDense(s.Len(), c.Outputs(), nil)
	pattern := make([]uint8, c.PatternBytes())
	for i := range s.Len() {
		clear(pattern)
		for m, x := range s.X.RawRowView(i) {
			if x > 0 {
				pattern[m/8] |= 1 << (m % 8)
			}
		}
		c.Classify(pattern, out.RawRowView(i))
	}
	return out
}

// heldNetwork compares what the arrays in the chip decide with a network in
// software, the named one or the newest of the runs, and warns where the arrays hold
// another one, or where none is known.
func heldNetwork(c *config.Config, name string, arrays *inference.Classifier) (held, error) {
	h := held{Warnings: []string{}}
	f, file, err := procedure.FindNetwork(at(c), name)
	var none procedure.NotMade
	switch {
	case name == "" && errors.As(err, &none):
		h.Warnings = append(h.Warnings, "no network is known that could be in the arrays (`xlab mlp train`, "+
			"`xlab mlp import`): the numbers are of whatever conductances the devices have")
		return h, nil
	case err != nil:
		return h, err
	}
	h.Network = file
	letters := dataset.Letters()
	if d := f.Network.Design; d.Sizes[0] != letters.X.RawMatrix().Cols || d.Sizes[len(d.Sizes)-1] != arrays.Outputs() {
		h.Warnings = append(h.Warnings, fmt.Sprintf("network %s has other sizes (%s) than the letter network, "+
			"which is what is computed here: name one with --network", file, procedure.SizesText(d)))
		return h, nil
	}
	_, software, err := evaluate(f.Network, letters)
	if err != nil {
		return h, err
	}
	fidelity, err := mlp.Compare(answers(arrays, letters), software)
	h.Warnings = append(h.Warnings, otherWeights(letters.Name, fidelity)...)
	return h, err
}

// computingLayers are the network's arrays in the chip, connected as for
// classifying, with the same wires as the bench and ideal neurons.
func computingLayers(state *chip.Chip, d mlp.Design, p mlp.Placement) []inference.Layer {
	wires := bench.DefaultWires()
	var layers []inference.Layer
	for l, block := range p {
		devices := state.Arrays[block.Array]
		rows, cols := d.Block(l)
		line := crossbar.Line{Kind: crossbar.Voltage, Resistance: wires.Contact + wires.SwitchOn}
		layer := inference.Layer{Devices: devices,
			Geometry: crossbar.Geometry{Rows: devices.Rows(), Cols: devices.Cols(), RowSegment: wires.RowSegment,
				ColSegment: wires.ColSegment}}
		for range devices.Rows() {
			layer.Rows = append(layer.Rows, line)
		}
		for range devices.Cols() {
			layer.Cols = append(layer.Cols, line)
		}
		for i := range cols - 1 {
			layer.Inputs = append(layer.Inputs, block.Column+i)
		}
		layer.Cols[block.Column+cols-1].Value = float64(d.BiasLevel)
		neuron := d.Neuron(l)
		for i := range rows / 2 {
			layer.Neurons = append(layer.Neurons, inference.Neuron{Plus: block.Row + 2*i, Minus: block.Row + 2*i + 1,
				Gain: neuron.Gain, Limit: float64(neuron.Limit), Saturating: neuron.Kind == mlp.Tanh})
		}
		layers = append(layers, layer)
	}
	return layers
}
