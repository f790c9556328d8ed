package tuning

import (
	"math"

	"xlab/instrument"
	"xlab/instrument/profile"
)

// The empirical law of the response of one device to one pulse of magnitude V,
// x = ln(G/reference), direction by direction:
//
//	|dG| = exp(a0 + a1 x + a2 x^2 + gain) sigmoid(k (V (1 - load sag) - c0 - c1 x - c2 x^2 - shift))
//	ln k = k0 + k1 x
//
// a, c, k and load belong to the population, shift (per direction) and gain to
// the device. sag is the part of the voltage that the lines keep by the linear
// estimate, load the factor by which it really is larger or smaller. Every
// pulse's change is spread lognormally about it. All of it is fitted to the
// pulses of the run by least squares with the device profile as the
// prior (maximum a posteriori); nothing is known of the devices beyond that.
const (
	populationTerms = 9 // a0 a1 a2 c0 c1 c2 k0 k1 load
	populationSize  = 2 * populationTerms
	deviceSize      = 3 // shift up, shift down, gain
)

// prior is what is believed before the first pulse: means and standard
// deviations.
type prior struct {
	reference   float64 // S, of x
	mean, sigma [populationSize]float64
	device      [deviceSize]float64 // standard deviations about 0
	spread      float64             // of ln|dG| from pulse to pulse
	weight      float64             // pulses that spread and the device deviations are worth
}

// priorOf puts in numbers what a profile, nil for the default one, says of the
// response.
func priorOf(profiled *profile.Profile) prior {
	r := &profile.Of(profiled).Response
	p := prior{reference: float64(r.Reference), device: [deviceSize]float64{float64(r.Set.Deviation),
		float64(r.Reset.Deviation), r.Gain}, spread: r.Spread, weight: r.Weight}
	for i, d := range []*profile.Direction{&r.Set, &r.Reset} {
		first := i * populationTerms
		copy(p.mean[first:], []float64{math.Log(float64(d.Step.Median)), d.StepSlope.Mean, d.StepCurve.Mean,
			float64(d.Middle.Mean), float64(d.MiddleSlope.Mean), float64(d.MiddleCurve.Mean), math.Log(d.Steepness.Median),
			d.SteepnessSlope.Mean, d.Load.Mean})
		copy(p.sigma[first:], []float64{d.Step.SigmaLn, d.StepSlope.Sigma, d.StepCurve.Sigma,
			float64(d.Middle.Sigma), float64(d.MiddleSlope.Sigma), float64(d.MiddleCurve.Sigma), d.Steepness.SigmaLn,
			d.SteepnessSlope.Sigma, d.Load.Sigma})
	}
	return p
}

// observation is one pulse as the fit uses it.
type observation struct {
	device    int
	up        bool
	x         float64 // ln(G before / reference)
	volts     float64 // magnitude
	sag       float64
	change    float64 // S, positive in the pulse's direction
	readNoise float64 // S, of the change
}

// response is the fitted law with what is known of every device.
type response struct {
	prior   prior
	all     []observation
	of      [][]int32 // observations by device
	phi     [populationSize]float64
	cov     [populationSize][populationSize]float64
	devices [][deviceSize]float64
	fresh   int // observations since the last fit
	spread  float64
	sigma   [deviceSize]float64
}

func newResponse(devices int, p prior) *response {
	r := &response{prior: p, of: make([][]int32, devices), phi: p.mean, devices: make([][deviceSize]float64, devices),
		spread: p.spread, sigma: p.device}
	for i, s := range p.sigma {
		r.cov[i][i] = s * s
	}
	return r
}

func (r *response) add(o observation) {
	r.of[o.device] = append(r.of[o.device], int32(len(r.all)))
	r.all = append(r.all, o)
	r.fresh++
	// The population changes quickly at first and hardly later.
	if r.fresh >= 8 && r.fresh*25 >= len(r.all) {
		r.fit()
	}
	r.locate(o.device, 4)
}

// gradient of ln|dG| by the population's terms of one direction, by the
// device's shift and by its gain.
type gradient struct {
	population [populationTerms]float64
	shift      float64
}

// predict gives ln|dG| and, if asked for, its gradient.
func (r *response) predict(up bool, x, volts, sag float64, device *[deviceSize]float64, g *gradient) float64 {
	p, shift := r.phi[:populationTerms], device[0]
	if !up {
		p, shift = r.phi[populationTerms:], device[1]
	}
	k := math.Exp(p[6] + p[7]*x)
	over := volts*(1-p[8]*sag) - p[3] - x*(p[4]+x*p[5]) - shift
	z := k * over
	m := p[0] + x*(p[1]+x*p[2]) + device[2] - softplus(-z)
	if g != nil {
		u := 1 / (1 + math.Exp(z)) // d ln sigmoid(z) / dz
		g.population = [populationTerms]float64{1, x, x * x, -u * k, -u * k * x, -u * k * x * x, u * z, u * z * x,
			-u * k * volts * sag}
		g.shift = -u * k
	}
	return m
}

func softplus(z float64) float64 {
	if z > 30 {
		return z
	}
	return math.Log1p(math.Exp(z))
}

// residual compares one observation with the law on a scale on which the
// spread is the same for large changes, where it is relative, and for small
// ones, where it is the reads' noise. slope is the derivative of the expected
// value by ln|dG|.
func (r *response) residual(o *observation, device *[deviceSize]float64, g *gradient) (res, slope float64) {
	m := r.predict(o.up, o.x, o.volts, o.sag, device, g)
	q := r.spread / o.readNoise
	e := q * math.Exp(m)
	return math.Asinh(q*o.change) - math.Asinh(e), e / math.Sqrt(1+e*e)
}

// tails is the number of spreads beyond which an observation counts less and
// less: a telegraph jump or a device that is no such device must not bend the
// law for all.
const tails = 2.5

func robust(res, spread float64) float64 {
	t := res / (tails * spread)
	return 1 / (1 + t*t)
}

// locate finds the device's shifts and gain for the present population, and
// their covariance.
func (r *response) locate(k, steps int) (cov [deviceSize][deviceSize]float64) {
	d := &r.devices[k]
	for step := 0; ; step++ {
		var h [deviceSize][deviceSize]float64
		var b [deviceSize]float64
		for i, s := range r.sigma {
			h[i][i] = 1 / (s * s)
			b[i] = -d[i] / (s * s)
		}
		for _, i := range r.of[k] {
			o := &r.all[i]
			var g gradient
			res, slope := r.residual(o, d, &g)
			w := robust(res, r.spread) / (r.spread * r.spread)
			j := deviceGradient(o.up, &g)
			for a := range j {
				j[a] *= slope
				b[a] += w * j[a] * res
			}
			for a := range j {
				for c := range j {
					h[a][c] += w * j[a] * j[c]
				}
			}
		}
		cov = inverse3(h)
		if step == steps {
			return cov
		}
		for i := range d {
			move := 0.0
			for j := range b {
				move += cov[i][j] * b[j]
			}
			// A sigmoid is no parabola: steps beyond a deviation overshoot.
			d[i] += math.Max(-r.sigma[i], math.Min(r.sigma[i], move))
		}
	}
}

func deviceGradient(up bool, g *gradient) [deviceSize]float64 {
	if up {
		return [deviceSize]float64{g.shift, 0, 1}
	}
	return [deviceSize]float64{0, g.shift, 1}
}

// forecast is what a pulse is expected to do: ln|dG| is normal.
type forecast struct{ mean, sigma float64 }

// forecast predicts a pulse on device k with the covariance that locate gave.
// The deviation contains what is not known of device and population and the
// spread from pulse to pulse.
func (r *response) forecast(k int, cov *[deviceSize][deviceSize]float64, up bool, x, volts, sag float64) forecast {
	var g gradient
	mean := r.predict(up, x, volts, sag, &r.devices[k], &g)
	variance := r.spread * r.spread
	j := deviceGradient(up, &g)
	for a := range j {
		for b := range j {
			variance += j[a] * cov[a][b] * j[b]
		}
	}
	first := 0
	if !up {
		first = populationTerms
	}
	for a, p := range g.population {
		row := 0.0
		for b, q := range g.population {
			row += r.cov[first+a][first+b] * q
		}
		variance += p * row
	}
	return forecast{mean: mean, sigma: math.Sqrt(variance)}
}

// surprise is by how many deviations the last pulse of a device missed the law
// at the device's present best fit.
func (r *response) surprise(k, back int) float64 {
	list := r.of[k]
	if len(list) <= back {
		return 0
	}
	res, _ := r.residual(&r.all[list[len(list)-1-back]], &r.devices[k], nil)
	return res / r.spread
}

// lowest is the conductance below which the law is not extended, in S.
const lowest = 1e-7

// state is x of the law.
func (r *response) state(g instrument.Siemens) float64 {
	return math.Log(math.Max(float64(g), lowest) / r.prior.reference)
}
