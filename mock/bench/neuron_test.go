package bench_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"xlab/hwdocs"
	"xlab/mock/bench"
	"xlab/mock/device"
)

// Switch settings of the network's boards.
const (
	toPlus   = 1 << 5
	toMinus  = 1 << 6
	toNeuron = 1 << 7
)

// network is a bench with two arrays, the shipped wiring maps and a neuron board.
type network struct {
	t     testing.TB
	bench *bench.Bench
	a, b  *device.Array
	wires bench.Wires
	parts bench.NeuronParts
}

// fewOhms are wires that hardly show.
func fewOhms() bench.Wires {
	return bench.Wires{SwitchOn: 1e-3, LineCapacitance: 150e-12, ReadReference: 0.2}
}

// idealParts are a board without offset, bias current, spread, noise and output
// resistance, and with as good as no input resistance: what the formulas of
// hwdocs/neuron.md describe. Converters, rails and bandwidth are the default's.
func idealParts() bench.NeuronParts {
	p := bench.DefaultNeuronParts()
	p.Offset, p.BiasCurrent, p.FeedbackSpread, p.GainSpread, p.NoiseDensity, p.OutputOhms = 0, 0, 0, 0, 0, 0
	p.OpenLoopGain, p.Celsius = 1e12, -273.15
	return p
}

func newNetwork(t testing.TB, w bench.Wires, p bench.NeuronParts, seed uint64) *network {
	t.Helper()
	return newNetworkOf(t, w, p, seed, "array-a.yaml", "array-b.yaml")
}

// newNetworkOf attaches the arrays in the order of the maps.
func newNetworkOf(t testing.TB, w bench.Wires, p bench.NeuronParts, seed uint64, maps ...string) *network {
	t.Helper()
	b, err := bench.New(bench.Config{Units: 4, Wires: w, Meter: bench.Meter{}, Seed: seed})
	if err != nil {
		t.Fatal(err)
	}
	n := &network{t: t, bench: b, wires: w, parts: p}
	for _, name := range maps {
		devices := map[string]**device.Array{"array-a.yaml": &n.a, "array-b.yaml": &n.b}[name]
		f, err := hwdocs.FS.Open("wiring/" + name)
		if err != nil {
			t.Fatal(err)
		}
		board, err := bench.LoadBoard(f, name, w.ReadReference)
		if err != nil {
			t.Fatal(err)
		}
		if *devices, err = device.NewArray(device.Default(), 20, 20, seed+uint64(board.Array[0])); err != nil {
			t.Fatal(err)
		}
		formAll(*devices)
		if err := b.Attach(board, *devices); err != nil {
			t.Fatal(err)
		}
	}
	f, err := hwdocs.FS.Open("wiring/neuron-board.yaml")
	if err != nil {
		t.Fatal(err)
	}
	board, err := bench.LoadNeuronBoard(f, "neuron-board.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.AttachNeurons(board, p); err != nil {
		t.Fatal(err)
	}
	return n
}

// drive connects array A's columns to the inputs (+1, 0, -1; missing ones
// ground), both arrays' rows to the neurons, and array B's columns to the
// hidden neurons, its bias column to bias.
func (n *network) drive(bias int, inputs ...int) {
	level := map[int]uint8{1: toPlus, 0: toGND, -1: toMinus}
	a, b := make([]uint8, 40), make([]uint8, 40)
	for i := range 20 {
		a[i], b[i], a[20+i], b[20+i] = toNeuron, toNeuron, toGND, toGND
		if i < len(inputs) {
			a[20+i] = level[inputs[i]]
		}
		if i < 10 {
			b[20+i] = toNeuron
		}
	}
	b[30] = level[bias]
	n.bench.Switch("A", a)
	n.bench.Switch("B", b)
}

// settled lets a microsecond-long change pass and reads the outputs' true values.
func (n *network) settled() (hidden, outputs []float64) {
	n.t.Helper()
	n.bench.Hold(20e-6)
	if err := n.bench.Fault(); err != nil {
		n.t.Fatal(err)
	}
	return n.bench.NeuronVolts()
}

// volts is what the drive's level is.
func (n *network) volts(level int) float64 { return float64(level) * n.wires.ReadReference }

// difference is I+ - I- of neuron j with the given voltages on the columns and the
// rows at ground.
func difference(a *device.Array, j int, columns []float64) float64 {
	v, i, g := make([]float64, a.Len()), make([]float64, a.Len()), make([]float64, a.Len())
	for r := range a.Rows() {
		for c := range a.Cols() {
			v[r*a.Cols()+c] = -columns[c]
		}
	}
	a.Currents(v, i, g)
	d := 0.0
	for c := range a.Cols() {
		d -= i[2*j*a.Cols()+c] - i[(2*j+1)*a.Cols()+c]
	}
	return d
}

func within(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s: %g, want %g within %g", what, got, want, tolerance)
	}
}

// With ideal parts and wires, the board computes the published formulas.
func TestIdealNeurons(t *testing.T) {
	n := newNetwork(t, fewOhms(), idealParts(), 3)
	unsaturated, moving := 0, 0
	for _, inputs := range [][]int{{1}, {0, -1}, {0, 0, 1}, {0, 0, 0, -1}, {0, 0, 0, 0, 1}, {0, 0, 1, 0, 1},
		{1, -1, 1, -1, 1, -1}, {}} {
		n.drive(1, inputs...)
		hidden, outputs := n.settled()
		columns := make([]float64, 20)
		for i, level := range inputs {
			columns[i] = n.volts(level)
		}
		second := make([]float64, 20)
		second[10] = n.volts(1)
		for j := range 10 {
			u := 1e6 * difference(n.a, j, columns)
			within(t, "hidden", hidden[j], 0.2*math.Tanh(u), 2e-5)
			second[j] = hidden[j]
			if math.Abs(u) < 2 && u != 0 {
				unsaturated++
			}
		}
		for j := range 4 {
			u := 1e6 * difference(n.b, j, second)
			within(t, "output", outputs[j], min(max(u, -10), 10), 1e-3)
			if math.Abs(u) < 10 {
				moving++
			}
		}
	}
	if unsaturated < 5 || moving < 5 {
		t.Errorf("the test shows little: %d hidden neurons off saturation, %d outputs off the rails", unsaturated, moving)
	}
}

// All switches open: an amplifier without a row shows its offset.
func TestOpenRows(t *testing.T) {
	n := newNetwork(t, bench.DefaultWires(), idealParts(), 1)
	hidden, outputs := n.settled()
	for _, v := range slices.Concat(hidden, outputs) {
		within(t, "ideal neuron without rows", v, 0, 1e-12)
	}
	n = newNetwork(t, bench.DefaultWires(), bench.DefaultNeuronParts(), 1)
	hidden, outputs = n.settled()
	squares := 0.0
	for _, v := range hidden {
		squares += v * v / 0.04
	}
	for _, v := range outputs {
		squares += v * v
	}
	// 1 mV, of two amplifiers times 50 and of one times 51: 87 mV.
	if rms := math.Sqrt(squares / 14); rms < 0.04 || rms > 0.17 {
		t.Errorf("offsets of %g V (rms) without rows", rms)
	}
}

// One neuron by hand: a row sits at its amplifier's offset plus its input
// resistance times its current.
func TestVirtualGround(t *testing.T) {
	p := idealParts()
	p.OpenLoopGain = 1e3 // 20 Ω of input resistance
	n := newNetwork(t, fewOhms(), p, 5)
	n.drive(0, 1)
	hidden, _ := n.settled()
	// The nonlinear device against 20 Ω by bisection.
	current := func(k int) float64 {
		low, high := 0.0, 1e-3
		for range 60 {
			i := (low + high) / 2
			others := 0.0 // the grounded columns pull at the row that is not at ground
			for c := 1; c < 20; c++ {
				others += deviceAmps(n.a, k*20+c, 20*i)
			}
			if -deviceAmps(n.a, k*20, 20*i-0.2)-others > i {
				low = i
			} else {
				high = i
			}
		}
		return low
	}
	for j := range 10 {
		within(t, "hidden", hidden[j], 0.2*math.Tanh(1e6*(current(2*j)-current(2*j+1))*1e3/(1e3+1)), 3e-4)
	}
}

// deviceAmps is the current through device k at v volts.
func deviceAmps(a *device.Array, k int, v float64) float64 { return a.Conductance(k, v) * v }

// The spread of the parts is the seed's and the board's.
func TestNeuronSeeds(t *testing.T) {
	read := func(seed uint64) []float64 {
		n := newNetwork(t, bench.DefaultWires(), bench.DefaultNeuronParts(), seed)
		n.drive(1, 1, -1, 0, 1)
		n.bench.Hold(1e-3)
		var all []float64
		for range 3 {
			for _, r := range n.bench.ConvertNeurons(4) {
				all = append(all, r.Volts)
			}
		}
		return all
	}
	if a, b := read(1), read(1); !slices.Equal(a, b) {
		t.Error("the same seed gives other readings")
	}
	if a, b := read(1), read(2); slices.Equal(a, b) {
		t.Error("another seed gives the same readings")
	}
}

// The order in which arrays are attached does not matter: the hidden neurons'
// array is always solved before the one that they feed.
func TestOrderOfArrays(t *testing.T) {
	read := func(maps ...string) []float64 {
		n := newNetworkOf(t, bench.DefaultWires(), bench.DefaultNeuronParts(), 1, maps...)
		n.drive(1, inputs(0x155)...)
		n.settled()
		n.drive(1, inputs(0x0f0)...)
		hidden, outputs := n.settled()
		return slices.Concat(hidden, outputs)
	}
	if a, b := read("array-a.yaml", "array-b.yaml"), read("array-b.yaml", "array-a.yaml"); !slices.Equal(a, b) {
		t.Errorf("%v\n%v", a, b)
	}
}

// A row whose S8 is open gives its neuron nothing, and a column whose S8 is
// open gets nothing from it.
func TestOneRowMissing(t *testing.T) {
	n := newNetwork(t, fewOhms(), idealParts(), 3)
	n.drive(0, 1)
	a := make([]uint8, 40)
	for i := range 40 {
		a[i] = toGND
	}
	a[0], a[20] = toNeuron, toPlus
	n.bench.Switch("A", a)
	hidden, outputs := n.settled()
	within(t, "plus line alone", hidden[0], 0.2*math.Tanh(1e6*-deviceAmps(n.a, 0, -0.2)), 1e-5)
	for j := 1; j < 10; j++ {
		within(t, "neuron without rows", hidden[j], 0, 1e-9)
	}
	columns := make([]float64, 20)
	columns[0] = hidden[0]
	within(t, "output", outputs[1], min(max(1e6*difference(n.b, 1, columns), -10), 10), 1e-3)
	// Array B's column 0 off the hidden neuron.
	b := make([]uint8, 40)
	for i := range 40 {
		b[i] = toGND
		if i < 20 {
			b[i] = toNeuron
		}
	}
	n.bench.Switch("B", b)
	_, outputs = n.settled()
	within(t, "output of nothing", outputs[1], 0, 1e-9)
}

// A bench whose physics has failed has no readings.
func TestNoReadingsAfterAFault(t *testing.T) {
	n := newNetwork(t, fewOhms(), idealParts(), 3)
	n.drive(1, 1)
	n.bench.SetOutputs(map[int]bench.Output{1: {Mode: bench.ForceVoltage, Level: math.NaN(), Compliance: 1}})
	a := make([]uint8, 40)
	a[0], a[20] = toNeuron, toF1
	n.bench.Switch("A", a)
	n.bench.Hold(1e-3)
	if n.bench.Fault() == nil {
		t.Fatal("no fault")
	}
	for _, r := range n.bench.ConvertNeurons(2) {
		if !math.IsNaN(r.Volts) {
			t.Errorf("%+v", r)
		}
	}
	if hidden, outputs := n.bench.NeuronVolts(); !math.IsNaN(hidden[0]) || !math.IsNaN(outputs[3]) {
		t.Errorf("%v %v", hidden, outputs)
	}
}

// A summing amplifier at its rail no longer holds its row: it is a resistor to
// the rail. Below, the row is at ground.
func TestSaturatedAmplifier(t *testing.T) {
	const g, volt = 50e-6, 0.9
	r := newRigOf(t, linear(t), 2, 20, fewOhms())
	all := make([]float64, 40)
	for k := range all {
		all[k] = g
	}
	setConductances(t, r.devices, all)
	p := idealParts()
	if err := r.bench.AttachNeurons(&bench.NeuronBoard{Serial: "x", Outputs: bench.OutputNeurons{Count: 1, Array: "A"}},
		p); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		cols int // on the unit; the others are open
		amps float64
	}{
		// 5 devices, and 5, 15 and 15 in a row by way of the open lines. The
		// amplifier's output is at -7.2 V.
		{5, 8 * g * volt},
		{20, (volt + p.Rail) / (1/(20*g) + p.Feedback)},
		{5, 8 * g * volt}, // and back
	} {
		r.set(func(isRow bool, line int) uint8 {
			switch {
			case isRow && line == 0:
				return toNeuron
			case !isRow && line < c.cols:
				return toF1
			}
			return allOpen
		})
		r.outputs(volts(volt, 0.1))
		within(t, "current of the unit", r.bench.Sample(1e-6, nil)[0].Current, c.amps, 5e-9)
		if err := r.bench.Fault(); err != nil {
			t.Fatal(err)
		}
	}
}

// S8 together with another switch joins the summing node and the bus.
func TestNeuronAndGround(t *testing.T) {
	const g, on = 50e-6, 10.0
	w := fewOhms()
	w.SwitchOn = on
	r := newRigOf(t, linear(t), 2, 1, w)
	setConductances(t, r.devices, []float64{g, g})
	p := idealParts()
	if err := r.bench.AttachNeurons(&bench.NeuronBoard{Serial: "x", Outputs: bench.OutputNeurons{Count: 1, Array: "A"}},
		p); err != nil {
		t.Fatal(err)
	}
	r.set(func(isRow bool, line int) uint8 {
		switch {
		case isRow && line == 0:
			return toNeuron | toGND
		case isRow:
			return allOpen
		}
		return toRead
	})
	r.bench.Hold(1e-3)
	_, outputs := r.bench.NeuronVolts()
	amps := 0.2 / (1/g + on + on/2) / 2 // half of it goes to ground
	within(t, "output", outputs[0], 1e6*amps, 1e-6)
}

func TestNeuronRefusals(t *testing.T) {
	n := newNetwork(t, fewOhms(), idealParts(), 1)
	board := &bench.NeuronBoard{Serial: "x", Outputs: bench.OutputNeurons{Count: 1, Array: "A"}}
	if err := n.bench.AttachNeurons(board, idealParts()); err == nil {
		t.Error("a second board was attached")
	}
	for name, text := range map[string]string{
		"no neuron_board":   "{}",
		"a known key":       "neuron_board: {serial: x, colour: red}",
		"serial number":     "neuron_board: {outputs: {count: 1, array: A}}",
		"at least one":      "neuron_board: {serial: x}",
		"count from 0":      "neuron_board: {serial: x, outputs: {count: 1, array: A, row: -1}}",
		"no board has more": "neuron_board: {serial: x, outputs: {count: 9999999999, array: A}}",
		"no array has as":   "neuron_board: {serial: x, outputs: {count: 1, array: A, row: 9999999999}}",
		"must feed another": "neuron_board: {serial: x, hidden: {count: 1, array: A, feeds: {array: A}}}",
		"share rows": "neuron_board: {serial: x, hidden: {count: 2, array: A, feeds: {array: B}}, outputs: " +
			"{count: 1, array: A, row: 3}}",
		"stands where":       "neuron_board: {serial: x, hidden: 3}",
		"wiring map.yaml: w": "-",
	} {
		_, err := bench.LoadNeuronBoard(strings.NewReader(text), "map.yaml")
		if name == "wiring map.yaml: w" {
			if err == nil {
				t.Error("a list was read")
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v, want %q", text, err, name)
		}
	}
	for name, board := range map[string]*bench.NeuronBoard{
		"array C":  {Serial: "x", Outputs: bench.OutputNeurons{Count: 1, Array: "C"}},
		"row 4 of": {Serial: "x", Outputs: bench.OutputNeurons{Count: 3, Array: "A"}},
	} {
		r := newRig(t, 4, 4, fewOhms())
		if err := r.bench.AttachNeurons(board, idealParts()); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v, want %q", err, name)
		}
		// What was wired before the mistake was found is wired no longer: nothing
		// holds the rows.
		r.set(func(isRow bool, line int) uint8 {
			if isRow {
				return toNeuron
			}
			return toRead
		})
		r.bench.Hold(1e-3)
		if most := r.devices.LedgerOf(0).MaxAbsI; most > 1e-12 {
			t.Errorf("%g A into rows that lead nowhere", most)
		}
	}
	r, p := newRig(t, 4, 4, fewOhms()), bench.DefaultNeuronParts()
	p.Rail = 0
	if err := r.bench.AttachNeurons(board, p); err == nil || !strings.Contains(err.Error(), "rail_volt") {
		t.Errorf("%v", err)
	}
}
