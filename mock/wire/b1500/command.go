package b1500

import "xlab/mock/bench"

// command is one entry of the command table.
type command struct {
	least, most int  // number of parameters
	direct      bool // may not be stored in program memory
	run         func(a *Analyzer, p []float64) fault
}

// execute carries out one command, or stores it while a program is recorded.
// Its time passes afterwards, so that TSQ tells the time at which it came.
func (a *Analyzer) execute(text []byte) {
	var s statement
	f := s.scan(text)
	if s.headerLen == 0 && !f.bad() {
		return
	}
	c, known := a.commands[string(s.header())]
	switch {
	case !known:
		f = fault{code: undefinedCommand}
	case f.bad():
	case s.count < c.least || s.count > c.most:
		f = fault{code: terminatorPosition}
	case a.programs.recording != 0:
		f = a.record(&s, c.direct, text)
	default:
		f = c.run(a, s.parameters())
	}
	if f.bad() {
		a.errors.push(f)
	}
	a.elapse(a.options.Timing.Command)
}

// commandTable lists all commands by header.
func commandTable() map[string]command {
	quiet := func(*Analyzer, []float64) fault { return fault{} }
	text := func(s string) func(*Analyzer, []float64) fault {
		return func(a *Analyzer, _ []float64) fault {
			a.answers.answer([]byte(s))
			return fault{}
		}
	}
	return map[string]command{
		// Outputs.
		"CN": {0, 10, false, (*Analyzer).enable},
		"CL": {0, 10, false, (*Analyzer).disable},
		"DZ": {0, 10, false, (*Analyzer).forceZero},
		"RZ": {0, 10, false, (*Analyzer).restore},
		"IN": {0, 10, false, (*Analyzer).initialise},
		"DV": {3, 6, false, func(a *Analyzer, p []float64) fault { return a.force(bench.ForceVoltage, p) }},
		"DI": {3, 6, false, func(a *Analyzer, p []float64) fault { return a.force(bench.ForceCurrent, p) }},

		// High-speed spot measurement.
		"TI":   {1, 2, false, func(a *Analyzer, p []float64) fault { return a.spot("I", false, p) }},
		"TV":   {1, 2, false, func(a *Analyzer, p []float64) fault { return a.spot("V", false, p) }},
		"TIV":  {1, 3, false, func(a *Analyzer, p []float64) fault { return a.spot("IV", false, p) }},
		"TTI":  {1, 2, false, func(a *Analyzer, p []float64) fault { return a.spot("I", true, p) }},
		"TTV":  {1, 2, false, func(a *Analyzer, p []float64) fault { return a.spot("V", true, p) }},
		"TTIV": {1, 3, false, func(a *Analyzer, p []float64) fault { return a.spot("IV", true, p) }},
		"TSR":  {0, 1, false, (*Analyzer).resetTimer},
		"TSQ":  {0, 0, false, (*Analyzer).queryTimer},
		"TSC":  {1, 1, false, onOff(func(a *Analyzer, on bool) { a.settings.timeStamp = on })},

		// Measurement by trigger.
		"MM":  {1, 11, false, (*Analyzer).setMode},
		"XE":  {0, 0, false, func(a *Analyzer, _ []float64) fault { return a.measure() }},
		"TM":  {1, 1, false, (*Analyzer).setTrigger},
		"FMT": {1, 2, false, (*Analyzer).setFormat},
		"BC":  {0, 0, false, func(a *Analyzer, _ []float64) fault { a.answers.clearData(); return fault{} }},
		"AB":  {0, 0, true, quiet},
		"PA":  {1, 1, false, (*Analyzer).pause},

		// Staircase sweep.
		"WV":  {6, 8, false, func(a *Analyzer, p []float64) fault { return a.setRamp(bench.ForceVoltage, p) }},
		"WI":  {6, 8, false, func(a *Analyzer, p []float64) fault { return a.setRamp(bench.ForceCurrent, p) }},
		"WSV": {4, 6, false, func(a *Analyzer, p []float64) fault { return a.setSynchronous(bench.ForceVoltage, p) }},
		"WSI": {4, 6, false, func(a *Analyzer, p []float64) fault { return a.setSynchronous(bench.ForceCurrent, p) }},
		"WNX": {6, 8, false, (*Analyzer).setExtra},
		"WT":  {2, 5, false, (*Analyzer).setSweepTiming},
		"WM":  {1, 2, false, (*Analyzer).setAbort},
		"WAT": {2, 3, false, (*Analyzer).setWait},

		// Pulses.
		"PT":     {2, 4, false, (*Analyzer).setPulseTiming},
		"PV":     {4, 5, false, func(a *Analyzer, p []float64) fault { return a.setPulse(bench.ForceVoltage, p) }},
		"PI":     {4, 5, false, func(a *Analyzer, p []float64) fault { return a.setPulse(bench.ForceCurrent, p) }},
		"PWV":    {7, 8, false, func(a *Analyzer, p []float64) fault { return a.setPulseSweep(bench.ForceVoltage, p) }},
		"PWI":    {7, 8, false, func(a *Analyzer, p []float64) fault { return a.setPulseSweep(bench.ForceCurrent, p) }},
		"MCPT":   {1, 4, false, (*Analyzer).setMultiTiming},
		"MCPNT":  {3, 3, false, (*Analyzer).setChannelTiming},
		"MCPNX":  {6, 7, false, (*Analyzer).setMultiPulse},
		"MCPWS":  {2, 2, false, (*Analyzer).setMultiSweep},
		"MCPWNX": {7, 9, false, (*Analyzer).setMultiRamp},

		// Sampling.
		"ML":  {1, 1, false, (*Analyzer).setSamplingMode},
		"MT":  {3, 4, false, (*Analyzer).setSamplingTiming},
		"MSC": {1, 2, false, (*Analyzer).setSamplingAbort},
		"MV":  {4, 5, false, func(a *Analyzer, p []float64) fault { return a.setSampling(bench.ForceVoltage, p) }},
		"MI":  {4, 5, false, func(a *Analyzer, p []float64) fault { return a.setSampling(bench.ForceCurrent, p) }},
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
		"RI":       {2, 2, false, func(a *Analyzer, p []float64) fault { return a.setRange(bench.ForceCurrent, p) }},
		"RV":       {2, 2, false, func(a *Analyzer, p []float64) fault { return a.setRange(bench.ForceVoltage, p) }},
		"RM":       {2, 3, false, (*Analyzer).setRangeMode},
		"CMM":      {2, 2, false, (*Analyzer).setOperation},
		"INTLKVTH": {1, 1, false, (*Analyzer).setInterlockVolts},

		// Program memory.
		"ST":   {1, 1, true, (*Analyzer).startProgram},
		"END":  {0, 0, true, func(*Analyzer, []float64) fault { return fault{code: wrongEND} }},
		"DO":   {1, 8, false, (*Analyzer).do},
		"RU":   {2, 2, true, (*Analyzer).runPrograms},
		"SCR":  {0, 1, true, (*Analyzer).scratch},
		"LST?": {0, 3, true, (*Analyzer).listProgram},

		// Queries and common commands.
		"*IDN?":     {0, 0, true, (*Analyzer).identify},
		"*RST":      {0, 0, true, func(a *Analyzer, _ []float64) fault { a.initial(); return fault{} }},
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
func onOff(set func(a *Analyzer, on bool)) func(*Analyzer, []float64) fault {
	return func(a *Analyzer, p []float64) fault {
		n, ok := choice(p[0], 0, 1)
		if !ok {
			return fault{code: parameterValue}
		}
		set(a, n == 1)
		return fault{}
	}
}

// choice reads a parameter that is a whole number within bounds.
func choice(x float64, least, most int) (int, bool) {
	n, ok := whole(x)
	return n, ok && n >= least && n <= most
}

// within tells whether a parameter lies within bounds.
func within(x, least, most float64) bool { return x >= least && x <= most }
