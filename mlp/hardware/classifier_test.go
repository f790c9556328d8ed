package hardware_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"xlab/instrument"
	"xlab/mlp"
	"xlab/mlp/hardware"
)

// The hardware computes what the software does, wherever the network lies and
// whoever sets the switches.
func TestClassifiesAsTheNetworkDoes(t *testing.T) {
	for _, c := range []struct {
		name  string
		place mlp.Placement
		sizes []int
	}{
		{"letters", mlp.DefaultPlacement("A", "B"), []int{16, 10, 4}},
		{"small", mlp.DefaultPlacement("A", "B"), []int{3, 2, 1}},
		{"other neurons, other columns", mlp.Placement{{Array: "A", Row: 4, Column: 3}, {Array: "B", Row: 2, Column: 2}},
			[]int{5, 3, 2}},
	} {
		for _, burst := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, burst %v", c.name, burst), func(t *testing.T) {
				b := newBench(t, c.place, c.sizes...)
				compare(t, b, b.classifier(func(o *hardware.Options) { o.Burst = burst }), patterns(150, c.sizes[0]))
				if burst != (b.bursts > 0) {
					t.Errorf("%d bursts", b.bursts)
				}
				for name, board := range b.boards {
					for i, s := range board.closed {
						if s != 0 {
							t.Fatalf("board %s, chip %d is left at %#x", name, i+1, s)
						}
					}
				}
			})
		}
	}
}

// Both layers on one array: its frames hold both.
func TestOneArray(t *testing.T) {
	b := newBench(t, mlp.Placement{{Array: "A", Row: 0, Column: 0}, {Array: "A", Row: 8, Column: 10}}, 5, 3, 2)
	b.wiring.Hidden.Feeds.Array, b.wiring.Hidden.Feeds.Column = "A", 10
	b.wiring.Outputs.Array, b.wiring.Outputs.Row = "A", 8
	b.firstOut = 0
	b.boards["B"].fail = errors.New("not used")
	for _, burst := range []bool{false, true} {
		compare(t, b, b.classifier(func(o *hardware.Options) { o.Burst = burst }), patterns(10, 5))
	}
}

// Only what differs is sent: the second board once per batch, the first one per
// change of pattern, and all is opened at the end.
func TestFramesThatDiffer(t *testing.T) {
	b := letterBench(t)
	c := b.classifier(nil)
	m := mat.NewDense(6, 16, nil)
	for i, x := range []float64{1, 1, -1, -1, -1, 1} {
		for j := range 16 {
			m.Set(i, j, x)
		}
	}
	if _, err := c.Outputs(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if a, b := b.boards["A"].routes, b.boards["B"].routes; a != 3+1 || b != 1+1 {
		t.Errorf("%d frames for A and %d for B, want 4 and 2", a, b)
	}
	// Between two batches the boards are anybody's: everything is set again.
	for _, board := range b.boards {
		for i := range board.closed {
			board.closed[i] = board.wiring.Switch["F1"]
		}
	}
	compare(t, b, c, m)
}

func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		change func(b *fakeBench, o *hardware.Options)
		kind   instrument.Kind
		text   string
	}{
		"no limits": {func(_ *fakeBench, o *hardware.Options) { o.Limits = instrument.Limits{} }, instrument.KindLimit,
			"beyond the limit of 0 V"},
		"reference beyond the limits": {func(_ *fakeBench, o *hardware.Options) { o.Limits.MinVoltage = -0.1 },
			instrument.KindLimit,
			"voltage -200 mV is beyond the limit of -100 mV"},
		"another reference": {func(_ *fakeBench, o *hardware.Options) { o.Reference = 0.1 }, instrument.KindUsage,
			"inputs are ±200 mV and the bench's read reference is 100 mV"},
		"a bias between": {func(b *fakeBench, _ *hardware.Options) { b.network.Design.BiasLevel = 0.1 }, instrument.KindUsage,
			"bias is at 100 mV"},
		"too many hidden neurons": {func(b *fakeBench, o *hardware.Options) { o.Wiring, b.hiddenAll = nil, 8 },
			instrument.KindUsage,
			"needs hidden neurons 0 to 9, the board has 8"},
		"another board": {func(b *fakeBench, _ *hardware.Options) { b.hiddenAll = 8 }, instrument.KindUsage,
			"its wiring map 10 and 4"},
		"exchanged arrays": {func(b *fakeBench, _ *hardware.Options) { b.place = mlp.DefaultPlacement("B", "A") },
			instrument.KindUsage,
			"the hidden neurons are on array A in pairs of rows from row 0, the layer's block begins at row 0 of array B"},
		"hidden neurons elsewhere": {func(b *fakeBench, _ *hardware.Options) { b.place[1].Column = 1 }, instrument.KindUsage,
			"hidden neuron 0 drives column 0 of array B, layer 1 begins at column 1"},
		"an array that is not there": {func(b *fakeBench, _ *hardware.Options) { b.place[1].Array = "C" },
			instrument.KindUsage, `"C", which the bench does not have`},
		"a board without read references": {func(b *fakeBench, _ *hardware.Options) {
			delete(b.boards["A"].wiring.Switch, "VREAD-")
			b.network.Design.BiasLevel = -0.2
		},
			instrument.KindUsage, `no switch leads to bus "VREAD-"`},
		"no pattern port": {func(b *fakeBench, o *hardware.Options) { o.Burst, b.wiring.PatternPort = true, "" },
			instrument.KindUsage, `on array "", the inputs are on array A`},
		"pattern port on the other": {func(b *fakeBench, o *hardware.Options) { o.Burst, b.wiring.PatternPort = true, "B" },
			instrument.KindUsage, `on array "B"`},
	} {
		t.Run(name, func(t *testing.T) {
			b := letterBench(t)
			o := b.options()
			c.change(b, &o)
			_, err := b.open(o)
			if instrument.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.text) {
				t.Errorf("%v of kind %q", err, instrument.KindOf(err))
			}
		})
	}
	b := letterBench(t)
	if _, err := hardware.New(b.network.Design, b.place, nil, nil,
		b.options()); instrument.KindOf(err) != instrument.KindUsage || !strings.Contains(err.Error(), "no neuron board") {
		t.Errorf("%v", err)
	}
	b = newBench(t, mlp.DefaultPlacement("A", "B"), 4, 3, 2)
	b.network.Design.Sizes = []int{4, 3, 2, 2}
	b.place = mlp.Placement{{Array: "A"}, {Array: "B"}, {Array: "B", Row: 10, Column: 10}}
	if _, err := b.open(b.options()); instrument.KindOf(err) != instrument.KindUsage ||
		!strings.Contains(err.Error(), "3 layers") {
		t.Errorf("three layers: %v", err)
	}
}

func TestInputsBetween(t *testing.T) {
	b := letterBench(t)
	c := b.classifier(nil)
	for _, x := range []float64{0.5, 2, -0.999, math.NaN(), math.Inf(1)} {
		m := patterns(3, 16)
		m.Set(2, 5, x)
		if _, err := c.Outputs(t.Context(), m); instrument.KindOf(err) != instrument.KindUsage ||
			!strings.Contains(err.Error(), "sample 2, feature 5") ||
			!strings.Contains(err.Error(), "+200 mV, 0 V or -200 mV") {
			t.Errorf("%v: %v", x, err)
		}
	}
	if _, err := c.Outputs(t.Context(), patterns(3, 15)); instrument.KindOf(err) != instrument.KindUsage {
		t.Errorf("another width: %v", err)
	}
	if b.boards["A"].routes+b.readings != 0 {
		t.Error("something was routed or measured")
	}
}

func TestBoardsThatDoNotCompute(t *testing.T) {
	same := func(v instrument.Volts) func([]instrument.Volts) ([]instrument.Volts, error) {
		return func(all []instrument.Volts) ([]instrument.Volts, error) {
			for i := range all {
				all[i] = v
			}
			return all, nil
		}
	}
	for name, c := range map[string]struct {
		after func([]instrument.Volts) ([]instrument.Volts, error)
		kind  instrument.Kind
		text  string
	}{
		"all at one rail": {same(-10), instrument.KindInstrument, "whatever the input"},
		"not a number":    {same(instrument.Volts(math.NaN())), instrument.KindProtocol, "output neuron 0 shows NaN"},
		"a value too few": {func(v []instrument.Volts) ([]instrument.Volts, error) { return v[:3], nil },
			instrument.KindProtocol, "3 values from a board of 4"},
		"an error": {func([]instrument.Volts) ([]instrument.Volts, error) {
			return nil, &instrument.Error{Op: "x", Kind: instrument.KindTimeout}
		}, instrument.KindTimeout, "samples 0 to 19: pattern 0 ("},
	} {
		b := letterBench(t)
		b.after = c.after
		if m, err := b.classifier(nil).Outputs(t.Context(), patterns(20, 16)); instrument.KindOf(err) != c.kind ||
			!strings.Contains(err.Error(), c.text) || m != nil {
			t.Errorf("%s: %v of kind %q", name, err, instrument.KindOf(err))
		}
	}
}

// Rails that follow the input are a result, with a warning.
func TestRails(t *testing.T) {
	b := letterBench(t)
	sign := instrument.Volts(1)
	b.after = func(v []instrument.Volts) ([]instrument.Volts, error) {
		sign = -sign
		return []instrument.Volts{10 * sign, -10 * sign, 10 * sign, -10}, nil
	}
	var log bytes.Buffer
	c := b.classifier(func(o *hardware.Options) { o.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	if _, err := c.Outputs(t.Context(), patterns(20, 16)); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "supply rails\" readings=80 of=80") {
		t.Error(log.String())
	}
}

func TestBrokenChain(t *testing.T) {
	b := letterBench(t)
	c := b.classifier(nil)
	b.boards["B"].fail = &instrument.Error{Op: "route", Kind: instrument.KindChain}
	if _, err := c.Outputs(t.Context(), patterns(2, 16)); instrument.KindOf(err) != instrument.KindChain {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b.boards["B"].fail = nil
	if _, err := c.Outputs(ctx, patterns(2, 16)); instrument.KindOf(err) != instrument.KindCancelled {
		t.Errorf("%v", err)
	}
}

// tape records and plays back, as a run that is taken up again does.
type tape struct {
	entries  []entry
	next     int // to be played; from len(entries) on it records
	recalled int
}

type entry struct {
	Kind          string
	Asked, Answer json.RawMessage
}

func (r *tape) Recall(kind string, asked, answer any, do func() error) error {
	question, err := json.Marshal(asked)
	if err != nil {
		return err
	}
	if r.next < len(r.entries) {
		e := r.entries[r.next]
		r.next++
		r.recalled++
		if e.Kind != kind || !bytes.Equal(e.Asked, question) {
			return fmt.Errorf("the record has %s %s, asked was %s %s", e.Kind, e.Asked, kind, question)
		}
		return json.Unmarshal(e.Answer, answer)
	}
	if err := do(); err != nil {
		return err
	}
	text, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	r.entries = append(r.entries, entry{kind, question, text})
	r.next = len(r.entries)
	return nil
}

// A run that is taken up again gives the same results, measures only what is
// not in the record, and trims before that, because the board has forgotten.
func TestTakenUpAgain(t *testing.T) {
	work := func(b *fakeBench, r hardware.Recorder) (*mat.Dense, *mat.Dense, error) {
		c := b.classifier(func(o *hardware.Options) { o.Recorder = r })
		if err := c.Trim(t.Context()); err != nil {
			return nil, nil, err
		}
		return c.Layers(t.Context(), patterns(150, 16))
	}
	offsets := func(b *fakeBench) *fakeBench {
		for i := range b.offset {
			b.offset[i] = 0.3 * float64(i)
		}
		for i := range b.hiddenOffset {
			b.hiddenOffset[i] = 0.01 * float64(i)
		}
		return b
	}
	whole := offsets(letterBench(t))
	full := &tape{}
	hidden, outputs, err := work(whole, full)
	if err != nil {
		t.Fatal(err)
	}
	compare(t, whole, whole.classifier(nil), patterns(20, 16))
	if len(full.entries) < 4 {
		t.Fatalf("only %d records: a run that is cut off loses too much", len(full.entries))
	}
	for cut := range len(full.entries) + 1 {
		b := offsets(letterBench(t))
		r := &tape{entries: append([]entry(nil), full.entries[:cut]...)}
		h, o, err := work(b, r)
		if err != nil {
			t.Fatalf("after %d records: %v", cut, err)
		}
		if !mat.Equal(h, hidden) || !mat.Equal(o, outputs) {
			t.Errorf("after %d records: another result", cut)
		}
		if r.recalled != cut || len(r.entries) != len(full.entries) {
			t.Errorf("after %d records: %d recalled, %d in the end", cut, r.recalled, len(r.entries))
		}
		if want := map[bool]int{true: 1, false: 0}[cut < len(full.entries)]; b.trims != want {
			t.Errorf("after %d records: %d trims on the bench, want %d", cut, b.trims, want)
		}
		if cut == len(full.entries) && b.readings+b.boards["A"].routes > 0 {
			t.Error("everything is recorded, and the bench was used all the same")
		}
	}
}

// The record of another network is refused.
func TestForeignRecord(t *testing.T) {
	b := letterBench(t)
	foreign := recorder(func(_ string, _, answer any, _ func() error) error {
		return json.Unmarshal([]byte(`{"outputs":[[1,2,3],[1,2,3]]}`), answer)
	})
	if _, err := b.classifier(func(o *hardware.Options) { o.Recorder = foreign }).Outputs(t.Context(),
		patterns(2, 16)); instrument.KindOf(err) != instrument.KindProtocol {
		t.Errorf("%v", err)
	}
}

type recorder func(kind string, asked, answer any, do func() error) error

func (r recorder) Recall(kind string, asked, answer any, do func() error) error {
	return r(kind, asked, answer, do)
}
