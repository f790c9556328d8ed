package neuron

import (
	"strings"
	"testing"
)

// FuzzLine: whatever comes in, the board does not fail, answers a query with one
// line, a command with none, and goes on answering.
func FuzzLine(f *testing.F) {
	for _, s := range []string{"*IDN?", "MEAS:VOLT? (@1:4)", "meas:volt:hid? (@ 1 , 3:4)", "CONF:AVER 64", "CAL:OFFS?",
		"BURS:FRAM 1,0102,aAbB", "BURS:RUN? HID",
		"SYST:ERR?", "*ESE 255", "BURS:SETT 1e4", "\x00", "MEAS:VOLT? (@" + strings.Repeat("1:4,", 70) + "1)"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if strings.ContainsAny(line, "\r\n") {
			return // the stream makes lines of it
		}
		s := newSetup(t)
		answer := s.tell(line)
		if n := strings.Count(answer, "\n"); n > 1 || n == 1 && !strings.HasSuffix(answer, "\n") {
			t.Errorf("%q is answered with %q", line, answer)
		}
		if answer != "" && !strings.Contains(line, "?") {
			t.Errorf("the command %q is answered with %q", line, answer)
		}
		if got := s.tell("*RST", "*CLS", "*OPC?"); got != "1\n" {
			t.Errorf("after %q the board answers %q", line, got)
		}
	})
}
