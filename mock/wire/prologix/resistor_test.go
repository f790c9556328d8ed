package prologix_test

import (
	"math"
	"sync"
	"testing"

	"xlab/mock/bench"
	"xlab/mock/wire/b1500"
	"xlab/mock/wire/prologix"
)

// resistorBench is a resistor of 50 kohm between units 1 and 2, both forcing
// volts, with the compliance of unit 1.
type resistorBench struct {
	mu      sync.Mutex
	outputs [5]bench.Output
	clock   float64
	samples [4]bench.Sample
}

func (r *resistorBench) Do(do func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	do()
}

func (r *resistorBench) Units() int             { return 4 }
func (r *resistorBench) Hold(seconds float64)   { r.clock += seconds }
func (r *resistorBench) Now() float64           { return r.clock }
func (r *resistorBench) InterlockOpen() bool    { return false }
func (r *resistorBench) Switch(string, []uint8) {}
func (r *resistorBench) SetOutputs(change map[int]bench.Output) {
	for u, o := range change {
		r.outputs[u] = o
	}
}

func (r *resistorBench) Sample(aperture float64, _ []float64) []bench.Sample {
	r.clock += aperture
	a, b := r.outputs[1], r.outputs[2]
	r.samples = [4]bench.Sample{{Voltage: a.Level}, {Voltage: b.Level}}
	if a.Mode == bench.ForceVoltage && b.Mode == bench.ForceVoltage {
		i := (a.Level - b.Level) / 50e3
		if math.Abs(i) > a.Compliance {
			i = math.Copysign(a.Compliance, i)
			r.samples[0].InCompliance = true
		}
		r.samples[0].Current, r.samples[1].Current = i, -i
	}
	return r.samples[:]
}

// newBench is an adapter with an analyzer at 17 on the resistor.
func newBench(t testing.TB) (*resistorBench, *prologix.Adapter) {
	t.Helper()
	r := &resistorBench{}
	analyzer, err := b1500.New(r, b1500.DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	adapter, err := prologix.New(r, prologix.DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	if err := adapter.Attach(17, analyzer); err != nil {
		t.Fatal(err)
	}
	return r, adapter
}
