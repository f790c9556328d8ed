package replay_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/run"
	"xlab/run/replay"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const rows, cols = 2, 3

// plant is a bench with devices that answer to pulses, and its own ledger.
type plant struct {
	g      map[array.Cell]float64 // S
	pulses map[array.Cell]int     // the ledger
	asked  int
	fate   func(asked int) fate // what becomes of a request; nil = nothing bad
}

// fate is what becomes of a request to the bench.
type fate int

const (
	fine         fate = iota
	killedBefore      // the process dies, and nothing was done
	killedAfter       // the process dies after everything was done
	lostBefore        // an error, and nothing was done
	lostBetween       // an error after the first step, which was confirmed
	lostAfter         // an error after everything was done, nothing confirmed
)

type killed struct{}

func newPlant() *plant {
	p := &plant{g: make(map[array.Cell]float64), pulses: make(map[array.Cell]int)}
	for i, c := range array.AllCells(rows, cols) {
		p.g[c] = 1e-6 * (1 + float64(i)/7)
	}
	return p
}

func (p *plant) Size() (int, int) { return rows, cols }

var errLost = errors.New("the link was lost")

func (p *plant) Do(_ context.Context, cell array.Cell, steps ...array.Step) ([]array.Result, error) {
	p.asked++
	f := fine
	if p.fate != nil {
		f = p.fate(p.asked)
	}
	switch f {
	case killedBefore:
		panic(killed{})
	case lostBefore:
		return nil, errLost
	}
	var results []array.Result
	for i, s := range steps {
		if f == lostBetween && i == 1 {
			return results, errLost
		}
		r := array.Result{Busy: 1.0 / 3}
		switch s := s.(type) {
		case array.Read:
			r.Levels = []array.Level{{Voltage: s.Voltage, Current: instrument.Amps(float64(s.Voltage) * p.g[cell])}}
		case array.Pulse:
			p.pulses[cell]++
			p.g[cell] *= 1 + 0.3*float64(s.Voltage)
			r.Levels = []array.Level{{Voltage: s.Voltage, Current: instrument.Amps(float64(s.Voltage) * p.g[cell])}}
		}
		results = append(results, r)
	}
	switch f {
	case killedAfter:
		panic(killed{})
	case lostAfter:
		return nil, errLost
	}
	return results, nil
}

var (
	look  = array.Read{Voltage: 0.2, Compliance: 1e-3, Aperture: 1e-3}
	shot  = array.Pulse{Voltage: 1, Width: 1e-3, Scheme: array.HalfVoltage, Compliance: 1e-3}
	limit = array.Bounds{Steps: 50, MaxVoltage: 2, MaxCurrent: 1e-3}
)

// algorithm pulses every device beyond a goal. It measures a temperature on the
// way, gives some devices a pulse without any read, and ends with a verdict.
func algorithm(ctx context.Context, bar *array.Journaled, recall func(kind string, asked, answer any,
	do func() error) error, thermometer func() (float64, error)) ([]float64, error) {
	var result []float64
	for i, cell := range array.AllCells(rows, cols) {
		goal := 5e-6
		if i%2 == 1 {
			var t float64
			if err := recall("temperature", i, &t, func() (err error) { t, err = thermometer(); return err }); err != nil {
				return result, err
			}
			goal *= 1 + t/1000
		}
		if i%3 == 2 { // an intent of its own, and nobody looks
			if _, err := bar.Do(ctx, cell, shot, shot); err != nil {
				return result, err
			}
		}
		if err := bar.Expect(cell, limit); err != nil {
			return result, err
		}
		results, err := bar.Do(ctx, cell, look)
		if err != nil {
			return result, err
		}
		g := float64(results[0].Conductance())
		for g < goal {
			if results, err = bar.Do(ctx, cell, shot, look); err != nil {
				return result, err
			}
			g = float64(results[1].Conductance())
		}
		if err := bar.Settle(map[string]float64{"reached": g}); err != nil {
			return result, err
		}
		result = append(result, g)
	}
	return result, nil
}

// rig is a run of the algorithm that is taken up until it is done.
type rig struct {
	t       testing.TB
	root    string
	dir     string
	plant   *plant
	measure int // of the thermometer
	fate    func(n int) fate
}

func fast() run.Options { return run.Options{Sync: func(run.File) error { return nil }} }

// segment begins or takes up the run and tells how it ended: done, or not yet.
func (r *rig) segment() (result []float64, used int, err error) {
	r.t.Helper()
	var whole *run.Run
	o := replay.Options{Read: look}
	tape := (*replay.Tape)(nil)
	if r.dir == "" {
		if whole, err = run.Create(r.root, run.Header{Command: "test", Array: "A"}, fast()); err != nil {
			r.t.Fatal(err)
		}
		r.dir = whole.Dir()
		o.Journal = whole.Journal()
		tape, err = replay.New(nil, o)
	} else {
		var skips replay.Skips
		claim, cerr := run.NewClaim(r.dir, func(rec run.Record) error { skips.See(rec); return nil })
		if cerr != nil {
			r.t.Fatal(cerr)
		}
		records := claim.Records()
		if whole, err = claim.Continue(run.Header{}, fast()); err != nil {
			r.t.Fatal(err)
		}
		o.Journal, o.Skip = whole.Journal(), skips.Spans()
		tape, err = replay.New(records, o)
	}
	if err != nil {
		r.t.Fatal(err)
	}
	defer tape.Close()
	bar := array.NewJournaled(tape.Crossbar("A", rows, cols, r.plant), "A", tape)
	defer func() {
		used = tape.Used()
		if p := recover(); p != nil {
			if _, ok := p.(killed); !ok {
				panic(p)
			}
			// What a killed process leaves: no end line, and the mark is gone.
			if cerr := whole.Journal().Close(); cerr != nil {
				r.t.Fatal(cerr)
			}
			r.dir = filepath.Join(r.t.TempDir(), "copy") // whose mark is not this process's
			if cerr := os.CopyFS(r.dir, os.DirFS(whole.Dir())); cerr != nil {
				r.t.Fatal(cerr)
			}
			err = errLost
		}
	}()
	result, err = algorithm(r.t.Context(), bar, tape.Recall, func() (float64, error) {
		r.measure++
		switch r.fate(-r.measure) {
		case killedBefore, killedAfter:
			panic(killed{})
		case lostBefore, lostBetween, lostAfter:
			return 0, errLost
		}
		return 20 + 1/float64(r.measure), nil
	})
	if ended := whole.End(err, result); !errors.Is(ended, err) {
		r.t.Fatal(ended)
	}
	return result, 0, err
}

// counts are the pulses of each device by the record: those that have happened,
// and those of which it is not known.
func (r *rig) counts() (known, unknown map[array.Cell]int) {
	known, unknown = make(map[array.Cell]int), make(map[array.Cell]int)
	for rec, err := range run.Records(r.dir) {
		if err != nil {
			r.t.Fatal(err)
		}
		var d struct {
			Cell    array.Cell     `json:"cell"`
			Steps   []array.Read   `json:"steps"`
			Results []array.Result `json:"results"`
			Error   string         `json:"error"`
		}
		if rec.Type != run.TypePart && rec.Type != run.TypeResult || json.Unmarshal(rec.Data, &d) != nil || d.Steps == nil {
			continue
		}
		for i, s := range d.Steps {
			if s.Voltage != shot.Voltage {
				continue
			}
			switch {
			case d.Error != "": // told again by the entry that resolves it
			case d.Results[i].Unknown:
				unknown[d.Cell]++
			default:
				known[d.Cell]++
			}
		}
	}
	return known, unknown
}

// TestCutOffAnywhere cuts the run off again and again, at any exchange and in
// any way, until it is done.
func TestCutOffAnywhere(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := &rig{t: t, root: t.TempDir(), plant: newPlant()}
		ways := rapid.SliceOfN(rapid.SampledFrom([]fate{fine, fine, fine, fine, fine, fine, killedBefore, killedAfter,
			lostBefore, lostBetween, lostAfter}), 5, 60).Draw(rt, "fates")
		n := 0
		r.fate = func(int) fate {
			n++
			if n > len(ways) {
				return fine
			}
			return ways[n-1]
		}
		r.plant.fate = r.fate
		var result []float64
		for cuts := 0; ; cuts++ {
			var err error
			if result, _, err = r.segment(); err == nil {
				break
			}
			if cuts > len(ways) {
				rt.Fatalf("it never ends: %v", err)
			}
		}
		if len(result) != rows*cols {
			rt.Fatalf("%d results", len(result))
		}
		for i, g := range result {
			if cell := array.AllCells(rows, cols)[i]; g < 5e-6 || math.Abs(g/r.plant.g[cell]-1) > 1e-9 {
				rt.Errorf("device %s was left at %v, by the result at %v", cell, r.plant.g[cell], g)
			}
		}
		known, unknown := r.counts()
		for cell, made := range r.plant.pulses {
			if made < known[cell] || made > known[cell]+unknown[cell] {
				rt.Errorf("device %s had %d pulses, by the record %d and perhaps %d more", cell, made, known[cell], unknown[cell])
			}
		}
		// The whole run can be replayed, to the last bit.
		tape := r.replay()
		defer tape.Close()
		again, err := algorithm(t.Context(), array.NewJournaled(tape.Crossbar("A", rows, cols, nil), "A", tape), tape.Recall,
			nil)
		if err != nil || !slices.Equal(again, result) || tape.Rest() {
			rt.Errorf("the replay ended with %v, %v instead of %v, with a rest: %t", err, again, result, tape.Rest())
		}
	})
}

func (r *rig) replay() *replay.Tape {
	r.t.Helper()
	var skips replay.Skips
	for rec, err := range run.Records(r.dir) {
		if err != nil {
			r.t.Fatal(err)
		}
		skips.See(rec)
	}
	tape, err := replay.New(run.Records(r.dir), replay.Options{Strict: true, Skip: skips.Spans()})
	if err != nil {
		r.t.Fatal(err)
	}
	return tape
}

// done carries a run out without any trouble.
func done(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, root: t.TempDir(), plant: newPlant(), fate: func(int) fate { return fine }}
	if _, _, err := r.segment(); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestDifferencesHaveTheirPlace(t *testing.T) {
	cell := array.Cell{}
	for name, c := range map[string]struct {
		do   func(ctx context.Context, bar *array.Journaled, tape *replay.Tape) error
		want []string // recorded, asked
	}{
		"another device": {func(_ context.Context, bar *array.Journaled, _ *replay.Tape) error {
			return bar.Expect(array.Cell{Row: 1}, limit)
		}, []string{`"cell":[0,0]`, `"cell":[1,0]`}},
		"other bounds": {func(_ context.Context, bar *array.Journaled, _ *replay.Tape) error {
			wider := limit
			wider.Steps++
			return bar.Expect(cell, wider)
		}, []string{`"steps":50`, `"steps":51`}},
		"stress where a read was": {func(ctx context.Context, bar *array.Journaled, _ *replay.Tape) error {
			if err := bar.Expect(cell, limit); err != nil {
				return err
			}
			_, err := bar.Do(ctx, cell, shot)
			return err
		}, []string{"an event read", `"op":"pulse"`}},
		"another voltage": {func(ctx context.Context, bar *array.Journaled, _ *replay.Tape) error {
			if err := bar.Expect(cell, limit); err != nil {
				return err
			}
			if _, err := bar.Do(ctx, cell, look); err != nil {
				return err
			}
			weaker := shot
			weaker.Voltage = 0.9
			_, err := bar.Do(ctx, cell, weaker, look)
			return err
		}, []string{`"v":1,`, `"v":0.9`}},
		"a question": {func(_ context.Context, _ *array.Journaled, tape *replay.Tape) error {
			var x int
			return tape.Recall("temperature", 1, &x, nil)
		}, []string{"a intent", "a recall"}},
	} {
		t.Run(name, func(t *testing.T) {
			tape := done(t).replay()
			defer tape.Close()
			bar := array.NewJournaled(tape.Crossbar("A", rows, cols, nil), "A", tape)
			err := c.do(t.Context(), bar, tape)
			var d *replay.Difference
			if !errors.As(err, &d) {
				t.Fatalf("no difference but %v", err)
			}
			if d.File != "journal.jsonl" || d.Line < 2 || uint64(d.Line) != d.Seq {
				t.Errorf("the place is %s:%d, record %d", d.File, d.Line, d.Seq)
			}
			for i, text := range []string{d.Recorded, d.Asked} {
				if !strings.Contains(text, c.want[i]) {
					t.Errorf("%q does not say %q", text, c.want[i])
				}
			}
			// After a difference there is nothing more to be had.
			if _, again := bar.Do(t.Context(), cell, look); !errors.Is(again, d) {
				t.Errorf("after the difference: %v", again)
			}
		})
	}
}

// TestHole ends the tape where the journal has lost a line, and goes on there in
// a way that the next replay follows.
func TestHole(t *testing.T) {
	r := done(t)
	damage(t, filepath.Join(r.dir, "journal.jsonl"), 12)
	tape := r.replay()
	_, err := algorithm(t.Context(), array.NewJournaled(tape.Crossbar("A", rows, cols, nil), "A", tape), tape.Recall, nil)
	tape.Close()
	if !errors.Is(err, replay.ErrEnd) || tape.Missing() != 12 {
		t.Fatalf("%v, missing %d", err, tape.Missing())
	}
	before := len(r.plant.pulses)
	result, _, err := r.segment()
	if err != nil || len(result) != rows*cols || len(r.plant.pulses) != before {
		t.Fatalf("%v, %v", result, err)
	}
	tape = r.replay()
	defer tape.Close()
	again, err := algorithm(t.Context(), array.NewJournaled(tape.Crossbar("A", rows, cols, nil), "A", tape), tape.Recall,
		nil)
	if err != nil || !slices.Equal(again, result) || tape.Rest() {
		t.Errorf("%v, %v, want %v", err, again, result)
	}
}

func TestSameJSON(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{`{"a":1}`, `{"a":1}`, true},
		{`{"a":1,"b":2}`, `{"b":2,"a":1}`, true},
		{`{"a":1}`, `{"a":1,"new":false,"more":null,"text":"","list":[],"n":0,"o":{"x":0}}`, true},
		{`{"a":1}`, `{"a":1,"new":true}`, false},
		{`{"a":0.1}`, `{"a":0.10000000000000002}`, false},
		{`[1,2]`, `[1,2,0]`, false},
		{`{"a":[1]}`, `{"a":{}}`, false},
		{`{"a":`, `{"a":1}`, false},
	} {
		if got := replay.SameJSON([]byte(c.a), []byte(c.b)); got != c.same {
			t.Errorf("%s and %s: %t", c.a, c.b, got)
		}
		if got := replay.SameJSON([]byte(c.b), []byte(c.a)); got != c.same {
			t.Errorf("%s and %s: %t", c.b, c.a, got)
		}
	}
}

func BenchmarkReplay(b *testing.B) {
	const entries = 20_000
	r := &rig{t: b, root: b.TempDir(), plant: newPlant()}
	whole, err := run.Create(r.root, run.Header{Command: "test", Array: "A"}, fast())
	if err != nil {
		b.Fatal(err)
	}
	weak := shot
	weak.Voltage = 1e-6 // hundreds of thousands of them
	steps := func(bar *array.Journaled) {
		for i := range entries {
			cell := array.Cell{Row: i / 100 % rows, Col: i / 100 % cols}
			if i%100 == 0 {
				if err := bar.Expect(cell, array.Bounds{Steps: 1000, MaxVoltage: 2, MaxCurrent: 1e-3}); err != nil {
					b.Fatal(err)
				}
			}
			if _, err := bar.Do(b.Context(), cell, weak, look); err != nil {
				b.Fatal(err)
			}
		}
	}
	steps(array.NewJournaled(r.plant, "A", whole.Journal()))
	if err := whole.End(nil, nil); err != nil {
		b.Fatal(err)
	}
	r.dir = whole.Dir()
	b.ResetTimer()
	b.ReportAllocs()
	for b.Loop() {
		tape := r.replay()
		steps(array.NewJournaled(tape.Crossbar("A", rows, cols, nil), "A", tape))
		tape.Close()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/entries, "ns/exchange")
}

// damage changes a byte in the middle of a line, counted from 1.
func damage(t *testing.T, file string, line int) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.Split(text, []byte("\n"))
	lines[line-1][len(lines[line-1])/2] ^= 1
	if err := os.WriteFile(file, bytes.Join(lines, []byte("\n")), 0o644); err != nil {
		t.Fatal(err)
	}
}
