package device

import "math"

// coefficients returns a and b of the static current I(V) = a V + b V^3 of a formed device with state g0 (S) and
// draw xi at a temperature. a3T is the temperature part of A3 (see a3AtTemperature), computed once for all.
//
// Two guards keep the current monotonic and positive for every draw. a does not fall below a small
// fraction of g0: the fitted A1 goes through zero below about 2.6 uS near 0 degrees, outside the fitted states. b
// does not fall below zero: with xi below about -1.7 the fitted cubic part turns negative, which would bend the curve
// down within the fitted voltages; such a device is ohmic.
func (c *StaticConstants) coefficients(g0, celsius, a3T, xi float64) (a, b float64) {
	a1 := c.A1Offset + c.A1PerG0*g0 + c.A1PerCelsius*celsius
	a3 := a3T + g0*(c.A3PerG0+c.A3PerG0Squared*g0)
	s1 := c.S1Offset + c.S1PerCelsius*celsius + g0*(c.S1PerG0+c.S1PerG0Squared*g0)
	s3 := c.S3Offset + c.S3PerCelsius*celsius + g0*(c.S3PerG0+c.S3PerG0Celsius*celsius+c.S3PerG0Squared*g0)
	a = max(a1+xi*max(s1, 0), c.A1FloorFraction*g0)
	b = max(a3+xi*max(s3, 0), 0)
	return a, b
}

// a3AtTemperature returns the part of A3 that depends on temperature alone.
func (c *StaticConstants) a3AtTemperature(celsius float64) float64 {
	return c.A3Temperature * math.Pow(celsius, c.A3TempExponent)
}

// cubic returns current and slope of a V + b V^3, continued above the fitted voltage by its tangent there. The
// tangent is the weakest continuation that keeps current and slope continuous; the cubic itself would pass 6 mA
// at 1.8 V through a device of 316 uS.
func cubic(v, a, b, limit float64) (i, g float64) {
	if v > limit || v < -limit {
		edge := math.Copysign(limit, v)
		q := b * limit * limit
		g = a + 3*q
		return edge*(a+q) + (v-edge)*g, g
	}
	q := b * v * v
	return v * (a + q), a + 3*q
}

// smallSinh returns sinh(x)/x and cosh(x) for y = x*x of at most 0.25, by their Taylor series: exact to rounding, where
// half of exp(x)-exp(-x) would lose digits, and small enough to be compiled into the loop over the devices.
func smallSinh(y float64) (sinhOverX, cosh float64) {
	const s3, s5, s7, s9, s11 = 1. / 6, 1. / 120, 1. / 5040, 1. / 362880, 1. / 39916800
	const c2, c4, c6, c8, c10, c12 = 1. / 2, 1. / 24, 1. / 720, 1. / 40320, 1. / 3628800, 1. / 479001600
	return 1 + y*(s3+y*(s5+y*(s7+y*(s9+y*s11)))), 1 + y*(c2+y*(c4+y*(c6+y*(c8+y*(c10+y*c12)))))
}

// pristineCurrent returns current and slope of is sinh(v/v0), continued by its tangent above the limit so that a
// solver may try any voltage without overflow.
func pristineCurrent(v, is, perV0, limit float64) (i, g float64) {
	edge := max(-limit, min(limit, v))
	x := edge * perV0
	var sinh, cosh float64
	if y := x * x; y < 0.25 {
		sinh, cosh = smallSinh(y)
		sinh *= x
	} else {
		e := math.Exp(x)
		sinh, cosh = (e-1/e)/2, (e+1/e)/2
	}
	g = is * perV0 * cosh
	return is*sinh + (v-edge)*g, g
}

// currents implements model.
func (m *metalOxide) currents(v, i, g []float64) {
	n := len(v)
	i, g = i[:n], g[:n]
	a, b, pristine := m.a[:n], m.b[:n], m.sinh[:n]
	pristineLimit := m.c.Pristine.TangentAbove
	limit := m.c.Static.FitLimit
	limit2 := limit * limit
	for k, vk := range v {
		ak, bk := a[k], b[k]
		switch {
		case pristine[k]:
			// Most devices of a crossbar are nearly at rest; their path has no call in it.
			x := vk * bk
			if y := x * x; y < 0.25 && vk < pristineLimit && vk > -pristineLimit {
				sinhOverX, cosh := smallSinh(y)
				i[k], g[k] = ak*x*sinhOverX, ak*bk*cosh
			} else {
				i[k], g[k] = pristineCurrent(vk, ak, bk, pristineLimit)
			}
		case vk > limit || vk < -limit: // cubic, written out: it is the innermost loop of the simulated bench
			edge := limit
			if vk < 0 {
				edge = -limit
			}
			q := bk * limit2
			gk := ak + 3*q
			i[k], g[k] = edge*(ak+q)+(vk-edge)*gk, gk
		default:
			q := bk * vk * vk
			i[k], g[k] = vk*(ak+q), ak+3*q
		}
	}
}

// conductance implements model.
func (m *metalOxide) conductance(k int, volts float64) float64 {
	var i float64
	if m.sinh[k] {
		i, _ = pristineCurrent(volts, m.a[k], m.b[k], m.c.Pristine.TangentAbove)
	} else {
		i, _ = cubic(volts, m.a[k], m.b[k], m.c.Static.FitLimit)
	}
	return i / volts
}
