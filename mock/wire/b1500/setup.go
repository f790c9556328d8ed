package b1500

import "xlab/mock/bench"

// integration is one AIT setting.
type integration struct {
	mode int     // 0 auto, 1 manual, 2 power line cycles, 3 time
	n    float64 // conversions, cycles or seconds, by mode
}

// wait is one WAT setting: the initial wait is multiplied by n, then offset is
// added.
type wait struct{ n, offset float64 }

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

// aperture is the integration time of a channel in s.
func (a *Analyzer) aperture(ch *channel) float64 {
	t := a.integrationTime(a.settings.integration[ch.adc])
	if ch.adc == 1 && a.settings.autoZero {
		t *= 2 // the converter's own zero is measured too
	}
	return t
}

// pulseAperture is the integration time within a pulse in s.
func (a *Analyzer) pulseAperture() float64 {
	return a.integrationTime(a.settings.integration[2])
}

func (a *Analyzer) integrationTime(i integration) float64 {
	switch i.mode {
	case 2:
		return i.n / a.options.LineFrequency
	case 3:
		return i.n
	}
	return i.n * a.options.Timing.Conversion
}

// setFormat is FMT: it clears the output data buffer too.
func (a *Analyzer) setFormat(p []float64) fault {
	format, ok := whole(p[0])
	if !ok {
		return fault{code: parameterValue}
	}
	switch format {
	case 1, 2, 5, 11, 12, 15, 21, 22, 25:
	default: // binary formats among them
		return fault{code: parameterValue}
	}
	mode := 0
	if len(p) > 1 {
		if mode, ok = choice(p[1], 0, 10); !ok {
			return fault{code: parameterValue}
		}
	}
	a.settings.format, a.settings.formatMode = format, mode
	a.answers.clearData()
	return fault{}
}

// setMode is MM.
func (a *Analyzer) setMode(p []float64) fault {
	mode, ok := whole(p[0])
	if !ok {
		return fault{code: parameterValue}
	}
	most := 10
	switch mode {
	case 1, 2, 10, 16, 27, 28:
	case 3, 4, 5:
		most = 1
	default:
		return fault{code: parameterValue}
	}
	if n := len(p) - 1; n < 1 || n > most {
		return fault{code: channelCount}
	}
	chs, f := a.channelList(p[1:])
	if f.bad() {
		return f
	}
	a.settings.mode, a.settings.measured = mode, chs
	return fault{}
}

// setTrigger is TM. Only the trigger by command exists here.
func (a *Analyzer) setTrigger(p []float64) fault {
	if _, ok := choice(p[0], 1, 1); !ok {
		return fault{code: parameterValue}
	}
	return fault{}
}

// pause is PA.
func (a *Analyzer) pause(p []float64) fault {
	if !within(p[0], 0, 99.9999) {
		return fault{code: parameterValue}
	}
	a.elapse(p[0])
	return fault{}
}

// setConverter is AAD: ch[,type].
func (a *Analyzer) setConverter(p []float64) fault {
	ch, f := a.channel(p[0])
	if f.bad() {
		return f
	}
	kind := 0
	if len(p) > 1 {
		var ok bool
		if kind, ok = choice(p[1], 0, 1); !ok {
			return fault{parameterValue, ch.slot}
		}
	}
	ch.adc = kind
	return fault{}
}

// setIntegration is AIT: type,mode[,N].
func (a *Analyzer) setIntegration(p []float64) fault {
	kind, ok := choice(p[0], 0, 2)
	mode, ok2 := choice(p[1], 0, 3)
	if !ok || !ok2 || (kind == 1 && mode == 3) {
		return fault{code: parameterValue}
	}
	i := integration{mode: mode, n: 1}
	least, most := 1.0, 1023.0
	switch {
	case mode == 3:
		i.n, least, most = 2e-6, 2e-6, 20e-3
	case mode == 2:
		most = 100
	case kind == 1:
		most = 127
		i.n = [2]float64{6, 3}[mode]
	}
	if len(p) > 2 {
		i.n = p[2]
		if _, is := whole(i.n); !is && mode != 3 || !within(i.n, least, most) {
			return fault{code: parameterValue}
		}
	}
	a.settings.integration[kind] = i
	return fault{}
}

// setAverage is AV, the older form of AIT for the high-speed converter:
// samples, or power line cycles when negative.
func (a *Analyzer) setAverage(p []float64) fault {
	n, ok := whole(p[0])
	mode := 0
	if len(p) > 1 {
		var ok2 bool
		mode, ok2 = choice(p[1], 0, 1)
		ok = ok && ok2
	}
	switch {
	case ok && n >= 1 && n <= 1023:
		a.settings.integration[0] = integration{mode, float64(n)}
	case ok && n <= -1 && n >= -100:
		a.settings.integration[0] = integration{2, float64(-n)}
	default:
		return fault{code: parameterValue}
	}
	a.settings.average, a.settings.averageMode = n, mode
	return fault{}
}

// setFilter is FL: mode[,ch...]. The filter changes how an output settles,
// which the bench does not model; the setting is kept and read back.
func (a *Analyzer) setFilter(p []float64) fault {
	mode, ok := choice(p[0], 0, 1)
	if !ok {
		return fault{code: parameterValue}
	}
	chs, f := a.channelList(p[1:])
	if f.bad() {
		return f
	}
	for _, ch := range chs {
		ch.filter = mode == 1
	}
	return fault{}
}

// setResistor is SSR: ch,mode. The bench has no series resistor, and taking
// the command without effect would be a lie, so only "off" is accepted.
func (a *Analyzer) setResistor(p []float64) fault {
	ch, f := a.channel(p[0])
	if f.bad() {
		return f
	}
	if p[1] != 0 {
		return fault{parameterValue, ch.slot}
	}
	return fault{}
}

// setRange is RI and RV: ch,range; negative is fixed.
func (a *Analyzer) setRange(quantity bench.Mode, p []float64) fault {
	ch, f := a.channel(p[0])
	if f.bad() {
		return f
	}
	n, ok := whole(p[1])
	if !ok || !ch.hasRange(quantity, n) {
		return fault{rangeValue, ch.slot}
	}
	if quantity == bench.ForceCurrent {
		ch.irange = n
	} else {
		ch.vrange = n
	}
	return fault{}
}

// setRangeMode is RM: ch,mode[,rate]. How auto ranging climbs is not modelled;
// the setting is kept and read back.
func (a *Analyzer) setRangeMode(p []float64) fault {
	ch, f := a.channel(p[0])
	if f.bad() {
		return f
	}
	mode, ok := choice(p[1], 1, 3)
	rate := 50
	if ok && len(p) > 2 {
		rate, ok = choice(p[2], 11, 100)
	}
	if !ok {
		return fault{parameterValue, ch.slot}
	}
	ch.rangeMode, ch.rangeRate = mode, rate
	return fault{}
}

// setOperation is CMM: ch,mode with 0 what is not forced, 1 current, 2 voltage,
// 3 what is forced, 4 both.
func (a *Analyzer) setOperation(p []float64) fault {
	ch, f := a.channel(p[0])
	if f.bad() {
		return f
	}
	mode, ok := choice(p[1], 0, 4)
	if !ok {
		return fault{parameterValue, ch.slot}
	}
	ch.operation = mode
	return fault{}
}

// setWait is WAT: type,N[,offset].
func (a *Analyzer) setWait(p []float64) fault {
	kind, ok := choice(p[0], 1, 3)
	w := wait{n: p[1]}
	if len(p) > 2 {
		w.offset = p[2]
	}
	if !ok || !within(w.n, 0, 10) || !within(w.offset, 0, 1) {
		return fault{code: parameterValue}
	}
	a.settings.waits[kind-1] = w
	return fault{}
}

// setInterlockVolts is INTLKVTH: the voltage beyond which the interlock must be
// closed.
func (a *Analyzer) setInterlockVolts(p []float64) fault {
	if !within(p[0], 0, 42) {
		return fault{code: parameterValue}
	}
	a.settings.interlockVolts = p[0]
	return fault{}
}
