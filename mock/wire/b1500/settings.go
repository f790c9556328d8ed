package b1500

import "math"

// settings are those that belong to no single channel and no source.
type settings struct {
	format, formatMode int // FMT
	trigger            int // TM

	mode     int        // MM, 0 = not set
	measured []*channel // MM, in its order

	integration [3]integration // AIT by type; type 2 with n = 0 was not set
	average     int            // AV as sent
	averageMode int
	autoZero    bool
	parallel    bool
	calibrate   bool
	timeStamp   bool
	waits       [3]wait // WAT types 1 to 3

	sweep    sweepTiming
	sampling samplingTiming
	pulse    *pulseTiming // PT, nil = not set
	multi    *multiTiming // MCPT, nil = not set

	interlockVolts float64 // voltages beyond it need the interlock closed
}

// initialSettings are those after power-on.
func initialSettings() settings {
	return settings{
		format:         1,
		trigger:        1,
		integration:    [3]integration{{0, 1}, {0, 6}, {0, 1}},
		average:        1,
		calibrate:      true,
		waits:          [3]wait{{n: 1}, {n: 1}, {n: 1}},
		sweep:          sweepTiming{abort: 1, post: 1},
		sampling:       samplingTiming{mode: 1, interval: 2e-3, number: 1000, abort: 1, post: 2},
		interlockVolts: 42,
	}
}

// integration is one AIT setting.
type integration struct {
	mode int     // 0 auto, 1 manual, 2 power line cycles, 3 time
	n    float64 // conversions, cycles or seconds, by mode
}

// wait is one WAT setting: the initial wait is multiplied by n, then offset is
// added.
type wait struct{ n, offset float64 }

// sweepTiming is WT and WM.
type sweepTiming struct {
	hold      float64 // at the first level, before its delay
	delay     float64 // at every level, before it is measured
	stepDelay float64 // from the beginning of a measurement to the next level, at least
	trigger   [2]float64
	abort     int // 1 off, 2 on
	post      int // level afterwards: 1 start, 2 stop
}

// samplingTiming is ML, MT and MSC.
type samplingTiming struct {
	mode     int     // 1 linear, 2 to 7 logarithmic
	hold     float64 // at the bias, before the first sample
	interval float64
	number   int
	baseHold float64
	abort    int // 1 off, 2 on
	post     int // level afterwards: 1 base, 2 bias
}

// next is the time of sample i in intervals, at least one after the last.
func (t samplingTiming) next(last float64, i int) float64 {
	if t.mode == 1 {
		return float64(i)
	}
	return math.Max(last+1, math.Round(math.Pow(10, float64(i)/perDecade(t.mode))))
}

// perDecade is the number of samples per decade of a logarithmic mode.
func perDecade(mode int) float64 {
	return [...]float64{10, 25, 50, 100, 250, 5000}[mode-2]
}

// pulseTiming is PT.
type pulseTiming struct {
	hold, width, period, delay float64 // period 0 = automatic
}

// multiTiming is MCPT.
type multiTiming struct {
	hold, period, measureDelay float64 // 0 = automatic for the last two
	average                    int
}

// Pulse times are multiples of pulseStep s. timeSlack is what two times of a
// pulse may differ by and still mean the same moment.
const (
	pulseStep     = 1e-4
	timeSlack     = 1e-9
	shortestPulse = 0.5e-3
	longestPulse  = 2.0
	shortestCycle = 5e-3
	longestCycle  = 5.0
	recovery      = 2e-3 // from the end of a pulse to the end of its period, at least
)
