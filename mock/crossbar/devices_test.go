package crossbar_test

import (
	"math"
	"testing"

	"xlab/mock/crossbar"
)

// TestModels compares the device models with their definitions, over many decades of voltage and both signs.
func TestModels(t *testing.T) {
	var volts []float64
	for v := 1e-18; v < 20; v *= 1.07 {
		volts = append(volts, v, -v)
	}
	volts = append(volts, 0, 0.25, -0.25) // 0.25 is where the series of the sinh model ends
	g := make([]float64, len(volts))
	for k := range g {
		g[k] = 3e-5
	}
	g[0] = 0
	for _, m := range models {
		i, di := make([]float64, len(volts)), make([]float64, len(volts))
		m.dev(g).Currents(volts, i, di)
		for k, law := range m.laws(g) {
			wantI, wantG := law(volts[k])
			// The exponential carries its argument's rounding error, one in the last place of up to 80.
			if tol := 2e-14; math.Abs(i[k]-wantI) > tol*math.Abs(wantI) || math.Abs(di[k]-wantG) > tol*wantG {
				t.Errorf("%s at %g V: %.17g A, %.17g S; want %.17g A, %.17g S", m.name, volts[k], i[k], di[k], wantI, wantG)
			}
			if volts[k] > -1 && volts[k] < 1 && math.Abs(i[k]-wantI) > 1e-15*math.Abs(wantI) {
				t.Errorf("%s at %g V: %.17g A, want %.17g A", m.name, volts[k], i[k], wantI)
			}
		}
	}
}

// An open device stays open at voltages at which the exponential overflows.
func TestOpenSinhOverflow(t *testing.T) {
	i, g := make([]float64, 2), make([]float64, 2)
	crossbar.Sinh{G: []float64{0, 0}, V0: 1e-3}.Currents([]float64{5, -5}, i, g)
	if i[0] != 0 || i[1] != 0 || g[0] != 0 || g[1] != 0 {
		t.Errorf("%v A, %v S", i, g)
	}
}
