package crossbar

import "math"

// Devices evaluates all devices of an array at once, row-major (device k sits at row k/Cols, column k%Cols).
type Devices interface {
	// Currents fills i[k] with the current in A from row to column and g[k] with its derivative in S at v[k] volts.
	// The current must not fall when the voltage rises, so g[k] >= 0. The result may depend on nothing but v during
	// one Solve. The slices all have Rows*Cols elements and must not be kept.
	Currents(v, i, g []float64)
}

// Sized devices say how many they are, so that Solve can refuse an array of another size.
type Sized interface {
	// Len returns the number of devices.
	Len() int
}

// Linear is an array of ohmic devices: one conductance in S per device, row-major. 0 is an open device.
type Linear []float64

// Len implements Sized.
func (d Linear) Len() int { return len(d) }

// Currents implements Devices: i = G v.
func (d Linear) Currents(v, i, g []float64) {
	v, i, g = v[:len(d)], i[:len(d)], g[:len(d)]
	copy(g, d)
	for k, gk := range d {
		i[k] = gk * v[k]
	}
}

// Sinh is an array of devices with i = G V0 sinh(v/V0). G holds the conductance at 0 V in S per device, row-major;
// V0 > 0 in V is common to all.
type Sinh struct {
	G  []float64
	V0 float64
}

// Len implements Sized.
func (d Sinh) Len() int { return len(d.G) }

// Currents implements Devices.
func (d Sinh) Currents(v, i, g []float64) {
	v, i, g = v[:len(d.G)], i[:len(d.G)], g[:len(d.G)]
	inv := 1 / d.V0
	for k, gk := range d.G {
		x := v[k] * inv
		var sh, ch float64
		// The exponentials cancel at small arguments; the series, cut where its terms fall below the rounding error,
		// keep every small current's relative accuracy.
		if x2 := x * x; x2 <= 1e-3 {
			sh = x * (1 + x2*(1./6+x2*(1./120+x2*(1./5040))))
			ch = 1 + x2*(1./2+x2*(1./24+x2*(1./720+x2*(1./40320))))
		} else if x2 <= 1 {
			sh = 1./1307674368000 + x2*(1./355687428096000)
			sh = x * (1 + x2*(1./6+x2*(1./120+x2*(1./5040+x2*(1./362880+x2*(1./39916800+x2*(1./6227020800+x2*sh)))))))
			ch = math.Sqrt(1 + sh*sh)
		} else {
			if gk == 0 { // not 0 times an overflowing exponential
				i[k], g[k] = 0, 0
				continue
			}
			e := math.Exp(x)
			r := 1 / e
			sh = (e - r) * 0.5
			ch = (e + r) * 0.5
		}
		i[k] = gk * (d.V0 * sh)
		g[k] = gk * ch
	}
}

// Cubic is an array of devices with i = G v (1 + (v/Vc)^2). G holds the conductance at 0 V in S per device,
// row-major; Vc > 0 in V, common to all, is the voltage at which the conductance i/v has doubled.
type Cubic struct {
	G  []float64
	Vc float64
}

// Len implements Sized.
func (d Cubic) Len() int { return len(d.G) }

// Currents implements Devices.
func (d Cubic) Currents(v, i, g []float64) {
	v, i, g = v[:len(d.G)], i[:len(d.G)], g[:len(d.G)]
	inv := 1 / d.Vc
	for k, gk := range d.G {
		u := v[k] * inv
		u2 := u * u
		i[k] = gk * (v[k] * (1 + u2))
		g[k] = gk * (1 + 3*u2)
	}
}
