package hardware_test

import (
	"context"
	"errors"
	"math"
	"math/bits"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"xlab/hwdocs"
	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/mlp"
	"xlab/mlp/hardware"
)

// fakeBench is two switch boards and a neuron board around a network of ideal
// resistors: what the neurons show follows from the switches that are closed,
// and from nothing else.
type fakeBench struct {
	t       *testing.T
	network *mlp.Network
	place   mlp.Placement
	boards  map[string]*fakeBoard
	wiring  *array.NeuronWiring

	hiddenAll, outputsAll int
	firstHidden, firstOut int
	hiddenOffset, offset  []float64 // V, nulled by Trim
	trims                 int
	readings              int
	bursts                int
	after                 func(v []instrument.Volts) ([]instrument.Volts, error) // spoils readings
}

// fakeBoard is one switch board.
type fakeBoard struct {
	bench    *fakeBench
	name     string
	wiring   *array.Wiring
	closed   []instrument.Switches
	routes   int
	released bool
	fail     error
}

func wiring(t *testing.T, name string) *array.Wiring {
	t.Helper()
	f, err := hwdocs.FS.Open("wiring/array-" + map[string]string{"A": "a", "B": "b"}[name] + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, err := array.LoadWiring(f, name)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func neuronWiring(t *testing.T) *array.NeuronWiring {
	t.Helper()
	f, err := hwdocs.FS.Open("wiring/neuron-board.yaml")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, err := array.LoadNeuronWiring(f, "neuron-board.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return w
}

var limits = instrument.Limits{MinVoltage: -1, MaxVoltage: 1, MaxSpan: 1, MaxCurrent: 1e-3, MaxWidth: 1e-3,
	Origin: "test"}

// newBench puts a random network on the bench at the placement.
func newBench(t *testing.T, place mlp.Placement, sizes ...int) *fakeBench {
	t.Helper()
	n, err := mlp.New(mlp.NewDesign(sizes...))
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(7, uint64(sizes[0])))
	for _, g := range n.G {
		g.Apply(func(_, _ int, _ float64) float64 { return 1e-6 * (10 + 4*r.Float64()) }, g)
	}
	b := &fakeBench{t: t, network: n, place: place, boards: map[string]*fakeBoard{}, wiring: neuronWiring(t),
		hiddenAll: 10, outputsAll: 4}
	b.firstHidden, b.firstOut = place[0].Row/2, place[1].Row/2
	b.hiddenOffset, b.offset = make([]float64, 10), make([]float64, 4)
	for _, name := range []string{"A", "B"} {
		w := wiring(t, name)
		b.boards[name] = &fakeBoard{bench: b, name: name, wiring: w, closed: make([]instrument.Switches, w.Lines())}
	}
	return b
}

func letterBench(t *testing.T) *fakeBench {
	return newBench(t, mlp.DefaultPlacement("A", "B"), 16, 10, 4)
}

func (b *fakeBench) options() hardware.Options {
	return hardware.Options{Limits: limits, Reference: 0.2, Wiring: b.wiring}
}

func (b *fakeBench) open(o hardware.Options) (*hardware.Classifier, error) {
	boards := make(map[string]hardware.Board)
	for name, board := range b.boards {
		boards[name] = hardware.Board{Wiring: board.wiring, Router: board}
	}
	return hardware.New(b.network.Design, b.place, boards, b, o)
}

func (b *fakeBench) classifier(change func(*hardware.Options)) *hardware.Classifier {
	b.t.Helper()
	o := b.options()
	if change != nil {
		change(&o)
	}
	c, err := b.open(o)
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

func (f *fakeBoard) Lines() int { return f.wiring.Lines() }

func (f *fakeBoard) Route(ctx context.Context, lines []instrument.Switches) error {
	if err := ctx.Err(); err != nil {
		return &instrument.Error{Op: "fake route", Kind: instrument.KindCancelled, Err: err}
	}
	if f.fail != nil {
		return f.fail
	}
	for i, s := range lines {
		if bits.OnesCount8(uint8(s)) > 1 {
			f.bench.t.Errorf("board %s, chip %d: two buses", f.name, i+1)
		}
	}
	f.closed, f.released = append([]instrument.Switches(nil), lines...), false
	f.routes++
	return nil
}

func (f *fakeBoard) Frame(lines []instrument.Switches) ([]byte, error) {
	frame := make([]byte, len(lines))
	for i, s := range lines {
		frame[len(lines)-1-i] = byte(s)
	}
	return frame, nil
}

func (f *fakeBoard) Release(context.Context) error {
	f.closed, f.released = make([]instrument.Switches, f.Lines()), true
	return nil
}

// bus is what a line is connected to.
func (f *fakeBoard) bus(chip int) array.Bus {
	for bus, s := range f.wiring.Switch {
		if s == f.closed[chip] {
			return bus
		}
	}
	return ""
}

// layer computes the outputs of one layer; fed are the voltages of columns on
// NEURON, by column of the array.
func (b *fakeBench) layer(l int, fed func(column int) float64) []float64 {
	p, board := b.place[l], b.boards[b.place[l].Array]
	rows, columns := b.network.Design.Block(l)
	dI := make([]float64, rows/2)
	for r := range rows {
		if bus := board.bus(board.wiring.RowChip[p.Row+r]); bus != array.BusNeuron {
			b.t.Errorf("layer %d, row %d is on %q", l, r, bus)
		}
		for c := range columns {
			v := 0.0
			switch bus := board.bus(board.wiring.ColChip[p.Column+c]); bus {
			case array.BusReadPlus:
				v = 0.2
			case array.BusReadMinus:
				v = -0.2
			case array.BusGround:
			case array.BusNeuron:
				v = fed(p.Column + c)
			default:
				b.t.Errorf("layer %d, column %d is on %q", l, c, bus)
			}
			dI[r/2] += v * b.network.G[l].At(r, c) * []float64{1, -1}[r%2]
		}
	}
	b.idle(l)
	return dI
}

// idle checks that lines of a layer's array outside the network's blocks are
// grounded.
func (b *fakeBench) idle(l int) {
	name := b.place[l].Array
	board := b.boards[name]
	inside := func(line int, of func(p mlp.Block, rows, columns int) (first, count int)) bool {
		for k, p := range b.place {
			rows, columns := b.network.Design.Block(k)
			if first, count := of(p, rows, columns); p.Array == name && line >= first && line < first+count {
				return true
			}
		}
		return false
	}
	for i, chip := range board.wiring.RowChip {
		if !inside(i, func(p mlp.Block, rows, _ int) (int, int) { return p.Row, rows }) &&
			board.bus(chip) != array.BusGround {
			b.t.Errorf("idle row %d of %s is on %q", i, name, board.bus(chip))
		}
	}
	for i, chip := range board.wiring.ColChip {
		if !inside(i, func(p mlp.Block, _, columns int) (int, int) { return p.Column, columns }) &&
			board.bus(chip) != array.BusGround {
			b.t.Errorf("idle column %d of %s is on %q", i, name, board.bus(chip))
		}
	}
}

func (b *fakeBench) hidden() []float64 {
	all := append([]float64(nil), b.hiddenOffset...)
	for j, dI := range b.layer(0, func(int) float64 { b.t.Error("a column of the first layer is on NEURON"); return 0 }) {
		all[b.firstHidden+j] += b.network.Design.Hidden.Output(dI)
	}
	return all
}

func (b *fakeBench) Neurons() (hidden, outputs int) { return b.hiddenAll, b.outputsAll }

func (b *fakeBench) Hidden(context.Context) ([]instrument.Volts, error) {
	b.readings++
	return volts(b.hidden()), nil
}

func (b *fakeBench) Outputs(context.Context) ([]instrument.Volts, error) {
	b.readings++
	hidden := b.hidden()
	all := append([]float64(nil), b.offset...)
	for j, dI := range b.layer(1, func(column int) float64 { return hidden[column-b.wiring.Hidden.Feeds.Column] }) {
		all[b.firstOut+j] = math.Max(-10, math.Min(10, all[b.firstOut+j]+b.network.Design.Output.Gain*dI))
	}
	v := volts(all)
	if b.after != nil {
		return b.after(v)
	}
	return v, nil
}

// Trim takes what the neurons show for their offset.
func (b *fakeBench) Trim(ctx context.Context) (hidden, outputs []instrument.Volts, err error) {
	h, err := b.Hidden(ctx)
	if err != nil {
		return nil, nil, err
	}
	o, err := b.Outputs(ctx)
	for i := range h {
		b.hiddenOffset[i] -= float64(h[i])
	}
	for i := range o {
		b.offset[i] -= float64(o[i])
	}
	b.trims++
	return make([]instrument.Volts, len(h)), make([]instrument.Volts, len(o)), err
}

func (b *fakeBench) Burst(ctx context.Context, frames [][]byte, hidden bool) (rows [][]instrument.Volts, err error) {
	board := b.boards[b.wiring.PatternPort]
	if !board.released {
		return nil, errors.New("the host's controller is not idle")
	}
	b.bursts++
	for _, f := range frames {
		for i, x := range f {
			board.closed[len(f)-1-i] = instrument.Switches(x)
		}
		read := b.Outputs
		if hidden {
			read = b.Hidden
		}
		row, err := read(ctx)
		if err != nil {
			return rows, err
		}
		rows = append(rows, row)
	}
	clear(board.closed)
	return rows, nil
}

func volts(x []float64) []instrument.Volts {
	v := make([]instrument.Volts, len(x))
	for i := range x {
		v[i] = instrument.Volts(x[i])
	}
	return v
}

// patterns are random features of -1, 0 and +1.
func patterns(samples, width int) *mat.Dense {
	r := rand.New(rand.NewPCG(uint64(samples), uint64(width)))
	m := mat.NewDense(samples, width, nil)
	m.Apply(func(_, _ int, _ float64) float64 { return float64(r.IntN(3) - 1) }, m)
	return m
}

// compare asks software and hardware for the same.
func compare(t *testing.T, b *fakeBench, c *hardware.Classifier, features *mat.Dense) {
	t.Helper()
	v, err := b.network.Design.Drive(features)
	if err != nil {
		t.Fatal(err)
	}
	want, err := b.network.Forward(v)
	if err != nil {
		t.Fatal(err)
	}
	hidden, outputs, err := c.Layers(t.Context(), features)
	if err != nil {
		t.Fatal(err)
	}
	again, err := c.Outputs(t.Context(), features)
	if err != nil {
		t.Fatal(err)
	}
	for what, pair := range map[string][2]*mat.Dense{"hidden": {hidden, want.Outputs[0]},
		"outputs": {outputs, want.Outputs[1]}, "outputs alone": {again, want.Outputs[1]}} {
		if !mat.EqualApprox(pair[0], pair[1], 1e-9) {
			t.Errorf("%s differ:\n%.4g\nin software\n%.4g", what, mat.Formatted(pair[0]), mat.Formatted(pair[1]))
		}
	}
}
