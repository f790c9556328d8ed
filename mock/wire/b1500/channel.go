package b1500

import "xlab/mock/bench"

// setting is what a channel forces.
type setting struct {
	mode       bench.Mode // ForceVoltage or ForceCurrent
	level      float64    // V or A
	rangeCode  int        // output range as it was sent
	compliance float64    // A or V, > 0
	polarity   int        // 0 = that of the output, 1 = that of the compliance value
	compRange  int        // range of the compliance as it was sent
}

// channel is one SMU.
type channel struct {
	slot, unit      int
	model, revision string
	module          *module

	on         bool
	present    setting
	stored     *setting   // what DZ put aside, nil if nothing
	compliance [3]float64 // the last one by the quantity that was forced, 0 = none yet

	filter    bool   // FL
	adc       int    // AAD: 0 high-speed, 1 high-resolution
	ranges    [3]int // RI and RV, by quantity
	rangeMode int    // RM
	rangeRate int    // RM, second parameter
	operation int    // CMM

	applied bench.Output // what the bench was last told
}

// initialCompliance is the current compliance after CN and while DZ holds, in A.
const initialCompliance = 100e-6

// initialCompliances is what a channel has after CN.
var initialCompliances = [3]float64{voltage: initialCompliance}

// zero is a channel's output after CN and while DZ holds.
func zero() setting {
	return setting{mode: voltage, rangeCode: 200, compliance: initialCompliance}
}

// initial brings the channel into the state after power-on: switch open.
func (ch *channel) initial() {
	*ch = channel{slot: ch.slot, unit: ch.unit, model: ch.model, revision: ch.revision, module: ch.module,
		applied: ch.applied, present: zero(), compliance: initialCompliances, rangeMode: 1, rangeRate: 50}
}

// output is the channel as the bench sees it.
func (ch *channel) output() bench.Output {
	if !ch.on {
		return bench.Output{}
	}
	return bench.Output{Mode: ch.present.mode, Level: ch.present.level, Compliance: ch.present.compliance}
}

// letter stands for the channel in a record.
func (ch *channel) letter() byte { return 'A' + byte(ch.slot-1) }

// off is the fault of a channel that should be enabled and is not.
func (ch *channel) off() fault { return fault{outputOff, ch.slot} }
