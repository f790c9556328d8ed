package train

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"
	"gonum.org/v1/gonum/mat"

	"xlab/mlp"
	"xlab/mlp/dataset"
)

// Task is what is to be learnt, and on what.
type Task struct {
	Design mlp.Design
	Set    *dataset.Set // features between -1 and 1, one class per output
	// Constraints are the devices that cannot be changed; none for
	// hardware-oblivious training.
	Constraints []mlp.Constraint
	// Physics is the conduction of every layer; none = ideal.
	Physics []mlp.Conduction
	// Observe is told how many epochs of all restarts are done and will be at most,
	// by one goroutine at a time; nil = nobody. It must not block.
	Observe func(done, total int)
}

// Result is the best network of a training.
type Result struct {
	Network  *mlp.Network
	Restart  int     // the restart that it came from
	Epochs   int     // that restart took
	Loss     float64 // V^2, at the end, of perturbed copies
	Accuracy float64 // on the training set, percent
	// Survived is the mean accuracy on the training set, in percent, of Trials
	// perturbed copies; the accuracy itself when nothing perturbs them.
	Survived float64
	Curve    []Point

	task    Task
	options Options
}

// Point is one epoch of the training curve.
type Point struct {
	Epoch    int     `json:"epoch"`
	Loss     float64 `json:"loss_v2"`          // V^2, mean over the epoch's copies
	Accuracy float64 `json:"accuracy_percent"` // mean over the epoch's copies
}

// Train trains. It blocks until all restarts are done, using as many cores as
// there are, or until ctx ends.
func Train(ctx context.Context, task Task, o Options) (*Result, error) {
	if err := check(task, o); err != nil {
		return nil, err
	}
	v, err := task.Design.Drive(task.Set.X)
	if err != nil {
		return nil, fmt.Errorf("data set %s: %w", task.Set.Name, err)
	}
	epochs := &counter{total: o.Restarts * o.Epochs, observe: task.Observe}
	runs := make([]*Result, o.Restarts)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for k := range runs {
		group.Go(func() error {
			r := &restart{task: task, o: o, epochs: epochs, voltages: v, pairs: newPairs(task.Design, task.Constraints),
				random: rand.New(rand.NewPCG(o.Seed, uint64(k)))}
			var err error
			runs[k], err = r.run(ctx, k)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	best := runs[0]
	for _, r := range runs[1:] {
		if r.better(best) {
			best = r
		}
	}
	return best, nil
}

// counter tells an observer of the epochs of all restarts, one at a time.
type counter struct {
	mu          sync.Mutex
	done, total int
	observe     func(done, total int)
}

// add counts epochs that were done, and those that a restart leaves out.
func (c *counter) add(done, left int) {
	if c.observe == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done, c.total = c.done+done, c.total-left
	c.observe(c.done, c.total)
}

// better orders results: what is right first, then what stays right, then the
// loss.
func (r *Result) better(than *Result) bool {
	switch {
	case r.Accuracy != than.Accuracy:
		return r.Accuracy > than.Accuracy
	case r.Survived != than.Survived:
		return r.Survived > than.Survived
	}
	return r.Loss < than.Loss
}

func check(task Task, o Options) error {
	if err := task.Design.Validate(); err != nil {
		return err
	}
	if err := o.Validate(); err != nil {
		return err
	}
	if o.Target > task.Design.Output.Limit {
		return fmt.Errorf("target output %s lies beyond the output neurons' rails of %s", o.Target.Exact(),
			task.Design.Output.Limit.Exact())
	}
	if task.Set == nil {
		return errors.New("there is no data set to train with")
	}
	if err := task.Set.Validate(); err != nil {
		return err
	}
	if outputs := task.Design.Sizes[task.Design.Layers()]; len(task.Set.Classes) != outputs {
		return fmt.Errorf("data set %s has %d classes, the network has %d outputs", task.Set.Name, len(task.Set.Classes),
			outputs)
	}
	if err := task.Design.CheckConstraints(task.Constraints); err != nil {
		return err
	}
	if n := len(task.Physics); n != 0 && n != task.Design.Layers() {
		return fmt.Errorf("network has %d layers, but the physics of %d were given", task.Design.Layers(), n)
	}
	return nil
}

// restart is one training from one set of initial weights.
type restart struct {
	task     Task
	o        Options
	epochs   *counter
	voltages *mat.Dense
	pairs    *pairs
	random   *rand.Rand
}

// How much of the loss's running mean an epoch replaces, and by how much that
// mean must fall to count as lower. With perturbed copies the loss itself
// jumps from epoch to epoch.
const (
	lossMemory  = 0.1
	improvement = 0.999
)

func (r *restart) run(ctx context.Context, index int) (*Result, error) {
	w := r.pairs.draw(float64(r.o.Initial), r.random)
	network, err := mlp.New(r.task.Design)
	if err != nil {
		return nil, err
	}
	result := &Result{Restart: index, task: r.task, options: r.o}
	descent := newDescent(w, float64(r.o.Rate), r.o.Epochs)
	f := r.pairs.newFactors()
	mean, lowest, lowestAt := 0.0, math.Inf(1), 0
	for epoch := range r.o.Epochs {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		loss, accuracy, gradient, err := r.epoch(network, w, f)
		if err != nil {
			return nil, fmt.Errorf("restart %d, epoch %d: %w", index, epoch, err)
		}
		result.Curve = append(result.Curve, Point{Epoch: epoch, Loss: loss, Accuracy: accuracy})
		result.Epochs = epoch + 1
		if epoch == 0 {
			mean = loss
		}
		mean += lossMemory * (loss - mean)
		if mean < improvement*lowest {
			lowest, lowestAt = mean, epoch
		}
		result.Loss = mean
		if loss == 0 && r.o.Scatter.None() || r.o.Patience > 0 && epoch-lowestAt >= r.o.Patience {
			r.epochs.add(1, r.o.Epochs-epoch-1)
			break
		}
		r.epochs.add(1, 0)
		descent.step(w, gradient, r.pairs)
	}
	return result, r.judge(ctx, result, w)
}

// epoch is the loss, the accuracy in percent and the gradient by the weights,
// each the mean over the epoch's copies.
func (r *restart) epoch(n *mlp.Network, w [][]float64,
	f factors) (loss, accuracy float64, gradient [][]float64, err error) {
	copies := r.o.Replicas
	if r.o.Scatter.None() {
		copies = 1 // they would all be the same
	}
	gradient = make([][]float64, len(w))
	for l := range w {
		gradient[l] = make([]float64, len(w[l]))
	}
	for range copies {
		r.pairs.perturb(n, w, r.o.Scatter, f, r.random)
		trace, err := n.Forward(r.voltages, r.task.Physics...)
		if err != nil {
			return 0, 0, nil, err
		}
		l, dOut := r.o.Loss.Of(trace.Unclipped, r.task.Set.Labels, float64(r.o.Target))
		dG, err := n.Backward(trace, dOut)
		if err != nil {
			return 0, 0, nil, err
		}
		r.pairs.chain(gradient, dG, w, f, 1/float64(copies))
		e, err := mlp.Evaluate(trace.Out(), r.task.Set.Labels)
		if err != nil {
			return 0, 0, nil, err
		}
		loss += l / float64(copies)
		accuracy += e.Accuracy / float64(copies)
	}
	return loss, accuracy, gradient, nil
}

// Of is the loss of outputs, samples x outputs in V, and its derivative by
// each of them.
func (l Loss) Of(out *mat.Dense, labels []int, target float64) (loss float64, dOut *mat.Dense) {
	samples, outputs := out.Dims()
	dOut = mat.NewDense(samples, outputs, nil)
	weight := 1 / float64(samples*outputs)
	for s, y := range labels {
		d := dOut.RawRowView(s)
		for k, v := range out.RawRowView(s) {
			t := -target
			if k == y {
				t = target
			}
			miss := v - t
			if l == Shortfall && miss*t > 0 {
				continue
			}
			loss += weight * miss * miss
			d[k] = 2 * weight * miss
		}
	}
	return loss, dOut
}

// judge makes the network of the weights and measures it.
func (r *restart) judge(ctx context.Context, result *Result, w [][]float64) error {
	n, err := r.pairs.network(w)
	if err != nil {
		return err
	}
	result.Network = n
	out, err := n.Classify(r.task.Set.X, r.task.Physics...)
	if err != nil {
		return err
	}
	e, err := mlp.Evaluate(out, r.task.Set.Labels)
	if err != nil {
		return err
	}
	result.Accuracy, result.Survived = e.Accuracy, e.Accuracy
	if r.o.Scatter.None() || r.o.Trials == 0 {
		return nil
	}
	// All restarts are judged with the same draws.
	left, err := n.Survive(ctx, r.task.Set.X, r.task.Set.Labels, r.o.Scatter, r.task.Constraints, r.o.Trials, r.o.Seed,
		r.task.Physics...)
	result.Survived = left.Mean
	return err
}

// File is the network with its provenance. program is the program's name and
// version, scaling what the set's features were normalised with (nil = not at
// all). Its defect map, placement, date and test accuracy are the caller's to
// fill in.
func (r *Result) File(program string, scaling *dataset.Scaling) (*mlp.File, error) {
	options, err := json.Marshal(r.options)
	if err != nil {
		return nil, fmt.Errorf("training options: %w", err)
	}
	accuracy := r.Accuracy
	f := &mlp.File{
		Network:     r.Network,
		Constraints: r.task.Constraints,
		Provenance: mlp.Provenance{
			Program:  program,
			Approach: mlp.Oblivious,
			Data: mlp.Data{
				Name: r.task.Set.Name, Digest: r.task.Set.Digest(),
				Samples: r.task.Set.Len(), Classes: r.task.Set.Classes,
			},
			Seed:          r.options.Seed,
			Training:      options,
			TrainAccuracy: &accuracy,
		},
	}
	if scaling != nil {
		f.Provenance.Data.Offset, f.Provenance.Data.Scale = scaling.Offset, scaling.Scale
	}
	if len(r.task.Constraints)+len(r.task.Physics) > 0 {
		f.Provenance.Approach = mlp.Aware
	}
	return f, nil
}
