package crossbar

import "math"

// measure is what one evaluation of the residual tells.
type measure struct {
	residual float64 // W, squared residuals weighted with conductance; see Solver.excess
	merit    float64 // V^2, sum of squared residuals: what a step has to lower
	power    float64 // W, conductance times squared voltage, over all devices
	curved   float64 // W, sum of device current times voltage, less power: 0 if all devices are ohmic
	missing  float64 // A, what undriven lines lack to Kirchhoff's current law, magnitudes
}

func (m measure) finite() bool {
	sum := m.residual + m.merit + m.power + m.curved + m.missing
	return !math.IsNaN(sum) && !math.IsInf(sum, 0)
}

// ohmic reports whether all devices have i = g v at this point, which means nothing at 0 V.
func (m measure) ohmic() bool { return m.power > 0 && math.Abs(m.curved) <= 1e-14*m.power }

// relative returns the residual relative to the device voltages, both weighted with conductance.
func (m measure) relative() float64 {
	if m.power == 0 {
		return 1
	}
	return math.Sqrt(m.residual / m.power)
}

// evaluate finds currents, conductances and the residual at the present device voltages and line potentials.
func (s *Solver) evaluate(dev Devices) (measure, error) {
	dev.Currents(s.v, s.i, s.g)
	n, carry := s.geo.Cols, s.cg.carry
	for r := 0; r < s.geo.Rows; {
		o := r * n
		end := s.blockEnd(r)
		s.rowDrops(r, end)
		r = end
		accumulate(s.i[o:end*n], carry[o:], n)
	}
	// The columns' currents become the drops behind their terminals, from where the drops add up.
	at := len(carry) - n
	sum, drop := carry[at-n:at], carry[at:]
	for k, i := range sum {
		s.col.current[k] = i
		sum[k] = 0
		drop[k] = s.col.shift[k]
		if s.col.kind[k] == Voltage {
			drop[k] += s.col.r[k] * i
		}
	}
	var m measure
	monotone := true
	for r := s.geo.Rows; r > 0; {
		e := r * n
		r = s.blockStart(r)
		o := r * n
		ok := m.add(s.bias[o:e], s.v[o:e], s.i[o:e], s.g[o:e], s.rho[o:e], carry[o+n:], n, s.geo.ColSegment)
		monotone = monotone && ok
	}
	if !monotone {
		return m, s.faultyDevice()
	}
	m.missing = s.row.imbalance(-1) + s.col.imbalance(1)
	if s.floating > 0 {
		s.row.addMissing(&m)
		s.col.addMissing(&m)
	}
	return m, nil
}

// rowDrops finds the currents of rows r to end and writes the drops between their base potentials and their nodes to
// rho.
func (s *Solver) rowDrops(r, end int) {
	n := s.geo.Cols
	i, rho := s.i[r*n:end*n], s.rho[r*n:end*n]
	sums := s.row.current[r:end]
	if len(sums) == 4 {
		fromEnd4(i, rho, n, sums)
	} else {
		sums[0] = fromEnd(i, rho)
	}
	var d [4]float64
	for k, sum := range sums {
		d[k] = -s.row.shift[r+k]
		if s.row.kind[r+k] == Voltage {
			d[k] += s.row.r[r+k] * sum
		}
	}
	if len(sums) == 4 {
		drops4(rho, n, &d, s.geo.RowSegment)
	} else {
		drops(rho, d[0], s.geo.RowSegment)
	}
}

// add turns row drops in rho into residuals, finds the column drops in c on the way, and adds to the measure. It
// reports whether no device's conductance is negative.
func (m *measure) add(bias, v, i, g, rho, c []float64, n int, segment float64) bool {
	v, i, g, rho = v[:len(bias)], i[:len(bias)], g[:len(bias)], rho[:len(bias)]
	c, next := c[:len(bias)], c[n:][:len(bias)]
	var residual, merit, power, curved float64
	monotone := true
	for k := len(bias) - 1; k >= 0; k-- {
		d := next[k] + segment*c[k]
		c[k] = d
		vk := v[k]
		// The first difference is exact where it matters most, between nearly equal voltages.
		x := (bias[k] - vk) - rho[k] - d
		rho[k] = x
		gk := g[k]
		if gk < 0 {
			monotone = false
		}
		gv := gk * vk
		power += gv * vk
		curved += (i[k] - gv) * vk
		x2 := x * x
		merit += x2
		residual += gk * x2
	}
	m.residual += residual
	m.merit += merit
	m.power += power
	m.curved += curved
	return monotone
}

// imbalance finds what undriven lines lack to Kirchhoff's current law and returns the sum of its magnitudes. sign is
// that of the device currents: +1 where they flow into the line.
func (l *lines) imbalance(sign float64) float64 {
	sum := 0.0
	for k, kind := range l.kind {
		q := 0.0
		switch kind {
		case Floating:
			q = sign * l.current[k]
		case Current:
			q = l.value[k] + sign*l.current[k]
		}
		l.q[k] = q
		sum += math.Abs(q)
	}
	return sum
}

// addMissing adds to the measure what undriven lines lack, as the voltage it would take and the power it stands for.
func (l *lines) addMissing(m *measure) {
	for k, q := range l.q {
		v := q * l.scale[k]
		m.merit += v * v
		m.residual += v * q
	}
}

// faultyDevice returns an error for the first device whose result is unusable.
func (s *Solver) faultyDevice() error {
	worst := 0
	for k, g := range s.g {
		i := s.i[k]
		if !(g >= 0) || math.IsInf(g, 0) || math.IsNaN(i) || math.IsInf(i, 0) {
			worst = k
			break
		}
		// Perhaps every device is finite by itself and their sum is not: name the largest.
		if math.Abs(i) > math.Abs(s.i[worst]) {
			worst = k
		}
	}
	return &DeviceError{
		Row: worst / s.geo.Cols, Col: worst % s.geo.Cols,
		Volts: s.v[worst], Current: s.i[worst], Siemens: s.g[worst],
	}
}
