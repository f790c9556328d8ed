package crossbar

// The inner loops. Inward sweeps run from a line's open end to its terminal and add up currents: with the factor a of a
// segment and J the current injected into a node from outside and from the segment beyond, m = a J is what the segment
// towards the terminal carries on (the rest flows through the devices). Outward sweeps run back and find the node
// voltages t = a t' + segment m, with t' the node nearer to the terminal.
//
// Column sweeps run over any number of whole rows of crosspoints in one flat loop: what the columns carry on, c, has
// the neighbour in the same column n numbers away. Row sweeps are chains in which every operation waits for the last;
// four rows go side by side to fill the waiting time.
//
// All slices but c have the same length; cutting them to it lets the compiler drop the bounds checks.

// injected is one part of the columns' inward sweep for the injected currents g u.
func injected(g, u, a, c []float64, n int) {
	u, a = u[:len(g)], a[:len(g)]
	before, m := c[:len(g)], c[n:][:len(g)]
	for k, gk := range g {
		m[k] = a[k] * (gk*u[k] + before[k])
	}
}

// injectedSum is injected for u = x + rho, which it also writes to u.
func injectedSum(g, x, rho, u, a, c []float64, n int) {
	x, rho, u, a = x[:len(g)], rho[:len(g)], u[:len(g)], a[:len(g)]
	before, m := c[:len(g)], c[n:][:len(g)]
	for k, gk := range g {
		uk := x[k] + rho[k]
		u[k] = uk
		m[k] = a[k] * (gk*uk + before[k])
	}
}

// norton is one part of the columns' outward sweep, with the residual r = g (t - rho) of the row nodes on the way.
func norton(a, c, g, rho, r []float64, n int, segment float64) {
	g, rho, r = g[:len(a)], rho[:len(a)], r[:len(a)]
	m, next := c[:len(a)], c[n:][:len(a)]
	for k := len(a) - 1; k >= 0; k-- {
		t := a[k]*next[k] + segment*m[k]
		m[k] = t
		r[k] = g[k] * (t - rho[k])
	}
}

// move is one part of the columns' outward sweep, with dv = u - t and v = old + dv on the way; u is in dv.
func move(a, c, dv, old, v []float64, n int, segment float64) {
	dv, old, v = dv[:len(a)], old[:len(a)], v[:len(a)]
	m, next := c[:len(a)], c[n:][:len(a)]
	for k := len(a) - 1; k >= 0; k-- {
		t := a[k]*next[k] + segment*m[k]
		m[k] = t
		t = dv[k] - t
		dv[k] = t
		v[k] = old[k] + t
	}
}

// down is one part of the columns' inward sweep for the injected currents g p, with W p = r + beta W p on the way. It
// returns the sums of m J and of p W p.
func down(g, p, a, c, r, wp []float64, n int, beta float64) (loss, pwp float64) {
	p, a, r, wp = p[:len(g)], a[:len(g)], r[:len(g)], wp[:len(g)]
	before, m := c[:len(g)], c[n:][:len(g)]
	// Two sums each, because additions to one wait for one another. In a single column the crosspoints do so anyway.
	var loss1, pwp1 float64
	k, pairs := 0, len(g)-1
	if n == 1 {
		pairs = 0
	}
	for ; k < pairs; k += 2 {
		w, w1 := r[k]+beta*wp[k], r[k+1]+beta*wp[k+1]
		wp[k], wp[k+1] = w, w1
		p0, p1 := p[k], p[k+1]
		pwp += w * p0
		pwp1 += w1 * p1
		j, j1 := g[k]*p0+before[k], g[k+1]*p1+before[k+1]
		mk, mk1 := a[k]*j, a[k+1]*j1
		m[k], m[k+1] = mk, mk1
		loss += mk * j
		loss1 += mk1 * j1
	}
	for ; k < len(g); k++ {
		w := r[k] + beta*wp[k]
		wp[k] = w
		pwp += w * p[k]
		j := g[k]*p[k] + before[k]
		m[k] = a[k] * j
		loss += m[k] * j
	}
	return loss + loss1, pwp + pwp1
}

// up is one part of the columns' outward sweep, with x += alpha p and r -= alpha (W p - g t) on the way.
func up(a, c, x, p, r, wp, g []float64, n int, segment, alpha float64) {
	x, p, r, wp, g = x[:len(a)], p[:len(a)], r[:len(a)], wp[:len(a)], g[:len(a)]
	m, next := c[:len(a)], c[n:][:len(a)]
	for k := len(a) - 1; k >= 0; k-- {
		t := a[k]*next[k] + segment*m[k]
		m[k] = t
		x[k] += alpha * p[k]
		r[k] -= alpha * (wp[k] - g[k]*t)
	}
}

// accumulate adds device currents to the columns' running sums.
func accumulate(i, c []float64, n int) {
	before, sum := c[:len(i)], c[n:][:len(i)]
	for k, ik := range i {
		sum[k] = before[k] + ik
	}
}

// rowIn sweeps one row inward for the injected currents r. It returns the current into the first node and the sum of
// m J in the segments.
func rowIn(a, r, m []float64) (j, loss float64) {
	r, m = r[:len(a)], m[:len(a)]
	for k := len(a) - 1; k > 0; k-- {
		j += r[k]
		mk := a[k] * j
		m[k] = mk
		loss += mk * j
		j = mk
	}
	return j + r[0], loss
}

// rowsIn4 is rowIn for four rows of n.
func rowsIn4(a, r, m []float64, n int, j *[4]float64) float64 {
	a0, a1, a2, a3 := quarter(a, n)
	r0, r1, r2, r3 := quarter(r, n)
	m0, m1, m2, m3 := quarter(m, n)
	var j0, j1, j2, j3, l0, l1, l2, l3 float64
	for k := n - 1; k > 0; k-- {
		j0 += r0[k]
		j1 += r1[k]
		j2 += r2[k]
		j3 += r3[k]
		x0 := a0[k] * j0
		x1 := a1[k] * j1
		x2 := a2[k] * j2
		x3 := a3[k] * j3
		m0[k] = x0
		m1[k] = x1
		m2[k] = x2
		m3[k] = x3
		l0 += x0 * j0
		l1 += x1 * j1
		l2 += x2 * j2
		l3 += x3 * j3
		j0, j1, j2, j3 = x0, x1, x2, x3
	}
	*j = [4]float64{j0 + r0[0], j1 + r1[0], j2 + r2[0], j3 + r3[0]}
	return (l0 + l1) + (l2 + l3)
}

// rowOut sweeps one row outward to the node voltages z and sets p = z + beta p.
func rowOut(a, m, p []float64, segment, beta float64) {
	m, p = m[:len(a)], p[:len(a)]
	z := m[0]
	p[0] = z + beta*p[0]
	for k := 1; k < len(a); k++ {
		z = a[k]*z + segment*m[k]
		p[k] = z + beta*p[k]
	}
}

// rowsOut4 is rowOut for four rows of n.
func rowsOut4(a, m, p []float64, n int, segment, beta float64) {
	a0, a1, a2, a3 := quarter(a, n)
	m0, m1, m2, m3 := quarter(m, n)
	p0, p1, p2, p3 := quarter(p, n)
	z0, z1, z2, z3 := m0[0], m1[0], m2[0], m3[0]
	p0[0] = z0 + beta*p0[0]
	p1[0] = z1 + beta*p1[0]
	p2[0] = z2 + beta*p2[0]
	p3[0] = z3 + beta*p3[0]
	for k := 1; k < n; k++ {
		z0 = a0[k]*z0 + segment*m0[k]
		z1 = a1[k]*z1 + segment*m1[k]
		z2 = a2[k]*z2 + segment*m2[k]
		z3 = a3[k]*z3 + segment*m3[k]
		p0[k] = z0 + beta*p0[k]
		p1[k] = z1 + beta*p1[k]
		p2[k] = z2 + beta*p2[k]
		p3[k] = z3 + beta*p3[k]
	}
}

// fromEnd writes to out the sums of one row's currents from each crosspoint to the open end.
func fromEnd(i, out []float64) float64 {
	out = out[:len(i)]
	sum := 0.0
	for k := len(i) - 1; k >= 0; k-- {
		sum += i[k]
		out[k] = sum
	}
	return sum
}

// fromEnd4 is fromEnd for four rows of n.
func fromEnd4(i, out []float64, n int, total []float64) {
	i0, i1, i2, i3 := quarter(i, n)
	o0, o1, o2, o3 := quarter(out, n)
	var s0, s1, s2, s3 float64
	for k := n - 1; k >= 0; k-- {
		s0 += i0[k]
		s1 += i1[k]
		s2 += i2[k]
		s3 += i3[k]
		o0[k] = s0
		o1[k] = s1
		o2[k] = s2
		o3[k] = s3
	}
	total[0], total[1], total[2], total[3] = s0, s1, s2, s3
}

// drops turns one row's currents in the segments into drops from the base potential, d at the first node.
func drops(x []float64, d, segment float64) {
	x[0] = d
	for k := 1; k < len(x); k++ {
		d += segment * x[k]
		x[k] = d
	}
}

// drops4 is drops for four rows of n.
func drops4(x []float64, n int, d *[4]float64, segment float64) {
	x0, x1, x2, x3 := quarter(x, n)
	d0, d1, d2, d3 := d[0], d[1], d[2], d[3]
	x0[0], x1[0], x2[0], x3[0] = d0, d1, d2, d3
	for k := 1; k < n; k++ {
		d0 += segment * x0[k]
		d1 += segment * x1[k]
		d2 += segment * x2[k]
		d3 += segment * x3[k]
		x0[k] = d0
		x1[k] = d1
		x2[k] = d2
		x3[k] = d3
	}
}

// quarter cuts four rows of n apart.
func quarter(x []float64, n int) (x0, x1, x2, x3 []float64) {
	return x[:n], x[n:][:n], x[2*n:][:n], x[3*n:][:n]
}
