package crossbar

import "math"

// advance takes one step that lowers the residual. eta is the accuracy of the linear solution. whole reports whether it
// was a whole Newton step, hard that the first direction was not good enough for one.
func (s *Solver) advance(dev Devices, from measure, eta float64) (m measure, whole, hard bool, err error) {
	s.v, s.vOld = s.vOld, s.v
	copy(s.row.shiftOld, s.row.shift)
	copy(s.col.shiftOld, s.col.shift)
	good := false // the whole step lowers the residual
	for {
		s.direction(eta) // and the whole step
		if m, err = s.evaluate(dev); err != nil {
			return m, false, hard, err
		}
		good = m.finite() && m.merit <= from.merit*(1-1e-4)
		if good && m.merit <= 0.25*from.merit || m.finite() && s.mayBeRounding(m) {
			return m, true, hard, nil
		}
		// Perhaps the direction is no good for want of accuracy.
		const accurate = 1e-9
		if hard || eta <= accurate {
			break
		}
		hard = true
		eta = accurate
		if err = s.back(dev); err != nil {
			return m, false, hard, err
		}
	}
	hard = true
	// The devices are strongly nonlinear over this step. Perhaps their currents are better to go by than their
	// voltages.
	if !from.ohmic() {
		matched, err := s.match(dev)
		if err != nil {
			return m, false, hard, err
		}
		if matched.finite() && matched.merit <= from.merit*(1-1e-4) && !(good && m.merit < matched.merit) {
			return matched, false, hard, nil
		}
		if good {
			s.step(1)
			m, err = s.evaluate(dev)
			return m, true, hard, err
		}
	}
	if good {
		return m, true, hard, nil
	}
	for t := 0.5; t > 0x1p-60; t *= 0.5 {
		s.step(t)
		if m, err = s.evaluate(dev); err != nil {
			return m, false, hard, err
		}
		if m.finite() && m.merit <= from.merit*(1-1e-4*t) {
			return m, false, hard, nil
		}
	}
	return from, false, hard, &ConvergenceError{Residual: from.relative()}
}

// mayBeRounding reports whether the residual is so small that rounding may keep it from falling.
func (s *Solver) mayBeRounding(m measure) bool {
	return m.relative() <= relSmall || m.merit <= 256*rounding*rounding*s.volts2()
}

// back returns to where the step began.
func (s *Solver) back(dev Devices) error {
	s.step(0)
	_, err := s.evaluate(dev)
	return err
}

// match replaces a whole Newton step, which gives every device the voltage dv more than before, by one that gives it
// the current g dv more: where a device would carry more than that at the new voltage, its voltage is drawn back until
// it does not. Newton's method overshoots on steep devices, by volts upward and by one e-fold of current at a
// time downward; of the current as a function of the voltage, the inverse is the one that is nearly straight. The undriven lines move as in
// the whole step.
func (s *Solver) match(dev Devices) (measure, error) {
	goal := s.cg.x // free between two directions
	dev.Currents(s.vOld, s.i, s.g)
	for k, i := range s.i {
		goal[k] = i + s.g[k]*s.dv[k]
	}
	s.step(1)
	const rounds = 4
	for range rounds {
		dev.Currents(s.v, s.i, s.g)
		for k, i := range s.i {
			v := s.v[k]
			switch ratio := goal[k] / i; {
			case math.IsInf(i, 0) || math.IsNaN(i):
				s.v[k] = 0.5 * (v + s.vOld[k])
			case ratio > 0 && ratio < 1 && v*i > 0:
				// Between power law and exponential: the first is exact for the former and stays above for the latter.
				s.v[k] = v * math.Pow(ratio, min(1, i/(s.g[k]*v)))
			}
		}
	}
	return s.evaluate(dev)
}

// step moves to t times the Newton direction from where advance began.
func (s *Solver) step(t float64) {
	old, dv := s.vOld[:len(s.v)], s.dv[:len(s.v)]
	for k := range s.v {
		s.v[k] = old[k] + t*dv[k]
	}
	if s.floating > 0 {
		s.row.step(t)
		s.col.step(t)
	}
}

func (l *lines) step(t float64) {
	for k, d := range l.dShift {
		l.shift[k] = l.shiftOld[k] + t*d
	}
}

// startNonlinear improves the starting point for devices that are nonlinear over the wires' drops. It costs a few
// evaluations and saves a Newton step or more.
func (s *Solver) startNonlinear(dev Devices, m measure) (measure, error) {
	var err error
	// Behind strong wires the full voltage would make the devices draw currents whose drops exceed it by far, or that
	// no number can hold. Go to where the drops are as near to the voltage as they get.
	if !m.finite() || m.merit > s.volts2() {
		const shrink = 0.5
		t, best := 1.0, math.Inf(1)
		if m.finite() {
			best = m.merit
		}
		for t > 1e-12 {
			s.startIdeal(t * shrink)
			if m, err = s.evaluate(dev); err != nil {
				return m, err
			}
			if m.finite() {
				if !(m.merit < best) {
					break
				}
				best = m.merit
			}
			t *= shrink
		}
		s.startIdeal(t)
		if m, err = s.evaluate(dev); err != nil {
			return m, err
		}
		if !m.finite() {
			return m, s.faultyDevice()
		}
	}
	// A device that loses the voltage x to the wires at its present current i will draw less and lose less. If all
	// currents behind the drop shrink like its own, its voltage moves by x/(1-gx/i).
	copy(s.vOld, s.v)
	for k, x := range s.rho {
		if i := s.i[k]; x*i < 0 {
			s.v[k] += x / (1 - s.g[k]*x/i)
		}
	}
	better, err := s.evaluate(dev)
	if err != nil || better.finite() && better.merit < m.merit {
		return better, err
	}
	copy(s.v, s.vOld)
	return s.evaluate(dev)
}
