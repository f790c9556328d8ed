package device

import "math"

// switching holds the constants of change of one device at its present state, so that a pulse costs a few
// exponentials. With 1 - tanh(u) = 2/(1 + exp 2u) and 1 + tanh(x) = 2/(1 + exp -2x) the two branches are
//
//	SET    dG =  4 C0 gain / ((1 + t^(2 c1) setTime) (1 + exp(setOffset - setRate V)))
//	RESET  dG = -4|C0|gain / ((1 + exp(resetTimeOffset - resetTimeRate ln t)) (1 + exp(resetRate V - resetOffset)))
type switching struct {
	setTime, setRate, setOffset                 float64
	resetTimeRate, resetTimeOffset, resetOffset float64

	// The first RESET exponential depends on state and width only: it is kept with the ln t it was computed for.
	lnTime, resetTime float64
}

// table gives three published constants as functions of ln G0. They are published per range of G0 and jump at the
// ranges' ends; here they hold at the geometric middle of their range, are linear in ln G0 between the middles and
// constant beyond the first and the last.
type table struct {
	middle []float64 // ln of the geometric middle of each range
	slope  []float64 // 1/(middle[i+1]-middle[i])
	rows   [][3]float64
}

// at returns the three constants at ln G0.
func (t *table) at(lnG float64) (x, y, z float64) {
	last := len(t.middle) - 1
	if lnG <= t.middle[0] {
		return t.rows[0][0], t.rows[0][1], t.rows[0][2]
	}
	if lnG >= t.middle[last] {
		return t.rows[last][0], t.rows[last][1], t.rows[last][2]
	}
	i := 0
	for t.middle[i+1] < lnG {
		i++
	}
	f := (lnG - t.middle[i]) * t.slope[i]
	p, q := &t.rows[i], &t.rows[i+1]
	return p[0] + f*(q[0]-p[0]), p[1] + f*(q[1]-p[1]), p[2] + f*(q[2]-p[2])
}

func newTable(n int, row func(i int) (low, high float64, constants [3]float64)) *table {
	t := &table{middle: make([]float64, n), slope: make([]float64, n), rows: make([][3]float64, n)}
	for i := range n {
		low, high, constants := row(i)
		t.middle[i], t.rows[i] = math.Log(low*high)/2, constants
		if i > 0 {
			t.slope[i-1] = 1 / (t.middle[i] - t.middle[i-1])
		}
	}
	return t
}

func newSetTable(ranges []SetRange) *table {
	return newTable(len(ranges), func(i int) (float64, float64, [3]float64) {
		r := ranges[i]
		return r.Low, r.High, [3]float64{r.C2, r.C3, r.C4}
	})
}

func newResetTable(ranges []ResetRange) *table {
	return newTable(len(ranges), func(i int) (float64, float64, [3]float64) {
		r := ranges[i]
		return r.Low, r.High, [3]float64{r.C1, r.C2, r.C4}
	})
}

// switchingAt returns the constants of change of device k at ln G0.
func (m *metalOxide) switchingAt(k int, lnG float64) switching {
	set, reset := &m.c.Set, &m.c.Reset
	c2, c3, c4 := m.setTable.at(lnG)
	s := switching{
		setTime:   math.Exp(-2 * set.C1 * c2),
		setRate:   2 * c3,
		setOffset: 2 * (c3*(set.Shift+m.setShift[k]) + c4),
	}
	// The published RESET constants let a device hardly go below 15 uS; the compressed state brings them
	// to what the published arrays do. See the technology file.
	c1, c2, c4 := m.resetTable.at(m.lnReference + reset.StateExponent*(lnG-m.lnReference))
	s.resetTimeRate, s.resetTimeOffset = 2*c1, 2*c1*c2
	s.resetOffset = 2 * (reset.C3*(reset.Shift+m.resetShift[k]) + c4)
	s.lnTime = math.NaN() // equal to nothing: not computed yet
	return s
}

// pulseShape is what the branches need of an interval, computed once for all devices.
type pulseShape struct {
	lnTime  float64
	setTime float64 // t^(2 c1)
	cycle   draws
}

func (m *metalOxide) shape(seconds float64, index uint64) pulseShape {
	lnTime := math.Log(seconds)
	return pulseShape{
		lnTime:  lnTime,
		setTime: math.Exp(2 * m.c.Set.C1 * lnTime),
		cycle:   newDraws(m.seed, purposeCycle, index),
	}
}

// change returns the published change of G0 (S, signed) of device k by one pulse, before spread from cycle to
// cycle and before the bounds of the state.
func (m *metalOxide) change(k int, v float64, p *pulseShape) float64 {
	s := &m.law[k]
	c := &m.c.Subthresh
	if v > 0 {
		dg := m.setAmplitude / ((1 + p.setTime*s.setTime) * (1 + math.Exp(s.setOffset-s.setRate*v)))
		return dg * c.share(v)
	}
	if s.lnTime != p.lnTime {
		s.lnTime, s.resetTime = p.lnTime, math.Exp(s.resetTimeOffset-s.resetTimeRate*p.lnTime)
	}
	dg := -m.resetAmplitude / ((1 + s.resetTime) * (1 + math.Exp(m.resetRate*v-s.resetOffset)))
	return dg * c.share(-v)
}

// share returns the part of the published change that happens at the amplitude v (V, not negative): none up to
// the onset, all from Full on, and a smooth step between.
func (c *SubthreshConstants) share(v float64) float64 {
	if v >= c.Full {
		return 1
	}
	x := max(0, v-c.Onset) / (c.Full - c.Onset)
	return x * x * (3 - 2*x)
}

// switchDevice applies one pulse to formed device k.
func (m *metalOxide) switchDevice(k int, v float64, p *pulseShape) {
	g := m.g0[k] + m.pending[k]
	dg := m.change(k, v, p)
	relative := math.Abs(dg) / g
	if relative > m.c.Spread.CycleFraction {
		dg *= math.Exp(m.c.Spread.CycleSigmaLn * float64(byteSum(p.cycle.bits(k))) / byteSumSigma)
	} else {
		dg *= m.cycleMean
	}
	// Toward a bound the change uses up the room that is left, so no pulse and no sum of pulses passes it.
	room := m.c.State.Max - g
	if dg < 0 {
		room = m.c.State.Min - g
	}
	if dg*room <= 0 {
		return
	}
	if x := dg / room; x > 1e-3 {
		dg = -room * math.Expm1(-x)
	} else {
		dg *= 1 - x/2 + x*x/6 // the same to 1e-10
	}
	m.pending[k] += dg
	if math.Abs(m.pending[k]) >= m.c.Subthresh.CollectFraction*m.g0[k] {
		m.setState(k, m.g0[k]+m.pending[k])
	}
	if relative >= m.c.Drift.RestartFraction {
		m.programmedAt[k], m.driftedAt[k] = m.clock, m.clock
	}
}
