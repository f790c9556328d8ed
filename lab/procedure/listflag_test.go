package procedure

import (
	"slices"
	"testing"

	"xlab/instrument"
)

func TestListFlag(t *testing.T) {
	var states []instrument.Siemens
	flag := List(&states)
	if err := flag.Set("10uS, 96.6 µS,1mS"); err != nil || !slices.Equal(states,
		[]instrument.Siemens{10e-6, 96.6e-6, 1e-3}) {
		t.Errorf("%v, %v", states, err)
	}
	if flag.String() != "10.0µS,96.6µS,1.00mS" {
		t.Errorf("printed as %q", flag.String())
	}
	if err := flag.Set("10uS,5V"); err == nil || len(states) != 3 {
		t.Errorf("a voltage among conductances: %v, %v", states, err)
	}
}
