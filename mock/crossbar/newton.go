package crossbar

import "math"

// newton runs Newton's method from the starting point and returns the number of steps.
func (s *Solver) newton(dev Devices) (int, error) {
	now, err := s.begin(dev)
	if err != nil {
		return 0, err
	}
	p := progress{sharpen: 1, best: now.residual}
	for step := 0; ; step++ {
		if step == 0 {
			s.factorise()
		}
		// The error of the worst driven line, in units of what is allowed. The conductances in it are those of the
		// previous step, near the solution the same.
		excess := s.excess(now, step == 0)
		if s.done(now, excess, p) {
			return step, nil
		}
		if excess <= 1 {
			p.sharpen *= 1e-3 // only weakly connected undriven lines are off: they show little in the linear residual
		}
		if step == maxSteps {
			return step, &ConvergenceError{Steps: step, Residual: now.relative()}
		}
		if step > 0 && !now.ohmic() {
			s.factorise()
		}
		s.row.remember()
		s.col.remember()
		eta, goal := forcing(now, excess, p.sharpen)
		next, whole, hard, err := s.advance(dev, now, eta)
		if err != nil {
			return step, err
		}
		if hard {
			p.sharpen = max(p.sharpen*0.01, 1e-30)
		}
		p.update(now.residual, next.residual, goal, whole)
		now = next
		if s.floating > 0 {
			s.rebase()
		}
	}
}

// progress is what the previous steps tell about the next one.
type progress struct {
	whole   bool    // the last step was a whole Newton step
	rate    float64 // residual after the last step relative to the one before
	best    float64 // W, smallest residual so far
	stalled int     // whole steps in a row that found none half as large
	// sharpen multiplies the accuracy of the linear solutions. The gradients' own residual is measured in currents of
	// the row nodes, and what it means for the loop equations depends on the array: little for a device of 10 uS, a
	// lot for a short at the end of a wire of kilohms.
	sharpen float64
}

// update takes in that a step with the given goal has changed the squared residual.
func (p *progress) update(before, after, goal float64, whole bool) {
	p.whole, p.rate = whole, math.Sqrt(after/before)
	if whole && p.rate > 10*goal {
		p.sharpen = max(p.sharpen*0.1*goal/p.rate, 1e-30)
	}
	if after < 0.25*p.best {
		p.best, p.stalled = after, 0
	} else if whole {
		p.stalled++
	}
}

// begin evaluates the starting point, and a better one if need be, and refuses undetermined lines.
func (s *Solver) begin(dev Devices) (measure, error) {
	if s.floating > 0 {
		clear(s.row.scale) // not known yet
		clear(s.col.scale)
	}
	m, err := s.evaluate(dev)
	if err != nil {
		return m, err
	}
	if !m.finite() || !m.ohmic() && m.relative() > 0.02 {
		if m, err = s.startNonlinear(dev, m); err != nil {
			return m, err
		}
	}
	if s.floating > 0 {
		if err := s.checkFloating(); err != nil {
			return m, err
		}
		s.chains()
		copy(s.row.scale, s.row.chain)
		copy(s.col.scale, s.col.chain)
		s.row.addMissing(&m)
		s.col.addMissing(&m)
	}
	return m, nil
}

// forcing chooses how accurately, relative to its right side, the next linear system is worth solving: to the end if
// the devices are ohmic, and otherwise to what the devices' curvature will leave over anyway. goal is to what the
// residual should fall.
func forcing(m measure, excess, sharpen float64) (eta, goal float64) {
	const loosest, tightest = 0.1, 1e-40
	goal = 0.3 / excess
	eta = goal
	switch {
	case m.ohmic() && goal < 1e-6:
		// One more iteration is cheaper than one more step, and in the end some line may carry less than it does now.
		eta *= 0.1
	case m.power == 0:
		eta = loosest
	case !m.ohmic():
		curvature := math.Abs(m.curved) / m.power * min(1, m.relative())
		goal = max(goal, curvature)
		eta = max(eta, 0.03*curvature)
	}
	return min(max(eta*sharpen, tightest), loosest), goal
}

// done reports whether the present point is the solution.
func (s *Solver) done(m measure, excess float64, p progress) bool {
	if excess <= 1 && m.merit <= relVoltage*relVoltage*s.volts2() {
		return s.undrivenSettled()
	}
	// What is left may be rounding, or may concern the large currents only.
	if !p.whole {
		return false
	}
	rel := m.relative()
	switch {
	case p.stalled >= 3 && rel <= relSmall:
		// However accurate the linear solutions, nothing moves the residual any more: it is rounding.
		return s.undrivenSettled()
	case p.stalled >= 3:
		return s.nothingFlows(m, 16*rounding)
	case rel <= relSmall && p.rate <= 0.1, rel <= relRounding:
		// The error is smaller than the last move by the rate at which steps become smaller.
		return s.settled() && s.undrivenSettled()
	}
	return s.nothingFlows(m, 1e-10*rounding)
}

// nothingFlows reports whether the currents are zero but for rounding: whether the residual is no more than the source
// voltages' part e.
func (s *Solver) nothingFlows(m measure, e float64) bool {
	volts, siemens := 0.0, 0.0
	for _, l := range [2]*lines{&s.row, &s.col} {
		for k, v := range l.base {
			volts = max(volts, math.Abs(v))
			if l.kind[k] == Voltage {
				siemens += l.e[k]
			}
		}
	}
	e *= volts
	return m.residual <= e*e*siemens
}

// excess returns a bound on the error of the worst voltage-driven line's current, in units of the allowed one.
//
// By reciprocity, the current that sources rho in series with the devices drive out of a terminal is the sum of i rho
// over the devices, with i (in A/V) their currents while that terminal alone is at 1 V. The power taken from that
// terminal is then no less than the devices' share, the sum of i^2/g, and no more than e, which it would be with the
// far side of every device grounded. So the current is at most the root of e times the sum of g rho^2 (Schwarz). A
// current injected into an undriven line drives no more than itself out of any terminal.
func (s *Solver) excess(m measure, first bool) float64 {
	floor := 0.0
	if first {
		// Before the wire drops are known a line may look as if it carried nothing. It will carry something of the
		// order of the drops.
		floor = 0.01 * s.largestCurrent() * min(1, m.relative())
	}
	worst := 0.0
	for _, l := range [2]*lines{&s.row, &s.col} {
		for k, i := range l.current {
			if l.kind[k] != Voltage {
				continue
			}
			if i = max(math.Abs(i), floor); i > 0 { // otherwise all its devices are open
				e := l.e[k] * m.residual
				if m.missing > 0 {
					e = math.Sqrt(e) + m.missing
					e *= e
				}
				worst = max(worst, e/(i*i))
			}
		}
	}
	return math.Sqrt(worst) / relCurrent
}

// volts2 returns the sum of the squared device voltages.
func (s *Solver) volts2() float64 {
	var a, b, c, d float64 // four sums, so that they do not wait for one another
	k := 0
	for v := s.v; k+4 <= len(v); k += 4 {
		a += v[k] * v[k]
		b += v[k+1] * v[k+1]
		c += v[k+2] * v[k+2]
		d += v[k+3] * v[k+3]
	}
	for _, v := range s.v[k:] {
		a += v * v
	}
	return (a + b) + (c + d)
}

// settled reports whether the last step has moved no driven line's current.
func (s *Solver) settled() bool {
	if !s.row.moved() && !s.col.moved() {
		return true
	}
	// A current that is a small difference of large device currents cannot stand still to its own last digits.
	c := s.geo.Cols
	sums := s.col.flat // work space
	clear(sums)
	for r := range s.row.current {
		sum := 0.0
		i := s.i[r*c : (r+1)*c]
		col := sums[:len(i)]
		for k, ik := range i {
			ik = math.Abs(ik)
			sum += ik
			col[k] += ik
		}
		if s.row.movedBeyond(r, 64*rounding*sum) {
			return false
		}
	}
	for k, sum := range sums {
		if s.col.movedBeyond(k, 64*rounding*sum) {
			return false
		}
	}
	return true
}

func (l *lines) moved() bool {
	for k := range l.current {
		if l.movedBeyond(k, 0) {
			return true
		}
	}
	return false
}

func (l *lines) movedBeyond(k int, floor float64) bool {
	return l.kind[k] == Voltage && math.Abs(l.current[k]-l.previous[k]) > max(relMove*math.Abs(l.current[k]), floor)
}

func (l *lines) remember() { copy(l.previous, l.current) }

// largestCurrent returns the largest magnitude of a voltage-driven line's current.
func (s *Solver) largestCurrent() float64 {
	a := 0.0
	for _, l := range [2]*lines{&s.row, &s.col} {
		for k, i := range l.current {
			if i = math.Abs(i); i > a && l.kind[k] == Voltage {
				a = i
			}
		}
	}
	return a
}

// rebase moves what undriven lines' potentials have shifted by to their bases, all but the rounding error, so that
// it does not limit how small a voltage between lines can be.
func (s *Solver) rebase() {
	rows, cols := s.row.rebase(), s.col.rebase()
	if rows || cols {
		s.setBias()
	}
}

func (l *lines) rebase() bool {
	moved := false
	for k, shift := range l.shift {
		if math.Abs(shift) > 1e-6*math.Abs(l.base[k]) {
			base := l.base[k] + shift
			// Exact (Knuth's sum of two).
			part := base - l.base[k]
			l.shift[k] = (l.base[k] - (base - part)) + (shift - part)
			l.base[k] = base
			moved = true
		}
	}
	return moved
}

// report writes the solution.
func (s *Solver) report(out *Solution, steps int) {
	out.size(s.geo)
	copy(out.DeviceVolts, s.v)
	s.row.report(out.RowCurrents, out.RowVolts, 1)
	s.col.report(out.ColCurrents, out.ColVolts, -1)
	out.Iterations = steps
}

// report writes one side's terminal currents and voltages; into is the sign of a current that enters the array.
func (l *lines) report(current, volts []float64, into float64) {
	for k, kind := range l.kind {
		volts[k] = l.base[k] + l.shift[k]
		switch kind {
		case Floating:
			current[k] = 0
		case Voltage:
			current[k] = l.current[k]
		case Current:
			current[k] = into * l.value[k]
			volts[k] += l.value[k] * l.r[k]
		}
	}
}
