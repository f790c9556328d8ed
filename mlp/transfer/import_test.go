package transfer

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/mlp"
	"xlab/tuning"
)

// bench is a crossbar of devices behind ideal lines that are not disturbed by
// each other's pulses.
type bench struct {
	rows, cols int
	g          []float64 // S
	random     *rand.Rand
	stuck      map[int]bool
	pulses     []int
	order      []array.Cell // of first pulses
	fail       error        // returned by the next pulse
}

func newBench(rows, cols int, seed uint64) *bench {
	b := &bench{rows: rows, cols: cols, random: rand.New(rand.NewPCG(seed, 1)), stuck: map[int]bool{},
		pulses: make([]int, rows*cols)}
	for range rows * cols {
		b.g = append(b.g, 20e-6*math.Exp(0.4*b.random.NormFloat64()))
	}
	return b
}

func (b *bench) Size() (rows, cols int)                { return b.rows, b.cols }
func (b *bench) Expect(array.Cell, array.Bounds) error { return nil }
func (b *bench) Settle(any) error                      { return nil }

func (b *bench) Do(_ context.Context, c array.Cell, steps ...array.Step) ([]array.Result, error) {
	k := c.Row*b.cols + c.Col
	var results []array.Result
	for _, step := range steps {
		level := array.Level{}
		switch step := step.(type) {
		case array.Read:
			level.Voltage = step.Voltage
			level.Current = instrument.Amps(float64(step.Voltage) * b.g[k] * (1 + 0.001*b.random.NormFloat64()))
		case array.Pulse:
			if b.fail != nil {
				return results, b.fail
			}
			level.Voltage = step.Voltage
			if b.pulses[k]++; b.pulses[k] == 1 {
				b.order = append(b.order, c)
			}
			if !b.stuck[k] {
				v, spread := float64(step.Voltage), math.Exp(0.3*b.random.NormFloat64())
				if v > 0 {
					b.g[k] += spread * 20e-6 / (1 + math.Exp(-10*(v-1.05)))
				} else {
					b.g[k] -= min(spread, 2) * 0.4 * b.g[k] / (1 + math.Exp(-9*(-v-1.35)))
				}
			}
		}
		results = append(results, array.Result{Levels: []array.Level{level}})
	}
	return results, nil
}

// small is a 3-2-2 network with random weights: blocks of 4 x 4 and 4 x 3
// devices.
func small(t *testing.T) *mlp.Network {
	t.Helper()
	n, err := mlp.New(mlp.NewDesign(3, 2, 2))
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(5, 5))
	for l := range n.G {
		for j := range n.Design.Sizes[l+1] {
			for i := range n.Design.Sizes[l] + 1 {
				w := instrument.Siemens(80e-6 * (2*r.Float64() - 1))
				n.SetPair(l, j, i, mlp.Pair{Plus: n.Design.Range.Min + max(w, 0), Minus: n.Design.Range.Min + max(-w, 0)})
			}
		}
	}
	return n
}

// how is tuning behind ideal lines.
func how() tuning.Spec {
	s := tuning.DefaultSpec(nil)
	s.Lines = array.Resistance{}
	return s
}

func task(t *testing.T, a, b *bench) Task {
	return Task{Network: small(t), Placement: mlp.Placement{{Array: "A", Row: 1, Column: 2}, {Array: "B"}},
		Arrays: map[string]Array{"A": {Bench: a}, "B": {Bench: b}}, Tuning: how()}
}

func TestImport(t *testing.T) {
	a, b := newBench(6, 7, 1), newBench(5, 5, 2)
	k := task(t, a, b)
	o, err := Import(context.Background(), k, DefaultSpec(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(o.Devices) != k.Network.Design.Devices() || len(o.Weights) != len(o.Devices)/2 {
		t.Fatalf("%d devices and %d weights", len(o.Devices), len(o.Weights))
	}
	if o.InTolerance() != len(o.Weights) {
		t.Errorf("%d of %d weights are in tolerance: %+v", o.InTolerance(), len(o.Weights), o.Weights)
	}
	// The carrying device makes up for what its idle partner is off.
	for _, w := range o.Weights {
		n := k.Network.Pair(w.Layer, w.Neuron, w.Input)
		if off, allowed := math.Abs(float64(w.Final-w.Target)), 0.3*float64(max(n.Plus, n.Minus))+0.2e-6; off > allowed {
			t.Errorf("weight %+v is %g S off", w, off)
		}
	}
	// Nothing outside of the blocks is touched, and idle devices come first.
	for cell, pulses := range a.pulses {
		row, col := cell/a.cols, cell%a.cols
		if inside := row >= 1 && row < 5 && col >= 2 && col < 6; !inside && pulses > 0 {
			t.Errorf("r%dc%d of array A got %d pulses", row, col, pulses)
		}
	}
	idle := make(map[array.Cell]bool)
	for _, d := range o.Devices {
		if d.Device.Array == "A" {
			idle[d.Device.Cell] = d.Idle
		}
	}
	carrying := false
	for _, c := range a.order {
		if idle[c] && carrying {
			t.Errorf("idle device %s was written after carrying ones", c)
		}
		carrying = carrying || !idle[c]
	}
	var csvText bytes.Buffer
	if err := o.WriteCSV(&csvText); err != nil {
		t.Fatal(err)
	}
	if lines, err := csv.NewReader(&csvText).ReadAll(); err != nil || len(lines) != len(o.Devices)+1 {
		t.Errorf("CSV of %d lines, %v", len(lines), err)
	}
}

// A stuck device that training holds is left alone; one that nobody knew of is
// found and corrected for as far as its partner goes.
func TestHeldAndUnsettable(t *testing.T) {
	a, b := newBench(6, 7, 3), newBench(5, 5, 4)
	k := task(t, a, b)
	list, err := k.Network.Targets(k.Placement)
	if err != nil {
		t.Fatal(err)
	}
	var held, unknown mlp.Target
	for _, x := range list {
		switch {
		case x.Device.Array == "A" && !x.Idle && held.Conductance == 0:
			held = x
		case x.Device.Array == "A" && x.Idle && x.Site.Row/2 == 1 && unknown.Conductance == 0:
			unknown = x
		}
	}
	index := func(x mlp.Target) int { return x.Device.Cell.Row*a.cols + x.Device.Cell.Col }
	a.stuck[index(held)], a.g[index(held)] = true, float64(held.Conductance)
	a.stuck[index(unknown)], a.g[index(unknown)] = true, 40e-6
	k.Held = []mlp.Constraint{{Site: held.Site, Conductance: held.Conductance, Reason: "stuck"}}
	o, err := Import(context.Background(), k, DefaultSpec(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if a.pulses[index(held)] != 0 {
		t.Error("the held device was pulsed")
	}
	unsettable := o.Unsettable()
	if len(unsettable) != 1 || unsettable[0].Device != unknown.Device {
		t.Fatalf("unsettable: %+v", unsettable)
	}
	for _, d := range o.Devices {
		if d.Device == held.Device && d.Verdict != Held {
			t.Errorf("held device is %s", d.Verdict)
		}
	}
	for _, w := range o.Weights {
		if w.Layer == unknown.Site.Layer && w.Neuron == unknown.Site.Neuron() && w.Input == unknown.Site.Col &&
			!w.InTolerance {
			t.Errorf("the weight of the stuck device was not corrected: %+v", w)
		}
	}
	// Without correction it stays wrong.
	a2, b2 := newBench(6, 7, 3), newBench(5, 5, 4)
	k2 := task(t, a2, b2)
	a2.stuck[index(unknown)], a2.g[index(unknown)] = true, 40e-6
	plain := DefaultSpec()
	plain.Correct = false
	if o, err = Import(context.Background(), k2, plain, Options{}); err != nil {
		t.Fatal(err)
	}
	if o.InTolerance() == len(o.Weights) {
		t.Error("a weight with an idle device of 40 uS counts as right")
	}
}

// Devices that the map calls defective are not corrected for: an oblivious
// network does not know of them.
func TestOblivious(t *testing.T) {
	a, b := newBench(6, 7, 3), newBench(5, 5, 4)
	k := task(t, a, b)
	defects := array.NewDefectMap("A", 6, 7)
	for i := range defects.Devices {
		defects.Devices[i].State = array.StateFormed
	}
	list, err := k.Network.Targets(k.Placement)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range list {
		if x.Device.Array == "A" && x.Idle {
			defects.At(x.Device.Cell).State = array.StateDefective
			a.g[x.Device.Cell.Row*a.cols+x.Device.Cell.Col] = 60e-6
			break
		}
	}
	k.Arrays["A"] = Array{Bench: a, Defects: defects}
	o, err := Import(context.Background(), k, DefaultSpec(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defective := 0
	for _, d := range o.Devices {
		if d.Verdict == tuning.Defective {
			defective++
		}
	}
	if defective != 1 || o.InTolerance() != len(o.Weights)-1 {
		t.Errorf("%d defective devices, %d of %d weights in tolerance", defective, o.InTolerance(), len(o.Weights))
	}
}

func TestRefusals(t *testing.T) {
	lost := errors.New("the link is gone")
	for _, c := range []struct {
		name   string
		change func(k *Task, s *Spec)
		want   string
	}{
		{"tolerance", func(_ *Task, s *Spec) { s.Tolerance, s.Idle, s.Share = 0, 2, -1 }, "tolerance: 0 must be"},
		{"array missing", func(k *Task, _ *Spec) { delete(k.Arrays, "B") }, `array "B", which the bench does not have`},
		{"too large", func(k *Task, _ *Spec) { k.Placement[1].Row = 3 }, "does not fit array B"},
		{"never formed", func(k *Task, _ *Spec) { clear(k.Arrays["A"].Bench.(*bench).g) }, "never formed"},
		{"lost", func(k *Task, _ *Spec) { k.Arrays["A"].Bench.(*bench).fail = lost }, "writing array A"},
	} {
		t.Run(c.name, func(t *testing.T) {
			k, s := task(t, newBench(6, 7, 1), newBench(5, 5, 2)), DefaultSpec()
			c.change(&k, &s)
			o, err := Import(context.Background(), k, s, Options{})
			if err == nil || o != nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

func TestEstimate(t *testing.T) {
	k := task(t, newBench(6, 7, 1), newBench(5, 5, 2))
	sizes := map[string]mlp.ArraySize{"A": {Rows: 6, Columns: 7}, "B": {Rows: 5, Columns: 5}}
	arrays := make(map[string]int)
	e, err := DefaultSpec().Estimate(k.Network, k.Placement, nil, sizes, k.Tuning,
		func(name string, steps ...array.Step) (instrument.Seconds, error) {
			arrays[name]++
			return instrument.Seconds(0.01 * float64(len(steps))), nil
		})
	if err != nil {
		t.Fatal(err)
	}
	if e.Devices != k.Network.Design.Devices() || e.Weights*2 != e.Devices || e.MaxVoltage != k.Tuning.SetMax ||
		e.MinVoltage != k.Tuning.ResetMax || !(e.LongestTime > e.TypicalTime && e.TypicalTime > 0) {
		t.Errorf("estimate %+v", e)
	}
	if len(arrays) != 2 {
		t.Errorf("costed on %v", arrays)
	}
}
