package b1500

import (
	"fmt"
	"math"
	"testing"

	"xlab/mock/bench"
)

// fakeBench is a resistor between the wires of units 1 and 2; the other units
// drive nothing. No noise, no settling. It writes down what it is told.
type fakeBench struct {
	ohms    float64
	outputs [5]bench.Output // by unit
	clock   float64
	open    bool // interlock
	events  []string
	quiet   bool   // no events
	samples int    // after so many measurements
	tired   func() // this is called, nil = never
	check   func(unit int, o bench.Output)
}

func newFake() *fakeBench { return &fakeBench{ohms: 50e3} }

func (f *fakeBench) event(format string, v ...any) {
	if !f.quiet {
		f.events = append(f.events, fmt.Sprintf(format, v...))
	}
}

func (f *fakeBench) Do(do func()) { do() }

func (f *fakeBench) Units() int { return 4 }

func (f *fakeBench) SetOutputs(change map[int]bench.Output) {
	all := ""
	for u := 1; u <= 4; u++ {
		if o, ok := change[u]; ok {
			if f.check != nil {
				f.check(u, o)
			}
			f.outputs[u] = o
			if !f.quiet {
				all += fmt.Sprintf(" %d:%c%g/%g", u, "-VI"[o.Mode], o.Level, o.Compliance)
			}
		}
	}
	f.event("set%s", all)
}

func (f *fakeBench) Hold(seconds float64) {
	if !(seconds >= 0) || math.IsInf(seconds, 0) {
		panic(fmt.Sprintf("hold of %g s", seconds))
	}
	f.clock += seconds
	f.event("hold %.6g", seconds)
}

func (f *fakeBench) Sample(aperture float64, fullScale []float64) []bench.Sample {
	if !(aperture > 0) || len(fullScale) != 4 {
		panic(fmt.Sprintf("sample over %g s with %d ranges", aperture, len(fullScale)))
	}
	if f.samples--; f.samples == 0 && f.tired != nil {
		f.tired()
	}
	f.clock += aperture
	f.event("sample %.6g %v", aperture, fullScale)
	return f.solve()
}

func (f *fakeBench) Now() float64 { return f.clock }

func (f *fakeBench) InterlockOpen() bool { return f.open }

func (f *fakeBench) Switch(string, []uint8) {}

// solve finds the operating point of the resistor between units 1 and 2.
func (f *fakeBench) solve() []bench.Sample {
	s := make([]bench.Sample, 4)
	for u := 3; u <= 4; u++ {
		if o := f.outputs[u]; o.Mode == bench.ForceVoltage {
			s[u-1].Voltage = o.Level
		} else if o.Mode == bench.ForceCurrent && o.Level != 0 {
			s[u-1] = bench.Sample{Voltage: math.Copysign(o.Compliance, o.Level), InCompliance: true}
		}
	}
	a, b := f.outputs[1], f.outputs[2]
	one, two := &s[0], &s[1]
	switch {
	case a.Mode == bench.Off || b.Mode == bench.Off:
		for i, o := range []bench.Output{a, b} {
			if o.Mode == bench.ForceVoltage {
				s[i].Voltage = o.Level
			} else if o.Mode == bench.ForceCurrent && o.Level != 0 {
				s[i] = bench.Sample{Voltage: math.Copysign(o.Compliance, o.Level), InCompliance: true}
			}
		}
	case a.Mode == bench.ForceVoltage && b.Mode == bench.ForceVoltage:
		one.Voltage, two.Voltage = a.Level, b.Level
		i := (a.Level - b.Level) / f.ohms
		if limit := math.Min(a.Compliance, b.Compliance); math.Abs(i) > limit {
			i = math.Copysign(limit, i)
			if a.Compliance <= b.Compliance {
				one.InCompliance, one.Voltage = true, b.Level+f.ohms*i
			} else {
				two.InCompliance, two.Voltage = true, a.Level-f.ohms*i
			}
		}
		one.Current, two.Current = i, -i
	case a.Mode == bench.ForceCurrent:
		v := 0.0
		if b.Mode == bench.ForceVoltage {
			v = b.Level
		}
		one.Current, one.Voltage = a.Level, v+f.ohms*a.Level
		if math.Abs(one.Voltage) > a.Compliance {
			one.Voltage = math.Copysign(a.Compliance, one.Voltage)
			one.Current, one.InCompliance = (one.Voltage-v)/f.ohms, true
		}
		two.Voltage, two.Current = v, -one.Current
	default: // unit 2 forces the current
		two.Current, two.Voltage = b.Level, a.Level+f.ohms*b.Level
		if math.Abs(two.Voltage) > b.Compliance {
			two.Voltage = math.Copysign(b.Compliance, two.Voltage)
			two.Current, two.InCompliance = (two.Voltage-a.Level)/f.ohms, true
		}
		one.Voltage, one.Current = a.Level, -two.Current
	}
	return s
}

// newAnalyzer returns an analyzer on a fake bench, changed by adjust.
func newAnalyzer(t testing.TB, adjust func(*Options)) (*Analyzer, *fakeBench) {
	t.Helper()
	f := newFake()
	o := DefaultOptions()
	o.Timing.Command = 0
	if adjust != nil {
		adjust(&o)
	}
	a, err := New(f, o)
	if err != nil {
		t.Fatal(err)
	}
	f.events = nil
	return a, f
}

// send writes lines.
func send(a *Analyzer, lines ...string) {
	for _, l := range lines {
		a.Write([]byte(l))
	}
}

// ask writes a line and reads one answer; "" if there is none.
func ask(t testing.TB, a *Analyzer, line string) string {
	t.Helper()
	send(a, line)
	answer, ok := a.Read()
	if !ok {
		return ""
	}
	n := len(answer)
	if n < 2 || string(answer[n-2:]) != "\r\n" {
		t.Fatalf("%q: answer %q does not end in CR LF", line, answer)
	}
	return string(answer[:n-2])
}

// noError fails the test if an error is in the queue.
func noError(t testing.TB, a *Analyzer) {
	t.Helper()
	if e := ask(t, a, "ERRX?"); e != `+0,"No Error."` {
		t.Fatalf("error in the queue: %s", e)
	}
}
