package blueprint

import (
	"math"
	"strconv"
	"strings"

	"xlab/mock/bench"
)

// What the box can do. Times are in s.
const (
	channels       = 4
	mostVolts      = 10
	mostAmps       = 0.1  // to be set as a compliance
	measurableAmps = 0.11 // that the meters can show
	restAmps       = 1e-4 // compliance after ON
	voltStep       = 1e-3
	pulseStep      = 1e-4
	pulseReading   = 1e-4 // at the end of a pulse
	longestPulse   = 1
	longestWait    = 100
	longestReading = 1
)

// Answers.
const (
	obeyed        = "ok"
	notUnderstood = "error 1 not understood"
	outOfRange    = "error 2 out of range"
	outputOff     = "error 3 output is off"
	interlockOpen = "error 7 interlock is open"
)

// command is what a line begins with, and what belongs behind it.
type command struct {
	timed   bool // a time, s
	leveled bool // at least one channel's level
	run     func(s *Server, seconds float64, levels map[int]bench.Output) string
}

var commands = map[string]command{
	"*IDN?": {run: func(*Server, float64, map[int]bench.Output) string { return "Example,SM1,4711,1.0" }},
	"OFF":   {run: func(s *Server, _ float64, _ map[int]bench.Output) string { return s.connect(false) }},
	"ON":    {run: func(s *Server, _ float64, _ map[int]bench.Output) string { return s.connect(true) }},
	"STAT?": {run: (*Server).status},
	"TIME?": {run: (*Server).time},
	"VOLT":  {leveled: true, run: (*Server).force},
	"WAIT":  {timed: true, run: (*Server).wait},
	"CURR?": {timed: true, run: (*Server).spot},
	"PULS":  {timed: true, leveled: true, run: (*Server).pulse},
}

// obey carries out one line and gives its answer.
func (s *Server) obey(line string) string {
	if s.on && s.bench.InterlockOpen() {
		s.connect(true) // at 0 V
	}
	words := strings.Split(line, " ")
	c, known := commands[words[0]]
	words = words[1:]
	seconds := 0.0
	if c.timed && len(words) > 0 {
		var err error
		if seconds, err = strconv.ParseFloat(words[0], 64); err != nil {
			return notUnderstood
		}
		words = words[1:]
	} else if c.timed {
		return notUnderstood
	}
	if !known || c.leveled != (len(words) > 0) {
		return notUnderstood
	}
	levels, refusal := s.levels(words)
	if refusal != "" {
		return refusal
	}
	return c.run(s, seconds, levels)
}

// levels reads "n,v,i" of each channel named.
func (s *Server) levels(words []string) (levels map[int]bench.Output, refusal string) {
	levels = make(map[int]bench.Output, len(words))
	for _, word := range words {
		fields := strings.Split(word, ",")
		if len(fields) != 3 {
			return nil, notUnderstood
		}
		var x [3]float64
		for i, field := range fields {
			var err error
			if x[i], err = strconv.ParseFloat(field, 64); err != nil {
				return nil, notUnderstood
			}
		}
		n, volts, amps := int(x[0]), x[1], x[2]
		_, twice := levels[n]
		if float64(n) != x[0] || n < 1 || n > channels || twice || !(math.Abs(volts) <= mostVolts) ||
			!onGrid(volts, voltStep) || !(amps > 0 && amps <= mostAmps) {
			return nil, outOfRange
		}
		levels[n] = bench.Output{Mode: bench.ForceVoltage, Level: volts, Compliance: amps}
	}
	for _, o := range levels {
		switch {
		case !s.on:
			return nil, outputOff
		case o.Level != 0 && s.bench.InterlockOpen():
			return nil, interlockOpen
		}
	}
	return levels, ""
}

// onGrid tells whether x is a multiple of step, but for rounding.
func onGrid(x, step float64) bool {
	n := x / step
	return math.Abs(n-math.Round(n)) < 1e-6
}

// connect brings all channels to 0 V and connects or disconnects them.
func (s *Server) connect(on bool) string {
	s.on = on
	rest := bench.Output{}
	if on {
		rest = bench.Output{Mode: bench.ForceVoltage, Compliance: restAmps}
	}
	all := make(map[int]bench.Output, channels)
	for n := 1; n <= channels; n++ {
		all[n] = rest
	}
	return s.force(0, all)
}

func (s *Server) force(_ float64, levels map[int]bench.Output) string {
	s.bench.SetOutputs(levels)
	return obeyed
}

func (s *Server) status(float64, map[int]bench.Output) string {
	status := 0
	if s.on {
		status |= 1
	}
	if s.bench.InterlockOpen() {
		status |= 2
	}
	return strconv.Itoa(status)
}

// time is the clock's, to the microsecond.
func (s *Server) time(float64, map[int]bench.Output) string {
	return strconv.FormatFloat(math.Round(s.bench.Now()*1e6)/1e6, 'f', -1, 64)
}

func (s *Server) wait(seconds float64, _ map[int]bench.Output) string {
	if !(seconds >= 0 && seconds <= longestWait) {
		return outOfRange
	}
	s.bench.Hold(seconds)
	return obeyed
}

func (s *Server) spot(seconds float64, _ map[int]bench.Output) string {
	switch {
	case !s.on:
		return outputOff
	case !(seconds > 0 && seconds <= longestReading):
		return outOfRange
	}
	return s.measure(seconds)
}

// pulse takes channels to their levels and back to 0 V, and measures in between.
func (s *Server) pulse(seconds float64, levels map[int]bench.Output) string {
	if !(seconds >= pulseStep/2 && seconds <= longestPulse) || !onGrid(seconds, pulseStep) {
		return outOfRange
	}
	s.bench.SetOutputs(levels)
	s.bench.Hold(seconds - pulseReading)
	answer := s.measure(pulseReading)
	for n, o := range levels {
		o.Level = 0
		levels[n] = o
	}
	s.bench.SetOutputs(levels)
	return answer
}

// measure gives amperes and flags of every channel.
func (s *Server) measure(seconds float64) string {
	samples := s.bench.Sample(seconds, nil)
	words := make([]string, channels)
	for i := range words {
		amps, flags := samples[i].Current, 0
		if samples[i].InCompliance {
			flags |= 1
		}
		switch {
		case !(math.Abs(amps) <= measurableAmps):
			amps, flags = math.Copysign(9.9e37, amps), flags|2
		case amps == 0:
			amps = 0 // without a sign
		}
		words[i] = strconv.FormatFloat(amps, 'g', 7, 64) + "," + strconv.Itoa(flags)
	}
	return strings.Join(words, " ")
}
