package lab

import (
	"encoding/json"
	"testing"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/instrument/profile"
	"xlab/run"
	"xlab/run/record"
)

// TestHeatedReadsAreNotCompared: a chip that had been heated has cooled down when
// its run is taken up.
func TestHeatedReadsAreNotCompared(t *testing.T) {
	k := newKnowledge(array.StepKinds(), 25, profile.Of(nil))
	at := place{"A", array.Cell{Row: 1, Col: 2}}
	see := func(kind string, data any) {
		t.Helper()
		text, err := json.Marshal(data)
		if err != nil {
			t.Fatal(err)
		}
		if err := k.see(run.Record{Type: run.TypeEvent, Kind: kind, Data: text}); err != nil {
			t.Fatal(err)
		}
	}
	reach := func(c instrument.Celsius) {
		see(record.Recall, map[string]any{"what": recallTemperature, "asked": c, "answer": c})
	}
	read := func(i instrument.Amps, want float64) {
		t.Helper()
		step := array.Read{Voltage: 0.2, Compliance: 1e-3, Aperture: 0.02}
		see(array.EventRead, array.Done{Array: "A", Cell: at.cell, Steps: []array.Step{step},
			Results: []array.Result{{Levels: []array.Level{{Voltage: 0.2, Current: i}}}}})
		got := 0.0
		if d := k.devices[at]; d != nil {
			got = float64(d.conductance)
		}
		if got < want*0.999 || got > want*1.001 {
			t.Errorf("the device counts as %g S, want %g S", got, want)
		}
	}
	reach(85)
	read(9e-6, 0) // nothing to compare with
	reach(27)
	read(2e-6, 1e-5)
	reach(70)
	read(8e-6, 1e-5)
	reach(25)
	read(4e-6, 2e-5)
}

// TestOtherProfile: a run is not taken up under another belief without asking.
func TestOtherProfile(t *testing.T) {
	mine := run.Header{Profile: "mine (0123456789abcdef)"}
	list := compareBench(mine, run.Header{})
	if len(list) != 1 || list[0] != (difference{"device profile", mine.Profile, "as shipped"}) {
		t.Errorf("%+v", list)
	}
	if list := compareBench(mine, mine); len(list) != 0 {
		t.Errorf("%+v", list)
	}
}
