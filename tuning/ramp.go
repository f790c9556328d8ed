package tuning

import (
	"math"

	"xlab/instrument"
	"xlab/instrument/array"
)

// ramp raises the amplitude from pulse to pulse until the target is passed,
// then changes the sign and begins again at the weakest pulse (Alibart et al.,
// Nanotechnology 23 075201, 2012). With two steps it is the two-speed ramp of
// Choi et al., Nature Communications 16:8757 (2025): large steps far from the
// target, small ones within a relative distance of near.
type ramp struct {
	pulses       Pulses
	coarse, fine float64 // V from pulse to pulse
	near         float64
}

func (r ramp) Next(v View) instrument.Volts {
	up := v.up()
	weakest, strongest := r.pulses.span(up)
	visit := v.visit()
	if len(visit) == 0 {
		return signed(weakest, up)
	}
	last := visit[len(visit)-1]
	if (last.Voltage > 0) != up {
		return signed(weakest, up)
	}
	step := r.coarse
	if math.Abs(float64(v.Now/v.Target)-1) < r.near {
		step = r.fine
	}
	return signed(math.Min(math.Abs(float64(last.Voltage))+step, strongest), up)
}

func (r ramp) Learn(array.Cell, Shot) {}
func (r ramp) Coarse() float64        { return 0 }
