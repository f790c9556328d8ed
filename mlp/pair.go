package mlp

import (
	"fmt"
	"math"

	"xlab/instrument"
	"xlab/instrument/profile"
)

// Range is the working range of the devices' conductances.
type Range struct {
	Min instrument.Siemens `json:"min_s"` // > 0: the idle device of a pair
	Max instrument.Siemens `json:"max_s"` // > Min
}

// WorkingRange is the range of the network's devices by a profile, nil for the default
// one.
func WorkingRange(p *profile.Profile) Range {
	c := &profile.Of(p).Conductance
	return Range{Min: c.Low, Max: c.High}
}

// Validate refuses an empty range.
func (r Range) Validate() error {
	if !(r.Min > 0) || !(r.Max > r.Min) || math.IsInf(float64(r.Max), 0) {
		return fmt.Errorf("working range %s to %s is empty: it needs 0 < min < max", r.Min.Exact(), r.Max.Exact())
	}
	return nil
}

// Span is the largest weight that a free pair can hold, in S.
func (r Range) Span() instrument.Siemens { return r.Max - r.Min }

// Idle tells whether a device of conductance g carries no weight: it sits at
// the minimum, to within a millionth of the span.
func (r Range) Idle(g instrument.Siemens) bool {
	return math.Abs(float64(g-r.Min)) <= 1e-6*float64(r.Span())
}

// Pair is the conductances of the two devices of one weight.
type Pair struct {
	Plus, Minus instrument.Siemens
}

// Weight is what the pair contributes to dI per volt, in S.
func (p Pair) Weight() instrument.Siemens { return p.Plus - p.Minus }

// rounding is the share of the span by which sums and differences of
// conductances may miss a bound only because they are float64.
const rounding = 1e-12

func (r Range) within(g instrument.Siemens) instrument.Siemens { return min(max(g, r.Min), r.Max) }

// BiasedPair is the pair of weight w with its devices at bias + w/2 and
// bias - w/2: both carry half of the weight, so that what raises or lowers all
// conductances alike, such as temperature, changes less of it. Devices that
// would leave the range are refused.
func (r Range) BiasedPair(bias, w instrument.Siemens) (Pair, error) {
	p := Pair{Plus: bias + w/2, Minus: bias - w/2}
	slack := rounding * r.Span()
	if !(min(p.Plus, p.Minus) >= r.Min-slack && max(p.Plus, p.Minus) <= r.Max+slack) {
		return Pair{}, fmt.Errorf("weight %s around a bias of %s needs devices of %s and %s, beyond the range %s to %s",
			w.Exact(), bias.Exact(), p.Plus.Exact(), p.Minus.Exact(), r.Min.Exact(), r.Max.Exact())
	}
	return Pair{Plus: r.within(p.Plus), Minus: r.within(p.Minus)}, nil
}
