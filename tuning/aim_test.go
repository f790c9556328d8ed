package tuning

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestNormals(t *testing.T) {
	z := newNormals()
	sum, squares := 0.0, 0.0
	for i, x := range z {
		sum += x
		squares += x * x
		if i > 0 && !(x > z[i-1]) || math.Abs(x+z[len(z)-1-i]) > 1e-12 {
			t.Errorf("value %d of %v", i, z)
		}
	}
	// Middles of shares miss a little of the tails.
	if variance := squares / float64(len(z)); math.Abs(sum) > 1e-12 || variance < 0.85 || variance > 1 {
		t.Errorf("mean %v, variance %v", sum, squares/float64(len(z)))
	}
}

func TestAfterwards(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cycle := rapid.Float64Range(0.1, 1).Draw(t, "cycle")
		s := rapid.Float64Range(cycle, 1.6).Draw(t, "s")
		next := afterwards(s, cycle)
		if !(next >= cycle-1e-12 && next <= s+1e-12) || next > math.Sqrt2*cycle+1e-12 {
			t.Fatalf("a spread of %v with %v from pulse to pulse leaves %v", s, cycle, next)
		}
		if again := afterwards(next, cycle); again > next+1e-12 {
			t.Fatalf("more is known after one pulse (%v) than after two (%v)", next, again)
		}
	})
}

func TestNumberOfPulses(t *testing.T) {
	a := newAim(0.3)
	for _, d := range []float64{-1, -0.3, 0, 0.99, 1} {
		if n := a.left(d, 0.3, otherSide); n != 0 {
			t.Errorf("%g pulses within the band at %g", n, d)
		}
	}
	for si := range a.table {
		for di, n := range a.table[si] {
			if n < 1 || n > 12 {
				t.Errorf("%g pulses from %g bands with a spread of %g", n, distanceAt(di), spreadAt(si))
			}
			// One fixed point: chance lets the number fall a little with the distance, not much.
			if di > 0 && n < a.table[si][di-1]-0.1 {
				t.Errorf("%g pulses from %g bands, %g from %g", n, distanceAt(di), a.table[si][di-1], distanceAt(di-1))
			}
			if si > 0 && n < a.table[si-1][di]-0.05 {
				t.Errorf("%g pulses with a spread of %g, %g with %g", n, spreadAt(si), a.table[si-1][di], spreadAt(si-1))
			}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		d, s := rapid.Float64Range(1.01, 1000).Draw(t, "d"), rapid.Float64Range(0, 3).Draw(t, "s")
		if n := a.left(d, s, otherSide); !(n >= 1) || n != a.left(-d, otherSide, s) {
			t.Fatalf("%g pulses from %g, %g from the other side", n, d, a.left(-d, otherSide, s))
		}
	})
}

// Played by its own rule the expected number of pulses comes true.
func TestNumberOfPulsesComesTrue(t *testing.T) {
	const cycle = 0.3
	a := newAim(cycle)
	const s, distance = cycle, 12.0
	// With a spread that is all from pulse to pulse nothing is learned, so that
	// one spread serves every pulse; the other side is given the same.
	best := func(d float64) (part float64) {
		least := math.Inf(1)
		for i := range 60 {
			p := 0.05 * math.Exp(float64(i)/59*math.Log(1.6/0.05))
			sum := 0.0
			for _, z := range a.normals {
				sum += a.left(d*(1-p*math.Exp(s*z)), s, s)
			}
			if sum < least {
				least, part = sum, p
			}
		}
		return part
	}
	// All ways of 15 equally likely outcomes each, to a depth at which little is left.
	var walk func(d, weight float64) float64
	walk = func(d, weight float64) float64 {
		if d = math.Abs(d); d <= 1 {
			return 0
		}
		if weight < 3e-4 {
			return weight * a.left(d, s, s)
		}
		p, sum := best(d), weight
		for _, z := range a.normals {
			sum += walk(d*(1-p*math.Exp(s*z)), weight/float64(len(a.normals)))
		}
		return sum
	}
	if n, want := walk(distance, 1), a.left(distance, s, s); math.Abs(n/want-1) > 0.15 {
		t.Errorf("%.2f pulses from %g bands, expected %.2f", n, distance, want)
	}
}
