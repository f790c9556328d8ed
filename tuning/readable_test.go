package tuning

import (
	"context"
	"errors"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"xlab/instrument"
	"xlab/instrument/array"
)

var usual = array.Resistance{Contact: 200, RowSegment: 2, ColSegment: 2}

// partlyFormed is a stub behind lines of which only some devices were formed,
// and a specification that asks for the same of all of these.
func partlyFormed(t *testing.T, cells string, g instrument.Siemens, seed uint64) (*stub, Spec, map[int]bool) {
	t.Helper()
	const rows, cols = 10, 10
	s, spec := newStub(rows, cols, seed), testSpec(rows, cols)
	s.lines, spec.Lines = usual, usual
	list, err := array.ParseCells(cells, rows, cols)
	if err != nil {
		t.Fatal(err)
	}
	if spec.Targets, err = Uniform(rows, cols, list, g); err != nil {
		t.Fatal(err)
	}
	formed := make(map[int]bool)
	for _, c := range list {
		formed[c.Row*cols+c.Col] = true
	}
	for k := range s.g {
		if !formed[k] {
			s.g[k] = 1e-9 * (1 + 0.1*float64(k%7))
		}
	}
	return s, spec, formed
}

// Cells of pristine devices show the others' current. How much changes with the
// targets, and must not be taken for something that the devices have to keep.
func TestPartlyFormedArray(t *testing.T) {
	for _, policy := range Policies() {
		for _, cells := range []string{"r0c*", "r2c*, r*c7", "r0-9c0-6", "r4c4"} {
			s, spec, formed := partlyFormed(t, cells, 50e-6, 21)
			s.half = false // no harm but what there is to learn
			spec.Policy = policy
			o := tune(t, s, spec, nil)
			if sum := o.Summary(); sum.InTolerance != len(formed) {
				t.Errorf("%s, %s: %+v", policy, cells, sum)
			}
			for k, n := range s.pulses {
				if !formed[k] && n > 0 {
					t.Errorf("%s, %s: device %d was never formed and had %d pulses", policy, cells, k, n)
				}
			}
		}
	}
}

// Pristine devices read as noise, of either sign.
func TestNoiseOfPristineDevices(t *testing.T) {
	s, spec, formed := partlyFormed(t, "r0-3c*", 50e-6, 22)
	s.half = false
	s.noise = 0.002
	s.offset = 2e-9 // A
	if sum := tune(t, s, spec, nil).Summary(); sum.InTolerance != len(formed) {
		t.Errorf("%+v", sum)
	}
}

// A stuck device stays where it is, and the aims of the others count with it.
func TestStuckDeviceBehindLines(t *testing.T) {
	s, spec, _ := partlyFormed(t, "r*c*", 30e-6, 23)
	s.half = false
	s.g[34], s.stuck[34] = 250e-6, 0
	o := tune(t, s, spec, nil)
	if sum := o.Summary(); sum.InTolerance != 99 || o.Records[34].Verdict != Stuck {
		t.Errorf("%+v, %s", sum, o.Records[34].Verdict)
	}
}

// A read that cannot be used says nothing about what the lines carry.
func TestFaultyReadsAreNotTakenForConductances(t *testing.T) {
	s, spec, _ := partlyFormed(t, "r0-5c*", 30e-6, 24)
	s.half = false
	s.status[3], s.status[95] = instrument.StatusOverflow, instrument.StatusCompliance
	s.overflow = 1e-2 // A, 50 mS: more than the contacts let through
	o := tune(t, s, spec, nil)
	if sum := o.Summary(); sum.InTolerance != 59 || o.Records[3].Verdict != GaveUp {
		t.Errorf("%+v, %s", sum, o.Records[3].Verdict)
	}
}

// A refusal says where and by how much, and the targets it offers work.
func TestTargetsTheLinesDoNotLetThrough(t *testing.T) {
	for _, cells := range []string{"r0c*", "r*c*", "r3-5c*"} {
		s, spec, _ := partlyFormed(t, cells, 200e-6, 25)
		for i := range spec.Targets {
			for j := range spec.Targets[i] {
				spec.Targets[i][j] *= 1.0 + instrument.Siemens(j%3)/100
			}
		}
		spec.RangeMax = 210e-6
		spec.Lines.Contact = 500
		s.lines = spec.Lines
		_, err := Tune(context.Background(), s, "A", spec, nil, Options{})
		if !errors.Is(err, array.ErrUnreadable) || instrument.KindOf(err) != instrument.KindUsage || s.total() != 0 {
			t.Fatalf("%s: %v after %d pulses", cells, err, s.total())
		}
		found := regexp.MustCompile(
			`row (\d) would have to show (\S+ \S+) in sum and column (\d) (\S+ \S+), .* contacts of 500 Ω .* no more than (\S+ \S+) and (\S+ \S+) there; lower all targets to (0\.\d\d) times`).FindStringSubmatch(err.Error())
		if found == nil {
			t.Fatalf("%s: %v", cells, err)
		}
		sum := func(text string) float64 {
			var g instrument.Siemens
			if err := g.Set(text); err != nil {
				t.Fatal(err)
			}
			return float64(g)
		}
		if row, most := sum(found[2]), sum(found[5]); !(most < row) || math.Abs(row/2.02e-3-1) > 0.02 {
			t.Errorf("%s: %s", cells, found[0])
		}
		part, err := strconv.ParseFloat(found[7], 64)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			part float64
			fits bool
		}{{part, true}, {part + 0.02, false}} {
			l := newLines(spec.Lines, 10, 10, spec.RangeMax)
			l.assume(s.g)
			shown := make([]float64, 100)
			for k := range shown {
				g, asked := spec.Targets.At(array.Cell{Row: k / 10, Col: k % 10})
				if shown[k] = c.part * float64(g); !asked {
					shown[k] = math.NaN()
				}
			}
			if _, err := l.aims(shown); (err == nil) != c.fits {
				t.Errorf("%s: %.2f of the targets gives %v", cells, c.part, err)
			}
		}
	}
}

// A cell among conducting ones shows something without any device.
func TestTargetBelowTheOthersCurrent(t *testing.T) {
	s, spec, _ := partlyFormed(t, "r*c*", 140e-6, 26)
	spec.Targets[2][3] = 5e-6
	_, err := Tune(context.Background(), s, "A", spec, nil, Options{})
	if instrument.KindOf(err) != instrument.KindUsage || s.total() != 0 ||
		!strings.Contains(err.Error(), "the target of r2c3 is 5.00 µS, but cell r2c3 shows ") {
		t.Errorf("%v after %d pulses", err, s.total())
	}
}

// Reads that no devices give behind the resistances of the specification are a
// matter of the specification.
func TestReadsTheLinesDoNotAllow(t *testing.T) {
	s, spec, _ := partlyFormed(t, "r*c*", 50e-6, 27)
	for k := range s.g {
		s.g[k] = 150e-6
	}
	spec.Lines.Contact = 2000
	_, err := Tune(context.Background(), s, "A", spec, nil, Options{})
	if !errors.Is(err, array.ErrUnreadable) || instrument.KindOf(err) != instrument.KindUsage || s.total() != 0 {
		t.Fatalf("%v after %d pulses", err, s.total())
	}
	found := regexp.MustCompile(
		`row \d reads (\S+ \S+) in sum and column \d \S+ \S+, which cannot be behind contacts of 2.00 kΩ .* the largest are (0\.\d\d) times these; set tuning.lines`).FindStringSubmatch(err.Error())
	if found == nil {
		t.Fatal(err)
	}
	part, err := strconv.ParseFloat(found[2], 64)
	if err != nil {
		t.Fatal(err)
	}
	spec.Lines = array.Resistance{Contact: 2000 * instrument.Ohms(part), RowSegment: 2 * instrument.Ohms(part),
		ColSegment: 2 * instrument.Ohms(part)}
	if _, err := spec.Lines.Devices(10, 10, s.lines.Reads(10, 10, s.g)); err != nil {
		t.Errorf("behind %.2f of the resistances: %v", part, err)
	}
}

// Aims give the conductances asked for when the other devices stay as they are.
func TestAims(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows, cols := rapid.IntRange(1, 8).Draw(t, "rows"), rapid.IntRange(1, 8).Draw(t, "cols")
		l := newLines(usual, rows, cols, 200e-6)
		g, shown := make([]float64, rows*cols), make([]float64, rows*cols)
		conductance := rapid.Float64Range(10e-6, 100e-6)
		for k := range g {
			g[k] = rapid.OneOf(conductance, rapid.Float64Range(0, 1e-8)).Draw(t, "g")
			shown[k] = rapid.OneOf(conductance, rapid.Just(math.NaN())).Draw(t, "shown")
		}
		l.assume(g)
		aims, err := l.aims(shown)
		if err != nil {
			t.Fatal(err)
		}
		reads := usual.Reads(rows, cols, aims)
		for k, m := range shown {
			if math.IsNaN(m) && aims[k] != g[k] {
				t.Fatalf("device %d of %v is to be %v", k, g[k], aims[k])
			}
			if math.Abs(reads[k]/m-1) > 1e-5 {
				t.Fatalf("device %d shows %v instead of %v", k, reads[k], m)
			}
		}
		if !slices.Equal(l.g, g) {
			t.Fatal("aiming changed what is known of the devices")
		}
	})
}

func TestLargestPart(t *testing.T) {
	for _, limit := range []float64{0.005, 0.02, 0.3333, 0.78, 0.999} {
		part, g := largest(func(part float64) ([]float64, error) {
			if part > limit {
				return nil, array.ErrUnreadable
			}
			return []float64{part}, nil
		})
		if limit < 0.01 {
			continue // nothing is promised below a percent
		}
		if g == nil || part > limit || part < limit-0.02 || g[0] > limit {
			t.Errorf("limit %g: %g, %v", limit, part, g)
		}
	}
	if _, g := largest(func(float64) ([]float64, error) { return nil, array.ErrUnreadable }); g != nil {
		t.Errorf("nothing is possible: %v", g)
	}
}
