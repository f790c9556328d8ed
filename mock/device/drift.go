package device

import "math"

// idle implements model. Drift follows the logarithm of the time since the device was last really changed,
// G = G1 ((start + age) / start)^-exponent, which composes exactly however the time is cut; it is brought into the
// state only in steps that are worth recomputing a device for. Time at higher temperature counts more.
func (m *metalOxide) idle(seconds float64) {
	m.clock += seconds * m.acceleration
	if m.clock-m.lastDrift >= m.c.Drift.Step {
		m.drift()
	}
}

func (m *metalOxide) drift() {
	d := &m.c.Drift
	m.lastDrift = m.clock
	for k, c := range m.conditions {
		if c != Formed {
			continue
		}
		before := d.Start + m.driftedAt[k] - m.programmedAt[k]
		after := d.Start + m.clock - m.programmedAt[k]
		if after < before*(1+d.StepRatio) {
			continue
		}
		m.driftedAt[k] = m.clock
		m.setState(k, (m.g0[k]+m.pending[k])*math.Exp(-m.driftExponent[k]*math.Log(after/before)))
	}
}
