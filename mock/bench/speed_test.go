package bench_test

import (
	"testing"

	"xlab/mock/bench"
	"xlab/mock/device"
	"xlab/mock/device/devicetest"
)

// formAll brings every device of an array to life and near the lowest state.
func formAll(a *device.Array) { devicetest.Form(a, func(int) float64 { return -1.6 }) }

// BenchmarkPulseAndRead is what the write-verify loop asks of the netlist for
// one step on a formed 20 x 20 array: a pulse under V/3 and a read. In
// "limited" the common sources of the other lines reach their compliance.
func BenchmarkPulseAndRead(b *testing.B) {
	for _, c := range []struct {
		name       string
		compliance float64
	}{{"free", 0.1}, {"limited", 1e-3}} {
		b.Run(c.name, func(b *testing.B) {
			r := newRig(b, 20, 20, bench.DefaultWires())
			formAll(r.devices)
			r.select1(3, 7)
			// The maps are the caller's; they are made outside of what is measured.
			level := func(row, col, rows, cols float64) map[int]bench.Output {
				m := make(map[int]bench.Output)
				for u, v := range []float64{row, col, rows, cols} {
					m[u+1] = volts(v, c.compliance)
				}
				return m
			}
			up, down := level(0.5, -0.5, -1.0/6, 1.0/6), level(-0.6, 0.6, 0.2, -0.2)
			zero, read := level(0, 0, 0, 0), level(0.2, 0, 0, 0)
			limited := false
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				pulse := up
				if i++; i%2 == 0 {
					pulse = down
				}
				r.bench.SetOutputs(pulse)
				r.bench.Hold(100e-6)
				limited = r.bench.Sample(400e-6, nil)[2].InCompliance
				r.bench.SetOutputs(zero)
				r.bench.Hold(4.5e-3)
				r.bench.SetOutputs(read)
				r.bench.Hold(100e-6)
				r.bench.Sample(1e-3, nil)
				r.bench.SetOutputs(zero)
			}
			if err := r.bench.Fault(); err != nil || limited != (c.name == "limited") {
				b.Fatalf("%v, limited: %v", err, limited)
			}
		})
	}
}
