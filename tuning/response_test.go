package tuning

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"xlab/population"

	"xlab/instrument"
)

// The gradient is what differences give.
func TestGradient(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := newResponse(1, priorOf(nil))
		up := rapid.Bool().Draw(t, "up")
		x, volts, sag := rapid.Float64Range(-2, 2).Draw(t, "x"), rapid.Float64Range(0.4, 1.8).Draw(t, "volts"),
			rapid.Float64Range(0, 0.3).Draw(t, "sag")
		var d [deviceSize]float64
		for i := range d {
			d[i] = rapid.Float64Range(-0.3, 0.3).Draw(t, "device")
		}
		predict := func() float64 { return r.predict(up, x, volts, sag, &d, nil) }
		slope := func(at *float64) float64 {
			const h = 1e-5
			was := *at
			*at = was + h
			above := predict()
			*at = was - h
			below := predict()
			*at = was
			return (above - below) / (2 * h)
		}
		var g gradient
		if m := r.predict(up, x, volts, sag, &d, &g); m != predict() {
			t.Fatalf("%v with and %v without the gradient", m, predict())
		}
		first := direction(up) * populationTerms
		for i, got := range g.population {
			if want := slope(&r.phi[first+i]); math.Abs(got-want) > 1e-5*(1+math.Abs(want)) {
				t.Fatalf("term %d: slope %v, want %v", i, got, want)
			}
		}
		for i, got := range deviceGradient(up, &g) {
			if want := slope(&d[i]); math.Abs(got-want) > 1e-5*(1+math.Abs(want)) {
				t.Fatalf("device's term %d: slope %v, want %v", i, got, want)
			}
		}
	})
}

// The law as it is meant: more with more volts, less with more loss in the lines
// and a higher threshold, and the slope of the sigmoid far below it.
func TestLaw(t *testing.T) {
	r := newResponse(1, priorOf(nil))
	var none [deviceSize]float64
	at := func(up bool, volts, sag float64, d [deviceSize]float64) float64 {
		return r.predict(up, 0, volts, sag, &d, nil)
	}
	for _, up := range []bool{true, false} {
		for v := 0.3; v < 1.8; v += 0.1 {
			if !(at(up, v+0.1, 0, none) > at(up, v, 0, none)) {
				t.Errorf("up %v: no more at %.1f V than at %.1f V", up, v+0.1, v)
			}
			if !(at(up, v, 0.1, none) < at(up, v, 0, none)) {
				t.Errorf("up %v: a loss in the lines changes nothing at %.1f V", up, v)
			}
		}
		if slope := (at(up, 0.35, 0, none) - at(up, 0.25, 0, none)) / 0.1; math.Abs(slope/12-1) > 0.01 {
			t.Errorf("up %v: slope %v per volt far below the threshold", up, slope)
		}
		shifted, gained := none, none
		shifted[direction(up)], gained[2] = 0.1, 0.5
		if a, b := at(up, 1.1, 0, shifted), at(up, 1.0, 0, none); math.Abs(a-b) > 1e-12 {
			t.Errorf("up %v: a threshold 0.1 V higher gives %v, want %v", up, a, b)
		}
		if a, b := at(up, 1.0, 0, gained), at(up, 1.0, 0, none)+0.5; math.Abs(a-b) > 1e-12 {
			t.Errorf("up %v: a gain of 0.5 gives %v, want %v", up, a, b)
		}
	}
	if a := softplus(31); a != 31 || math.Abs(softplus(29.9)-29.9) > 1e-12 || math.Abs(softplus(0)-math.Ln2) > 1e-15 {
		t.Errorf("softplus %v", a)
	}
}

func TestInverses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		entry := rapid.Float64Range(-1, 1)
		var h3 [deviceSize][deviceSize]float64
		var h [populationSize][populationSize]float64
		var b [populationSize][populationSize]float64
		for i := range b {
			for j := range b {
				b[i][j] = entry.Draw(t, "b")
			}
		}
		for i := range h { // b b' + 1 is positive definite
			for j := range h {
				for k := range b {
					h[i][j] += b[i][k] * b[j][k]
				}
			}
			h[i][i]++
		}
		for i := range h3 {
			for j := range h3 {
				h3[i][j] = h[i][j]
			}
		}
		inv, inv3 := inverse(h), inverse3(h3)
		for i := range h {
			for j := range h {
				sum, want := 0.0, 0.0
				if i == j {
					want = 1
				}
				for k := range h {
					sum += h[i][k] * inv[k][j]
				}
				if math.Abs(sum-want) > 1e-8 {
					t.Fatalf("entry %d, %d of the product is %v", i, j, sum)
				}
				if i < deviceSize && j < deviceSize {
					sum = 0
					for k := range h3 {
						sum += h3[i][k] * inv3[k][j]
					}
					if math.Abs(sum-want) > 1e-8 {
						t.Fatalf("entry %d, %d of the small product is %v", i, j, sum)
					}
				}
			}
		}
	})
}

// teach gives a response that has seen pulses of devices by a law of their own:
// thresholds and amplitudes that are not the prior's.
func teach(devices, pulses int, spread float64) (r *response, shifts [][2]float64) {
	random := rand.New(rand.NewPCG(31, 32))
	r = newResponse(devices, priorOf(nil))
	for range devices {
		shifts = append(shifts, [2]float64{0.1 * random.NormFloat64(), 0.1 * random.NormFloat64()})
	}
	for n := range pulses {
		k, up := n%devices, random.IntN(2) == 0
		g := 10e-6 * math.Pow(10, random.Float64())
		o := observation{device: k, up: up, x: r.state(instrument.Siemens(g)), volts: 0.9 + 0.6*random.Float64(),
			sag: 0.05 * random.Float64(), readNoise: 3e-8}
		o.change = math.Exp(taught(&o, shifts[k])+spread*random.NormFloat64()) + o.readNoise*random.NormFloat64()
		r.add(o)
	}
	return r, shifts
}

// taught is the logarithm of the change by the law of teach.
func taught(o *observation, shift [2]float64) float64 {
	volts := o.volts * (1 - 0.9*o.sag)
	if o.up {
		return math.Log(20e-6) + 0.1*o.x - softplus(-10*(volts-1.05-shift[0]))
	}
	return math.Log(12e-6) + 0.7*o.x - softplus(-10*(volts-1.25-shift[1]))
}

// The fit finds a law that is not the prior's, the devices' thresholds and the
// spread, and says how sure it is.
func TestFit(t *testing.T) {
	const spread = 0.25
	r, shifts := teach(60, 1500, spread)
	var misses, sigmas []float64
	for k := range shifts {
		cov := r.locate(k, 2)
		for _, up := range []bool{true, false} {
			o := observation{up: up, x: 0.2, volts: 1.2, sag: 0.02}
			f := r.forecast(k, &cov, up, o.x, o.volts, o.sag)
			misses = append(misses, math.Abs(f.mean-taught(&o, shifts[k])))
			sigmas = append(sigmas, f.sigma)
			if f.sigma < r.spread || f.sigma > 2*spread {
				t.Errorf("device %d is forecast with %v, the spread is %v", k, f.sigma, spread)
			}
		}
	}
	if median := population.Quantile(misses, 0.5); median > 0.1 {
		t.Errorf("the median of changes is missed by %.3f in ln", median)
	}
	if worst := population.Quantile(misses, 1); worst > 0.5 {
		t.Errorf("the median of changes is missed by up to %.3f in ln", worst)
	}
	if math.Abs(r.spread/spread-1) > 0.15 {
		t.Errorf("spread %v from pulse to pulse, want %v", r.spread, spread)
	}
	for i := range 2 {
		if math.Abs(r.sigma[i]/0.1-1) > 0.35 {
			t.Errorf("thresholds deviate by %v, want 0.1", r.sigma[i])
		}
	}
	var fresh [deviceSize][deviceSize]float64
	unknown := newResponse(1, priorOf(nil))
	fresh = unknown.locate(0, 2)
	if f := unknown.forecast(0, &fresh, true, 0, 1.1, 0); !(f.sigma > 1.5*float64(population.Quantile(sigmas, 0.5))) {
		t.Errorf("a device that was never seen is forecast with %v, a known one with %v", f.sigma,
			population.Quantile(sigmas, 0.5))
	}
}

// A device that jumps hardly bends the law for the others, and is noticed.
func TestContradiction(t *testing.T) {
	clean, shifts := teach(30, 600, 0.25)
	bent, _ := teach(30, 600, 0.25)
	for range 12 {
		bent.add(observation{device: 3, up: true, x: 0, volts: 1.2, change: 600e-6, readNoise: 3e-8})
		bent.add(observation{device: 3, up: true, x: 0, volts: 1.2, change: -200e-6, readNoise: 3e-8})
	}
	if s := bent.surprise(3, 0); !(math.Abs(s) > surprised) || !(math.Abs(bent.surprise(3, 1)) > surprised) {
		t.Errorf("surprised by %v and %v deviations", s, bent.surprise(3, 1))
	}
	if s := clean.surprise(3, 0); !(math.Abs(s) < surprised) {
		t.Errorf("surprised by an ordinary pulse: %v", s)
	}
	if s := newResponse(1, priorOf(nil)).surprise(0, 0); s != 0 {
		t.Errorf("surprised without a pulse: %v", s)
	}
	for k := range shifts {
		if k == 3 {
			continue
		}
		a := clean.predict(true, 0, 1.2, 0, &clean.devices[k], nil)
		b := bent.predict(true, 0, 1.2, 0, &bent.devices[k], nil)
		if math.Abs(a-b) > 0.15 {
			t.Errorf("device %d is expected to change by %v instead of %v", k, math.Exp(b), math.Exp(a))
		}
	}
}

// What reads cannot tell from noise teaches little.
func TestChangesBelowTheNoise(t *testing.T) {
	r := newResponse(1, priorOf(nil))
	before := r.locate(0, 0)
	for range 3 {
		r.add(observation{device: 0, up: true, x: 0, volts: 0.5, change: 1e-10, readNoise: 1e-7})
	}
	after := r.locate(0, 0)
	if after[0][0] < 0.95*before[0][0] || math.Abs(r.devices[0][0]) > 0.01 {
		t.Errorf("the threshold is known to %v instead of %v, at %v", after[0][0], before[0][0], r.devices[0][0])
	}
	r.add(observation{device: 0, up: true, x: 0, volts: 1.1, change: 6e-6, readNoise: 1e-7})
	if now := r.locate(0, 0); !(now[0][0] < 0.9*after[0][0]) {
		t.Errorf("a pulse with an effect leaves %v of %v", now[0][0], after[0][0])
	}
}
