package insitu

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/mlp"
	"xlab/mlp/dataset"
	"xlab/run"
	"xlab/tuning"
)

// Classifier passes patterns through the network on the hardware.
type Classifier interface {
	// Trim nulls the neurons' offsets.
	Trim(ctx context.Context) error
	// Layers gives the outputs in V of the hidden and of the output neurons,
	// samples x neurons, for features between -1 and 1, samples x inputs.
	Layers(ctx context.Context, features *mat.Dense) (hidden, outputs *mat.Dense, err error)
}

// Learner knows how the devices of one array respond to pulses, and learns from
// every one. What it answers depends on what it was told and on nothing else.
type Learner interface {
	Learn(cell array.Cell, s tuning.Shot)
	// Amplitude is as in Response, with the part of it that the lines keep.
	Amplitude(cell array.Cell, g, change instrument.Siemens, sag float64) (v instrument.Volts, ok bool)
}

// Array is one array of the bench.
type Array struct {
	// Bench performs pulses and reads. One that is to survive a crash has the
	// intent of every pulse on disk before it is given (array.Journaled).
	Bench    array.Crossbar
	Response Learner // for variable amplitudes
}

// Task is what is to be learnt, and where.
type Task struct {
	Design     mlp.Design
	Placement  mlp.Placement
	Set        *dataset.Set // training set
	Held       []mlp.Constraint
	Arrays     map[string]Array
	Classifier Classifier
}

// Point is one epoch of the training curve: what the hardware did, and what was
// done to it then.
type Point struct {
	Epoch       int     `json:"epoch"` // from 0, which is before the first pulse
	Accuracy    float64 `json:"accuracy_percent"`
	Loss        float64 `json:"loss_v2"`
	Pulses      int     `json:"pulses"`      // devices that were pulsed after it
	Writes      int     `json:"writes"`      // in so many writes
	Limited     int     `json:"limited"`     // of these, in which a source was at its compliance
	Unreachable int     `json:"unreachable"` // devices that no allowed pulse brings where they should go
	AtBound     int     `json:"at_bound"`    // devices left alone at the bound of the working range
}

// Options are the parts of a training that are not the procedure's.
type Options struct {
	Observe func(Point) // told after every epoch; nil = nobody. It must not block.
}

// Outcome is the result of a training.
type Outcome struct {
	Curve    []Point
	Best     int             // epoch of the best accuracy, of equal ones the one with the lowest loss
	Network  *mlp.Network    // conductances at the best epoch, as last read before it
	Outputs  *mat.Dense      // samples x outputs in V, measured at the best epoch
	Result   *mlp.Evaluation // of these
	Reached  bool            // the goal
	Pulses   int             // in all
	BadReads int             // that were not valid; the device's last value was kept
}

// Accuracy is that of the best epoch in percent.
func (o *Outcome) Accuracy() float64 { return o.Result.Accuracy }

// Epochs is the number of updates, the last one perhaps not complete.
func (o *Outcome) Epochs() int { return len(o.Curve) - 1 }

// known is what is known of an array's devices.
type known struct {
	rows, cols int
	g          []float64 // S, row by row
}

type trainer struct {
	task   Task
	spec   Spec
	known  map[string]*known
	names  []string // of the arrays, in the order of the layers
	memory []*mat.Dense
	first  float64 // loss of the first epoch
	point  Point
	out    *Outcome
}

// Train trains the network in place: every epoch passes the whole training set
// through the hardware, computes the gradient at the measured outputs, and
// gives the pulses that the rule asks for. It ends at the goal, after the last
// epoch, when the guard around ctx asks it to stop, or with an error; the
// outcome so far comes with an error too. Everything follows from what the
// bench answers. The caller makes the bench safe.
func Train(ctx context.Context, task Task, spec Spec, o Options) (*Outcome, error) {
	if err := check(task, spec); err != nil {
		return nil, err
	}
	t := &trainer{task: task, spec: spec, known: make(map[string]*known), out: &Outcome{Best: -1}}
	t.names = task.Placement.Arrays()
	err := t.run(ctx, o)
	if t.out.Best < 0 {
		return nil, err
	}
	return t.out, err
}

func check(task Task, spec Spec) error {
	if err := spec.Validate(); err != nil {
		return err
	}
	sizes := make(map[string]mlp.ArraySize, len(task.Arrays))
	for name, a := range task.Arrays {
		rows, cols := a.Bench.Size()
		sizes[name] = mlp.ArraySize{Rows: rows, Columns: cols}
		if spec.Rule == Variable && a.Response == nil {
			return fmt.Errorf("array %s: variable amplitudes need what is known of its devices' response", name)
		}
	}
	if err := task.Placement.Validate(task.Design, sizes); err != nil {
		return err
	}
	if err := task.Design.CheckConstraints(task.Held); err != nil {
		return err
	}
	if task.Design.Layers() != 2 {
		return fmt.Errorf("a network with %d layers of devices cannot be trained in place: the neuron boards give the "+
			"outputs of one hidden layer", task.Design.Layers())
	}
	if task.Set.Len() == 0 {
		return errors.New("the training set is empty")
	}
	if _, width := task.Set.X.Dims(); width != task.Design.Sizes[0] || len(task.Set.Classes) != task.Design.Sizes[2] {
		return fmt.Errorf("the training set has %d features and %d classes, the network %d inputs and %d outputs", width,
			len(task.Set.Classes), task.Design.Sizes[0], task.Design.Sizes[2])
	}
	return nil
}

func (t *trainer) run(ctx context.Context, o Options) error {
	for _, name := range t.names {
		rows, cols := t.task.Arrays[name].Bench.Size()
		t.known[name] = &known{rows: rows, cols: cols, g: make([]float64, rows*cols)}
		if err := t.readCells(ctx, name, array.AllCells(rows, cols)); err != nil {
			return fmt.Errorf("reading array %s before training: %w", name, err)
		}
	}
	inputs, err := t.task.Design.Drive(t.task.Set.X)
	if err != nil {
		return err
	}
	for epoch := 0; ; epoch++ {
		if err := run.CheckStop(ctx); err != nil {
			return err
		}
		n, err := t.network()
		if err != nil {
			return err
		}
		gradient, err := t.infer(ctx, epoch, n, inputs)
		if err != nil {
			return fmt.Errorf("epoch %d: %w", epoch, err)
		}
		if last := t.out.Reached || epoch == t.spec.Epochs; last {
			t.close(o)
			return nil
		}
		err = t.update(ctx, n, gradient)
		t.close(o)
		if err != nil {
			return fmt.Errorf("update after epoch %d: %w", epoch, err)
		}
		if r := t.spec.Reread; r > 0 && (epoch+1)%r == 0 {
			if err := t.reread(ctx); err != nil {
				return fmt.Errorf("reading after epoch %d: %w", epoch, err)
			}
		}
	}
}

// close ends an epoch.
func (t *trainer) close(o Options) {
	t.out.Curve = append(t.out.Curve, t.point)
	t.out.Pulses += t.point.Pulses
	if o.Observe != nil {
		o.Observe(t.point)
	}
}

// network is the network with the conductances as known.
func (t *trainer) network() (*mlp.Network, error) {
	n, err := mlp.New(t.task.Design)
	if err != nil {
		return nil, err
	}
	for l, g := range n.G {
		g.Apply(func(r, c int, _ float64) float64 {
			at := t.task.Placement.Device(mlp.Site{Layer: l, Row: r, Col: c})
			return math.Max(float64(t.at(at.Array, at.Cell)), 0)
		}, g)
	}
	return n, nil
}

// infer passes the training set through the hardware and keeps the best.
func (t *trainer) infer(ctx context.Context, epoch int, n *mlp.Network, inputs *mat.Dense) ([]*mat.Dense, error) {
	if t.spec.Trim {
		if err := t.task.Classifier.Trim(ctx); err != nil {
			return nil, fmt.Errorf("trimming: %w", err)
		}
	}
	hidden, outputs, err := t.task.Classifier.Layers(ctx, t.task.Set.X)
	if err != nil {
		return nil, err
	}
	loss, gradient, err := Gradient(n, t.spec.Loss, t.spec.Target, t.task.Set.Labels, inputs, hidden, outputs)
	if err != nil {
		return nil, err
	}
	e, err := mlp.Evaluate(outputs, t.task.Set.Labels)
	if err != nil {
		return nil, err
	}
	t.point = Point{Epoch: epoch, Accuracy: e.Accuracy, Loss: loss}
	if b := t.out.Best; b < 0 || e.Accuracy > t.out.Result.Accuracy || e.Accuracy == t.out.Result.Accuracy &&
		loss < t.out.Curve[b].Loss {
		t.out.Best, t.out.Network, t.out.Outputs, t.out.Result = epoch, n, outputs, e
	}
	if epoch == 0 {
		t.first = loss
	}
	t.out.Reached = e.Accuracy >= t.spec.Goal
	return gradient, nil
}

// update gives the pulses that follow a batch.
func (t *trainer) update(ctx context.Context, n *mlp.Network, gradient []*mat.Dense) error {
	if t.memory == nil {
		for _, g := range gradient {
			t.memory = append(t.memory, mat.DenseCopyOf(g))
		}
	} else {
		for l, g := range gradient {
			t.memory[l].Scale(t.spec.Memory, t.memory[l])
			var fresh mat.Dense
			fresh.Scale(1-t.spec.Memory, g)
			t.memory[l].Add(t.memory[l], &fresh)
		}
	}
	if largest(t.memory) == 0 {
		return nil // every output is where it should be
	}
	rule, err := t.rule()
	if err != nil {
		return err
	}
	u, err := rule.Update(State{Gradient: t.memory, G: n.G, Held: t.task.Held})
	if err != nil {
		return err
	}
	t.point.Unreachable, t.point.AtBound = len(u.Unreachable), u.AtBound
	for _, o := range t.plan(u.Pulses) {
		if err := run.CheckStop(ctx); err != nil {
			return err
		}
		if err := t.carry(ctx, o); err != nil {
			return err
		}
	}
	return nil
}

// rule is the specification's rule for this epoch.
func (t *trainer) rule() (Rule, error) {
	if t.spec.Rule == Fixed {
		return FixedAmplitude{Set: t.spec.Set, Reset: t.spec.Reset, Threshold: t.spec.Threshold, Range: t.task.Design.Range},
			nil
	}
	// The gradient falls with the loss, the changes with its root: near the end
	// few samples are left, and steps as long as the first ones would undo what
	// has been learnt for the others.
	change := t.spec.Change * instrument.Siemens(math.Sqrt(math.Min(t.point.Loss/t.first, 1)))
	rate, err := RateFor(t.memory, max(change, 2*t.spec.Smallest))
	if err != nil {
		return nil, err
	}
	return VariableAmplitude{Rate: rate, Smallest: t.spec.Smallest, Largest: t.spec.Change, Range: t.task.Design.Range,
		Response: (*learned)(t)}, nil
}

// learned is the response of all arrays' devices.
type learned trainer

// Amplitude implements Response.
func (l *learned) Amplitude(at mlp.Site, g, change instrument.Siemens) (instrument.Volts, bool) {
	t := (*trainer)(l)
	device := t.task.Placement.Device(at)
	alone := Pulse{Site: at, Amplitude: instrument.Volts(math.Copysign(1, float64(change)))}
	return t.task.Arrays[device.Array].Response.Amplitude(device.Cell, g, change, t.sag(alone, []Pulse{alone}))
}

func (t *trainer) at(name string, cell array.Cell) instrument.Siemens {
	k := t.known[name]
	return instrument.Siemens(k.g[cell.Row*k.cols+cell.Col])
}

// take keeps what a read showed, unless it cannot be used.
func (t *trainer) take(name string, cell array.Cell, r array.Result) bool {
	if !r.Valid() || r.InCompliance() {
		t.out.BadReads++
		return false
	}
	k := t.known[name]
	k.g[cell.Row*k.cols+cell.Col] = float64(r.Conductance())
	return true
}

func (t *trainer) readCells(ctx context.Context, name string, cells []array.Cell) error {
	bad := t.out.BadReads
	var limited []array.Limited // sources of the last read that was none
	for _, cell := range cells {
		if err := run.CheckStop(ctx); err != nil {
			return err
		}
		results, err := t.task.Arrays[name].Bench.Do(ctx, cell, t.spec.read())
		if err != nil {
			return err
		}
		if !t.take(name, cell, results[0]) && len(results[0].Limited) > 0 {
			limited = results[0].Limited
		}
	}
	if 4*(t.out.BadReads-bad) > len(cells) {
		return &instrument.Error{Op: "reading array " + name, Kind: instrument.KindInstrument,
			Err:    fmt.Errorf("%d of %d reads are not valid or in compliance", t.out.BadReads-bad, len(cells)),
			Advice: cmp.Or(array.Unheld(limited, "tuning.compliance"), "check the compliance and the connections of the array")}
	}
	return nil
}

// reread reads all devices of the network.
func (t *trainer) reread(ctx context.Context) error {
	for l, b := range t.task.Placement {
		rows, columns := t.task.Design.Block(l)
		var cells []array.Cell
		for r := range rows {
			for c := range columns {
				cells = append(cells, array.Cell{Row: b.Row + r, Col: b.Column + c})
			}
		}
		if err := t.readCells(ctx, b.Array, cells); err != nil {
			return err
		}
	}
	return nil
}
