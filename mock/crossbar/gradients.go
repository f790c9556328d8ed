package crossbar

import "math"

// gradients solves the linear crossbar by conjugate gradients on the row nodes.
//
// With z = W^-1 r the preconditioned residual and p the search direction, W itself is never formed (a wire of zero ohm
// has no W): W p follows from the recursion p' = z + beta p, W p' = r + beta W p. The inner products r.W^-1.r and
// p.G.B^-1.G.p fall out of the inward sweeps as sums of positive terms, the power that injected currents r lose in the
// rows and G p in the columns. So alpha and beta are known before the outward sweeps, which update the vectors as they
// go, and an iteration is two passes over the array: downward (rows out, columns in) and upward (columns out, rows in).
type gradients struct {
	x  []float64 // V, row node voltages
	r  []float64 // A, residual of the row nodes
	p  []float64 // V, search direction
	wp []float64 // A, W p
	in []float64 // A, the rows' inward sweep: current carried on to the next segment; column 0: node voltage
	// carry is the same for the columns, and after an outward sweep holds their node voltages. It has a row of
	// zeros before row 0, for what flows out of the open ends, and a row for the first nodes' voltages after the
	// last; see columnEnds.
	carry []float64
	zero  []float64 // zeros, one per column
}

func newGradients(g Geometry, vec func() []float64) gradients {
	return gradients{
		x: vec(), r: vec(), p: vec(), wp: vec(), in: vec(),
		carry: make([]float64, g.Devices()+2*g.Cols), zero: make([]float64, g.Cols),
	}
}

// direction computes the Newton direction, dv for the devices and dShift for the undriven lines, and makes a whole step
// along it from vOld and shiftOld, the wire currents included. The linear system is solved until its residual has
// fallen to eta of the right side.
func (s *Solver) direction(eta float64) {
	c := &s.cg
	// Right side: the source rho in series with each device is a current g rho into the column node and out of the row
	// node; what undriven lines lack is injected into their first nodes. The columns' answer to it is eliminated first.
	injected(s.g, s.rho, s.factor.col, c.carry, s.geo.Cols)
	s.columnEnds(s.col.q)
	rz := s.firstResidual()
	clear(c.x) // p and W p are finite and will be multiplied by 0
	stop := eta * eta * rz
	beta := 0.0
	for range 10*(s.geo.Rows+s.geo.Cols) + 100 {
		if !(rz > stop) {
			break
		}
		psp := s.passDown(beta)
		if !(psp > 0) {
			rz = math.NaN() // rounding has eaten what was left, or the numbers have run over
			break
		}
		next := s.passUp(rz / psp)
		beta = next / rz
		rz = next
	}
	if math.IsNaN(rz) || math.IsInf(rz, 0) {
		clear(c.p)
		clear(c.wp)
	}
	// Back to the columns and to the devices: dv = x + rho - y.
	injectedSum(s.g, c.x, s.rho, s.dv, s.factor.col, c.carry, s.geo.Cols)
	s.columnEnds(s.col.q)
	if s.floating > 0 {
		s.stepUndriven()
	}
	move(s.factor.col, c.carry[s.geo.Cols:], s.dv, s.vOld, s.v, s.geo.Cols, s.geo.ColSegment)
	if s.careful {
		for k, dv := range s.dv {
			s.wire[k] = s.i[k] + s.g[k]*dv
		}
	}
}

// columnEnds turns the columns round after an inward sweep: the current into each first node, with q added, becomes its
// voltage in the row after the last, and nothing of it is left to be carried on. It returns the power lost in the
// terminals and behind, for q = 0.
func (s *Solver) columnEnds(q []float64) float64 {
	n := s.geo.Cols
	at := len(s.cg.carry) - n
	last, after := s.cg.carry[at-n:at], s.cg.carry[at:]
	end := s.factor.colEnd
	loss := 0.0
	for k, j := range last {
		j += q[k]
		t := end[k] * j
		after[k] = t
		last[k] = 0
		loss += t * j
	}
	return loss
}

// stepUndriven sets the undriven lines' dShift from their first nodes and makes the whole step.
func (s *Solver) stepUndriven() {
	n := s.geo.Cols
	first := s.cg.carry[len(s.cg.carry)-n:]
	for r, kind := range s.row.kind {
		s.row.dShift[r] = 0
		if kind != Voltage {
			s.row.dShift[r] = s.cg.x[r*n]
		}
	}
	for k, kind := range s.col.kind {
		s.col.dShift[k] = 0
		if kind != Voltage {
			s.col.dShift[k] = first[k]
		}
	}
	s.row.step(1)
	s.col.step(1)
}

// Rows are handled in blocks of four as far as they go, the rest one by one.

// blockEnd returns the row after the block that begins at row r.
func (s *Solver) blockEnd(r int) int {
	if r < s.geo.Rows&^3 {
		return r + 4
	}
	return r + 1
}

// blockStart returns the first row of the block that ends before row r.
func (s *Solver) blockStart(r int) int {
	if r <= s.geo.Rows&^3 {
		return r - 4
	}
	return r - 1
}

// firstResidual sweeps the columns outward, sets the residual of the row nodes for x = 0, sweeps it to the row
// terminals and returns r.W^-1.r.
func (s *Solver) firstResidual() float64 {
	c, n := &s.cg, s.geo.Cols
	loss := 0.0
	for row := s.geo.Rows; row > 0; {
		e := row * n
		row = s.blockStart(row)
		o := row * n
		norton(s.factor.col[o:e], c.carry[o+n:], s.g[o:e], s.rho[o:e], c.r[o:e], n, s.geo.ColSegment)
		for k := o; k < e; k += n {
			c.r[k] += s.row.q[k/n]
		}
		loss += s.rowsIn(o, e)
	}
	return loss
}

// passDown sweeps the rows outward to z, sets p = z + beta p, W p = r + beta W p, sweeps the currents g p to the column
// terminals and returns p.S.p.
func (s *Solver) passDown(beta float64) float64 {
	c, n, f := &s.cg, s.geo.Cols, &s.factor
	loss, pwp := 0.0, 0.0
	last := len(c.p) - n
	for row := 0; row < s.geo.Rows; {
		o := row * n
		row = s.blockEnd(row)
		e := row * n
		if e-o == 4*n {
			rowsOut4(f.row[o:e], c.in[o:e], c.p[o:e], n, s.geo.RowSegment, beta)
		} else {
			rowOut(f.row[o:e], c.in[o:e], c.p[o:e], s.geo.RowSegment, beta)
		}
		// The last row has no segment to lose power in.
		e = min(e, last)
		if o < e {
			l, w := down(s.g[o:e], c.p[o:e], f.col[o:e], c.carry[o:], c.r[o:e], c.wp[o:e], n, beta)
			loss += l
			pwp += w
		}
	}
	_, w := down(s.g[last:], c.p[last:], f.col[last:], c.carry[last:], c.r[last:], c.wp[last:], n, beta)
	return (pwp + w) - (loss*s.geo.ColSegment + s.columnEnds(c.zero))
}

// passUp sweeps the columns outward, moves x and r by alpha along p, sweeps r to the row terminals and returns
// r.W^-1.r.
func (s *Solver) passUp(alpha float64) float64 {
	c, n := &s.cg, s.geo.Cols
	loss := 0.0
	for row := s.geo.Rows; row > 0; {
		e := row * n
		row = s.blockStart(row)
		o := row * n
		a, g := s.factor.col[o:e], s.g[o:e]
		up(a, c.carry[o+n:], c.x[o:e], c.p[o:e], c.r[o:e], c.wp[o:e], g, n, s.geo.ColSegment, alpha)
		loss += s.rowsIn(o, e)
	}
	return loss
}

// rowsIn sweeps one block of rows inward, the devices from o to e, and returns the power lost in them.
func (s *Solver) rowsIn(o, e int) float64 {
	c, n, a := &s.cg, s.geo.Cols, s.factor.row
	var j [4]float64
	loss := 0.0
	if e-o == 4*n {
		loss = rowsIn4(a[o:e], c.r[o:e], c.in[o:e], n, &j)
	} else {
		j[0], loss = rowIn(a[o:e], c.r[o:e], c.in[o:e])
	}
	loss *= s.geo.RowSegment
	if s.geo.RowSegment == 0 {
		// All nodes of a row are one. Only the sum of their residuals means anything and converges; lest it drown in
		// the parts' rounding, keep it alone.
		clear(c.r[o:e])
	}
	for k := 0; o < e; k++ {
		if s.geo.RowSegment == 0 {
			c.r[o] = j[k]
		}
		x := a[o] * j[k]
		c.in[o] = x
		loss += x * j[k]
		o += n
	}
	return loss
}
