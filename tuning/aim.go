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
	table [aimSpreads][aimDistances]float64
}

const (
	aimDistances = 48
	aimSpreads   = 10
	aimFarthest  = 200.0 // bands
	aimTightest  = 0.1   // spread
	aimWidest    = 1.6
	// otherSide is the spread assumed for pulses of the other sign after an
	// overshoot, when nothing better is known.
	otherSide = 0.8
)

// quantiles of the standard normal distribution at the middles of equal shares
// of probability: expectations become plain means.
var quantiles = func() [15]float64 {
	var q [15]float64
	for i := range q {
		q[i] = math.Sqrt2 * math.Erfinv(2*(float64(i)+0.5)/float64(len(q))-1)
	}
	return q
}()

func distanceAt(i int) float64 {
	return math.Exp(float64(i) / (aimDistances - 1) * math.Log(aimFarthest))
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
	a := new(aim)
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
			var factors [len(quantiles)]float64
			for q, z := range quantiles {
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
		return a.pulses(d, same)
	}
	return a.pulses(-d, other)
}

// pulses interpolates the table.
func (a *aim) pulses(d, s float64) float64 {
	fd := math.Log(d) / math.Log(aimFarthest) * (aimDistances - 1)
	fs := (s - aimTightest) / (aimWidest - aimTightest) * (aimSpreads - 1)
	fd = math.Max(0, math.Min(fd, aimDistances-1.000001))
	fs = math.Max(0, math.Min(fs, aimSpreads-1.000001))
	i, j := int(fs), int(fd)
	u, v := fs-float64(i), fd-float64(j)
	return (1-u)*((1-v)*a.table[i][j]+v*a.table[i][j+1]) + u*((1-v)*a.table[i+1][j]+v*a.table[i+1][j+1])
}
