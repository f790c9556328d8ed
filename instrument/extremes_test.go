package instrument

import (
	"math"
	"testing"
)

func TestExtremes(t *testing.T) {
	e := Extremes{Of: "a box", Voltage: 40, Current: 0.1, Width: 2, Wait: 60}
	for _, c := range []struct {
		err  error
		want string
	}{
		{e.CheckVoltage(-40), ""},
		{e.CheckVoltage(3000), "3 kV is beyond the 40 V that a box can give; did you mean 3000mV?"},
		{e.CheckVoltage(-2400), "-2.4 kV is beyond the 40 V that a box can give; did you mean -2400mV?"},
		{e.CheckVoltage(Volts(math.NaN())), "NaN V is beyond the 40 V that a box can give"},
		{e.CheckCurrent(0.1), ""},
		{e.CheckCurrent(5e6), "5 MA is beyond the 100 mA that a box can give; did you mean 5mA?"},
		{e.CheckCurrent(5), "5 A is beyond the 100 mA that a box can give; did you mean 5mA?"},
		{e.CheckCurrent(5000), "5 kA is beyond the 100 mA that a box can give; did you mean 5000uA?"},
		{e.CheckWidth(20e6), "20 Ms is beyond the 2 s that a box can give; did you mean 20ms?"},
		{e.CheckWidth(500), "500 s is beyond the 2 s that a box can give; did you mean 500ms?"},
		{e.CheckWait(60), ""},
		{e.CheckWait(1e30), "1e+30 s is beyond the 60 s that a box can give"},
	} {
		if got := ""; c.err != nil {
			if got = c.err.Error(); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		} else if c.want != "" {
			t.Errorf("taken, want %s", c.want)
		}
	}
}
