package bench_test

import (
	"math"
	"slices"
	"testing"

	"xlab/mock/bench"
)

// converterStep is a step of the output neurons' converters, in V.
const converterStep = 10.24 / 32768

// inputs is a pattern of 17 inputs.
func inputs(bits int) []int {
	p := make([]int, 17)
	for i := range p {
		p[i] = 1 - 2*(bits>>i&1)
	}
	return p
}

// The delay from a new pattern to outputs within a step of the converter is
// below 5 µs, and not so short that nothing was simulated.
func TestPropagationDelay(t *testing.T) {
	for _, seed := range []uint64{1, 2, 3} {
		n := newNetwork(t, bench.DefaultWires(), bench.DefaultNeuronParts(), seed)
		n.drive(1, inputs(0x15555)...)
		n.settled()
		before, _ := n.bench.NeuronVolts()
		times, hidden, outputs := n.bench.Transient(func() { n.drive(1, inputs(0x0aaaa)...) }, 50e-9, 8e-6)
		if err := n.bench.Fault(); err != nil {
			t.Fatal(err)
		}
		if len(times) != 161 || len(hidden) != 161 || len(outputs[0]) != 4 || !slices.Equal(hidden[0], before) {
			t.Fatalf("%d times, %d rows, %v at first, %v before", len(times), len(hidden), hidden[0], before)
		}
		last, delay, moved := outputs[160], 0.0, 0.0
		for k, row := range outputs {
			for j, v := range row {
				moved = max(moved, math.Abs(v-last[j]))
				if math.Abs(v-last[j]) > converterStep {
					delay = times[k]
				}
			}
		}
		t.Logf("seed %d: %.2f µs to within a step of the converter after %.1f V", seed, delay*1e6, moved)
		if moved < 1 || delay < 0.5e-6 || delay >= 5e-6 {
			t.Errorf("seed %d: delay %g s after a change of %g V", seed, delay, moved)
		}
	}
}

// The transient does not depend on the pieces in which it is looked at, and ends
// where the static solution is.
func TestTransientPieces(t *testing.T) {
	at := func(step float64) []float64 {
		n := newNetwork(t, bench.DefaultWires(), idealParts(), 4)
		n.drive(1, inputs(5)...)
		n.settled()
		_, hidden, outputs := n.bench.Transient(func() { n.drive(-1, inputs(9)...) }, step, 0.8e-6)
		return slices.Concat(hidden[len(hidden)-1], outputs[len(outputs)-1])
	}
	coarse, fine := at(0.8e-6), at(10e-9)
	for j, v := range coarse {
		if math.Abs(v-fine[j]) > 0.03 {
			t.Errorf("neuron %d: %g in one piece, %g in eighty", j, v, fine[j])
		}
	}
	n := newNetwork(t, bench.DefaultWires(), idealParts(), 4)
	n.drive(1, inputs(5)...)
	n.settled()
	// 8 µs in pieces against 8 µs at once.
	_, _, outputs := n.bench.Transient(func() { n.drive(-1, inputs(9)...) }, 100e-9, 8e-6)
	_, static := n.settled()
	for j, v := range outputs[len(outputs)-1] {
		within(t, "end of the transient", v, static[j], converterStep/4)
	}
}

// A hidden neuron that is taken by itself follows the textbook: poles in a row.
func TestStepResponse(t *testing.T) {
	p := idealParts()
	p.SlewRate = 1e12
	p.Swing, p.HiddenRange = 1, 2
	n := newNetwork(t, fewOhms(), p, 4)
	n.drive(0)
	n.settled()
	// A trim moves the difference stage alone: two poles.
	codes := make([]int, 14)
	for j := range codes {
		codes[j] = 50 // 98 mV, where tanh is 95 mV or the trim itself
	}
	times, hidden, _ := n.bench.Transient(func() { n.bench.TrimNeurons(codes) }, 20e-9, 1e-6)
	t1 := p.StageDelay + (1+p.DifferenceGain)/(2*math.Pi*p.GainBandwidth)
	t2 := p.StageDelay + 2/(2*math.Pi*p.GainBandwidth)
	u := 50.0 / 2048 * 4
	for k, s := range times {
		shape := 1 - (t1*math.Exp(-s/t1)-t2*math.Exp(-s/t2))/(t1-t2)
		within(t, "hidden", hidden[k][0], math.Tanh(u)*shape, 1e-3*u)
	}
}

// A swing at the slew rate is a straight line.
func TestSlewRate(t *testing.T) {
	p := idealParts()
	p.SlewRate = 1e6
	n := newNetwork(t, fewOhms(), p, 4)
	n.settled()
	codes := make([]int, 14)
	codes[10] = 2047
	times, _, outputs := n.bench.Transient(func() { n.bench.TrimNeurons(codes) }, 0.5e-6, 10e-6)
	for k, s := range times {
		// The difference stage goes at the slew rate and the scaling stage follows
		// it a little later.
		want := min(1e6*s, 4)
		within(t, "output", outputs[k][0], want, 0.06)
	}
}
