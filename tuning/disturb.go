package tuning

import (
	"math"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/population"
)

// disturb keeps account of what pulses do to devices that they are not meant
// for: those on the same lines see a fraction of the amplitude, where the law
// of response is an exponential. Re-reads of devices that were left alone tell
// how far the law may be extended that far down, and how devices drift without
// any pulse.
type disturb struct {
	law  *response
	cols int
	row  [][]exposure // pulses of every row since the beginning
	col  [][]exposure

	drift float64    // relative change between two reads without pulses
	scale [2]float64 // of the predicted changes, raising and lowering

	recent  []exposure               // pulses of this pass
	visits  int                      // of this pass
	rest    struct{ row, col []int } // visits of this pass still to come, per line
	waiting []bool                   // by device: its visit of this pass is still to come
}

// exposure is a pulse as a half-selected device sees it.
type exposure struct {
	up    bool
	volts float64 // magnitude
}

const (
	raising  = 0
	lowering = 1
)

func direction(up bool) int {
	if up {
		return raising
	}
	return lowering
}

func newDisturb(law *response, rows, cols int) *disturb {
	d := &disturb{law: law, cols: cols, scale: [2]float64{1, 1}, row: make([][]exposure, rows),
		col: make([][]exposure, cols), waiting: make([]bool, rows*cols)}
	d.rest.row, d.rest.col = make([]int, rows), make([]int, cols)
	return d
}

// begin starts a pass over a list of devices.
func (d *disturb) begin(list []*device) {
	d.visits, d.recent = 0, d.recent[:0]
	clear(d.rest.row)
	clear(d.rest.col)
	clear(d.waiting)
	for _, v := range list {
		d.rest.row[v.Cell.Row]++
		d.rest.col[v.Cell.Col]++
		d.waiting[v.index] = true
	}
}

// visited counts a device of this pass.
func (d *disturb) visited(c array.Cell) {
	d.visits++
	d.rest.row[c.Row]--
	d.rest.col[c.Col]--
	d.waiting[c.Row*d.cols+c.Col] = false
}

// halfSelected gives what devices on the lines of a pulse see.
func (r *response) halfSelected(v instrument.Volts, scheme array.Scheme, sag float64) exposure {
	load := r.phi[direction(v > 0)*populationTerms+populationTerms-1]
	magnitude := math.Abs(float64(v))
	// Each of the two lines keeps about half of what the selected device lacks.
	return exposure{up: v > 0, volts: math.Max(0, math.Abs(float64(scheme.HalfSelected(v)))-magnitude*load*sag/2)}
}

// pulse enters one pulse on a cell.
func (d *disturb) pulse(c array.Cell, v instrument.Volts, scheme array.Scheme, sag float64) {
	e := d.law.halfSelected(v, scheme, sag)
	d.row[c.Row] = append(d.row[c.Row], e)
	d.recent = append(d.recent, e)
	if scheme != array.Grounded { // which leaves the column at ground
		d.col[c.Col] = append(d.col[c.Col], e)
	}
}

// mark gives the state of the account for a cell.
func (d *disturb) mark(c array.Cell) mark { return mark{len(d.row[c.Row]), len(d.col[c.Col])} }

// moved is the relative change of a device by an exposure, by the law alone.
func (d *disturb) moved(k int, g float64, e exposure) float64 {
	if g <= 0 {
		return 0
	}
	return math.Exp(d.law.predict(e.up, math.Log(g/d.law.prior.reference), e.volts, 0, &d.law.devices[k], nil)) / g
}

// received estimates the relative changes since the mark, raising and lowering,
// both positive.
func (d *disturb) received(k int, c array.Cell, g float64, since mark) (change [2]float64) {
	for _, list := range [][]exposure{d.row[c.Row][since.row:], d.col[c.Col][since.col:]} {
		for _, e := range list {
			change[direction(e.up)] += d.moved(k, g, e)
		}
	}
	return change
}

// toCome estimates the relative change of a device during the rest of the pass
// and until it is read again, at most by the given amount.
func (d *disturb) toCome(k int, c array.Cell, g, most float64) float64 {
	sum := d.drift
	if visits := d.rest.row[c.Row] + d.rest.col[c.Col]; visits > 0 && d.visits > 0 {
		sum += d.mixture(k, g, func(up float64, down float64) float64 { return up - down }) * float64(visits) / float64(
			d.visits)
	}
	return math.Max(-most, math.Min(most, sum))
}

// mixture sums up what the latest pulses of this pass would do to a device,
// extended to all of them.
func (d *disturb) mixture(k int, g float64, combine func(up, down float64) float64) float64 {
	const latest = 64
	list := d.recent[max(0, len(d.recent)-latest):]
	if len(list) == 0 {
		return 0
	}
	var sum [2]float64
	for _, e := range list {
		p := direction(e.up)
		sum[p] += d.scale[p] * d.moved(k, g, e)
	}
	return combine(sum[raising], sum[lowering]) * float64(len(d.recent)) / float64(len(list))
}

// exposed is how much a device is moved by the present mixture of pulses, for
// ordering.
func (d *disturb) exposed(k int, g float64) float64 {
	return d.mixture(k, g, func(up float64, down float64) float64 { return up + down })
}

// harm is what pulses on one device do to others, as a function of the
// amplitude.
type harm struct {
	low, high float64    // magnitudes between which it is tabulated, V
	ln        [3]float64 // ln of the harm at both and in the middle
}

// newHarm tabulates a sum of exponentials of the magnitude, which is smooth
// enough on a logarithmic scale for three points.
func newHarm(up bool, low, high float64, of func(v instrument.Volts) float64) harm {
	h := harm{low: low, high: high}
	for i := range h.ln {
		h.ln[i] = math.Log(of(signed(low+(high-low)*float64(i)/2, up)) + 1e-12)
	}
	return h
}

// at interpolates.
func (h *harm) at(magnitude float64) float64 {
	if h.high <= h.low {
		return math.Exp(h.ln[2])
	}
	t := 2 * (magnitude - h.low) / (h.high - h.low) // 0 to 2
	a, b, c := h.ln[0], h.ln[1], h.ln[2]
	return math.Exp(a + t*(b-a) + t*(t-1)/2*(c-2*b+a))
}

// reread is a device that was left alone between two reads.
type reread struct {
	change    float64    // relative
	predicted [2]float64 // by received
}

// learn adjusts drift and scales to re-reads. Medians of groups stand for a
// regression: what is known of a single device's sensitivity is too rough for
// one, and the few sensitive devices would decide it.
func (d *disturb) learn(list []reread, noise float64, settled bool) {
	for p, sign := range []float64{1, -1} {
		var changes, predictions []float64
		for _, r := range list {
			if r.predicted[p] > noise && r.predicted[p] < 0.1 && r.predicted[p] > 3*r.predicted[1-p] {
				changes = append(changes, sign*(math.Log1p(math.Max(r.change, -0.9))-d.drift))
				predictions = append(predictions, r.predicted[p])
			}
		}
		if len(changes) < fewest {
			continue
		}
		scale := float64(population.Quantile(changes, 0.5) / population.Quantile(predictions, 0.5))
		d.scale[p] = math.Sqrt(d.scale[p] * math.Max(0.1, math.Min(10, scale)))
	}
	if !settled {
		return // the coarse pass's own disturb hides any drift
	}
	var rest []float64
	for _, r := range list {
		up, down := d.scale[raising]*r.predicted[raising], d.scale[lowering]*r.predicted[lowering]
		if up+down < 2*noise {
			rest = append(rest, r.change-up+down)
		}
	}
	if len(rest) >= fewest {
		d.drift = math.Max(-mostDrift, math.Min(mostDrift, (d.drift+float64(population.Quantile(rest, 0.5)))/2))
	}
}

const (
	fewest    = 12    // re-reads that a median is taken of
	mostDrift = 0.005 // relative change without pulses that is believed
)
