package train

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/mlp"
	"xlab/mlp/dataset"
)

func train(t *testing.T, task Task, o Options) *Result {
	t.Helper()
	r, err := Train(context.Background(), task, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func accuracy(t *testing.T, n *mlp.Network, s *dataset.Set, physics ...mlp.Conduction) float64 {
	t.Helper()
	out, err := n.Classify(s.X, physics...)
	if err != nil {
		t.Fatal(err)
	}
	e, err := mlp.Evaluate(out, s.Labels)
	if err != nil {
		t.Fatal(err)
	}
	return e.Accuracy
}

func flipped(t *testing.T, s *dataset.Set) *dataset.Set {
	t.Helper()
	f, err := dataset.Flip(s)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// The published figure is 100 % of the training set; the test set's accuracy
// and what is left of both at 30 % conductance error must not fall behind what
// the defaults were chosen for.
func TestLettersOverSeeds(t *testing.T) {
	letters := dataset.Letters()
	test := flipped(t, letters)
	seeds := 20
	if testing.Short() {
		seeds = 3
	}
	full, sum, left, perfect := 0, 0.0, 0.0, 0.0
	for seed := range seeds {
		o := Defaults()
		o.Seed, o.Restarts = uint64(seed), 1 // the defaults' four make it only surer
		r := train(t, Task{Design: mlp.LetterDesign(), Set: letters}, o)
		if r.Accuracy == 100 {
			full++
		}
		sum += accuracy(t, r.Network, test)
		s, err := r.Network.Survive(context.Background(), letters.X, letters.Labels, mlp.Tolerance(0.3), nil, 20, 1)
		if err != nil {
			t.Fatal(err)
		}
		perfect += s.Perfect
		if s, err = r.Network.Survive(context.Background(), test.X, test.Labels, mlp.Tolerance(0.3), nil, 5, 1); err != nil {
			t.Fatal(err)
		}
		left += s.Mean
	}
	n := float64(seeds)
	t.Logf("%d of %d seeds reach 100 %%; test %.2f %%; at 30 %% error all of the training set in %.1f %% of copies, "+
		"test %.2f %%", full, seeds, sum/n, perfect/n, left/n)
	if full < seeds {
		t.Errorf("%d of %d seeds classify the whole training set", full, seeds)
	}
	if sum/n < 85 || perfect/n < 97 || sum/n-left/n > 2 {
		t.Errorf("test %.2f %%, perfect copies %.1f %%, perturbed test %.2f %%", sum/n, perfect/n, left/n)
	}
}

// Without errors in the training, the errors of an import destroy the network.
func TestTrainingWithErrorsIsWhatMakesItRobust(t *testing.T) {
	letters := dataset.Letters()
	plain := Defaults()
	plain.Loss, plain.Target, plain.Scatter = MeanSquare, 1, mlp.Tolerance(0)
	survived := func(o Options) float64 {
		r := train(t, Task{Design: mlp.LetterDesign(), Set: letters}, o)
		if r.Accuracy != 100 {
			t.Fatalf("training set %g %%", r.Accuracy)
		}
		s, err := r.Network.Survive(context.Background(), letters.X, letters.Labels, mlp.Tolerance(0.3), nil, 50, 1)
		if err != nil {
			t.Fatal(err)
		}
		return s.Mean
	}
	without, with := survived(plain), survived(Defaults())
	t.Logf("mean accuracy at 30 %% error: %.2f %% trained without errors, %.2f %% with", without, with)
	if with < 99.5 || without > 80 {
		t.Errorf("%.2f %% trained without errors, %.2f %% with", without, with)
	}
}

func TestTrainingFollowsFromTheSeed(t *testing.T) {
	task := Task{Design: mlp.LetterDesign(), Set: dataset.Letters(),
		Constraints: []mlp.Constraint{{Site: mlp.Site{Row: 3, Col: 4}, Conductance: 77e-6}}}
	o := Defaults()
	o.Epochs, o.Trials = 30, 5
	first := train(t, task, o)
	before := runtime.GOMAXPROCS(1)
	second := train(t, task, o)
	runtime.GOMAXPROCS(before)
	o.Seed++
	third := train(t, task, o)
	for l := range first.Network.G {
		if !mat.Equal(first.Network.G[l], second.Network.G[l]) {
			t.Errorf("layer %d differs on one core", l)
		}
		if mat.Equal(first.Network.G[l], third.Network.G[l]) {
			t.Errorf("layer %d is the same for another seed", l)
		}
	}
	if first.Restart != second.Restart || first.Loss != second.Loss || first.Survived != second.Survived {
		t.Errorf("restart %d, loss %g and restart %d, loss %g", first.Restart, first.Loss, second.Restart, second.Loss)
	}
}

// Stuck devices and dead lines stay what they are, their partners move, and
// the network learns all the same.
func TestConstraintsAreHeld(t *testing.T) {
	letters := dataset.Letters()
	d := mlp.LetterDesign()
	p := mlp.DefaultPlacement("A", "B")
	held, err := p.Constraints(d, []mlp.Fault{
		{Kind: mlp.Stuck, Device: mlp.Device{Array: "A", Cell: array.Cell{Row: 0, Col: 0}}, Conductance: 95e-6},
		{Kind: mlp.Stuck, Device: mlp.Device{Array: "A", Cell: array.Cell{Row: 1, Col: 0}}, Conductance: 20e-6},
		{Kind: mlp.Stuck, Device: mlp.Device{Array: "A", Cell: array.Cell{Row: 7, Col: 9}}, Conductance: 150e-6},
		{Kind: mlp.Stuck, Device: mlp.Device{Array: "B", Cell: array.Cell{Row: 2, Col: 10}}, Conductance: 3e-6},
		{Kind: mlp.DeadRow, Device: mlp.Device{Array: "A", Cell: array.Cell{Row: 12}}},
		{Kind: mlp.DeadColumn, Device: mlp.Device{Array: "A", Cell: array.Cell{Col: 16}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(held) != 3+1+17+20-1 {
		t.Fatalf("%d devices are held", len(held))
	}
	o := Defaults()
	o.Restarts = 1
	r := train(t, Task{Design: d, Set: letters, Constraints: held}, o)
	if r.Accuracy != 100 {
		t.Errorf("training set %g %%", r.Accuracy)
	}
	fixed := map[mlp.Site]instrument.Siemens{}
	for _, k := range held {
		fixed[k.Site] = k.Conductance
	}
	moved := 0
	for l, g := range r.Network.G {
		rows, columns := g.Dims()
		for row := range rows {
			for col := range columns {
				x := instrument.Siemens(g.At(row, col))
				site := mlp.Site{Layer: l, Row: row, Col: col}
				if want, ok := fixed[site]; ok {
					if x != want {
						t.Errorf("%s is held at %s and has %s", site, want.Exact(), x.Exact())
					}
					continue
				}
				if x < d.Range.Min || x > d.Range.Max {
					t.Errorf("%s has %s", site, x.Exact())
				}
				if !d.Range.Idle(x) {
					moved++
				}
			}
		}
	}
	if moved < 100 {
		t.Errorf("only %d devices carry weight", moved)
	}
}

// The partner takes over: with the plus device of the only useful input stuck
// high, the weight can still be made negative.
func TestThePartnerCompensates(t *testing.T) {
	set := &dataset.Set{Name: "sign", Classes: []string{"low", "high"}, X: mat.NewDense(2, 1, []float64{-1, 1}),
		Labels: []int{0, 1}}
	held := []mlp.Constraint{{Site: mlp.Site{Row: 0, Col: 0}, Conductance: 60e-6}} // output "low" wants a negative weight
	o := Defaults()
	o.Restarts = 1
	r := train(t, Task{Design: mlp.NewDesign(1, 2), Set: set, Constraints: held}, o)
	pair := r.Network.Pair(0, 0, 0)
	if r.Accuracy != 100 || pair.Plus != 60e-6 || pair.Minus <= 60e-6 {
		t.Errorf("accuracy %g %%, pair %v", r.Accuracy, pair)
	}
}

// Stuck devices drawn like those of a chip: hardware-aware training must give
// back what they cost an oblivious network.
func TestAwareTrainingBeatsOblivious(t *testing.T) {
	letters := dataset.Letters()
	test := flipped(t, letters)
	d := mlp.LetterDesign()
	o := Defaults()
	o.Restarts = 1
	base := train(t, Task{Design: d, Set: letters}, o).Network
	chips := 4
	if testing.Short() {
		chips = 2
	}
	var oblivious, aware, obliviousTest, awareTest float64
	for chip := range chips {
		held := stuckDevices(d, 0.025, uint64(chip))
		imposed := base.Clone() // what it is on the chip that has the devices
		for _, k := range held {
			imposed.G[k.Site.Layer].Set(k.Site.Row, k.Site.Col, float64(k.Conductance))
		}
		o.Seed = uint64(chip)
		r := train(t, Task{Design: d, Set: letters, Constraints: held}, o)
		for _, x := range []struct {
			n           *mlp.Network
			train, test *float64
		}{{imposed, &oblivious, &obliviousTest}, {r.Network, &aware, &awareTest}} {
			for sum, set := range map[*float64]*dataset.Set{x.train: letters, x.test: test} {
				s, err := x.n.Survive(context.Background(), set.X, set.Labels, mlp.Tolerance(0.3), held, 8, 3)
				if err != nil {
					t.Fatal(err)
				}
				*sum += s.Mean / float64(chips)
			}
		}
	}
	t.Logf("with 2.5 %% stuck devices and 30 %% error, training / test: oblivious %.2f / %.2f %%, aware %.2f / %.2f %%",
		oblivious, obliviousTest, aware, awareTest)
	if aware < 99.5 || aware <= oblivious || awareTest <= obliviousTest {
		t.Errorf("training / test: oblivious %.2f / %.2f %%, aware %.2f / %.2f %%", oblivious, obliviousTest, aware,
			awareTest)
	}
}

// stuckDevices draws a share of all devices, each at a conductance anywhere in
// the working range.
func stuckDevices(d mlp.Design, share float64, seed uint64) []mlp.Constraint {
	r := rand.New(rand.NewPCG(seed, 1234))
	var list []mlp.Constraint
	for l := range d.Layers() {
		rows, columns := d.Block(l)
		for row := range rows {
			for col := range columns {
				if r.Float64() < share {
					g := d.Range.Min + instrument.Siemens(r.Float64())*d.Range.Span()
					list = append(list, mlp.Constraint{Site: mlp.Site{Layer: l, Row: row, Col: col}, Conductance: g, Reason: "stuck"})
				}
			}
		}
	}
	return list
}

// With line resistances that take a good part of the signal and nonlinear
// devices, a network that was trained for them works and another does not.
func TestTrainingThroughPhysics(t *testing.T) {
	letters, err := dataset.Letters().Only("T", "X")
	if err != nil {
		t.Fatal(err)
	}
	d := mlp.NewDesign(16, 6, 2)
	law, err := mlp.NewCubic(0.2, 2.5)
	if err != nil {
		t.Fatal(err)
	}
	var lossy []mlp.Conduction
	for l := range d.Layers() {
		rows, columns := d.Block(l)
		s := mlp.UniformSeries(rows, columns, 1000, 0, law)
		for i := range s.Columns {
			s.Columns[i] = instrument.Ohms(1500 * i) // the bias suffers most
		}
		lossy = append(lossy, s)
	}
	o := Defaults()
	o.Restarts, o.Epochs, o.Replicas, o.Trials = 1, 100, 1, 0
	o.Rate, o.Scatter = 4e-6, mlp.Tolerance(0)
	ideal := train(t, Task{Design: d, Set: letters}, o)
	real := train(t, Task{Design: d, Set: letters, Physics: lossy}, o)
	lost, regained := accuracy(t, ideal.Network, letters, lossy...), accuracy(t, real.Network, letters, lossy...)
	t.Logf("through the lines: %.1f %% trained without them, %.1f %% with", lost, regained)
	if ideal.Accuracy != 100 || lost > 95 || regained != 100 || real.Accuracy != regained {
		t.Errorf("ideal %g %%; through the lines %g %% trained without them, %g %% with", ideal.Accuracy, lost, regained)
	}
}

func TestPatience(t *testing.T) {
	set := toy()
	d := mlp.NewDesign(2, 4, 2)
	o := Defaults()
	o.Restarts, o.Trials = 1, 0
	o.Scatter = mlp.Tolerance(0)
	o.Epochs, o.Rate = 2000, 0.3e-6
	r := train(t, Task{Design: d, Set: set}, o)
	if r.Accuracy != 100 || r.Epochs == 2000 || r.Loss > 1e-3 {
		t.Fatalf("accuracy %g %%, loss %g V^2 after %d epochs: a training without errors ends when nothing is missing",
			r.Accuracy, r.Loss, r.Epochs)
	}
	if len(r.Curve) != r.Epochs || r.Curve[0].Loss <= r.Curve[r.Epochs-1].Loss || r.Curve[r.Epochs-1].Accuracy != 100 {
		t.Errorf("curve of %d points from %+v to %+v", len(r.Curve), r.Curve[0], r.Curve[len(r.Curve)-1])
	}
	// Everything held: the loss cannot fall, and patience ends it.
	var held []mlp.Constraint
	for l := range d.Layers() {
		rows, columns := d.Block(l)
		for row := range rows {
			for col := range columns {
				held = append(held, mlp.Constraint{Site: mlp.Site{Layer: l, Row: row, Col: col}, Conductance: 20e-6})
			}
		}
	}
	o.Patience = 7
	stuck := train(t, Task{Design: d, Set: set, Constraints: held}, o)
	if stuck.Epochs != 8 {
		t.Errorf("%d epochs of a network that cannot change, with a patience of 7", stuck.Epochs)
	}
}

func TestTrainRefuses(t *testing.T) {
	nan := toy()
	nan.X.Set(2, 1, math.NaN())
	wide := toy()
	wide.X.Set(2, 1, 3)
	for name, c := range map[string]struct {
		change func(*Task, *Options)
		want   string
	}{
		"no set": {func(k *Task, _ *Options) { k.Set = nil }, "no data set"},
		"NaN":    {func(k *Task, _ *Options) { k.Set = nan }, "sample 2, feature 1 is NaN"},
		"range": {func(k *Task, _ *Options) { k.Set = wide },
			"data set toy: sample 2, feature 1 is 3, outside -1 to 1"},
		"width": {func(k *Task, _ *Options) { k.Design = mlp.NewDesign(16, 2) },
			"data set toy: data set has 2 features, the network has 16 inputs"},
		"classes": {func(k *Task, _ *Options) { k.Design = mlp.NewDesign(2, 3) },
			"data set toy has 2 classes, the network has 3 outputs"},
		"design": {func(k *Task, _ *Options) { k.Design.Hidden.Gain = 0 }, "gain of 0 V/A"},
		"constraint": {func(k *Task, _ *Options) { k.Constraints = []mlp.Constraint{{Site: mlp.Site{Row: 99}}} },
			"no such device"},
		"physics": {func(k *Task, _ *Options) { k.Physics = []mlp.Conduction{mlp.Ideal{}} },
			"the physics of 1 were given"},
		"restarts": {func(_ *Task, o *Options) { o.Restarts = 0 }, "0 restarts"},
		"epochs":   {func(_ *Task, o *Options) { o.Epochs = 0 }, "0 epochs"},
		"patience": {func(_ *Task, o *Options) { o.Patience = -1 }, "patience of -1"},
		"loss":     {func(_ *Task, o *Options) { o.Loss = "absolute" }, `loss "absolute" is unknown`},
		"target":   {func(_ *Task, o *Options) { o.Target = 0 }, "target output is 0 V"},
		"beyond rails": {func(_ *Task, o *Options) { o.Target = 11 }, "target output 11 V lies beyond the output neurons' " +
			"rails of 10 V"},
		"rate":    {func(_ *Task, o *Options) { o.Rate = -1e-6 }, "rate is -1 µS"},
		"initial": {func(_ *Task, o *Options) { o.Initial = 0 }, "initial weights are 0 S"},
		"scatter": {func(_ *Task, o *Options) { o.Scatter.Relative = 2 }, "relative conductance error 2"},
	} {
		t.Run(name, func(t *testing.T) {
			task, o := Task{Design: mlp.NewDesign(2, 4, 2), Set: toy()}, Defaults()
			c.change(&task, &o)
			if _, err := Train(context.Background(), task, o); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Train(ended, Task{Design: mlp.NewDesign(2, 4, 2), Set: toy()}, Defaults()); !errors.Is(err,
		context.Canceled) {
		t.Errorf("after the end of its context: %v", err)
	}
}

func TestFileCarriesTheProvenance(t *testing.T) {
	task := Task{Design: mlp.NewDesign(2, 4, 2), Set: toy(),
		Constraints: []mlp.Constraint{{Site: mlp.Site{Row: 3}, Conductance: 50e-6, Reason: "stuck"}}}
	o := Defaults()
	o.Seed, o.Epochs, o.Trials = 77, 20, 0
	r := train(t, task, o)
	scaling := dataset.FitRange(task.Set)
	f, err := r.File("xlab test", &scaling)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := f.Write(&text); err != nil {
		t.Fatal(err)
	}
	back, err := mlp.Read(strings.NewReader(text.String()))
	if err != nil {
		t.Fatal(err)
	}
	p := back.Provenance
	if p.Approach != mlp.Aware || p.Seed != 77 || p.Data.Digest != task.Set.Digest() || p.Data.Samples != 4 ||
		*p.TrainAccuracy != r.Accuracy || len(p.Data.Offset) != 2 {
		t.Errorf("provenance %+v", p)
	}
	if !strings.Contains(string(p.Training), `"epochs":20`) {
		t.Errorf("training options %s", p.Training)
	}
	for l := range r.Network.G {
		if !mat.Equal(back.Network.G[l], r.Network.G[l]) {
			t.Errorf("layer %d is read back differently", l)
		}
	}
	task.Constraints = nil
	plain, err := train(t, task, o).File("xlab test", nil)
	if err != nil || plain.Provenance.Approach != mlp.Oblivious {
		t.Errorf("approach %q, %v", plain.Provenance.Approach, err)
	}
}

// What an observer is told counts up to what it was told there would be, also
// where restarts end early.
func TestTrainTellsHowFarItIs(t *testing.T) {
	set := dataset.Letters()
	o := Defaults()
	o.Epochs, o.Restarts, o.Patience, o.Trials, o.Replicas = 12, 3, 3, 1, 1
	last, final := 0, 0
	task := Task{Design: mlp.LetterDesign(), Set: set, Observe: func(done, total int) {
		if done != last+1 || total > 36 || total < done {
			t.Errorf("%d of %d after %d", done, total, last)
		}
		last, final = done, total
	}}
	if _, err := Train(t.Context(), task, o); err != nil {
		t.Fatal(err)
	}
	if last == 0 || last != final {
		t.Errorf("it ended at %d of %d", last, final)
	}
}
