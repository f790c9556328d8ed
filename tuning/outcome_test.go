package tuning

import (
	"encoding/csv"
	"errors"
	"math"
	"strings"
	"testing"

	"xlab/instrument/array"
	"xlab/population"
)

// The verdict follows from the last read, from what happened to the device, and
// from how the run ended.
func TestVerdicts(t *testing.T) {
	ended := errors.New("the cable is out")
	for _, c := range []struct {
		name   string
		device device
		off    float64 // of the last read
		err    error
		want   Verdict
		reason string
	}{
		{"right", device{reached: true}, 0.04, nil, InTolerance, ""},
		{"right without a pulse", device{}, -0.04, nil, InTolerance, ""},
		{"right by chance", device{closed: GaveUp, Record: Record{Reason: "no effect"}}, 0.01, nil, InTolerance, ""},
		{"gave up", device{closed: GaveUp, Record: Record{Reason: "no effect"}}, 0.3, nil, GaveUp, "no effect"},
		{"right by a read that is none", device{closed: GaveUp, fault: true, Record: Record{Reason: "in compliance"}}, 0.01,
			nil, GaveUp, "in compliance"},
		{"stuck at its target", device{closed: Stuck, Record: Record{Reason: "answers to nothing"}}, 0.01, nil, Stuck,
			"answers to nothing"},
		{"defective at its target", device{closed: Defective, Record: Record{Reason: "shorted"}}, 0.01, nil, Defective,
			"shorted"},
		{"moved away", device{reached: true, Record: Record{Passes: 2}}, 0.08, nil, Disturbed,
			"after visit 2, now +8 % away"},
		{"moved away before the run ended", device{reached: true}, 0.08, ended, Disturbed, "now +8 % away"},
		{"not yet there", device{}, 0.08, ended, GaveUp, "the run ended"},
		{"never there", device{}, 0.08, nil, GaveUp, "passes were used up"},
		{"never there, with a reason", device{Record: Record{Reason: "40 pulses were not enough"}}, 0.08, nil, GaveUp,
			"40 pulses were not enough"},
	} {
		d := c.device
		d.Target = 20e-6
		s := testSpec(1, 1)
		tuned := &tuner{spec: s, band: s.band(), lines: newLines(s.Lines, 1, 1, s.RangeMax),
			reads: []float64{20e-6 * (1 + c.off)}, asked: []*device{&d}}
		r := tuned.outcome(c.err).Records[0]
		if r.Verdict != c.want || !strings.Contains(r.Reason, c.reason) || c.reason == "" && r.Reason != "" ||
			math.Abs(r.Error-c.off) > 1e-9 {
			t.Errorf("%s: %s: %q, off by %v", c.name, r.Verdict, r.Reason, r.Error)
		}
	}
}

func TestSummary(t *testing.T) {
	o := &Outcome{Bystanders: 0.02, Records: []Record{
		{Verdict: InTolerance, Error: 0.01, Pulses: 2, Moved: 0.01},
		{Verdict: InTolerance, Error: -0.03, Pulses: 4},
		{Verdict: Disturbed, Error: 0.08, Pulses: 6, Moved: 0.11},
		{Verdict: GaveUp, Error: -0.48, Pulses: 40},
		{Verdict: Stuck, Error: 3, Pulses: 100, Moved: 0.9},
		{Verdict: Defective, Error: 5, Moved: 0.9},
	}}
	want := Summary{Devices: 6, InTolerance: 2, MeanError: 0.15, MedianPulses: 5, P90Pulses: 29.8, Stuck: 1, Disturbed: 1,
		GaveUp: 1, Defective: 1, WorstDisturb: 0.11}
	got := o.Summary()
	for _, pair := range [][2]*population.Number{{&got.MeanError, &want.MeanError}, {&got.P90Pulses, &want.P90Pulses}} {
		if math.Abs(float64(*pair[0]-*pair[1])) < 1e-12 {
			*pair[0] = *pair[1]
		}
	}
	if got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	s := (&Outcome{Bystanders: 0.02, Records: o.Records[5:]}).Summary()
	if s.MeanError.Known() || s.MedianPulses.Known() || s.P90Pulses.Known() || s.WorstDisturb != 0.02 {
		t.Errorf("of a defective device alone: %+v", s)
	}
	var text strings.Builder
	o.Records[3].Cell, o.Records[3].Reason = array.Cell{Row: 3, Col: 7}, `"pulses", without effect`
	if err := o.WriteCSV(&text); err != nil {
		t.Fatal(err)
	}
	lines, err := csv.NewReader(strings.NewReader(text.String())).ReadAll()
	if err != nil || len(lines) != 7 || lines[4][0] != "3" || lines[4][1] != "7" || lines[4][5] != "-0.48" ||
		lines[4][9] != "gave-up" || lines[4][10] != o.Records[3].Reason {
		t.Errorf("%v, %v", lines, err)
	}
}
