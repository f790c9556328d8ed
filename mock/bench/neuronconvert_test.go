package bench_test

import (
	"math"
	"testing"

	"xlab/mock/bench"
)

// convert reads all neurons, hidden ones first.
func (n *network) convert(samples int) []bench.Conversion {
	n.t.Helper()
	r := n.bench.ConvertNeurons(samples)
	if err := n.bench.Fault(); err != nil {
		n.t.Fatal(err)
	}
	return r
}

// A reading is the output in steps of the converter.
func TestConverterSteps(t *testing.T) {
	n := newNetwork(t, bench.DefaultWires(), idealParts(), 2)
	n.drive(1, 1, 0, -1)
	hidden, outputs := n.settled()
	readings := n.convert(1)
	for j, v := range hidden {
		within(t, "hidden", readings[j].Volts, v, 0.1*0.256/32768+0.02*math.Abs(v))
		if codes := readings[j].Volts / 0.256 * 32768; codes != math.Round(codes) {
			t.Errorf("hidden neuron %d: %g codes", j, codes)
		}
	}
	for j, v := range outputs {
		// Devices have their read noise.
		within(t, "output", readings[10+j].Volts, v, converterStep+0.02*math.Abs(v))
		if codes := readings[10+j].Volts / converterStep; math.Abs(codes-math.Round(codes)) > 1e-9 {
			t.Errorf("output neuron %d: %g codes", j, codes)
		}
	}
}

// Noise is that of the amplifiers times the gain, and averaging lowers it.
func TestConverterNoise(t *testing.T) {
	p := bench.DefaultNeuronParts()
	p.Offset, p.GainSpread, p.FeedbackSpread = 0, 0, 0
	n := newNetwork(t, bench.DefaultWires(), p, 2)
	n.settled() // no row: noise gain 1
	sigma := func(neuron, samples, count int) float64 {
		sum, squares := 0.0, 0.0
		for range count {
			v := n.convert(samples)[neuron].Volts
			sum += v
			squares += v * v
		}
		mean := sum / float64(count)
		return math.Sqrt(squares/float64(count) - mean*mean)
	}
	thermal := 4 * 1.380649e-23 * 298.15 * p.Feedback
	density := 2*(p.NoiseDensity*p.NoiseDensity+thermal)*p.DifferenceGain*p.DifferenceGain + math.Pow(51*p.NoiseDensity, 2)
	tau := p.Feedback*p.FeedbackFarads + (1+p.Feedback*p.RowConductance)/(2*math.Pi*p.GainBandwidth) + p.StageDelay +
		51/(2*math.Pi*p.GainBandwidth)
	want := math.Sqrt(density / (4 * tau))
	if got := sigma(10, 1, 2000); math.Abs(got-want) > 0.08*want {
		t.Errorf("output noise %g V, want %g", got, want)
	}
	if got := sigma(0, 1, 2000); math.Abs(got-0.2*want) > 0.08*0.2*want {
		t.Errorf("hidden noise %g V, want %g", got, 0.2*want)
	}
	if got := sigma(10, 64, 500); math.Abs(got-want/8) > 0.15*want/8 {
		t.Errorf("noise of 64 samples %g V, want %g", got, want/8)
	}
}

// A reading takes a sample time per sample and stresses the devices for as long.
func TestConversionTime(t *testing.T) {
	n := newNetwork(t, bench.DefaultWires(), bench.DefaultNeuronParts(), 2)
	n.drive(1, 1)
	n.settled()
	start, clock := n.bench.Now(), n.a.Clock()
	charge := n.a.LedgerOf(0).NetCharge
	n.convert(100)
	within(t, "bench time", n.bench.Now()-start, 150e-6, 1e-12)
	within(t, "time of the devices", n.a.Clock()-clock, 150e-6, 1e-12)
	if q := charge - n.a.LedgerOf(0).NetCharge; q < 150e-6*1e-6 || q > 150e-6*1e-4 {
		t.Errorf("%g C through a device at -0.2 V", q)
	}
}

// What is read before the neurons have settled is not what they settle to.
func TestTooEarly(t *testing.T) {
	p := idealParts()
	n := newNetwork(t, bench.DefaultWires(), p, 4)
	early, late := make([]float64, 4), make([]float64, 4)
	for _, c := range []struct {
		wait float64
		into []float64
	}{{0.1e-6, early}, {20e-6, late}} {
		n.drive(1, inputs(5)...)
		n.settled()
		n.drive(-1, inputs(9)...)
		n.bench.Hold(c.wait)
		for j, r := range n.convert(1)[10:] {
			c.into[j] = r.Volts
		}
	}
	most := 0.0
	for j := range late {
		most = max(most, math.Abs(early[j]-late[j]))
	}
	if most < 0.05 {
		t.Errorf("%v after 1.6 µs, %v after 20 µs", early, late)
	}
	// From the sample on in which everything stands still, it does.
	n.drive(1, inputs(5)...)
	n.settled()
	n.drive(-1, inputs(9)...)
	mean := n.convert(1000)[10].Volts
	if math.Abs(mean-late[0]) > 0.02*math.Max(1, math.Abs(late[0])) {
		t.Errorf("mean of 1.5 ms %g V, settled %g V", mean, late[0])
	}
}

func TestOverRangeAndStuck(t *testing.T) {
	n := newNetwork(t, bench.DefaultWires(), idealParts(), 2)
	n.drive(0)
	n.settled()
	quiet := n.convert(64)[10].Volts
	n.bench.StickNeuron(3, -0.3)
	n.bench.StickNeuron(12, 10.3)
	n.bench.Hold(1e-3)
	r := n.convert(4)
	if r[3].Over != -1 || r[12].Over != 1 || r[0].Over != 0 {
		t.Errorf("%+v", r)
	}
	within(t, "stuck hidden neuron", r[3].Volts, -0.256, 1e-9)
	// It drives its column with what it is stuck at.
	if moved := n.convert(64)[10].Volts - quiet; math.Abs(moved) < 0.1 {
		t.Errorf("output 0 moved by %g V", moved)
	}
	n.bench.StickNeuron(3, math.NaN())
	n.bench.StickNeuron(12, math.NaN())
	n.bench.Hold(1e-3)
	within(t, "after the repair", n.convert(64)[10].Volts, quiet, 0.05)
}

// A rail is not over the converter's range.
func TestRail(t *testing.T) {
	n := newNetwork(t, bench.DefaultWires(), bench.DefaultNeuronParts(), 1)
	n.drive(1, inputs(0x15555)...)
	n.settled()
	found := false
	for _, r := range n.convert(8)[10:] {
		if r.Over != 0 {
			t.Errorf("%+v", r)
		}
		found = found || math.Abs(r.Volts) > 9.9
	}
	if !found {
		t.Error("no output neuron at its rail: the test shows nothing")
	}
}

// Trim DACs move the outputs by their step, and the highest code by the reach.
func TestTrims(t *testing.T) {
	n := newNetwork(t, bench.DefaultWires(), idealParts(), 1)
	codes := make([]int, 14)
	for _, code := range []int{0, 1, -1, 512, 2047, -2048} {
		for j := range codes {
			codes[j] = code
		}
		n.bench.TrimNeurons(codes)
		hidden, outputs := n.settled()
		u := float64(code) * 4 / 2048
		within(t, "hidden", hidden[9], 0.2*math.Tanh(u), 1e-12)
		within(t, "output", outputs[0], u, 1e-12)
	}
}

// One pattern on both arrays, with the switches of one board, as in a burst.
func BenchmarkNeuronPattern(b *testing.B) {
	n := newNetwork(b, bench.DefaultWires(), bench.DefaultNeuronParts(), 1)
	n.drive(1, inputs(0)...)
	closed := make([]uint8, 40)
	k := 0
	b.ReportAllocs()
	for b.Loop() {
		k++
		for i := range 20 {
			closed[i], closed[20+i] = toNeuron, toPlus
			if k>>(i%10)&1 == 1 {
				closed[20+i] = toMinus
			}
		}
		n.bench.Hold(64e-6) // the frame, with the old pattern
		n.bench.Switch("A", closed)
		n.bench.Hold(5e-6)
		n.bench.ConvertNeurons(1)
	}
	if err := n.bench.Fault(); err != nil {
		b.Fatal(err)
	}
}
