package procedure

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"xlab/instrument/array"
	"xlab/mlp"
	"xlab/mlp/dataset"
	"xlab/mlp/train"
	"xlab/run"
	"xlab/run/screen"
)

// TrainFlags say how a network is trained in software.
type TrainFlags struct {
	Approach string // "aware" or "oblivious" of defects
	Arrays   string // of the layers, as in "A,B"
	Hidden   int    // neurons

	// Known are defect maps by array that are used instead of those of --defects; nil =
	// they are not.
	Known map[string]*array.DefectMap

	defects      string
	seed         uint64
	epochs       int
	restarts     int
	scatter      Percentage
	lines        bool
	nonlinearity float64
}

// Register adds the flags.
func (t *TrainFlags) Register(f *pflag.FlagSet) {
	f.StringVar(&t.Approach, "approach", "aware", "aware: the defect maps' devices are held where they are; oblivious: "+
		"all devices count as good")
	f.StringVar(&t.Arrays, "arrays", "A,B", "arrays of the layers, in their order")
	f.StringVar(&t.defects, "defects", "",
		`defect maps, as A=file,B=file, or "none" (default: of the newest forming of each array)`)
	f.IntVar(&t.Hidden, "hidden", 10, "hidden neurons")
	f.Uint64Var(&t.seed, "seed", 1, "seed of the initial weights and of the conductance errors in training")
	f.IntVar(&t.epochs, "epochs", 0, "epochs at most (default: what suits the data)")
	f.IntVar(&t.restarts, "restarts", 0, "networks trained from different initial weights, of which the best is kept")
	f.Var(&t.scatter, "scatter",
		"conductance errors to train with, so that those of the import do no harm (default: what "+
			"suits the data)")
	f.BoolVar(&t.lines, "lines", false, "include the resistance of the lines (tuning.lines) in training")
	f.Float64Var(&t.nonlinearity, "nonlinearity", 2, "ratio of the current at twice the read voltage to that at the "+
		"read voltage; above 2, training includes the devices' nonlinearity, which is slow")
}

// options are the training's for a data set.
func (t *TrainFlags) options(s *dataset.Set) train.Options {
	o := train.Suggested(s)
	o.Seed = t.seed
	if t.epochs != 0 {
		o.Epochs = t.epochs
	}
	if t.restarts != 0 {
		o.Restarts = t.restarts
	}
	if t.scatter > 0 {
		o.Scatter = mlp.Tolerance(float64(t.scatter))
	}
	return o
}

// Deciding is what the training of a network with a data set depends on, as JSON, beside
// the approach and the defect maps.
func (t *TrainFlags) Deciding(s *dataset.Set) any {
	return struct {
		train.Options
		Hidden       int     `json:"hidden"`
		Lines        bool    `json:"lines"`
		Nonlinearity float64 `json:"nonlinearity"`
	}{t.options(s), t.Hidden, t.lines, t.nonlinearity}
}

// Trained is a network that was just trained, with what is worth telling.
type Trained struct {
	File     *mlp.File
	Software Accuracies

	result   *train.Result
	physics  []mlp.Conduction
	warnings []string
}

// Train trains a network as the flags say. observe is told of every epoch; nil =
// nobody is.
func (t *TrainFlags) Train(ctx context.Context, l Lab, data *NetworkData, observe func(run.Event)) (*Trained, error) {
	design := NewDesign(l, data.Train.Width(), t.Hidden, len(data.Train.Classes))
	p, err := PlaceOn(l, design, t.Arrays)
	if err != nil {
		return nil, err
	}
	out := &Trained{warnings: data.Warnings}
	task := train.Task{Design: design, Set: data.Train}
	if task.Physics, err = t.physics(l, design, p); err != nil {
		return nil, err
	}
	out.physics = task.Physics
	approach, defects := mlp.Oblivious, t.Known
	switch t.Approach {
	case "aware":
		approach = mlp.Aware
		if defects == nil {
			if defects, err = networkDefects(l, p, t.defects); err != nil {
				return nil, err
			}
		}
		if task.Constraints, err = constraintsOf(design, p, defects); err != nil {
			return nil, err
		}
	case "oblivious":
		defects = nil
	default:
		return nil, run.Usage(fmt.Errorf("--approach %q is neither aware nor oblivious", t.Approach))
	}
	o := t.options(data.Train)
	if observe != nil {
		task.Observe = func(done, total int) {
			observe(run.Event{Kind: "epoch", Done: done, Total: total, Note: screen.Count(o.Restarts, "restart")})
		}
	}
	if out.result, err = train.Train(ctx, task, o); err != nil {
		if ctx.Err() != nil {
			return nil, run.ErrInterrupted
		}
		return nil, run.Usage(fmt.Errorf("training: %w", err))
	}
	if out.File, err = out.result.File(run.Program(), data.Scaling); err != nil {
		return nil, err
	}
	out.File.Placement = p
	out.File.Provenance.Approach, out.File.Provenance.DefectMap = approach, defectsID(defects)
	out.File.Provenance.Created = time.Now().UTC().Format(time.RFC3339)
	if out.Software, err = out.classify(data); err != nil {
		return nil, err
	}
	out.File.Provenance.TrainAccuracy, out.File.Provenance.TestAccuracy = out.Software.Train, out.Software.Test
	return out, nil
}

// physics is what the training conducts through; nil for ideal lines.
func (t *TrainFlags) physics(l Lab, d mlp.Design, p mlp.Placement) ([]mlp.Conduction, error) {
	var law mlp.Law
	if t.nonlinearity != 2 {
		cubic, err := mlp.NewCubic(d.InputLevel, t.nonlinearity)
		if err != nil {
			return nil, run.Usage(fmt.Errorf("--nonlinearity: %w", err))
		}
		law = cubic
	}
	if !t.lines && law == nil {
		return nil, nil
	}
	var lines array.Resistance
	if t.lines {
		lines = l.Settings().Tuning.Lines
	}
	sizes, err := arraySizes(l, p)
	return seriesPhysics(d, p, sizes, lines, law), err
}

// constraintsOf are the devices that a network cannot change, by the defect
// maps, which must be there and of formed arrays.
func constraintsOf(d mlp.Design, p mlp.Placement, maps map[string]*array.DefectMap) ([]mlp.Constraint, error) {
	if missing := withoutMap(p, maps); len(missing) > 0 {
		return nil, unformed(missing, "there is no defect map of array %s to train with: form it (`xlab form --array "+
			"%[1]s`), name maps with --defects A=file,B=file, or train with --approach oblivious")
	}
	faults, untried, err := p.Faults(d, maps)
	if err != nil {
		return nil, run.Usage(err)
	}
	if 2*len(untried) > d.Devices() {
		return nil, run.Usage(fmt.Errorf("by the defect maps %d of the network's %d devices were never formed, "+
			"the first of them is %s: form the arrays (`xlab form`), or name other maps with --defects A=file,B=file",
			len(untried), d.Devices(), untried[0]))
	}
	return p.Constraints(d, faults)
}

// classify is what the network reaches in software.
func (t *Trained) classify(data *NetworkData) (x Accuracies, err error) {
	for _, k := range []struct {
		set  *dataset.Set
		into **float64
	}{{data.Train, &x.Train}, {data.Test, &x.Test}} {
		if k.set == nil {
			continue
		}
		e, _, err := evaluate(t.File.Network, k.set, t.physics...)
		if err != nil {
			return x, err
		}
		*k.into = &e.Accuracy
	}
	return x, nil
}
