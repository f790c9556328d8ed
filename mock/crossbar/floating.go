package crossbar

import (
	"math"
	"slices"
)

// checkFloating returns a *FloatingError if the potential of some line is undetermined.
func (s *Solver) checkFloating() error {
	if s.anchored() {
		return nil
	}
	// Follow conducting devices from the driven lines.
	rows := s.geo.Rows
	clear(s.seen)
	n := 0
	for k := range s.seen {
		if s.kindOf(k) == Voltage {
			s.seen[k] = true
			s.queue[n] = k
			n++
		}
	}
	s.reach(n)
	first := slices.Index(s.seen, false)
	if first < 0 {
		return nil
	}
	clear(s.seen)
	s.seen[first] = true
	s.queue[0] = first
	s.reach(1)
	e := &FloatingError{}
	for l, in := range s.seen {
		switch {
		case !in:
		case l < rows:
			e.Rows = append(e.Rows, l)
		default:
			e.Cols = append(e.Cols, l-rows)
		}
	}
	return e
}

// anchored reports whether every undriven line has a conducting device to a voltage-driven one, which settles nearly
// all cases at a glance.
func (s *Solver) anchored() bool {
	cols := s.geo.Cols
	for r, kind := range s.row.kind {
		if kind != Voltage && !heldBy(s.col.kind, s.g[r*cols:], 1) {
			return false
		}
	}
	for c, kind := range s.col.kind {
		if kind != Voltage && !heldBy(s.row.kind, s.g[c:], cols) {
			return false
		}
	}
	return true
}

// heldBy reports whether a line has a conducting device to one of the lines across it that is held at a voltage. Its
// devices are stride apart in g.
func heldBy(across []Kind, g []float64, stride int) bool {
	for k, kind := range across {
		if kind == Voltage && g[k*stride] > 0 {
			return true
		}
	}
	return false
}

// kindOf returns the kind of line k, rows first.
func (s *Solver) kindOf(k int) Kind {
	if k < s.geo.Rows {
		return s.row.kind[k]
	}
	return s.col.kind[k-s.geo.Rows]
}

// reach marks as seen every line that conducting devices join to one of the first n in the queue.
func (s *Solver) reach(n int) {
	rows, cols := s.geo.Rows, s.geo.Cols
	for at := 0; at < n; at++ {
		k := s.queue[at]
		// The devices of a row lie side by side, those of a column one row apart.
		other, device, step, count := rows, k*cols, 1, cols
		if k >= rows {
			other, device, step, count = 0, k-rows, cols, rows
		}
		for range count {
			if !s.seen[other] && s.g[device] > 0 {
				s.seen[other] = true
				s.queue[n] = other
				n++
			}
			other++
			device += step
		}
	}
}

// chains finds for every undriven line the resistance of the best chain of devices to a line held at a voltage. The
// current that such a line misses moves its potential by no more than the product of the two.
func (s *Solver) chains() {
	n := s.geo.Cols
	for _, l := range [2]*lines{&s.row, &s.col} {
		for k, kind := range l.kind {
			l.chain[k] = 0
			if kind != Voltage {
				l.chain[k] = math.Inf(1)
			}
		}
	}
	for changed := true; changed; {
		changed = false
		for r, to := range s.row.chain {
			for c, g := range s.g[r*n : (r+1)*n] {
				from := s.col.chain[c]
				switch {
				case g == 0:
				case from+1/g < to:
					to = from + 1/g
					changed = true
				case to+1/g < from:
					s.col.chain[c] = to + 1/g
					changed = true
				}
			}
			s.row.chain[r] = to
		}
	}
}

// undrivenSettled reports whether the undriven lines' potentials are as accurate as the device voltages have to be.
func (s *Solver) undrivenSettled() bool {
	if s.floating == 0 {
		return true
	}
	s.chains()
	sum := 0.0
	for _, l := range [2]*lines{&s.row, &s.col} {
		for k, q := range l.q {
			if l.kind[k] != Voltage {
				q *= l.chain[k]
				sum += q * q
			}
		}
	}
	return sum <= relVoltage*relVoltage*s.volts2()
}
