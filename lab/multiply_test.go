package lab_test

import (
	"context"
	"math"
	"testing"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/lab"
	"xlab/lab/procedure"
	"xlab/lab/sim"
)

// products is a job of one multiplication after the other.
type products struct {
	bursts
	steps   []array.Step
	results []array.Result
}

func (j *products) Work(ctx context.Context, b procedure.Bench) (err error) {
	j.results, err = b.Crossbar("A").Do(ctx, array.Whole, j.steps...)
	return err
}

// The product of one vector with a formed array, from the columns: together it is what
// all inputs give at once, line by line more, because every read is spared what the
// others' currents take away on the lines, and the neurons show the differences of
// pairs of it.
func TestMultiply(t *testing.T) {
	l := lab.New()
	if err := l.ReadConfig("", []string{"analyzer.address=sim", "neurons.address=sim", "neurons.reference=0.2V",
		"neurons.wiring=neuron-board.yaml", "simulation.chip=none"}); err != nil {
		t.Fatal(err)
	}
	chip, err := sim.NewChip(l.Config, 3)
	if err != nil {
		t.Fatal(err)
	}
	form := l.Settings().Forming
	for row := range 6 { // three hidden neurons
		for col := range 20 {
			form.Devices = append(form.Devices, array.Cell{Row: row, Col: col})
		}
	}
	same := make([]instrument.Volts, 20)
	for col := range same {
		same[col] = 0.2
	}
	several := append([]instrument.Volts{0.19999, 0.20001}, same[2:]...) // three voltages are read line by line
	few := append(append([]instrument.Volts{}, same[:2]...), make([]instrument.Volts, 18)...)
	few[1] = -0.2
	step := array.Multiply{From: array.Cols, Voltages: same, Compliance: 5e-3, Aperture: 20e-3}
	lines, some, pairs := step, step, array.Multiply{From: array.Cols, Voltages: few, Pairs: true}
	lines.Voltages, some.Voltages = several, few
	j := &products{steps: []array.Step{step, lines, some, pairs}}
	if err := l.InMemory(t.Context(), chip, procedure.NewForming("A", form), j); err != nil {
		t.Fatal(err)
	}
	for i, how := range []array.How{array.Together, array.LineByLine, array.Together, array.Pairs} {
		if j.results[i].How != how {
			t.Fatalf("%v was measured %s, not %s", j.steps[i], j.results[i].How, how)
		}
	}
	for row := range 6 {
		together, sum := float64(j.results[0].Levels[row].Current), float64(j.results[1].Levels[row].Current)
		// 20 devices of some µS behind 200 Ω and up to 20 segments of 2 Ω: a percent or so.
		if !(sum > 1.005*together && sum < 1.05*together) {
			t.Errorf("row %d: %g A together, %g A line by line", row, together, sum)
		}
	}
	for neuron := range 3 {
		plus, minus := j.results[2].Levels[2*neuron].Current, j.results[2].Levels[2*neuron+1].Current
		got, want := float64(j.results[3].Levels[neuron].Current), float64(plus-minus)
		// What is left of the offset by the trim's step is 1 mV of 1e6 V/A; beyond 0.99 of
		// its swing a hidden neuron shows no more.
		if most := math.Atanh(0.99) * 1e-6; math.Abs(want) > most {
			want = math.Copysign(most, want)
		}
		if math.Abs(got-want) > 0.05e-6+0.05*math.Abs(want) {
			t.Errorf("neuron %d shows %g A, its rows differ by %g A", neuron, got, want)
		}
	}
}
