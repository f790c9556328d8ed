package b1500

import (
	"math"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"xlab/mock/bench"
)

// TestNumbers: a number is written in 12 or 13 characters, in engineering form,
// and means what it should.
func TestNumbers(t *testing.T) {
	for _, c := range []struct {
		v      float64
		digits int
		want   string
	}{
		{0, 7, "+0.000000E+00"}, {1, 7, "+1.000000E+00"}, {-12.345678, 7, "-12.34568E+00"}, {999.99999, 7, "+1.000000E+03"},
		{1e-6, 7, "+1.000000E-06"}, {9.9999999e-7, 7, "+1.000000E-06"}, {1.15e-5, 6, "+11.5000E-06"},
		{-2.5e-10, 6, "-250.000E-12"},
		{123456, 7, "+123.4560E+03"}, {1e-120, 7, "+0.000000E+00"}, {nothing, 7, "+199.9999E+99"},
		{math.Inf(-1), 6, "+199.999E+99"},
		{math.NaN(), 6, "+199.999E+99"}, {5e-9, 6, "+5.00000E-09"}, {1e-99, 7, "+1.000000E-99"}, {1e98, 7, "+100.0000E+96"},
	} {
		if got := string(appendNumber(nil, c.v, c.digits)); got != c.want {
			t.Errorf("%g in %d digits: %s, want %s", c.v, c.digits, got, c.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Float64Range(-1, 1).Draw(t, "mantissa") * math.Pow(10, float64(rapid.IntRange(-15, 4).Draw(t, "decade")))
		digits := rapid.SampledFrom([]int{6, 7}).Draw(t, "digits")
		s := string(appendNumber([]byte{}, v, digits))
		if len(s) != digits+6 {
			t.Fatalf("%g: %q has %d characters", v, s, len(s))
		}
		back, err := strconv.ParseFloat(s, 64)
		if err != nil || math.Abs(back-v) > 0.51*math.Pow(10, float64(1-digits))*math.Abs(v)+1e-99 {
			t.Fatalf("%g was written %s", v, s)
		}
		mantissa, exponent, _ := strings.Cut(s, "E")
		if n, err := strconv.Atoi(exponent); err != nil || n%3 != 0 || len(exponent) != 3 {
			t.Fatalf("%g: exponent of %s", v, s)
		}
		if point := strings.IndexByte(mantissa, '.'); point < 2 || point > 4 {
			t.Fatalf("%g: point of %s", v, s)
		}
	})
}

func TestNewRefuses(t *testing.T) {
	for name, adjust := range map[string]func(*Options){
		"identity":   func(o *Options) { o.Identity = "" },
		"line":       func(o *Options) { o.LineFrequency = 0 },
		"buffer":     func(o *Options) { o.InputBuffer = 0 },
		"conversion": func(o *Options) { o.Timing.Conversion = 0 },
		"command":    func(o *Options) { o.Timing.Command = -1 },
		"NaN":        func(o *Options) { o.Timing.SourceWait = math.NaN() },
		"model":      func(o *Options) { o.Slots[0].Model = "B9999A" },
		"slot":       func(o *Options) { o.Slots[0].Number = 11 },
		"twice":      func(o *Options) { o.Slots[0].Number = 2 },
		"unit":       func(o *Options) { o.Slots[0].Unit = 5 },
		"shared":     func(o *Options) { o.Slots[0].Unit = 2 },
		"empty":      func(o *Options) { o.Slots = nil },
	} {
		o := DefaultOptions()
		adjust(&o)
		if _, err := New(newFake(), o); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := New(nil, DefaultOptions()); err == nil {
		t.Error("no terminals: accepted")
	}
}

// TestSlots: slots are data; each model has its ranges and limits.
func TestSlots(t *testing.T) {
	a, f := newAnalyzer(t, func(o *Options) {
		o.Slots = []Slot{{3, "B1511B", "1", 2}, {10, "B1510A", "0", 1}, {5, "B1514A", "2", 3}}
		o.LineFrequency = 60
	})
	if got := ask(t, a, "UNT?"); got != "0,0;0,0;B1511B,1;0,0;B1514A,2;0,0;0,0;0,0;0,0;B1510A,0" {
		t.Error(got)
	}
	send(a, "FMT 21;CN;DV 3,0,0;DV 10,0,1,0.5;AIT 0,2,6")
	if f.outputs[1] != (bench.Output{Mode: bench.ForceVoltage, Level: 1, Compliance: 0.5}) {
		t.Errorf("slot 10 drives %+v", f.outputs)
	}
	f.events = nil
	if got := ask(t, a, "TI 1001"); got != "000JI+20.00000E-06" {
		t.Error(got)
	}
	if len(f.events) != 1 || f.events[0] != "sample 0.1 [0 0 0 0]" {
		t.Error(f.events)
	}
	noError(t, a)
	for line, want := range map[string]string{
		"RI 3,-9": "+124", "RI 3,-11": "+0", "RI 10,-20": "+0", "RI 5,-14": "+124", "RV 5,2": "+0", "RV 10,5": "+124",
		"DV 10,2000,200,0.05": "+0", "DV 10,2000,200,0.06": "+123", "DV 5,400,31,0.01": "+120", "DV 10,15,150,0.01": "+0",
		"DV 3,14,100,0.02": "+0", "RV 3,12": "+0", "RV 5,13": "+0", "RV 3,15": "+124",
	} {
		send(a, line)
		if got := ask(t, a, "ERRX? 1"); got != want {
			t.Errorf("%s: %s, want %s", line, got, want)
		}
	}
}

// TestStatusByte: each bit comes and goes with what it stands for.
func TestStatusByte(t *testing.T) {
	a, f := newAnalyzer(t, nil)
	expect := func(what string, want byte) {
		t.Helper()
		if got := a.StatusByte(); got != want {
			t.Errorf("%s: status %d, want %d", what, got, want)
		}
	}
	expect("at first", 16)
	send(a, "*IDN?")
	expect("answer waits", 17)
	a.Read()
	expect("read", 16)
	send(a, "WHAT")
	expect("error", 48)
	expect("polled", 16)
	send(a, "WHAT", "ERRX?")
	a.Read()
	expect("read the queue", 16)
	f.open = true
	expect("interlock", 24)
	if got := a.BusyStatusByte(); got != 8 {
		t.Errorf("busy: %d", got)
	}
	f.open = false
	send(a, "*SRE 32")
	if a.RequestsService() {
		t.Error("asks for service for nothing")
	}
	send(a, "WHAT")
	if !a.RequestsService() {
		t.Error("does not ask for service")
	}
	expect("request", 112)
	if a.RequestsService() {
		t.Error("still asks after the poll")
	}
}

// TestFaultSeams: what the outside world can do.
func TestFaultSeams(t *testing.T) {
	a, f := newAnalyzer(t, nil)
	send(a, on, "DV 1,20,1,0.001;ST 1;END", "WHAT")

	a.Silence(true)
	if send(a, "*IDN?"); a.StatusByte() != 0 {
		t.Error("silent and yet polled")
	}
	a.DeviceClear()
	if _, ok := a.Read(); ok || f.outputs[1].Level != 1 {
		t.Errorf("silent: answers or moved: %+v", f.outputs[1])
	}
	a.Silence(false)

	a.Hang()
	send(a, "*IDN?")
	if _, ok := a.Read(); ok {
		t.Error("hanging and yet answers")
	}
	a.DeviceClear()
	if got := ask(t, a, "*LRN? 0"); got != "CL" || f.outputs[1].Mode != bench.Off {
		t.Errorf("after device clear: %s, %+v", got, f.outputs[1])
	}
	if got := ask(t, a, "ERR?"); got != "100,0,0,0" {
		t.Errorf("errors after device clear: %s", got)
	}

	a.InjectError(305, 2)
	if got := ask(t, a, "ERRX?"); got != `+305,"Undefined error.; SLOT2"` {
		t.Error(got)
	}
	for range 100 {
		a.InjectError(100, 0)
	}
	if n := len(a.errors.entries); n != queueLength {
		t.Errorf("%d errors kept", n)
	}

	send(a, on, "DV 1,20,1,0.001", "TI 1")
	if err := a.OpenOutput(1); err != nil || f.outputs[1].Mode != bench.Off || f.outputs[2].Mode == bench.Off {
		t.Errorf("front panel: %v, %+v", err, f.outputs)
	}
	if a.OpenOutput(5) == nil || a.OpenOutput(0) == nil || a.OpenOutput(11) == nil {
		t.Error("an empty slot has an output")
	}

	send(a, "FMT 21,0", "TSR", "PA 0.25")
	a.JumpClock(-10)
	if got := ask(t, a, "TSQ"); got != "000ZT-9.750000E+00" {
		t.Errorf("time stamp after the clock was put back: %s", got)
	}

	a.PowerCycle()
	if f.outputs[2].Mode != bench.Off {
		t.Errorf("after power cycle: %+v", f.outputs)
	}
	if got := ask(t, a, "LST?"); got != "0" {
		t.Errorf("programs after power cycle: %s", got)
	}
	noError(t, a)
	if _, ok := a.Read(); ok {
		t.Error("data after power cycle")
	}
}

// TestTrigger: the bus trigger measures like XE.
func TestTrigger(t *testing.T) {
	a, _ := newAnalyzer(t, nil)
	send(a, on, "MM 1,1")
	a.Trigger()
	if got, _ := a.Read(); string(got) != "000AI+0.000000E+00\r\n" {
		t.Errorf("%q", got)
	}
}

// TestDataBuffer: it takes 34034 records, no more, and keeps what it has.
func TestDataBuffer(t *testing.T) {
	a, f := newAnalyzer(t, nil)
	f.quiet = true
	send(a, on, "MM 2,1,2,3;WV 1,1,20,0,0,10001,0.001;XE;XE;MM 2,1;WV 1,1,20,0,0,4031;XE;TI 1;TIV 1;TTI 1;TSQ")
	if got := ask(t, a, "NUB?"); got != "34034" {
		t.Errorf("%s records", got)
	}
	if got := ask(t, a, "ERR?"); got != "151,151,151,151" {
		t.Errorf("errors %s", got)
	}
	first, _ := a.Read()
	second, _ := a.Read()
	if len(first) != 30003*19+1 || len(second) != 4031*19+1 {
		t.Errorf("answers of %d and %d bytes", len(first), len(second))
	}
	if _, ok := a.Read(); ok {
		t.Error("a third answer")
	}
}

// TestCommaFormats: formats 5, 15 and 25 end in a comma instead of CR LF.
func TestCommaFormats(t *testing.T) {
	for format, want := range map[string]string{"5": "NAI+0.00000E+00,", "15": "NAI+0.000000E+00,",
		"25": "000AI+0.000000E+00,"} {
		a, _ := newAnalyzer(t, nil)
		send(a, on, "FMT "+format+";TI 1")
		if got, _ := a.Read(); string(got) != want {
			t.Errorf("FMT %s: %q", format, got)
		}
	}
}

// TestLongDo: programs inside programs end, even if they would go on for ever.
func TestLongDo(t *testing.T) {
	a, f := newAnalyzer(t, nil)
	f.quiet = true
	for _, n := range "123456" {
		send(a, "ST "+string(n)+";DO "+string(n+1)+strings.Repeat(","+string(n+1), 7)+";END")
	}
	send(a, "ST 7;AZ 0;END", "DO 1")
	if got := ask(t, a, "ERRX? 1"); got != "+162" {
		t.Errorf("error %s", got)
	}
	a.PowerCycle()
	send(a, "ST 1;END", "ST 2;DO 1;END", "RU 1,2")
	noError(t, a)
}

// TestProgramMemoryIsFinite: 40000 commands, no more.
func TestProgramMemoryIsFinite(t *testing.T) {
	a, _ := newAnalyzer(t, nil)
	send(a, "ST 1")
	for range mostCommands {
		send(a, "AZ 0")
	}
	noCodes := a.errors.pop()
	send(a, "AZ 1", "END")
	if e := a.errors.pop(); noCodes.bad() || e.code != notInProgram {
		t.Errorf("errors %v, %v", noCodes, e)
	}
	send(a, "SCR 1", "ST 1;AZ 1;END", "DO 1")
	noError(t, a)
}
