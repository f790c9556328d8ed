package tuning

import "math"

// fit adjusts population and devices together. The normal equations are an
// arrow: a small dense block for the population, a block of three for every
// device, so that the devices are eliminated one by one.
func (r *response) fit() {
	r.fresh = 0
	for range 3 {
		var h [populationSize][populationSize]float64
		var b [populationSize]float64
		for i, s := range r.prior.sigma {
			h[i][i] = 1 / (s * s)
			b[i] = (r.prior.mean[i] - r.phi[i]) / (s * s)
		}
		for k, list := range r.of {
			if len(list) > 0 {
				r.eliminate(k, &h, &b)
			}
		}
		r.cov = inverse(h)
		for i := range r.phi {
			move := 0.0
			for j := range b {
				move += r.cov[i][j] * b[j]
			}
			limit := r.prior.sigma[i]
			r.phi[i] += math.Max(-limit, math.Min(limit, move))
		}
		for k, list := range r.of {
			if len(list) > 0 {
				r.locate(k, 1)
			}
		}
	}
	r.scatter()
}

// eliminate adds a device's observations to the population's equations with
// its own unknowns solved for.
func (r *response) eliminate(k int, h *[populationSize][populationSize]float64, b *[populationSize]float64) {
	d := &r.devices[k]
	var dd [deviceSize][deviceSize]float64
	var db [deviceSize]float64
	var pd [populationSize][deviceSize]float64
	for i, s := range r.sigma {
		dd[i][i] = 1 / (s * s)
		db[i] = -d[i] / (s * s)
	}
	var seen [2]bool
	for _, i := range r.of[k] {
		o := &r.all[i]
		var g gradient
		res, slope := r.residual(o, d, &g)
		w := robust(res, r.spread) / (r.spread * r.spread)
		ws := w * slope * slope
		first := 0
		if !o.up {
			first = populationTerms
		}
		seen[first/populationTerms] = true
		j := deviceGradient(o.up, &g)
		for a, p := range g.population {
			b[first+a] += w * slope * p * res
			row := h[first+a][first : first+populationTerms]
			for c, q := range g.population {
				row[c] += ws * p * q
			}
			for c, q := range j {
				pd[first+a][c] += ws * p * q
			}
		}
		for a, p := range j {
			db[a] += w * slope * p * res
			for c, q := range j {
				dd[a][c] += ws * p * q
			}
		}
	}
	inv := inverse3(dd)
	for a := range populationSize {
		if !seen[a/populationTerms] {
			continue
		}
		var t [deviceSize]float64
		for c := range t {
			for e := range inv {
				t[c] += pd[a][e] * inv[e][c]
			}
		}
		for c := range db {
			b[a] -= t[c] * db[c]
		}
		for e := range populationSize {
			if !seen[e/populationTerms] {
				continue
			}
			sum := 0.0
			for c := range t {
				sum += t[c] * pd[e][c]
			}
			h[a][e] -= sum
		}
	}
}

// scatter re-estimates the spread from pulse to pulse and the deviations of the
// devices, with the prior counting as a number of pulses or devices.
func (r *response) scatter() {
	sum, n := r.prior.weight*r.prior.spread*r.prior.spread, r.prior.weight
	var sums [deviceSize]float64
	devices := r.prior.weight
	for i, s := range r.prior.device {
		sums[i] = devices * s * s
	}
	unknowns := 0.0
	for k, list := range r.of {
		if len(list) == 0 {
			continue
		}
		cov := r.locate(k, 0)
		devices++
		for i, d := range r.devices[k] {
			sums[i] += d*d + cov[i][i]
			unknowns += 1 - cov[i][i]/(r.sigma[i]*r.sigma[i])
		}
		for _, i := range list {
			res, slope := r.residual(&r.all[i], &r.devices[k], nil)
			w := robust(res, r.spread) * slope * slope // noise tells nothing about the spread
			sum += w * res * res
			n += w
		}
	}
	for i := range sums {
		r.sigma[i] = math.Sqrt(sums[i] / devices)
	}
	r.spread = math.Min(1, math.Max(0.1, math.Sqrt(sum/math.Max(n-unknowns, r.prior.weight))))
}

func inverse3(h [deviceSize][deviceSize]float64) (inv [deviceSize][deviceSize]float64) {
	c00 := h[1][1]*h[2][2] - h[1][2]*h[2][1]
	c01 := h[1][2]*h[2][0] - h[1][0]*h[2][2]
	c02 := h[1][0]*h[2][1] - h[1][1]*h[2][0]
	det := 1 / (h[0][0]*c00 + h[0][1]*c01 + h[0][2]*c02)
	inv[0] = [deviceSize]float64{c00 * det, (h[0][2]*h[2][1] - h[0][1]*h[2][2]) * det,
		(h[0][1]*h[1][2] - h[0][2]*h[1][1]) * det}
	inv[1] = [deviceSize]float64{c01 * det, (h[0][0]*h[2][2] - h[0][2]*h[2][0]) * det,
		(h[0][2]*h[1][0] - h[0][0]*h[1][2]) * det}
	inv[2] = [deviceSize]float64{c02 * det, (h[0][1]*h[2][0] - h[0][0]*h[2][1]) * det,
		(h[0][0]*h[1][1] - h[0][1]*h[1][0]) * det}
	return inv
}

// inverse of a symmetric positive definite matrix by Cholesky factors. The
// prior keeps it definite.
func inverse(h [populationSize][populationSize]float64) (inv [populationSize][populationSize]float64) {
	var l [populationSize][populationSize]float64
	for i := range populationSize {
		for j := 0; j <= i; j++ {
			sum := h[i][j]
			for k := range j {
				sum -= l[i][k] * l[j][k]
			}
			if i == j {
				l[i][i] = math.Sqrt(math.Max(sum, 1e-12*h[i][i]))
			} else {
				l[i][j] = sum / l[j][j]
			}
		}
	}
	for column := range populationSize {
		var y [populationSize]float64
		for i := column; i < populationSize; i++ {
			sum := 0.0
			if i == column {
				sum = 1
			}
			for k := column; k < i; k++ {
				sum -= l[i][k] * y[k]
			}
			y[i] = sum / l[i][i]
		}
		for i := populationSize - 1; i >= 0; i-- {
			sum := y[i]
			for k := i + 1; k < populationSize; k++ {
				sum -= l[k][i] * inv[k][column]
			}
			inv[i][column] = sum / l[i][i]
		}
	}
	return inv
}
