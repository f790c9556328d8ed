package tuning

import (
	"context"
	"encoding/csv"
	"errors"
	"math"
	"strconv"
	"strings"
	"testing"

	"xlab/instrument/array"
)

// While the sources of the other lines are at their compliance a device that does
// not answer is not called stuck, and a read in which one was is no measurement.
func TestNoVerdictWhileOthersAreNotHeld(t *testing.T) {
	s, spec := newStub(5, 5, 2), testSpec(5, 5)
	s.stuck[7], s.g[7] = 0, 25e-6
	s.pulseLimited = []array.Limited{{Bus: array.BusOtherCols, Unit: 4, Compliance: 5e-3, From: 1.2}}
	s.readLimited = map[int][]array.Limited{3: {{Bus: array.BusForce1, Unit: 1, Compliance: 5e-3, From: -0.2, Need: 8e-3}}}
	o := tune(t, s, spec, nil)
	for k, texts := range map[int][]string{
		7: {"no verdict", "SMU 4 (the other columns)", "raise tuning.compliance"},
		3: {"the read at -200 mV is no measurement", "SMU 1 (the selected row)", "set tuning.compliance=8.80mA"},
	} {
		r := o.Records[k]
		for _, text := range texts {
			if r.Verdict != GaveUp || !strings.Contains(r.Reason, text) {
				t.Errorf("%s is %s: no %q in %q", r.Cell, r.Verdict, text, r.Reason)
			}
		}
	}
	if n := o.Summary().InTolerance; n < 22 {
		t.Errorf("%d in tolerance: what the reads show counts all the same", n)
	}
}

// A run that ends in its first read says nothing of the devices behind, with the
// lines taken out nothing of any.
func TestSaysNothingOfDevicesThatWereNotRead(t *testing.T) {
	for _, compensate := range []bool{false, true} {
		s, spec := newStub(5, 5, 2), testSpec(5, 5)
		spec.Compensate = compensate
		ctx, stop := context.WithCancel(t.Context())
		o, err := Tune(ctx, &endingBench{s, 12, stop}, "A", spec, nil, Options{})
		if !errors.Is(err, context.Canceled) || len(o.Records) != 25 {
			t.Fatalf("%v, %d records", err, len(o.Records))
		}
		var table strings.Builder
		if err := o.WriteCSV(&table); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(table.String(), "\n")
		for k, r := range o.Records {
			if known := k < 12 && !compensate; r.Known() != known || r.Verdict == InTolerance && !known {
				t.Errorf("%s is %s with an error of %v", r.Cell, r.Verdict, r.Error)
			}
			unread := strings.HasSuffix(lines[k+1], ",,,,0,0,0,gave-up,the run ended before it was read")
			if !r.Known() && !unread {
				t.Errorf("%q", lines[k+1])
			}
		}
		if m := o.Summary().MeanError; m.Known() == compensate {
			t.Errorf("mean error %v", m)
		}
	}
}

// endingBench ends a run behind so many exchanges.
type endingBench struct {
	*stub
	left int
	stop func()
}

func (b *endingBench) Do(ctx context.Context, c array.Cell, steps ...array.Step) ([]array.Result, error) {
	if b.left--; b.left < 0 {
		b.stop()
		return nil, ctx.Err()
	}
	return b.stub.Do(ctx, c, steps...)
}

// Targets are plain reads, and so are the traces; what the lines were thought to
// take stands beside them under a name of its own.
func TestTracesHoldPlainReads(t *testing.T) {
	s, spec := newStub(6, 6, 3), testSpec(6, 6)
	s.lines = array.Resistance{Contact: 400, RowSegment: 4, ColSegment: 4}
	spec.Lines, spec.Tolerance = s.lines, 0.05
	o := tune(t, s, spec, nil)
	var b strings.Builder
	if err := o.WriteTraces(&b); err != nil {
		t.Fatal(err)
	}
	lines, err := csv.NewReader(strings.NewReader(b.String())).ReadAll()
	if err != nil ||
		strings.Join(lines[0], ",") != "row,col,pulse,voltage_V,before_S,after_S,before_corrected_S,after_corrected_S" {
		t.Fatalf("%v, %v", lines[0], err)
	}
	after := map[string][2]float64{}
	for _, l := range lines[1:] {
		plain, failed := strconv.ParseFloat(l[5], 64)
		corrected, failed2 := strconv.ParseFloat(l[7], 64)
		if failed != nil || failed2 != nil {
			t.Fatal(l)
		}
		after["r"+l[0]+"c"+l[1]] = [2]float64{plain, corrected}
	}
	n, apart := 0, 0.0
	for _, r := range o.Records {
		end, traced := after[r.Cell.String()]
		if !traced || r.Verdict != InTolerance {
			continue
		}
		n++
		apart = math.Max(apart, end[1]/end[0]-1)
		// The others' way to their targets comes after some of the last pulses.
		if d := math.Abs(end[0]/float64(r.Target) - 1); d > 3*spec.Tolerance {
			t.Errorf("%s ends at %.3g times its target", r.Cell, end[0]/float64(r.Target))
		}
	}
	if n < 30 || apart < 0.05 {
		t.Errorf("%d traces, and the lines take %.1f %% at most", n, 100*apart)
	}
}
