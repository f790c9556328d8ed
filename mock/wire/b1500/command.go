package b1500

import "xlab/mock/bench"

// command is one entry of the command table.
type command struct {
	least, most int  // number of parameters
	direct      bool // may not be stored in program memory
	run         func(*Analyzer, *parameters)
}

// execute carries out one command, or stores it while a program is recorded.
// Its time passes afterwards, so that TSQ tells the time at which it came.
func (a *Analyzer) execute(text []byte) {
	s := scan(text)
	if s.header == "" && !s.bad() {
		return
	}
	c, known := a.commands[s.header]
	switch {
	case !known:
		s.fault = fault{code: undefinedCommand}
	case s.bad():
	case len(s.values) < c.least || len(s.values) > c.most:
		s.fault = fault{code: terminatorPosition}
	case a.programs.recording != 0:
		s.fault = a.record(s.header, c.direct, text)
	default:
		c.run(a, &s.parameters)
	}
	if s.bad() {
		a.errors.push(s.fault)
	}
	a.elapse(a.options.Timing.Command)
}

// commandTable lists all commands by header.
func commandTable() map[string]command {
	quiet := func(*Analyzer, *parameters) {}
	text := func(s string) func(*Analyzer, *parameters) {
		return func(a *Analyzer, _ *parameters) { a.answers.answer(s) }
	}
	// of makes a command of a quantity.
	of := func(quantity bench.Mode, run func(*Analyzer, *parameters, bench.Mode)) func(*Analyzer, *parameters) {
		return func(a *Analyzer, p *parameters) { run(a, p, quantity) }
	}
	spot := func(stamped bool, quantities ...bench.Mode) func(*Analyzer, *parameters) {
		return func(a *Analyzer, p *parameters) { a.spot(p, stamped, quantities) }
	}
	return map[string]command{
		// Outputs.
		"CN": {0, 10, false, (*Analyzer).enable},
		"CL": {0, 10, false, (*Analyzer).disable},
		"DZ": {0, 10, false, (*Analyzer).forceZero},
		"RZ": {0, 10, false, (*Analyzer).restore},
		"IN": {0, 10, false, (*Analyzer).initialise},
		"DV": {3, 6, false, of(voltage, (*Analyzer).force)},
		"DI": {3, 6, false, of(current, (*Analyzer).force)},

		// High-speed spot measurement.
		"TI":   {1, 2, false, spot(false, current)},
		"TV":   {1, 2, false, spot(false, voltage)},
		"TIV":  {1, 3, false, spot(false, current, voltage)},
		"TTI":  {1, 2, false, spot(true, current)},
		"TTV":  {1, 2, false, spot(true, voltage)},
		"TTIV": {1, 3, false, spot(true, current, voltage)},
		"TSR":  {0, 1, false, (*Analyzer).resetTimer},
		"TSQ":  {0, 0, false, (*Analyzer).queryTimer},
		"TSC":  {1, 1, false, onOff(func(a *Analyzer, on bool) { a.settings.timeStamp = on })},

		// Measurement by trigger.
		"MM":  {1, 11, false, (*Analyzer).setMode},
		"XE":  {0, 0, false, func(a *Analyzer, p *parameters) { p.fail(a.measure()) }},
		"TM":  {1, 1, false, (*Analyzer).setTrigger},
		"FMT": {1, 2, false, (*Analyzer).setFormat},
		"BC":  {0, 0, false, func(a *Analyzer, _ *parameters) { a.answers.clearData() }},
		"AB":  {0, 0, true, quiet},
		"PA":  {1, 1, false, (*Analyzer).pause},

		// Staircase sweep.
		"WV":  {6, 8, false, of(voltage, (*Analyzer).setRamp)},
		"WI":  {6, 8, false, of(current, (*Analyzer).setRamp)},
		"WSV": {4, 6, false, of(voltage, (*Analyzer).setSynchronous)},
		"WSI": {4, 6, false, of(current, (*Analyzer).setSynchronous)},
		"WNX": {6, 8, false, (*Analyzer).setExtra},
		"WT":  {2, 5, false, (*Analyzer).setSweepTiming},
		"WM":  {1, 2, false, (*Analyzer).setAbort},
		"WAT": {2, 3, false, (*Analyzer).setWait},

		// Pulses.
		"PT":     {2, 4, false, (*Analyzer).setPulseTiming},
		"PV":     {4, 5, false, of(voltage, (*Analyzer).setPulse)},
		"PI":     {4, 5, false, of(current, (*Analyzer).setPulse)},
		"PWV":    {7, 8, false, of(voltage, (*Analyzer).setPulseSweep)},
		"PWI":    {7, 8, false, of(current, (*Analyzer).setPulseSweep)},
		"MCPT":   {1, 4, false, (*Analyzer).setMultiTiming},
		"MCPNT":  {3, 3, false, (*Analyzer).setChannelTiming},
		"MCPNX":  {6, 7, false, (*Analyzer).setMultiPulse},
		"MCPWS":  {2, 2, false, (*Analyzer).setMultiSweep},
		"MCPWNX": {7, 9, false, (*Analyzer).setMultiRamp},

		// Sampling.
		"ML":  {1, 1, false, (*Analyzer).setSamplingMode},
		"MT":  {3, 4, false, (*Analyzer).setSamplingTiming},
		"MSC": {1, 2, false, (*Analyzer).setSamplingAbort},
		"MV":  {4, 5, false, of(voltage, (*Analyzer).setSampling)},
		"MI":  {4, 5, false, of(current, (*Analyzer).setSampling)},
		"MCC": {0, 10, false, (*Analyzer).clearSampling},

		// Measuring conditions.
		"AAD":      {1, 2, false, (*Analyzer).setConverter},
		"AIT":      {2, 3, false, (*Analyzer).setIntegration},
		"AV":       {1, 2, false, (*Analyzer).setAverage},
		"AZ":       {1, 1, false, onOff(func(a *Analyzer, on bool) { a.settings.autoZero = on })},
		"PAD":      {1, 1, false, onOff(func(a *Analyzer, on bool) { a.settings.parallel = on })},
		"CM":       {1, 1, false, onOff(func(a *Analyzer, on bool) { a.settings.calibrate = on })},
		"FL":       {1, 11, false, (*Analyzer).setFilter},
		"SSR":      {2, 2, false, (*Analyzer).setResistor},
		"RI":       {2, 2, false, of(current, (*Analyzer).setRange)},
		"RV":       {2, 2, false, of(voltage, (*Analyzer).setRange)},
		"RM":       {2, 3, false, (*Analyzer).setRangeMode},
		"CMM":      {2, 2, false, (*Analyzer).setOperation},
		"INTLKVTH": {1, 1, false, (*Analyzer).setInterlockVolts},

		// Program memory.
		"ST":   {1, 1, true, (*Analyzer).startProgram},
		"END":  {0, 0, true, func(_ *Analyzer, p *parameters) { p.check(false, wrongEND) }},
		"DO":   {1, 8, false, (*Analyzer).do},
		"RU":   {2, 2, true, (*Analyzer).runPrograms},
		"SCR":  {0, 1, true, (*Analyzer).scratch},
		"LST?": {0, 3, true, (*Analyzer).listProgram},

		// Queries and common commands.
		"*IDN?":     {0, 0, true, (*Analyzer).identify},
		"*RST":      {0, 0, true, func(a *Analyzer, _ *parameters) { a.initial() }},
		"*OPC?":     {0, 0, true, text("1")},
		"*TST?":     {0, 1, true, text("0")},
		"*CAL?":     {0, 1, true, text("0")},
		"*STB?":     {0, 0, true, (*Analyzer).queryStatus},
		"*SRE":      {1, 1, true, (*Analyzer).setRequestEnable},
		"*SRE?":     {0, 0, true, (*Analyzer).queryRequestEnable},
		"*LRN?":     {1, 1, true, (*Analyzer).learn},
		"CA":        {0, 1, true, quiet},
		"UNT?":      {0, 1, true, (*Analyzer).queryUnits},
		"ERRX?":     {0, 1, true, (*Analyzer).queryError},
		"ERR?":      {0, 1, true, (*Analyzer).queryErrorCodes},
		"EMG?":      {1, 1, true, (*Analyzer).queryErrorText},
		"NUB?":      {0, 0, true, (*Analyzer).queryRecords},
		"WZ?":       {0, 1, true, (*Analyzer).queryZero},
		"INTLKVTH?": {0, 0, true, (*Analyzer).queryInterlockVolts},
	}
}

// onOff makes a command of a switch.
func onOff(set func(a *Analyzer, on bool)) func(*Analyzer, *parameters) {
	return func(a *Analyzer, p *parameters) {
		if n := p.choice(0, 0, 1); !p.bad() {
			set(a, n == 1)
		}
	}
}

// measure is XE.
func (a *Analyzer) measure() fault {
	if a.settings.mode == 0 {
		return fault{code: modeMissing}
	}
	for _, ch := range a.settings.measured {
		if !ch.on {
			return ch.off()
		}
	}
	switch a.settings.mode {
	case 1:
		return a.measureSpot()
	case 2, 16:
		return a.measureSweep()
	case 3:
		return a.measurePulse()
	case 4, 5:
		return a.measurePulseSweep()
	case 10:
		return a.measureSampling()
	}
	return a.measureMultiPulse()
}
