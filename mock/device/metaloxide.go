package device

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// metalOxide is the population model of the Pt/Al2O3/TiO2-x/Ti/Pt stack: the compact model of Nili et al. (IEEE Trans.
// Nanotechnology 2020) for current and switching, calibrated to the population published by Merrikh Bayat et al.
// (Nature Communications 9:2331, 2018), with forming, defects, over-stress and drift as documented assumptions.
type metalOxide struct {
	c          *MetalOxideConstants
	rows, cols int
	seed       uint64
	noise      *noise
	celsius    float64

	// Drawn once from the seed and never changed.
	origins        []Origin
	leaky          []bool    // unformable devices that conduct more than a pristine one
	xi             []float64 // static spread, standard normal
	setShift       []float64 // threshold shifts, V; a positive shift raises, a negative one lowers
	resetShift     []float64
	formingVoltage []float64 // V that forms within the reference time
	formingCurrent []float64 // A
	strength       []float64 // over-stress limits relative to the nominal ones
	driftExponent  []float64

	// State.
	conditions   []Condition
	g0           []float64 // S; what it stands for depends on the condition (see setState)
	pending      []float64 // S, changes too small yet to be worth recomputing the device's constants
	damage       []float64 // progress of forming, 1 = forms
	programmedAt []float64 // drift clock at the last real change
	driftedAt    []float64 // drift clock up to which drift is in g0
	clock        float64   // s, at the reference temperature of the drift
	lastDrift    float64

	// Derived from the above.
	a, b              []float64 // coefficients of the static current; of the sinh for a pristine device
	sinh              []bool    // which of the two laws
	law               []switching
	high, low, ampere []float64 // over-stress limits
	pristine          []int     // devices that can still form
	rate              []float64 // of damage in the present interval, beside pristine
	a3T               float64
	acceleration      float64 // of the drift clock

	setTable, resetTable         *table
	lnReference                  float64
	setAmplitude, resetAmplitude float64
	resetRate, cycleMean         float64
}

func newMetalOxide(p population) model {
	c, n := p.technology.MetalOxide, p.rows*p.cols
	floats := func() []float64 { return make([]float64, n) }
	m := &metalOxide{
		c: c, rows: p.rows, cols: p.cols, seed: p.seed, noise: p.noise, celsius: c.Static.TemperatureStart,
		origins: make([]Origin, n), leaky: make([]bool, n),
		xi: floats(), setShift: floats(), resetShift: floats(), formingVoltage: floats(), formingCurrent: floats(),
		strength: floats(), driftExponent: floats(),
		conditions: make([]Condition, n), g0: floats(), pending: floats(), damage: floats(),
		programmedAt: floats(), driftedAt: floats(),
		a: floats(), b: floats(), sinh: make([]bool, n), law: make([]switching, n),
		high: floats(), low: floats(), ampere: floats(), rate: floats(),
		setTable: newSetTable(c.Set.Ranges), resetTable: newResetTable(c.Reset.Ranges),
		lnReference:    math.Log(c.Reset.StateReference),
		setAmplitude:   4 * c.Set.C0 * c.Set.Gain,
		resetAmplitude: 4 * -c.Reset.C0 * c.Reset.Gain,
		resetRate:      2 * c.Reset.C3,
		cycleMean:      math.Exp(c.Spread.CycleSigmaLn * c.Spread.CycleSigmaLn / 2),
	}
	m.draw()
	m.fabricate()
	m.derive()
	return m
}

// edge reports whether device k is on the first or last row or column.
func (m *metalOxide) edge(k int) bool {
	row, col := k/m.cols, k%m.cols
	return row == 0 || row == m.rows-1 || col == 0 || col == m.cols-1
}

// draw draws what a device keeps for life.
func (m *metalOxide) draw() {
	c := m.c
	of := func(p purpose) draws { return newDraws(m.seed, p, 0) }
	xi, set, reset := of(purposeStatic), of(purposeSetThreshold), of(purposeResetThreshold)
	volts, amps := of(purposeFormingVoltage), of(purposeFormingCurrent)
	strength, drift, preformed := of(purposeOverstressLimit), of(purposeDrift), of(purposePreformed)
	for k := range m.xi {
		switchEdge, formEdge := 1.0, 1.0
		if m.edge(k) {
			switchEdge, formEdge = c.Spread.EdgeFactor, c.Forming.EdgeFactor
		}
		m.xi[k] = xi.normal(k, c.Static.XiClip)
		m.setShift[k] = switchEdge * c.Spread.SetSigma * set.normal(k, c.Spread.ClipSigma)
		m.resetShift[k] = switchEdge * c.Spread.ResetSigma * reset.normal(k, c.Spread.ClipSigma)
		m.formingVoltage[k] = c.Forming.VoltageMean + formEdge*c.Forming.VoltageSigma*volts.normal(k, c.Forming.ClipSigma)
		m.formingCurrent[k] = amps.lognormal(k, c.Forming.CurrentMedian, c.Forming.CurrentSigmaLn, c.Forming.ClipSigma)
		m.strength[k] = 1 + c.Overstress.SpreadFraction*strength.normal(k, c.Overstress.ClipSigma)
		m.driftExponent[k] = c.Drift.Mean + c.Drift.Sigma*drift.normal(k, c.Drift.ClipSigma)
		if preformed.uniform(k) < c.Preformed.Share {
			m.origins[k] = Preformed
		}
	}
	// The number of unformable devices is drawn per chip between the published bounds, then their places, so
	// that no chip leaves the bounds.
	share := c.Unformable.ShareLow + (c.Unformable.ShareHigh-c.Unformable.ShareLow)*of(purposeUnformableShare).uniform(0)
	rank, kind := of(purposeUnformableRank), of(purposeUnformableKind)
	order := make([]int, len(m.xi))
	for k := range order {
		order[k] = k
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Compare(rank.bits(i), rank.bits(j)) })
	for _, k := range order[:int(math.Round(share*float64(len(order))))] {
		m.origins[k] = Unformable
		m.leaky[k] = kind.uniform(k) < c.Unformable.LeakyShare
	}
}

// fabricate sets the state every device has before anything is applied to it.
func (m *metalOxide) fabricate() {
	c := m.c
	resistance := newDraws(m.seed, purposePristineResistance, 0)
	leak := newDraws(m.seed, purposeLeakyResistance, 0)
	annealed := newDraws(m.seed, purposePreformedConductance, 0)
	for k := range m.g0 {
		m.conditions[k] = Pristine
		switch {
		case m.origins[k] == Preformed:
			m.conditions[k] = Formed
			m.g0[k] = m.bounded(annealed.lognormal(k, c.Preformed.ConductanceMedian, c.Preformed.ConductanceSigmaLn,
				c.Preformed.ClipSigma))
		case m.leaky[k]:
			ratio := c.Unformable.LeakyResistanceTop / c.Unformable.LeakyResistanceLow
			m.g0[k] = 1 / (c.Unformable.LeakyResistanceLow * math.Pow(ratio, leak.uniform(k)))
		default:
			m.g0[k] = 1 / resistance.lognormal(k, c.Pristine.ResistanceMedian, c.Pristine.ResistanceSigmaLn,
				c.Pristine.ClipSigma)
		}
	}
}

// derive recomputes everything that follows from draws, state and temperature.
func (m *metalOxide) derive() {
	const boltzmann, kelvin = 8.617333262e-5, 273.15 // eV/K, 0 degrees Celsius
	m.a3T = m.c.Static.a3AtTemperature(m.celsius)
	d := &m.c.Drift
	m.acceleration = math.Exp(d.ActivationEnergy / boltzmann * (1/(d.Reference+kelvin) - 1/(m.celsius+kelvin)))
	m.pristine = m.pristine[:0]
	for k := range m.g0 {
		m.setCondition(k, m.conditions[k])
		if m.conditions[k] == Pristine {
			m.pristine = append(m.pristine, k)
		}
	}
}

// setCondition puts device k into a condition and recomputes its limits and laws.
func (m *metalOxide) setCondition(k int, c Condition) {
	m.conditions[k] = c
	o, s := &m.c.Overstress, m.strength[k]
	switch {
	case c.Destroyed():
		m.high[k], m.low[k], m.ampere[k] = math.Inf(1), math.Inf(-1), math.Inf(1)
	case c == Pristine:
		m.high[k], m.low[k], m.ampere[k] = o.PristinePositive*s, o.PristineNegative*s, o.Current*s
	default:
		m.high[k], m.low[k], m.ampere[k] = o.FormedPositive*s, o.FormedNegative*s, o.Current*s
	}
	m.recompute(k)
}

// setState gives formed device k the state g0 (S), within its bounds.
func (m *metalOxide) setState(k int, g0 float64) {
	m.g0[k] = m.bounded(g0)
	m.pending[k] = 0
	m.recompute(k)
}

// recompute derives the laws of device k from g0, which is G0 of a formed or stuck device, the conductance at the
// pristine reading voltage of a pristine one and the ohmic conductance of a destroyed one.
func (m *metalOxide) recompute(k int) {
	c, g := m.c, m.g0[k]
	m.sinh[k] = false
	switch m.conditions[k] {
	case Pristine:
		perV0 := 1 / c.Pristine.V0
		if m.leaky[k] {
			perV0 = 1 / c.Unformable.LeakyV0
		}
		m.sinh[k] = true
		m.a[k], m.b[k] = g*c.Pristine.ResistanceAt/math.Sinh(c.Pristine.ResistanceAt*perV0), perV0
	case Formed:
		m.a[k], m.b[k] = c.Static.coefficients(g, m.celsius, m.a3T, m.xi[k])
		m.law[k] = m.switchingAt(k, math.Log(g))
	case Stuck:
		m.a[k], m.b[k] = c.Static.coefficients(g, m.celsius, m.a3T, m.xi[k])
	case Shorted, Open:
		m.a[k], m.b[k] = g, 0
	}
	m.noise.setConductance(k, g)
}

// pulse implements model.
func (m *metalOxide) pulse(v, i []float64, seconds, farads float64,
	index uint64) (formed int, used, discharged float64) {
	formed, used = m.nextForming(v, i, seconds)
	for p, k := range m.pristine {
		m.damage[k] += m.rate[p] * used
	}
	shape := m.shape(used, index)
	o := &m.c.Overstress
	onset := m.c.Subthresh.Onset
	n := len(v)
	i, high, low, ampere, conditions := i[:n], m.high[:n], m.low[:n], m.ampere[:n], m.conditions[:n]
	for k, vk := range v {
		abs := math.Abs(i[k])
		if vk > high[k] || vk < low[k] || abs > ampere[k] ||
			abs > o.HeatingCurrent && abs*used > o.HeatingCharge && !conditions[k].Destroyed() {
			m.destroy(k)
			continue
		}
		if math.Abs(vk) > onset && conditions[k] == Formed {
			m.switchDevice(k, vk, &shape)
		}
	}
	if formed >= 0 && m.conditions[formed] == Pristine {
		discharged = m.form(formed, v[formed], i[formed], farads)
	}
	return formed, used, discharged
}

// destroy shorts or opens device k for good.
func (m *metalOxide) destroy(k int) {
	o := &m.c.Overstress
	m.forgetPristine(k)
	m.pending[k], m.damage[k] = 0, 0
	if newDraws(m.seed, purposeOverstressOutcome, 0).uniform(k) < o.ShortShare {
		m.g0[k] = newDraws(m.seed, purposeShortConductance, 0).lognormal(k, o.ShortMedian, o.ShortSigmaLn, o.ClipSigma)
		m.setCondition(k, Shorted)
		return
	}
	m.g0[k] = o.OpenConductance
	m.setCondition(k, Open)
}

// forgetPristine takes device k off the list of those that can still form.
func (m *metalOxide) forgetPristine(k int) {
	if at, there := slices.BinarySearch(m.pristine, k); there {
		m.pristine = slices.Delete(m.pristine, at, at+1)
	}
}

func (m *metalOxide) temperature() float64 { return m.celsius }

func (m *metalOxide) setTemperature(celsius float64) error {
	s := &m.c.Static
	if !(celsius >= s.TemperatureLow && celsius <= s.TemperatureHigh) {
		return fmt.Errorf("temperature %v degrees Celsius is outside the %v to %v in which the model of this "+
			"technology holds", celsius, s.TemperatureLow, s.TemperatureHigh)
	}
	m.celsius = celsius
	m.derive()
	return nil
}

func (m *metalOxide) condition(k int) Condition { return m.conditions[k] }

func (m *metalOxide) origin(k int) Origin { return m.origins[k] }

func (m *metalOxide) state(k int) float64 {
	if m.conditions[k] != Formed && m.conditions[k] != Stuck {
		return 0
	}
	return m.g0[k] + m.pending[k]
}
