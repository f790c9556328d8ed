package crossbar

import "math"

// advance takes one step towards the solution. eta is the accuracy of the linear solution. whole reports whether it was
// a whole Newton step, hard that the first direction was not good enough for one.
func (s *Solver) advance(dev Devices, from measure, eta float64) (m measure, whole, hard bool, err error) {
	s.v, s.vOld = s.vOld, s.v
	s.wire, s.wireOld = s.wireOld, s.wire
	copy(s.row.shiftOld, s.row.shift)
	copy(s.col.shiftOld, s.col.shift)
	for {
		s.direction(eta) // and the whole step
		if m, err = s.evaluate(dev); err != nil {
			return m, false, hard, err
		}
		if m.finite() && (m.merit <= 0.25*from.merit || s.mayBeRounding(m)) {
			s.arrive(1)
			return m, true, hard, nil
		}
		// Perhaps the direction is no good for want of accuracy.
		const accurate = 1e-9
		if hard || eta <= accurate {
			break
		}
		hard = true
		eta = accurate
		s.step(0)
		if _, err = s.evaluate(dev); err != nil {
			return m, false, hard, err
		}
	}
	// The devices are strongly nonlinear over this step.
	switch {
	case from.ohmic() || !s.careful && m.finite() && m.merit < from.merit:
		return m, true, true, nil
	case !s.careful:
		m, err = s.restart(dev)
		return m, false, true, err
	}
	t := s.search(dev)
	s.step(t)
	m, err = s.evaluate(dev)
	if err == nil && !m.finite() {
		err = s.faultyDevice()
	}
	s.arrive(t)
	return m, t == 1, true, err
}

// mayBeRounding reports whether the residual is so small that rounding may keep it from falling.
func (s *Solver) mayBeRounding(m measure) bool {
	return m.relative() <= relSmall || m.merit <= 256*rounding*rounding*s.volts2()
}

// search returns how far along the Newton direction to go.
//
// For devices whose current does not fall with voltage, the node voltages that solve the array are the minimum of a
// convex function: the power of the wires, halved, and the integrals of the devices' currents over their voltages,
// less what the sources put in. Its slope along any direction is therefore a rising function of the distance, and
// going to where the slope is near zero makes Newton's method converge from any starting point. The slope needs the
// device currents only.
func (s *Solver) search(dev Devices) float64 {
	const flat = 0.1 // of the slope at the start
	s.moveFirst()
	start := s.slope(dev, 0)
	if !(start < 0) {
		return 1 // rounding
	}
	lo, hi := 0.0, 1.0
	atLo, atHi := start, s.slope(dev, hi)
	// From above, where a device's current is much too large, Newton's method lowers it by an e-fold at a time.
	for atHi < flat*start && hi < 1e6 {
		lo, atLo = hi, atHi
		hi *= 2
		atHi = s.slope(dev, hi)
	}
	if math.Abs(atHi) <= -flat*start {
		return hi
	}
	for range 200 {
		t := 0.5 * (lo + hi)
		if atHi < 10*math.Abs(atLo) {
			t = lo + (hi-lo)*atLo/(atLo-atHi)
			t = min(max(t, lo+0.1*(hi-lo)), hi-0.1*(hi-lo))
		}
		switch at := s.slope(dev, t); {
		case math.Abs(at) <= -flat*start:
			return t
		case at < 0:
			lo, atLo = t, at
		default: // too far, or beyond what a number can hold
			hi, atHi = t, at
		}
	}
	return lo
}

// slope goes to t times the Newton direction and returns the derivative, in W, of the function described at search.
func (s *Solver) slope(dev Devices, t float64) float64 {
	s.step(t)
	dev.Currents(s.v, s.i, s.g)
	n := len(s.v)
	dv, i, wire, old := s.dv[:n], s.i[:n], s.wire[:n], s.wireOld[:n]
	sum := 0.0
	for k := range i {
		// The wires of a linear network carry, at part of the way, that part of the change.
		sum += dv[k] * (i[k] - old[k] - t*(wire[k]-old[k]))
	}
	sum -= (1 - t) * (s.row.owedPower() + s.col.owedPower())
	if math.IsNaN(sum) {
		return math.Inf(1)
	}
	return sum
}

// moveFirst finds by how much the whole step moves the first nodes: an undriven line's by its shift, another's by what
// the change of its current makes at the terminal.
func (s *Solver) moveFirst() {
	n := s.geo.Cols
	for _, l := range [2]*lines{&s.row, &s.col} {
		for k, kind := range l.kind {
			l.dFirst[k] = l.dShift[k]
			if kind == Voltage {
				l.dFirst[k] = l.r[k] * l.owed[k]
			}
		}
	}
	for k, i := range s.wire {
		r, c := k/n, k%n
		i -= s.wireOld[k]
		if s.row.kind[r] == Voltage {
			s.row.dFirst[r] -= s.row.r[r] * i
		}
		if s.col.kind[c] == Voltage {
			s.col.dFirst[c] += s.col.r[c] * i
		}
	}
}

// owedPower is the power, per unit of step, of what the terminals inject and the wires do not carry yet.
func (l *lines) owedPower() float64 {
	sum := 0.0
	for k, i := range l.owed {
		sum += i * l.dFirst[k]
	}
	return sum
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

// arrive makes the wire currents those at t times the Newton direction.
func (s *Solver) arrive(t float64) {
	if !s.careful {
		return
	}
	if t != 1 {
		old := s.wireOld[:len(s.wire)]
		for k, i := range s.wire {
			s.wire[k] = old[k] + t*(i-old[k])
		}
	}
	for _, l := range [2]*lines{&s.row, &s.col} {
		for k := range l.owed {
			l.owed[k] *= 1 - t
		}
	}
}

// restart goes to a state of the network in which the devices see as little voltage as can be: every line that is free
// to, because its terminal has resistance or is undriven, lies flat in the middle of what the ideal terminals
// prescribe, with the rest of the voltage across its terminal.
func (s *Solver) restart(dev Devices) (measure, error) {
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, l := range [2]*lines{&s.row, &s.col} {
		for k, r := range l.r {
			if l.kind[k] == Voltage && r == 0 {
				lo, hi = min(lo, l.value[k]), max(hi, l.value[k])
			}
		}
	}
	middle := s.mean
	if lo <= hi {
		middle = 0.5 * (lo + hi)
	}
	s.row.flatten(middle)
	s.col.flatten(middle)
	n := s.geo.Cols
	for r, from := range s.row.flat {
		v, to := s.v[r*n:(r+1)*n], s.col.flat[:n]
		for k := range v {
			v[k] = from - to[k]
		}
	}
	s.setBias()
	clear(s.wire)
	s.careful = true
	m, err := s.evaluate(dev)
	if err == nil && !m.finite() {
		err = s.faultyDevice()
	}
	return m, err
}

// flatten lays the lines at one potential.
func (l *lines) flatten(v float64) {
	for k, kind := range l.kind {
		l.flat[k], l.owed[k] = v, 0
		switch {
		case kind == Current:
			l.owed[k] = l.value[k]
		case kind == Voltage && l.r[k] == 0:
			l.flat[k] = l.value[k]
		case kind == Voltage:
			l.owed[k] = (l.value[k] - v) / l.r[k]
		}
		if kind != Voltage {
			l.base[k], l.shift[k] = v, 0
		}
	}
}

// startNonlinear improves the starting point for devices that are nonlinear over the wires' drops. It costs an
// evaluation or a few and saves a Newton step or more.
func (s *Solver) startNonlinear(dev Devices, m measure) (measure, error) {
	var err error
	if volts2 := s.volts2(); !m.finite() || m.merit > volts2 {
		// Behind strong wires the full voltage would make the devices draw currents whose drops exceed it, or that no
		// number can hold. Go down to where they do not.
		for t := 0.5; !m.finite() || m.merit > volts2 && t > 1e-3; t *= 0.5 {
			if t < 1e-12 {
				return m, s.faultyDevice()
			}
			s.startIdeal(t)
			if m, err = s.evaluate(dev); err != nil {
				return m, err
			}
		}
		return m, nil
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
