package device

import "testing"

// benchArray returns an array, pristine or with all devices switching at states of 10 to 100 uS, and its slices.
func benchArray(b *testing.B, rows, cols int, formed bool) (a *Array, v, i, g []float64) {
	b.Helper()
	a, err := NewArray(Default(), rows, cols, 1)
	if err != nil {
		b.Fatal(err)
	}
	if formed {
		m := a.model.(*metalOxide)
		for k := range m.g0 {
			m.g0[k] = (10 + 90*newDraws(7, 1, 0).uniform(k)) * 1e-6
			m.conditions[k] = Formed
		}
		m.derive()
	}
	n := a.Len()
	return a, make([]float64, n), make([]float64, n), make([]float64, n)
}

// halfSelect writes the voltages of a V/2 write of the device in the middle.
func halfSelect(v []float64, rows, cols int, volts float64) {
	for k := range v {
		v[k] = 0.002 * float64(k%7-3)
		if k/cols == rows/2 {
			v[k] = volts / 2
		}
		if k%cols == cols/2 {
			v[k] += volts / 2
		}
	}
}

func BenchmarkCurrents(b *testing.B) {
	for _, c := range []struct {
		name       string
		rows, cols int
		formed     bool
	}{{"formed/20", 20, 20, true}, {"pristine/20", 20, 20, false}, {"formed/256", 256, 256, true}} {
		b.Run(c.name, func(b *testing.B) {
			a, v, i, g := benchArray(b, c.rows, c.cols, c.formed)
			halfSelect(v, c.rows, c.cols, 1.2)
			a.SampleNoise(1e-3)
			b.ReportAllocs()
			for b.Loop() {
				a.Currents(v, i, g)
			}
		})
	}
}

func BenchmarkStress(b *testing.B) {
	for _, c := range []struct {
		name       string
		rows, cols int
		formed     bool
		third      bool
	}{{"V2/20", 20, 20, true, false}, {"V3/20", 20, 20, true, true}, {"pristine/20", 20, 20, false, false},
		{"V2/256", 256, 256, true, false}} {
		b.Run(c.name, func(b *testing.B) {
			a, v, i, g := benchArray(b, c.rows, c.cols, c.formed)
			halfSelect(v, c.rows, c.cols, 1.2)
			if c.third {
				for k := range v {
					v[k] = 0.4
				}
			}
			w := make([]float64, len(v))
			for k := range w {
				w[k] = -v[k] * 1.15
			}
			a.Currents(v, i, g)
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				// Alternating signs keep the states in the working range.
				if n%2 == 0 {
					a.Stress(v, i, 500e-6, 0)
				} else {
					a.Stress(w, i, 500e-6, 0)
				}
			}
		})
	}
}

func BenchmarkSampleNoise(b *testing.B) {
	a, _, _, _ := benchArray(b, 20, 20, true)
	b.ReportAllocs()
	for b.Loop() {
		a.SampleNoise(1e-3)
		a.Idle(5e-3)
	}
}
