package instrumenttest

import (
	"bytes"
	"math"
	"slices"
	"testing"

	"xlab/instrument"
)

// NeuronBoard is a neuron board that has been opened, seen from both sides.
type NeuronBoard struct {
	Neurons instrument.Neurons
	// Show makes the far side's neurons stand at these voltages, by neuron; nil
	// where they cannot be set.
	Show func(hidden, outputs []instrument.Volts)
	// OverRange takes an output neuron beyond the converter's range until
	// repair is called; nil where it cannot be done.
	OverRange func(output int) (repair func())
	// Stall keeps the far side from answering until resume is called, after
	// which what it was asked meanwhile is answered late; nil where it cannot be
	// done.
	Stall func() (resume func())
	// Played are the patterns' frames that the pattern port has sent since
	// opening, without those that open all switches; nil where they cannot be
	// seen.
	Played func() [][]byte
	// Break interrupts the pattern port's chain after so many more frames, until
	// repair is called; nil where it cannot be interrupted.
	Break func(after int) (repair func())
}

// NeuronsFixture describes a neuron board.
type NeuronsFixture struct {
	// Open makes a new board, ready to measure. It cleans up with t.Cleanup.
	Open            func(t *testing.T) NeuronBoard
	Hidden, Outputs int
	// Tolerance is how far a reading may be from what a neuron stands at, in V.
	HiddenTolerance, OutputTolerance instrument.Volts
	// Chips is the length of the chain at the pattern port.
	Chips int
	// TrimLeft is the largest offset that may be left by trimming, in V; hidden
	// neurons and outputs.
	TrimLeft [2]instrument.Volts
}

// TestNeurons runs the suites of instrument.Neurons and, as far as the board has
// them, instrument.Trimmer and instrument.Burster.
func TestNeurons(t *testing.T, f NeuronsFixture) {
	if f.Open == nil || f.Hidden < 1 || f.Outputs < 1 {
		t.Fatal("the fixture is incomplete: Open and the numbers of neurons are needed")
	}
	t.Run("Count", func(t *testing.T) {
		if h, o := f.Open(t).Neurons.Neurons(); h != f.Hidden || o != f.Outputs {
			t.Errorf("%d hidden and %d output neurons, want %d and %d", h, o, f.Hidden, f.Outputs)
		}
	})
	runSubtests(t, []subtest{
		{"Values", f.values},
		{"OverRange", f.overRange},
		{"EndedContext", f.ended},
		{"LateAnswer", f.late},
		{"Trim", f.trim},
		{"Burst", f.burst},
		{"BurstOfBadFrames", f.badFrames},
		{"BurstOverABrokenChain", f.brokenBurst},
	})
}

// read gives both groups.
func (b NeuronBoard) read(t *testing.T) (hidden, outputs []instrument.Volts) {
	t.Helper()
	hidden, err := b.Neurons.Hidden(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if outputs, err = b.Neurons.Outputs(t.Context()); err != nil {
		t.Fatal(err)
	}
	return hidden, outputs
}

func shape(t *testing.T, what string, values []instrument.Volts, want int) {
	t.Helper()
	if len(values) != want {
		t.Fatalf("%d values of %s neurons, want %d", len(values), what, want)
	}
	for i, v := range values {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			t.Errorf("%s neuron %d: %v", what, i, v)
		}
	}
}

func alike(t *testing.T, what string, values, want []instrument.Volts, tolerance instrument.Volts) {
	t.Helper()
	shape(t, what, values, len(want))
	for i, v := range values {
		if d := v - want[i]; !(d <= tolerance && d >= -tolerance) {
			t.Errorf("%s neuron %d: %s, stands at %s", what, i, v.Exact(), want[i].Exact())
		}
	}
}

func (f NeuronsFixture) values(t *testing.T) {
	b := f.Open(t)
	hidden, outputs := b.read(t)
	shape(t, "hidden", hidden, f.Hidden)
	shape(t, "output", outputs, f.Outputs)
	if b.Show == nil {
		t.Skip("the fixture cannot set what the neurons stand at")
	}
	// Neuron by neuron: each at a value of its own, so that an order shows.
	for _, sign := range []instrument.Volts{1, -1} {
		wantHidden, wantOutputs := make([]instrument.Volts, f.Hidden), make([]instrument.Volts, f.Outputs)
		for i := range wantHidden {
			wantHidden[i] = sign * 0.2 * instrument.Volts(i+1) / instrument.Volts(f.Hidden)
		}
		for i := range wantOutputs {
			wantOutputs[i] = sign * 9 * instrument.Volts(i+1) / instrument.Volts(f.Outputs)
		}
		b.Show(wantHidden, wantOutputs)
		hidden, outputs := b.read(t)
		alike(t, "hidden", hidden, wantHidden, f.HiddenTolerance)
		alike(t, "output", outputs, wantOutputs, f.OutputTolerance)
	}
}

func (f NeuronsFixture) overRange(t *testing.T) {
	b := f.Open(t)
	if b.OverRange == nil {
		t.Skip("the fixture cannot take a neuron out of range")
	}
	repair := b.OverRange(f.Outputs - 1)
	values, err := b.Neurons.Outputs(t.Context())
	if instrument.KindOf(err) != instrument.KindInstrument || len(values) != 0 {
		t.Errorf("over range: %v, %v of kind %q", values, err, instrument.KindOf(err))
	}
	repair()
	if values, err := b.Neurons.Outputs(t.Context()); err != nil || len(values) != f.Outputs {
		t.Errorf("after it is in range again: %v, %v", values, err)
	}
}

func (f NeuronsFixture) ended(t *testing.T) {
	b := f.Open(t)
	for _, ctx := range endedContexts(t) {
		if v, err := b.Neurons.Outputs(ctx); !isContextKind(err) || len(v) != 0 {
			t.Errorf("outputs with a context that has ended: %v, %v", v, err)
		}
		if v, err := b.Neurons.Hidden(ctx); !isContextKind(err) || len(v) != 0 {
			t.Errorf("hidden with a context that has ended: %v, %v", v, err)
		}
		if trimmer, can := b.Neurons.(instrument.Trimmer); can {
			if _, _, err := trimmer.Trim(ctx); !isContextKind(err) {
				t.Errorf("trim with a context that has ended: %v", err)
			}
		}
		if burster, can := b.Neurons.(instrument.Burster); can && f.Chips > 0 {
			if rows, err := burster.Burst(ctx, f.frames(2), false); !isContextKind(err) || len(rows) != 0 {
				t.Errorf("burst with a context that has ended: %v, %v", rows, err)
			}
		}
	}
	if b.Played != nil && len(b.Played()) != 0 {
		t.Error("frames were sent with a context that had ended")
	}
	b.read(t)
}

// late answers are never taken for those to the next question.
func (f NeuronsFixture) late(t *testing.T) {
	b := f.Open(t)
	if b.Stall == nil || b.Show == nil {
		t.Skip("the fixture cannot hold answers back")
	}
	before, after := make([]instrument.Volts, f.Outputs), make([]instrument.Volts, f.Outputs)
	for i := range before {
		before[i], after[i] = 1, -2
	}
	hidden := make([]instrument.Volts, f.Hidden)
	b.Show(hidden, before)
	resume := b.Stall()
	ctx, cancel := cancelSoon(t)
	defer cancel()
	if v, err := b.Neurons.Outputs(ctx); !isContextKind(err) || len(v) != 0 {
		t.Errorf("cancelled while waiting: %v, %v", v, err)
	}
	resume()
	b.Show(hidden, after)
	got, outputs := b.read(t)
	alike(t, "hidden", got, hidden, f.HiddenTolerance)
	alike(t, "output", outputs, after, f.OutputTolerance)
}

func (f NeuronsFixture) trim(t *testing.T) {
	b := f.Open(t)
	trimmer, can := b.Neurons.(instrument.Trimmer)
	if !can {
		t.Skip("the board does not trim")
	}
	hidden, outputs, err := trimmer.Trim(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	alike(t, "hidden", hidden, make([]instrument.Volts, f.Hidden), f.TrimLeft[0])
	alike(t, "output", outputs, make([]instrument.Volts, f.Outputs), f.TrimLeft[1])
}

// frames are n different frames for the chain, each with one switch per chip.
func (f NeuronsFixture) frames(n int) [][]byte {
	frames := make([][]byte, n)
	for i := range frames {
		frames[i] = bytes.Repeat([]byte{0x10}, f.Chips)
		for bit := range f.Chips {
			if bit < 12 && i>>bit&1 == 1 {
				frames[i][bit] = 0x20
			}
		}
	}
	return frames
}

// bursting opens a board that has bursts.
func (f NeuronsFixture) bursting(t *testing.T) (NeuronBoard, instrument.Burster) {
	b := f.Open(t)
	burster, can := b.Neurons.(instrument.Burster)
	if !can || f.Chips == 0 {
		t.Skip("the board has no bursts")
	}
	return b, burster
}

func (f NeuronsFixture) burst(t *testing.T) {
	for _, n := range []int{1, 3, 1024, 1500} {
		b, burster := f.bursting(t)
		for _, hidden := range []bool{false, true} {
			played := 0
			if b.Played != nil {
				played = len(b.Played())
			}
			frames := f.frames(n)
			given := make([][]byte, n)
			for i := range frames {
				given[i] = slices.Clone(frames[i])
			}
			rows, err := burster.Burst(t.Context(), frames, hidden)
			if err != nil || len(rows) != n {
				t.Fatalf("%d frames: %d rows, %v", n, len(rows), err)
			}
			for i, row := range rows {
				if hidden {
					shape(t, "hidden", row, f.Hidden)
				} else {
					shape(t, "output", row, f.Outputs)
				}
				if !bytes.Equal(frames[i], given[i]) {
					t.Fatal("the caller's frames were changed")
				}
			}
			if b.Played == nil {
				continue
			}
			if sent := b.Played()[played:]; !slices.EqualFunc(sent, given, bytes.Equal) {
				t.Errorf("%d frames were given, the port sent %d others", n, len(sent))
			}
		}
		if rows, err := burster.Burst(t.Context(), nil, false); err != nil || len(rows) != 0 {
			t.Errorf("no frames: %d rows, %v", len(rows), err)
		}
		b.read(t)
	}
}

func (f NeuronsFixture) badFrames(t *testing.T) {
	b, burster := f.bursting(t)
	good := f.frames(3)
	for name, frames := range map[string][][]byte{
		"an empty frame": {good[0], {}},
		"two lengths":    {good[0], good[1][1:]},
		"too long":       {make([]byte, 1<<16)},
	} {
		if rows, err := burster.Burst(t.Context(), frames, false); instrument.KindOf(err) != instrument.KindUsage ||
			len(rows) != 0 {
			t.Errorf("%s: %d rows, %v", name, len(rows), err)
		}
	}
	if b.Played != nil && len(b.Played()) != 0 {
		t.Error("frames were sent")
	}
}

func (f NeuronsFixture) brokenBurst(t *testing.T) {
	b, burster := f.bursting(t)
	if b.Break == nil {
		t.Skip("the fixture cannot break the pattern port's chain")
	}
	for _, after := range []int{0, 2} {
		repair := b.Break(after)
		rows, err := burster.Burst(t.Context(), f.frames(5), false)
		if instrument.KindOf(err) != instrument.KindChain || len(rows) != after {
			t.Errorf("broken after %d frames: %d rows, %v of kind %q", after, len(rows), err, instrument.KindOf(err))
		}
		repair()
		if rows, err := burster.Burst(t.Context(), f.frames(5), false); err != nil || len(rows) != 5 {
			t.Errorf("mended: %d rows, %v", len(rows), err)
		}
	}
}
