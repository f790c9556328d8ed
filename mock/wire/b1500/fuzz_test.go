package b1500

import (
	"math"
	"strings"
	"testing"

	"xlab/mock/bench"
)

// FuzzLine: no input makes the interpreter fail; each ends in an answer, a
// setting or an error; nothing beyond the limits of the module comes out; and
// the analyzer still answers.
func FuzzLine(f *testing.F) {
	for _, c := range []string{
		"DV 1,20,0.2,0.0001;TI 2,-15;ERRX?",
		"MM 27,1;RI 1,-16;MCPT 0,0.005,0,1;MCPNT 1,0,0.0005;MCPNX 1,1,1,20,0,0.6,0.0003;XE",
		"MM 2,1,2;WT 0,0.001;WM 2,1;WV 1,3,20,0,1,6,1E-05;XE;*LRN? 33",
		"MM 3,2;PT 0,0.01,0.02;PV 1,20,0,-1.2,0.0003;XE;BC",
		"MM 10,1;ML 2;MT 0,0.01,9;MI 1,16,0,2E-5,5;XE",
		"FMT 11,1;MM 4,1;PT 0,0.001;PWI 1,3,16,0,1E-5,2E-5,2,5;XE",
		"MM 28,1;MCPT 0;MCPNT 1,0,0.001;MCPWS 1,2;MCPWNX 1,1,1,20,0,0.5,1,0.001;XE",
		"ST 1;DV 1,0,1;END;DO 1,1;RU 1,9;LST? 1", "DZ;RZ;CL;CN;IN;AB;*RST;WZ? 1;UNT?;*STB?",
		"AAD 1,1;AIT 1,2,1;AV -5;AZ 1;TSC 1;TTIV 1,-14,-5;TSQ;NUB?", ";;, \x00\n\r?*", "DI1,0,-1e-3,1,1,0",
	} {
		f.Add(c)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, fake := newAnalyzer(t, nil)
		fake.quiet = true
		// A thousand pulses averaged on ten thousand levels are a night's work,
		// even here.
		fake.samples, fake.tired = 20000, func() { t.Skip("more than 20000 measurements") }
		fake.check = func(unit int, o bench.Output) {
			volts, amps := math.Abs(o.Level), o.Compliance
			if o.Mode == bench.ForceCurrent {
				volts, amps = o.Compliance, math.Abs(o.Level)
			}
			if o.Mode != bench.Off && (!(o.Compliance > 0) || !(volts <= 100) || !(amps <= 0.1)) {
				t.Errorf("%q: unit %d was told %+v", text, unit, o)
			}
		}
		send(a, on, text)
		if n := len(a.errors.entries); n > queueLength {
			t.Errorf("%q: %d errors", text, n)
		}
		failed := len(a.errors.entries) > 0
		for range mostRecords {
			answer, ok := a.Read()
			if !ok {
				break
			}
			if len(answer) == 0 {
				t.Errorf("%q: an empty answer", text)
			}
		}
		if _, ok := a.Read(); ok {
			t.Errorf("%q: answers without end", text)
		}
		if math.IsNaN(fake.clock) || math.IsInf(fake.clock, 0) {
			t.Errorf("%q: clock at %g", text, fake.clock)
		}
		// A header that does not exist is never passed over in silence (unless
		// the line itself empties the error queue).
		if !failed && !strings.Contains(strings.ToUpper(text), "ERR") {
			for _, one := range strings.FieldsFunc(text, func(r rune) bool { return r == ';' || r == '\n' }) {
				if s := scan([]byte(one)); s.bad() || s.header != "" && a.commands[s.header].run == nil {
					t.Errorf("%q: %q was passed over", text, one)
				}
			}
		}
		a.programs.stopRecording()
		for a.errors.pop().bad() {
		}
		if got := ask(t, a, "*IDN?"); got != a.options.Identity {
			t.Errorf("%q: then *IDN? gives %q", text, got)
		}
	})
}

func BenchmarkExchange(b *testing.B) {
	a, fake := newAnalyzer(b, nil)
	fake.quiet = true
	send(a, on)
	line := []byte("DV 1,20,0.2,0.0001;DV 2,20,0,0.0001;DV 3,20,0,0.0001;DV 4,20,0,0.0001;TI 2,-15;DV 1,20,0,0.0001\n")
	query := []byte("ERRX?\n")
	b.ReportAllocs()
	for b.Loop() {
		a.Write(line)
		a.Read()
		a.Write(query)
		a.Read()
	}
}
