package device

import (
	"math"
	"testing"
)

// TestNoiseSpectrum: the fluctuation between two reads grows with the time between them as 1/f noise does, shrinks with
// longer reads, and is larger on low conductances.
func TestNoiseSpectrum(t *testing.T) {
	// rms of the relative difference of two reads of the given length, the given time apart.
	difference := func(g0, length, apart float64) float64 {
		tech := Default()
		tech.Noise.TelegraphShare = 0
		p := newProbe(t, tech, 20, 20, 1)
		allFormed(p.a, g0)
		sum, n := 0.0, 0
		for range 60 {
			sample := func() []float64 {
				p.a.SampleNoise(length)
				return append([]float64(nil), p.a.noise.factor...)
			}
			first := sample()
			p.a.clock += apart
			second := sample()
			p.a.clock += 977 * apart // far enough to be independent of the pair before
			for k := range first {
				sum += (second[k] - first[k]) * (second[k] - first[k])
				n++
			}
		}
		return math.Sqrt(sum / float64(n))
	}
	perDecade := math.Sqrt(1.5e-7 * math.Ln10)
	// Two reads of 1 ms: the decades up to 1 s are independent in them, the slower ones the same (nearly).
	within(t, "rms difference over 1 s at 50 uS", difference(50e-6, 1e-3, 1)/perDecade, math.Sqrt(2*(1.1+3)), 0.35)
	if near, far := difference(50e-6, 1e-3, 0.01), difference(50e-6, 1e-3, 10); !(near < 0.85*far) {
		t.Errorf("reads differ by %v after 10 ms and by %v after 10 s", near, far)
	}
	if short, long := difference(50e-6, 1e-3, 0.1), difference(50e-6, 20e-3, 0.1); !(long < 0.95*short) {
		t.Errorf("reads of 1 ms differ by %v, of 20 ms by %v", short, long)
	}
	within(t, "noise at 10 uS against 50 uS", difference(10e-6, 1e-3, 1)/difference(50e-6, 1e-3, 1), math.Sqrt(5), 0.01)
}

// TestNoiseIsInCurrents: a sample scales current and slope alike, stays until it is cleared, and changes nothing else.
func TestNoiseIsInCurrents(t *testing.T) {
	p := newProbe(t, Default(), 20, 20, 1)
	allFormed(p.a, 50e-6)
	currents := func() (i, g []float64) {
		for k := range p.v {
			p.v[k] = 0.2
		}
		p.a.Currents(p.v, p.i, p.g)
		return append([]float64(nil), p.i...), append([]float64(nil), p.g...)
	}
	i0, g0 := currents()
	p.a.SampleNoise(1e-3)
	i1, g1 := currents()
	i2, _ := currents()
	p.a.ClearNoise()
	i3, g3 := currents()
	different := 0
	for k := range i0 {
		if i1[k] != i0[k] {
			different++
		}
		if i1[k] != i2[k] || i3[k] != i0[k] || g3[k] != g0[k] {
			t.Fatalf("device %d: %v without noise, %v and %v with one sample, %v cleared", k, i0[k], i1[k], i2[k], i3[k])
		}
		if math.Abs((i1[k]/i0[k])/(g1[k]/g0[k])-1) > 1e-12 {
			t.Errorf("device %d: noise scales the current by %v, the slope by %v", k, i1[k]/i0[k], g1[k]/g0[k])
		}
		if math.Abs(i1[k]/i0[k]-1) > 0.03 {
			t.Errorf("device %d: noise of %v", k, i1[k]/i0[k]-1)
		}
	}
	if different < 390 {
		t.Errorf("only %d of 400 devices are noisy", different)
	}
}

// TestTelegraph: about 3 % of the devices jump between two levels.
func TestTelegraph(t *testing.T) {
	tech := Default()
	tech.Noise.FlickerAtOneHertz = 0
	p := newProbe(t, tech, 20, 20, 1)
	levels := make([]map[float64]bool, p.a.Len())
	for k := range levels {
		levels[k] = make(map[float64]bool)
	}
	for range 300 {
		p.a.SampleNoise(1e-3)
		for k, f := range p.a.noise.factor {
			levels[k][f] = true
		}
		p.a.Idle(0.5)
	}
	jumping := 0
	for k, seen := range levels {
		switch len(seen) {
		case 1:
		case 2:
			jumping++
		default:
			t.Fatalf("device %d has %d levels", k, len(seen))
		}
	}
	if jumping < 4 || jumping > 24 {
		t.Errorf("%d of 400 devices jump", jumping)
	}
}

// TestDraws checks the two kinds of normal numbers and the independence of purposes, counters and devices.
func TestDraws(t *testing.T) {
	const n = 200000
	d := newDraws(1, purposeStatic, 0)
	x, y := make([]float64, n), make([]float64, n)
	for k := range x {
		x[k] = d.normal(k, 3)
		y[k] = float64(byteSum(d.bits(k))) / byteSumSigma
		if math.Abs(x[k]) > 3 {
			t.Fatalf("draw %v beyond its clip", x[k])
		}
	}
	mean, sigma := meanAndSigma(x)
	within(t, "mean", mean, 0, 0.01)
	within(t, "sigma of a normal truncated at 3", sigma, 0.9866, 0.006)
	mean, sigma = meanAndSigma(y)
	within(t, "mean of the byte sum", mean, 0, 0.01)
	within(t, "sigma of the byte sum", sigma, 1, 0.006)
	for _, other := range []draws{newDraws(2, purposeStatic, 0), newDraws(1, purposeCycle, 0),
		newDraws(1, purposeStatic, 1), d} {
		shift := 0
		if other == d {
			shift = 1
		}
		r := 0.0
		for k := range x {
			r += x[k] * other.normal(k+shift, 3) / n
		}
		within(t, "correlation", r, 0, 0.01)
	}
}
