package b1500

import (
	"slices"

	"xlab/mock/bench"
)

// setFormat is FMT: it clears the output data buffer too.
func (a *Analyzer) setFormat(p *parameters) {
	format, mode := p.choice(0, 1, 25), p.choice(1, 0, 10)
	// Without the binary formats.
	p.check(slices.Contains([]int{1, 2, 5, 11, 12, 15, 21, 22, 25}, format), parameterValue)
	if !p.bad() {
		a.settings.format, a.settings.formatMode = format, mode
		a.answers.clearData()
	}
}

// setMode is MM.
func (a *Analyzer) setMode(p *parameters) {
	mode := p.choice(0, 1, 28)
	pulsed := slices.Contains([]int{3, 4, 5}, mode)
	p.check(pulsed || slices.Contains([]int{1, 2, 10, 16, 27, 28}, mode), parameterValue)
	p.check(p.given(1) && !(pulsed && p.given(2)), channelCount)
	if chs := a.channelList(p, 1); !p.bad() {
		a.settings.mode, a.settings.measured = mode, chs
	}
}

// setTrigger is TM. Only the trigger by command exists here.
func (a *Analyzer) setTrigger(p *parameters) { p.choice(0, 1, 1) }

// pause is PA.
func (a *Analyzer) pause(p *parameters) {
	if seconds := p.number(0, 0, 99.9999); !p.bad() {
		a.elapse(seconds)
	}
}

// setConverter is AAD: ch[,type].
func (a *Analyzer) setConverter(p *parameters) {
	ch, kind := a.channel(p, 0), p.choice(1, 0, 1)
	if !p.bad() {
		ch.adc = kind
	}
}

// setIntegration is AIT: type,mode[,N].
func (a *Analyzer) setIntegration(p *parameters) {
	kind, mode := p.choice(0, 0, 2), p.choice(1, 0, 3)
	p.check(kind != 1 || mode != 3, parameterValue)
	if p.bad() {
		return
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
	if p.given(2) {
		i.n = p.number(2, least, most)
		_, is := whole(i.n)
		p.check(is || mode == 3, parameterValue)
	}
	if !p.bad() {
		a.settings.integration[kind] = i
	}
}

// setAverage is AV, the older form of AIT for the high-speed converter:
// samples, or power line cycles when negative.
func (a *Analyzer) setAverage(p *parameters) {
	n, mode := p.choice(0, -100, 1023), p.choice(1, 0, 1)
	p.check(n != 0, parameterValue)
	if p.bad() {
		return
	}
	a.settings.average, a.settings.averageMode = n, mode
	a.settings.integration[0] = integration{mode, float64(n)}
	if n < 0 {
		a.settings.integration[0] = integration{2, float64(-n)}
	}
}

// setFilter is FL: mode[,ch...]. The filter changes how an output settles,
// which the bench does not model; the setting is kept and read back.
func (a *Analyzer) setFilter(p *parameters) {
	mode := p.choice(0, 0, 1)
	for _, ch := range a.channelList(p, 1) {
		ch.filter = mode == 1
	}
}

// setResistor is SSR: ch,mode. The bench has no series resistor, and taking
// the command without effect would be a lie, so only "off" is accepted.
func (a *Analyzer) setResistor(p *parameters) {
	a.channel(p, 0)
	p.choice(1, 0, 0)
}

// setRange is RI and RV: ch,range; negative is fixed.
func (a *Analyzer) setRange(p *parameters, quantity bench.Mode) {
	ch := a.channel(p, 0)
	if code := p.rangeCode(1, ch, quantity); !p.bad() {
		ch.ranges[quantity] = code
	}
}

// setRangeMode is RM: ch,mode[,rate]. How auto ranging climbs is not modelled;
// the setting is kept and read back.
func (a *Analyzer) setRangeMode(p *parameters) {
	ch, mode, rate := a.channel(p, 0), p.choice(1, 1, 3), p.choiceOr(2, 11, 100, 50)
	if !p.bad() {
		ch.rangeMode, ch.rangeRate = mode, rate
	}
}

// setOperation is CMM: ch,mode with 0 what is not forced, 1 current, 2 voltage,
// 3 what is forced, 4 both.
func (a *Analyzer) setOperation(p *parameters) {
	ch, mode := a.channel(p, 0), p.choice(1, 0, 4)
	if !p.bad() {
		ch.operation = mode
	}
}

// setWait is WAT: type,N[,offset].
func (a *Analyzer) setWait(p *parameters) {
	kind, w := p.choice(0, 1, 3), wait{n: p.number(1, 0, 10), offset: p.number(2, 0, 1)}
	if !p.bad() {
		a.settings.waits[kind-1] = w
	}
}

// setInterlockVolts is INTLKVTH: the voltage beyond which the interlock must be
// closed.
func (a *Analyzer) setInterlockVolts(p *parameters) {
	if volts := p.number(0, 0, 42); !p.bad() {
		a.settings.interlockVolts = volts
	}
}
