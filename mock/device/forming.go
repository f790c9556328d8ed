package device

import "math"

// damageDecades is how far (in decades of forming time) below its forming voltage a pristine device's damage is still
// followed. Thirteen decades below, an hour of bias at the reference time of a millisecond adds less than 1e-6.
const damageDecades = 13

// nextForming returns the pristine device that forms first when v and i hold for the given time, and when; or -1
// and the whole time. It leaves the present rates of damage in m.rate.
//
// The time to form is the reference time at the device's forming voltage and a decade more for every step of voltage
// below it; damage is time over time-to-form, summed over the bias history. The source must deliver the
// device's forming current, or nothing happens. Forming needs a positive voltage.
func (m *metalOxide) nextForming(v, i []float64, seconds float64) (int, float64) {
	first, after := -1, seconds
	f := &m.c.Forming
	perVolt := math.Ln10 / f.VoltPerDecade
	for p, k := range m.pristine {
		m.rate[p] = 0
		over := v[k] - m.formingVoltage[k]
		if over < -damageDecades*f.VoltPerDecade || i[k] < m.formingCurrent[k] || v[k] > m.high[k] {
			continue
		}
		m.rate[p] = math.Exp(over*perVolt) / f.ReferenceTime
		if left := max(0, (1-m.damage[k])/m.rate[p]); left < after || first < 0 && left == after {
			first, after = k, left
		}
	}
	return first, after
}

// form makes of pristine device k what forming makes of it and returns the charge (C) its line discharged.
func (m *metalOxide) form(k int, volts, amperes, farads float64) float64 {
	c := m.c
	charge := farads * volts
	m.forgetPristine(k)
	m.damage[k] = 0
	m.programmedAt[k], m.driftedAt[k] = m.clock, m.clock
	stuck := newDraws(m.seed, purposeStuckConductance, 0)
	switch u := &c.Unformable; {
	case charge > c.Forming.ChargeLimit*m.strength[k]:
		m.destroy(k)
		return charge
	case m.origins[k] == Unformable && m.leaky[k]:
		m.g0[k] = m.bounded(stuck.lognormal(k, u.LeakyStuckMedian, u.StuckSigmaLn, u.ClipSigma))
		m.setCondition(k, Stuck)
		return charge
	case m.origins[k] == Unformable:
		m.g0[k] = m.bounded(stuck.lognormal(k, u.StuckMedian, u.StuckSigmaLn, u.ClipSigma))
		m.setCondition(k, Stuck)
		return charge
	}
	// The discharge of the line dominates; what the source adds counts for the time the collapse takes.
	f := &c.Forming
	driven := charge + amperes*f.TransientTime
	g := newDraws(m.seed, purposeFormedConductance, 0).lognormal(k, f.ConductanceMedian, f.ConductanceSigmaLn, f.ClipSigma)
	g *= math.Pow(1+driven/f.ChargeReference, f.ChargeExponent)
	m.g0[k] = m.bounded(-c.State.Max * math.Expm1(-g/c.State.Max))
	m.setCondition(k, Formed)
	return charge
}

// bounded keeps a drawn conductance within the bounds of the state.
func (m *metalOxide) bounded(g float64) float64 {
	return max(m.c.State.Min, min(m.c.State.Max, g))
}
