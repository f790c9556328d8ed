package b1500

import (
	"math"
	"strings"
	"testing"
)

// TestTimeline: what the bench is told, and when.
func TestTimeline(t *testing.T) {
	const auto = "[0 0 0 0]"
	for _, c := range []struct {
		name, before, line string
		want               []string
	}{
		{"enabling", "", "CN 1,3", []string{"set 1:V0/0.0001 3:V0/0.0001"}},
		{"disabling", on, "CL 1,2", []string{"set 1:-0/0 2:-0/0"}},
		{"nothing new is not told", on, "CN;DV 1,200,0,0.0001;DZ 3", nil},
		{"drive, pause, measure", on, "DV 1,20,0.2,0.001;PA 0.001;AAD 2,1;AIT 1,2,1;TI 2,-15;DV 1,20,0,0.001",
			[]string{"set 1:V0.2/0.001", "hold 0.001", "sample 0.02 [0 1e-05 0 0]", "set 1:V0/0.001"}},

		{"high-speed converter", on, "AIT 0,1,13;TI 1", []string{"sample 0.00104 " + auto}},
		{"high-speed converter, cycles", on, "AIT 0,2,3;TI 1", []string{"sample 0.06 " + auto}},
		{"high-speed converter, time", on, "AIT 0,3,0.0005;TI 1", []string{"sample 0.0005 " + auto}},
		{"high-speed converter, cycles by AV", on, "AV -2;TI 1", []string{"sample 0.04 " + auto}},
		{"high-speed converter, samples by AV", on, "AV 10,1;TI 1", []string{"sample 0.0008 " + auto}},
		{"high-resolution converter", on, "AAD 1,1;AIT 1,1,10;TI 1", []string{"sample 0.0008 " + auto}},
		{"its zero too", on, "AAD 1,1;AIT 1,2,2;AZ 1;TI 1", []string{"sample 0.08 " + auto}},

		{"in turn", on, "MM 1,1,2;AAD 1,1;AIT 1,2,1;RI 2,-16;XE", []string{"sample 0.02 " + auto,
			"sample 8e-05 [0 0.0001 0 0]"}},
		{"parallel", on, "PAD 1;MM 1,3,1,2;AAD 1,1;AIT 1,2,1;RI 2,-16;XE",
			[]string{"sample 8e-05 [0 0.0001 0 0]", "sample 0.02 " + auto}},

		{"pulse", on, "MM 3,1;PT 0.01,0.001,0.01,0.002;PV 1,20,0.1,1,0.001;XE", []string{
			"set 1:V0.1/0.001", "hold 0.012", "set 1:V1/0.001", "hold 0.00092", "sample 8e-05 " + auto, "set 1:V0.1/0.001",
			"hold 0.007"}},
		{"pulse, automatic period", on, "MM 3,1;PT 0,0.0005;PV 1,20,0,1,0.001;XE", []string{
			"set 1:V0/0.001", "set 1:V1/0.001", "hold 0.00042", "sample 8e-05 " + auto, "set 1:V0/0.001", "hold 0.0045"}},
		{"pulse, automatic period of a long one", on, "MM 3,1;PT 0,0.1003;PV 1,20,0,1,0.01;XE", []string{
			"set 1:V0/0.01", "set 1:V1/0.01", "hold 0.10022", "sample 8e-05 " + auto, "set 1:V0/0.01", "hold 0.002"}},
		{"pulse, longer reading", on, "AIT 2,1,5;MM 3,1;PT 0,0.0005;PV 1,20,0,1,0.01;XE", []string{
			"set 1:V0/0.01", "set 1:V1/0.01", "hold 0.0001", "sample 0.0004 " + auto, "set 1:V0/0.01", "hold 0.0045"}},
		{"pulse, reading as long as it", on, "AIT 2,2,1;MM 3,1;PT 0,0.0005;PV 1,20,0,1,0.01;XE", []string{
			"set 1:V0/0.01", "set 1:V1/0.01", "sample 0.0005 " + auto, "set 1:V0/0.01", "hold 0.0045"}},
		{"pulses together", on, "MM 27,1,2;MCPT 0.01,0.005;MCPNT 1,0,0.001;MCPNT 2,0,0.001;MCPNX " +
			"1,1,1,20,0,0.6,0.001;MCPNX 2,2,1,20,0,-0.6,0.002;XE",
			[]string{"set 1:V0/0.001 2:V0/0.002", "hold 0.01", "set 1:V0.6/0.001 2:V-0.6/0.002", "hold 0.00092",
				"sample 8e-05 " + auto,
				"set 1:V0/0.001 2:V0/0.002", "hold 0.004"}},
		{"pulses of two widths and delays", on, "MM 27,1;MCPT 0,0.01;MCPNT 1,0,0.003;MCPNT 2,0.001,0.001;MCPNX " +
			"1,1,1,20,0,0.6,0.001;MCPNX 2,2,1,20,0,-0.6,0.001;XE",
			[]string{"set 1:V0/0.001 2:V0/0.001", "set 1:V0.6/0.001", "hold 0.001", "set 2:V-0.6/0.001", "hold 0.00092",
				"sample 8e-05 " + auto,
				"set 2:V0/0.001", "hold 0.001", "set 1:V0/0.001", "hold 0.007"}},
		{"pulses, reading at a delay", on, "MM 27,1;MCPT 0,0.005,0.0002;MCPNT 1,0,0.001;MCPNX 1,1,1,20,0,1,0.01;XE",
			[]string{"set 1:V0/0.01", "set 1:V1/0.01", "hold 0.0002", "sample 8e-05 " + auto, "hold 0.00072", "set 1:V0/0.01",
				"hold 0.004"}},
		{"pulses, reading after the end", on, "MM 27,1;MCPT 0,0.005,0.00499;MCPNT 1,0,0.001;MCPNX 1,1,1,20,0,1,0.01;XE",
			[]string{"set 1:V0/0.01", "set 1:V1/0.01", "hold 0.001", "set 1:V0/0.01", "hold 0.00392", "sample 8e-05 " + auto}},
		{"pulses, reading cut short", on, "MM 27,1;MCPT 0,0.005,0.00095;MCPNT 1,0,0.001;MCPNX 1,1,1,20,0,1,0.01;XE",
			[]string{"set 1:V0/0.01", "set 1:V1/0.01", "hold 0.00095", "sample 5e-05 " + auto, "set 1:V0/0.01", "hold 0.004"}},
		{"averaging pulses twice", on, "MM 27,1;MCPT 0,0.005,0,2;MCPNT 1,0,0.001;MCPNX 1,1,1,20,0,1,0.01;XE",
			[]string{"set 1:V0/0.01", "set 1:V1/0.01", "hold 0.00092", "sample 8e-05 " + auto, "set 1:V0/0.01", "hold 0.004",
				"set 1:V1/0.01", "hold 0.00092", "sample 8e-05 " + auto, "set 1:V0/0.01", "hold 0.004"}},

		{"sweep", on, "MM 2,1;WT 0.5,0.01,0.001;WV 1,1,20,0,1,3,0.01;XE", []string{
			"set 1:V0/0.01", "hold 0.51", "sample 8e-05 " + auto, "hold 0.00092",
			"set 1:V0.5/0.01", "hold 0.01", "sample 8e-05 " + auto, "hold 0.00092",
			"set 1:V1/0.01", "hold 0.01", "sample 8e-05 " + auto, "hold 0.00092", "set 1:V0/0.01"}},
		{"sweep with waits", on, "MM 2,1;WM 1,2;WAT 1,1,0.25;WAT 2,1,0.5;WV 1,1,20,0.1,0.2,2,0.01;XE", []string{
			"set 1:V0.1/0.01", "hold 0.75", "sample 8e-05 " + auto, "set 1:V0.2/0.01", "hold 0.75", "sample 8e-05 " + auto}},
		{"two sweep sources", on, "MM 2,1;WV 1,1,20,0,1,2,0.01;WSV 2,20,1,0,0.02;XE", []string{
			"set 1:V0/0.01 2:V1/0.02", "sample 8e-05 " + auto, "set 1:V1/0.01 2:V0/0.02", "sample 8e-05 " + auto,
			"set 1:V0/0.01 2:V1/0.02"}},
		{"staircase with pulsed bias", on, "MM 5,1;PT 0,0.001;WV 1,1,20,0.1,0.2,2,0.01;PV 2,20,0,-1,0.01;XE", []string{
			"set 1:V0.1/0.01", "set 2:V-1/0.01", "hold 0.00092", "sample 8e-05 " + auto, "set 2:V0/0.01", "hold 0.004",
			"set 1:V0.2/0.01", "set 2:V-1/0.01", "hold 0.00092", "sample 8e-05 " + auto, "set 2:V0/0.01", "hold 0.004",
			"set 1:V0.1/0.01"}},
		{"sampling", on, "MM 10,1;MT 0.2,0.01,2,0.1;MV 1,20,0.1,1,0.01;XE", []string{
			"set 1:V0.1/0.01", "hold 0.1", "set 1:V1/0.01", "hold 0.2", "sample 8e-05 " + auto, "hold 0.00992", "sample 8e-05 " +
				auto}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, f := newAnalyzer(t, nil)
			send(a, strings.Split(c.before, "|")...)
			f.events = nil
			send(a, c.line)
			if got, want := strings.Join(f.events, "; "), strings.Join(c.want, "; "); got != want {
				t.Errorf("%s\n got %s\nwant %s", c.line, got, want)
			}
			noError(t, a)
		})
	}
}

// TestCommandTime: each command takes its time, whatever it does.
func TestCommandTime(t *testing.T) {
	a, f := newAnalyzer(t, func(o *Options) { o.Timing.Command = 20e-6 })
	send(a, "FMT 21;CN;WHAT;*OPC?;")
	if want := 4 * 20e-6; math.Abs(f.clock-want) > 1e-15 {
		t.Errorf("%g s, want %g s", f.clock, want)
	}
	f.clock, f.events = 0, nil
	send(a, "ST 1;DV 1,0,1,0.001;END", "DO 1")
	if want := 5 * 20e-6; math.Abs(f.clock-want) > 1e-15 {
		t.Errorf("program: %g s, want %g s", f.clock, want)
	}
}

// TestStrictTimes: what a real analyzer mends is refused on demand.
func TestStrictTimes(t *testing.T) {
	for _, c := range []struct{ line, strict string }{
		{"PT 0,0.00055", "+120"}, {"PT 0,0.0005,0.00505", "+120"}, {"PT 0,0.0012,0.0077", "+0"},
		{"MCPT 0,0.00505", "+120"}, {"MCPNT 1,0.00005,0.001", "+120"}, {"MCPNT 1,0,0.00105", "+120"},
		{"MCPNT 1,0,0.0017", "+0"},
	} {
		for _, strict := range []bool{false, true} {
			a, _ := newAnalyzer(t, func(o *Options) { o.StrictTimes = strict })
			send(a, on, c.line)
			want := "+0"
			if strict {
				want = c.strict
			}
			if got := ask(t, a, "ERRX? 1"); got != want {
				t.Errorf("%s, strict %v: %s, want %s", c.line, strict, got, want)
			}
		}
	}
	a, f := newAnalyzer(t, nil)
	send(a, on)
	f.events = nil
	send(a, "MM 3,1;PT 0,0.00123,0.00999;PV 1,20,0,1,0.001;XE")
	if got := strings.Join(f.events, "; "); !strings.Contains(got, "hold 0.00112; sample 8e-05") ||
		!strings.Contains(got, "hold 0.0088") {
		t.Errorf("rounded to 1.2 ms of 10.0 ms: %s", got)
	}
}

// TestInterlock: beyond 42 V the interlock must be closed; strictly, for
// anything but 0.
func TestInterlock(t *testing.T) {
	for _, c := range []struct {
		line           string
		normal, strict string
	}{
		{"DV 1,1000,42,0.001", "+0", "+202"}, {"DV 1,1000,42.1,0.001", "+202", "+202"}, {"DV 1,0,0,0.001", "+0", "+0"},
		{"DI 1,0,1E-6,42", "+0", "+202"}, {"DI 1,0,1E-6,43", "+202", "+202"},
		{"WV 1,1,1000,0,-50,3,0.001", "+202", "+202"}, {"PV 1,1000,0,50,0.001", "+202", "+202"},
		{"MCPNX 1,1,1,1000,50,0,0.001", "+202", "+202"},
		{"MV 1,0,0,1,0.001", "+0", "+202"}, {"INTLKVTH 10;DV 1,0,11,0.001", "+202", "+202"},
	} {
		for _, strict := range []bool{false, true} {
			a, f := newAnalyzer(t, func(o *Options) { o.StrictInterlock = strict })
			send(a, on)
			f.open = true
			send(a, c.line)
			want := c.normal
			if strict {
				want = c.strict
			}
			if got := ask(t, a, "ERRX? 1"); got != want {
				t.Errorf("%s, strict %v: %s, want %s", c.line, strict, got, want)
			}
			if s := a.StatusByte(); s != statusReady|statusInterlock {
				t.Errorf("status %d", s)
			}
		}
	}

	// Sources that were set while it was closed are refused when they start.
	for _, start := range []string{"MM 2,1;WV 1,1,1000,0,50,3,0.001", "MM 3,1;PT 0,0.001;PV 1,1000,0,50,0.001",
		"MM 10,1;MV 1,1000,0,50,0.001", "MM 4,1;PT 0,0.001;PWV 1,1,1000,0,0,50,2,0.001", "DV 1,1000,50,0.001;DZ"} {
		a, f := newAnalyzer(t, nil)
		send(a, on, start)
		noError(t, a)
		f.open = true
		send(a, "XE;RZ")
		if got := ask(t, a, "ERR?"); !strings.Contains(got, "202") {
			t.Errorf("%s: %s", start, got)
		}
		if f.outputs[1].Level != 0 {
			t.Errorf("%s: output %+v", start, f.outputs[1])
		}
	}

	// An output that is up when it opens goes to 0 V.
	a, f := newAnalyzer(t, nil)
	send(a, on, "DV 1,1000,50,0.001;DV 2,20,1,0.001")
	f.open = true
	if got := ask(t, a, "ERRX?"); got != `+202,"Interlock circuit must be closed.; SLOT1"` {
		t.Error(got)
	}
	if f.outputs[1].Level != 0 || f.outputs[2].Level != 1 {
		t.Errorf("outputs %+v", f.outputs)
	}
}
