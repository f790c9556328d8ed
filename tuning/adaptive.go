package tuning

import (
	"math"

	"xlab/instrument"
)

// adaptive chooses the pulse after which the fewest further pulses are expected.
type adaptive struct {
	*Learned
	coarse   float64
	aim      *aim
	fallback ramp
}

const (
	// amplitudeStep is between the amplitudes that are tried first; then those
	// halfway to the next ones are.
	amplitudeStep = 0.01 // V
	// tooWeak is the part of the distance below which a step is not considered.
	tooWeak = 0.02
	// fallbackStep is the ramp's step when the law does not hold for a device.
	fallbackStep = 0.03 // V
	// surprised is the number of deviations beyond which a pulse contradicts the
	// law; two in a row hand the device over to the ramp.
	surprised = 4
)

func newAdaptive(s Spec) *adaptive {
	rows, cols := s.Targets.Size()
	l := NewLearned(rows, cols, s.Profile, s.Pulses, s.ReadNoise)
	return &adaptive{Learned: l, coarse: s.Coarse, aim: newAim(l.response.prior.spread),
		fallback: ramp{pulses: s.Pulses, coarse: fallbackStep, fine: fallbackStep}}
}

func (a *adaptive) Coarse() float64 { return a.coarse }

func (a *adaptive) Next(v View) instrument.Volts {
	k := a.index(v.Cell)
	if a.contradicted(v, k) {
		return a.fallback.Next(v)
	}
	up := v.up()
	cov := a.response.locate(k, 2)
	x, sag := a.response.state(v.Now), v.Sag(up)
	weakest, strongest := a.pulses.span(up)
	band := v.Band * float64(v.Target)
	distance := math.Abs(float64(v.Target-v.Now)) / band
	same, other := a.side(v, k, &cov, up), a.side(v, k, &cov, !up)

	best, amplitude := math.Inf(1), strongest
	consider := func(volts float64) {
		if volts < weakest || volts > strongest {
			return
		}
		f := a.response.forecast(k, &cov, up, x, volts, sag)
		step := math.Exp(f.mean) / band
		if step < tooWeak*distance && volts < strongest {
			return
		}
		if cost := a.cost(distance, step, f.sigma, &same, &other) + v.Harm(signed(volts, up)); cost < best {
			best, amplitude = cost, volts
		}
	}
	for volts := weakest; volts < strongest; volts += amplitudeStep {
		consider(volts)
	}
	consider(strongest)
	found := amplitude
	consider(found - amplitudeStep/2)
	consider(found + amplitudeStep/2)
	return signed(math.Round(amplitude*1e4)/1e4, up)
}

// side is what pulses of one direction are like for a device near its target:
// a table over the amplitude.
type side struct {
	sigma  float64             // of ln|dG| at an ordinary amplitude
	lnStep [sidePoints]float64 // ln of the median step in bands
	harm   [sidePoints]float64 // see View.Harm
}

const (
	sidePoints = 8
	// ordinaryStep is the step in bands of a pulse that ends a visit.
	ordinaryStep = 3
	// lnNextPart is the logarithm of the part of a distance that the next pulse
	// is likely to be meant for, 0.7.
	lnNextPart = -0.36
)

func (a *adaptive) side(v View, k int, cov *[deviceSize][deviceSize]float64, up bool) (s side) {
	weakest, strongest := a.pulses.span(up)
	x, sag, lnBand := a.response.state(v.Target), v.Sag(up), math.Log(v.Band*float64(v.Target))
	ordinary := strongest
	for i := sidePoints - 1; i >= 0; i-- {
		volts := weakest + (strongest-weakest)*float64(i)/(sidePoints-1)
		s.lnStep[i] = a.response.predict(up, x, volts, sag, &a.response.devices[k], nil) - lnBand
		s.harm[i] = v.Harm(signed(volts, up))
		if s.lnStep[i] > math.Log(ordinaryStep) {
			ordinary = volts
		}
	}
	s.sigma = a.response.forecast(k, cov, up, x, ordinary, sag).sigma
	return s
}

// toGo adds to a number of pulses over a distance, given by its logarithm in
// bands, what the strongest pulse's step and the harm to others cost.
func (s *side) toGo(pulses, lnDistance float64) float64 {
	last := sidePoints - 1
	wanted := lnDistance + lnNextPart
	more := 0.0
	if wanted > s.lnStep[last] {
		more = math.Exp(wanted-s.lnStep[last]) - 1
		wanted = s.lnStep[last]
	}
	i := 0
	for i < last-1 && s.lnStep[i+1] < wanted {
		i++
	}
	t := math.Max(0, (wanted-s.lnStep[i])/math.Max(s.lnStep[i+1]-s.lnStep[i], 1e-9))
	harm := s.harm[i] + t*(s.harm[i+1]-s.harm[i])
	return pulses + harm + more*(1+harm)
}

// cost is the expected number of further pulses after one that is expected to
// go a median step, all in bands.
func (a *adaptive) cost(distance, step, sigma float64, same, other *side) float64 {
	next := afterwards(sigma, a.response.spread)
	sum := 0.0
	for _, z := range a.aim.normals {
		switch d := distance - step*math.Exp(sigma*z); {
		case d > 1:
			ln := math.Log(d)
			sum += same.toGo(a.aim.pulses(ln, next), ln)
		case d < -1:
			ln := math.Log(-d)
			sum += other.toGo(a.aim.pulses(ln, other.sigma), ln)
		}
	}
	return sum / float64(len(a.aim.normals))
}

// contradicted tells whether the last two pulses of this visit were not what
// the law allows.
func (a *adaptive) contradicted(v View, k int) bool {
	if len(v.visit()) < 2 {
		return false
	}
	return math.Abs(a.response.surprise(k, 0)) > surprised && math.Abs(a.response.surprise(k, 1)) > surprised
}
