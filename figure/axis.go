package figure

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
)

// Axis describes one axis of a chart.
type Axis struct {
	Label string // what it shows, such as "conductance"
	Unit  string // symbol of the SI unit, such as "S", or any other, such as "%" or "°C"; empty for counts
	Log   bool   // logarithmic; what is not above zero is then left out and counted

	// Min and Max are the range, in the unit; both zero: from the data.
	Min, Max float64

	// Names are of things without order or distance, which stand at 1, 2, 3...;
	// the range is theirs then.
	Names []string
}

// largest and smallest bound what can be drawn: beyond them differences and
// steps of an axis would overflow or vanish. In no unit is anything measured
// there.
const largest, smallest = 1e200, 1e-200

// span collects the range of values.
type span struct {
	lo, hi float64
	n      int
}

func (s *span) add(x float64) {
	if s.n == 0 {
		s.lo, s.hi = x, x
	}
	s.lo, s.hi = min(s.lo, x), max(s.hi, x)
	s.n++
}

// shows reports whether the axis can place the value at all.
func (a Axis) shows(x float64) bool {
	return !math.IsNaN(x) && !math.IsInf(x, 0) && (!a.Log || x >= smallest)
}

// measure adds those values to the span that the axis can place.
func (a Axis) measure(s *span, values []float64) {
	for _, x := range values {
		if a.shows(x) {
			s.add(x)
		}
	}
}

// ruler is an axis with its range settled.
type ruler struct {
	log      bool
	min, max float64
	exponent int // values are labelled divided by ten to this power; not used where every label has its own prefix
	label    string
	ticks    []plot.Tick
}

// over settles the axis for the data's range. air is the fraction of the
// range that is left free on both sides of the data, where the range is taken
// from the data.
func (a Axis) over(data span, air float64) (ruler, error) {
	name := cmp.Or(a.Label, "unnamed")
	r := ruler{log: a.Log, min: a.Min, max: a.Max}
	if len(a.Names) > 0 {
		r = ruler{min: 0.5, max: float64(len(a.Names)) + 0.5, label: clean(a.Label)}
		for i, name := range a.Names {
			r.ticks = append(r.ticks, plot.Tick{Value: float64(i + 1), Label: clean(name)})
		}
		return r, nil
	}
	if a.Min == 0 && a.Max == 0 {
		if data.n == 0 {
			return ruler{}, fmt.Errorf("%s axis: %w", name, ErrNoData)
		}
		r.min, r.max = widen(data.lo, data.hi, a.Log)
		r.min, r.max = leaveAir(r.min, r.max, air, a.Log)
	}
	switch {
	case math.IsNaN(r.min) || math.IsNaN(r.max) || !(r.min < r.max):
		return ruler{}, fmt.Errorf("%s axis: the range from %g to %g is empty: give Min below Max, or neither", name, r.min,
			r.max)
	case a.Log && r.min < smallest:
		return ruler{}, fmt.Errorf("%s axis: a logarithmic axis cannot begin at %g: give a Min above zero", name, r.min)
	case max(-r.min, r.max) > largest:
		return ruler{}, fmt.Errorf("%s axis: values up to %g cannot be drawn: is the unit right?", name, max(-r.min, r.max))
	case r.max-r.min < smallest || (r.max-r.min)/max(-r.min, r.max) < 1e-9:
		return ruler{}, fmt.Errorf("%s axis: the range from %g to %g is too narrow to be labelled: widen it", name, r.min,
			r.max)
	}
	r.divide(clean(a.Label), clean(a.Unit))
	return r, nil
}

// widen opens a range that is empty or as good as empty, so that equal values
// stand in its middle.
func widen(lo, hi float64, log bool) (float64, float64) {
	size := max(math.Abs(lo), math.Abs(hi))
	switch {
	case size < 1e-100 && !log:
		return -1, 1 // zeros; there is no scale in them
	case hi-lo > 1e-6*size:
		return lo, hi
	case log:
		return max(lo/2, smallest), hi * 2
	}
	return lo - size/10, hi + size/10
}

func leaveAir(lo, hi, air float64, log bool) (float64, float64) {
	if log {
		// Differences of logarithms, because the ratio itself may be too large.
		f := math.Exp((math.Log(hi) - math.Log(lo)) * air)
		return max(lo/f, smallest), hi * f
	}
	d := (hi - lo) * air
	below, above := lo-d, hi+d
	// An axis of values that are never negative does not begin below zero.
	if lo >= 0 {
		below = max(below, 0)
	}
	if hi <= 0 {
		above = min(above, 0)
	}
	return below, above
}

// norm places a value: 0 at the beginning of the axis, 1 at its end. Places
// far outside are brought nearer, because a line towards them still has to be
// cut off at the edge in finite numbers; on paper this cannot be seen.
func (r ruler) norm(x float64) float64 {
	place := (x - r.min) / (r.max - r.min)
	if r.log {
		place = (math.Log(x) - math.Log(r.min)) / (math.Log(r.max) - math.Log(r.min))
	}
	return min(max(place, -1e6), 1e6)
}

// at is the value at a place, the inverse of norm.
func (r ruler) at(place float64) float64 {
	if r.log {
		return math.Exp(math.Log(r.min) + (math.Log(r.max)-math.Log(r.min))*place)
	}
	return r.min + (r.max-r.min)*place
}

func (r ruler) contains(x float64) bool { return x >= r.min && x <= r.max }

// prefixable are the units that take SI prefixes.
var prefixable = []string{"V", "A", "Ω", "S", "s", "W", "J", "C", "F", "Hz"}

var prefixes = [...]string{"f", "p", "n", "µ", "m", "", "k", "M", "G", "T"}

// prefix writes a power of a thousand as its SI prefix.
func prefix(exponent int) (string, bool) {
	i := exponent/3 + 5
	if exponent%3 != 0 || i < 0 || i >= len(prefixes) {
		return "", false
	}
	return prefixes[i], true
}

func takesPrefix(unit string) bool { return slices.Contains(prefixable, unit) }

// powerOf is the exponent of the power of ten at or below x, which is
// positive. A value a rounding error below a power counts as that power.
func powerOf(x float64) int { return int(math.Floor(math.Log10(x) + 1e-9)) }

// thousands rounds an exponent down to a multiple of three.
func thousands(e int) int { return e - ((e%3)+3)%3 }

// divide chooses ticks, their labels and the text of the axis.
func (r *ruler) divide(label, unit string) {
	size := max(math.Abs(r.min), math.Abs(r.max))
	decades := 0.0
	if r.log {
		decades = math.Log10(r.max) - math.Log10(r.min)
	}
	if decades > 4 {
		r.ticks = decadeTicks(r.min, r.max, unit)
		r.label = label
		return
	}
	e := powerOf(size)
	switch {
	case takesPrefix(unit):
		r.exponent = thousands(e)
	case e < -3 || e > 6:
		r.exponent = e
	}
	r.label = axisText(label, unit, r.exponent)
	if decades > 0.7 {
		r.ticks = halfDecadeTicks(r.min, r.max, r.exponent, decades > 2.3)
	} else {
		r.ticks = evenTicks(r.min, r.max, r.exponent)
	}
}

// axisText joins label and unit: "conductance (µS)", "error (%)".
func axisText(label, unit string, exponent int) string {
	scaled, ok := prefix(exponent)
	switch {
	case ok && takesPrefix(unit):
		unit = scaled + unit
	case exponent != 0:
		unit = strings.TrimSpace("1e" + strconv.Itoa(exponent) + " " + unit)
	}
	switch {
	case unit == "":
		return label
	case label == "":
		return unit
	}
	return label + " (" + unit + ")"
}

// evenTicks divides a range in steps of 1, 2 or 5 times a power of ten, three
// to eight of them, with three or four unlabelled ticks between two.
func evenTicks(lo, hi float64, exponent int) []plot.Tick {
	mantissa, e := niceStep((hi - lo) / 8)
	parts := 5
	if mantissa == 2 {
		parts = 4
	}
	step := float64(mantissa) * math.Pow10(e)
	first, last := math.Ceil(lo/step-1e-6), math.Floor(hi/step+1e-6)
	var ticks []plot.Tick
	for k := (first - 1) * float64(parts); k <= (last+1)*float64(parts); k++ {
		at := k / float64(parts) * step
		if math.Mod(k, float64(parts)) == 0 && k/float64(parts) >= first && k/float64(parts) <= last {
			ticks = append(ticks, plot.Tick{Value: min(max(at, lo), hi),
				Label: number(k/float64(parts)*float64(mantissa), e-exponent)})
		} else if at >= lo && at <= hi {
			ticks = append(ticks, plot.Tick{Value: at})
		}
	}
	return ticks
}

// niceStep is the smallest of 1, 2 or 5 times a power of ten that is not
// below step.
func niceStep(step float64) (mantissa, exponent int) {
	exponent = powerOf(step)
	for _, m := range []int{1, 2, 5} {
		if float64(m)*math.Pow10(exponent) >= step*(1-1e-9) {
			return m, exponent
		}
	}
	return 1, exponent + 1
}

// halfDecadeTicks labels 1, 2 and 5 of every decade, or only 1 where there are
// many decades.
func halfDecadeTicks(lo, hi float64, exponent int, onlyOnes bool) []plot.Tick {
	return logTicks(lo, hi, 9, func(m, d int) string {
		if m == 1 || !onlyOnes && (m == 2 || m == 5) {
			return number(float64(m), d-exponent)
		}
		return ""
	})
}

// decadeTicks labels powers of ten, each with its own prefix and the unit:
// "1 ms", "10 ms". Where there are too many, only those that change the
// prefix have a label, or some of them.
func decadeTicks(lo, hi float64, unit string) []plot.Tick {
	decades, multiples := powerOf(hi)-powerOf(lo), 9
	every := decades/9 + 1
	if every > 1 {
		every = thousands(every + 2)
	}
	if decades > 7 {
		multiples = 1 // more are too dense to tell anything
	}
	return logTicks(lo, hi, multiples, func(m, d int) string {
		if m == 1 && d%every == 0 {
			return decade(d, unit)
		}
		return ""
	})
}

// logTicks puts ticks at 1 to multiples times each power of ten d; label is the text
// of one of them.
func logTicks(lo, hi float64, multiples int, label func(m, d int) string) []plot.Tick {
	var ticks []plot.Tick
	for d := powerOf(lo); d <= powerOf(hi); d++ {
		for m := 1; m <= multiples; m++ {
			at := float64(m) * math.Pow10(d)
			if at >= lo*(1-1e-9) && at <= hi*(1+1e-9) {
				ticks = append(ticks, plot.Tick{Value: min(max(at, lo), hi), Label: label(m, d)})
			}
		}
	}
	return ticks
}

// decade writes ten to the power d with a unit.
func decade(d int, unit string) string {
	scaled, ok := prefix(thousands(d))
	switch {
	case takesPrefix(unit) && ok:
		return number(1, d-thousands(d)) + " " + scaled + unit
	case d < -4 || d > 6:
		return strings.TrimSpace("1e" + strconv.Itoa(d) + " " + unit)
	}
	return strings.TrimSpace(number(1, d) + " " + unit)
}

// number writes m times ten to the power e, where m is a whole number, with
// exactly the decimals that it has.
func number(m float64, e int) string {
	if m == 0 {
		return "0"
	}
	return minus(strconv.FormatFloat(m*math.Pow10(e), 'f', max(0, -e), 64))
}

// minus writes the sign of a negative number as print has it.
func minus(number string) string {
	if rest, negative := strings.CutPrefix(number, "-"); negative {
		return "−" + rest
	}
	return number
}
