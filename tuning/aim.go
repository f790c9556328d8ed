package tuning

import "math"

// aim knows how many pulses it takes to get within a band from a distance, for
// pulses whose effect is spread lognormally. It is the fixed point of
//
//	N(d, s) = 1 + min over m of E[N(|d - m exp(s z)|, s')]
//
// with the distance d in units of the band, z standard normal, and s' the
// spread that is left once the pulse has told what the device is like.
type aim struct {
	table   [aimSpreads][aimDistances]float64
	normals normals
}

const (
	aimDistances = 48
	aimSpreads   = 10
	lnFarthest   = 5.3 // of the farthest distance, 200 bands
	aimTightest  = 0.1 // spread
	aimWidest    = 1.6
	// otherSide is the spread assumed for pulses of the other sign after an
	// overshoot, when nothing better is known.
	otherSide = 0.8
)

// normals are equally likely values of a standard normal variable: the middles
// of equal shares of probability, so that expectations become plain means.
type normals [15]float64

func newNormals() (z normals) {
	for i := range z {
		z[i] = math.Sqrt2 * math.Erfinv(2*(float64(i)+0.5)/float64(len(z))-1)
	}
	return z
}

func distanceAt(i int) float64 {
	return math.Exp(float64(i) / (aimDistances - 1) * lnFarthest)
}

func spreadAt(i int) float64 {
	return aimTightest + float64(i)/(aimSpreads-1)*(aimWidest-aimTightest)
}

// afterwards is the spread of the next pulse when one more has been seen.
func afterwards(s, cycle float64) float64 {
	unknown := math.Max(s*s-cycle*cycle, 0)
	return math.Sqrt(cycle*cycle + unknown*cycle*cycle/math.Max(s*s, 1e-9))
}

// newAim computes the table for a spread from pulse to pulse.
func newAim(cycle float64) *aim {
	a := &aim{normals: newNormals()}
	var aims [24]float64 // part of the distance
	for i := range aims {
		aims[i] = math.Exp(math.Log(0.03) + float64(i)/float64(len(aims)-1)*math.Log(1.6/0.03))
	}
	for si := range aimSpreads {
		for di := range aimDistances {
			a.table[si][di] = 1 + math.Log(distanceAt(di))
		}
	}
	for range 25 {
		moved := 0.0
		for si := range aimSpreads {
			s := math.Max(spreadAt(si), cycle)
			next := afterwards(s, cycle)
			var factors [len(normals{})]float64
			for q, z := range a.normals {
				factors[q] = math.Exp(s * z)
			}
			for di := range aimDistances {
				d := distanceAt(di)
				best := math.Inf(1)
				for _, part := range aims {
					sum := 0.0
					for _, f := range factors {
						sum += a.left(d*(1-part*f), next, otherSide)
					}
					best = math.Min(best, 1+sum/float64(len(factors)))
				}
				moved = math.Max(moved, math.Abs(best-a.table[si][di]))
				a.table[si][di] = best
			}
		}
		if moved < 1e-3 {
			break
		}
	}
	return a
}

// left is the number of pulses that a signed distance in bands needs: positive
// before the target, negative beyond it.
func (a *aim) left(d, same, other float64) float64 {
	switch {
	case math.Abs(d) <= 1:
		return 0
	case d > 0:
		return a.pulses(math.Log(d), same)
	}
	return a.pulses(math.Log(-d), other)
}

// pulses interpolates the table at the logarithm of a distance beyond the band.
func (a *aim) pulses(lnDistance, s float64) float64 {
	fd := min(lnDistance*(aimDistances-1)/lnFarthest, aimDistances-1.000001)
	fs := min(max((s-aimTightest)*((aimSpreads-1)/(aimWidest-aimTightest)), 0), aimSpreads-1.000001)
	i, j := int(fs), int(fd)
	u, v := fs-float64(i), fd-float64(j)
	return (1-u)*((1-v)*a.table[i][j]+v*a.table[i][j+1]) + u*((1-v)*a.table[i+1][j]+v*a.table[i+1][j+1])
}
