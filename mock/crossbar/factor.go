package crossbar

// factors are the tridiagonal factorisations of all lines for one set of device conductances, in the form of a ladder:
// with e the conductance seen from a node towards the open end, a = 1/(1+re) is the fraction of a voltage that
// arrives beyond the next segment r, and at the same time the fraction of an injected current that comes out of it.
type factors struct {
	// row[r*C+k], k >= 1, is a for the segment between columns k-1 and k. row[r*C] is in ohm: the first node's
	// voltage per ampere injected into it, line and terminal attached.
	row []float64
	// col[r*C+k], r < R-1, is a for the segment between rows r and r+1; the last row is 1.
	col []float64
	// colEnd is to the columns what row[r*C] is to row r.
	colEnd []float64
}

func newFactors(g Geometry, vec func() []float64) factors {
	return factors{row: vec(), col: vec(), colEnd: make([]float64, g.Cols)}
}

// factorise computes the factors for the device conductances s.g.
func (s *Solver) factorise() {
	n, rows, f := s.geo.Cols, s.geo.Rows, &s.factor
	for r := 0; r < rows; {
		o := r * n
		if r < rows&^3 {
			var e [4]float64
			ladder4(s.g[o:o+4*n], f.row[o:o+4*n], n, s.geo.RowSegment, &e)
			for _, ek := range e {
				f.row[r*n] = s.row.end(r, ek)
				r++
			}
		} else {
			f.row[o] = s.row.end(r, ladder(s.g[o:o+n], f.row[o:o+n], s.geo.RowSegment))
			r++
		}
	}
	e := s.cg.carry[n : len(s.cg.carry)-n] // work space
	copy(e, s.g[:n])
	last := (rows - 1) * n
	ladderColumns(e, s.g[n:], f.col[:last], s.geo.ColSegment)
	for k, ek := range e[last:] {
		f.col[last+k] = 1
		f.colEnd[k] = s.col.end(k, ek)
	}
}

// end finishes line k, whose devices and segments show the conductance e at its first node. It returns the resistance
// between that node and ground, the terminal's branch included.
func (l *lines) end(k int, e float64) float64 {
	if l.kind[k] != Voltage {
		return 1 / e
	}
	l.e[k] = e / (1 + l.r[k]*e)
	return l.r[k] / (1 + l.r[k]*e)
}

// ladder fills a for one row and returns the conductance seen at its first node.
func ladder(g, a []float64, segment float64) float64 {
	a = a[:len(g)]
	e := 0.0
	for k := len(g) - 1; k > 0; k-- {
		e += g[k]
		x := 1 / (1 + segment*e)
		a[k] = x
		e *= x
	}
	return e + g[0]
}

// ladder4 is ladder for four rows of n.
func ladder4(g, a []float64, n int, segment float64, e *[4]float64) {
	g0, g1, g2, g3 := quarter(g, n)
	a0, a1, a2, a3 := quarter(a, n)
	var e0, e1, e2, e3 float64
	for k := n - 1; k > 0; k-- {
		e0 += g0[k]
		e1 += g1[k]
		e2 += g2[k]
		e3 += g3[k]
		x0 := 1 / (1 + segment*e0)
		x1 := 1 / (1 + segment*e1)
		x2 := 1 / (1 + segment*e2)
		x3 := 1 / (1 + segment*e3)
		a0[k] = x0
		a1[k] = x1
		a2[k] = x2
		a3[k] = x3
		e0 *= x0
		e1 *= x1
		e2 *= x2
		e3 *= x3
	}
	*e = [4]float64{e0 + g0[0], e1 + g1[0], e2 + g2[0], e3 + g3[0]}
}

// ladderColumns fills a for all columns. e[k] is the conductance seen at node k towards the open end; its first row is
// given, and below holds the device conductances from the second row on.
func ladderColumns(e, below, a []float64, segment float64) {
	n := len(e) - len(a)
	next := e[n:][:len(a)]
	e, below = e[:len(a)], below[:len(a)]
	for k := range a {
		ek := e[k]
		x := 1 / (1 + segment*ek)
		a[k] = x
		next[k] = ek*x + below[k]
	}
}
