package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"
	"xlab/instrument/array"
	"xlab/lab/config"
	"xlab/lab/procedure"
	"xlab/lab/sim"
	"xlab/mlp"
	"xlab/mlp/dataset"
	"xlab/mlp/train"
	"xlab/run"
	"xlab/run/figure"
	"xlab/run/screen"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// trainFlags say how a network is trained in software.
type trainFlags struct {
	approach     string
	arrays       string
	defects      string
	hidden       int
	seed         uint64
	epochs       int
	restarts     int
	scatter      procedure.Percentage
	lines        bool
	nonlinearity float64

	known map[string]*array.DefectMap // used instead of defects; nil = not
	shown io.Writer                   // where to show how far it is; nil = nowhere
}

func (t *trainFlags) register(f *pflag.FlagSet) {
	f.StringVar(&t.approach, "approach", "aware", "aware: the defect maps' devices are held where they are; oblivious: "+
		"all devices count as good")
	f.StringVar(&t.arrays, "arrays", "A,B", "arrays of the layers, in their order")
	f.StringVar(&t.defects, "defects", "",
		`defect maps, as A=file,B=file, or "none" (default: of the newest forming of each array)`)
	f.IntVar(&t.hidden, "hidden", 10, "hidden neurons")
	f.Uint64Var(&t.seed, "seed", 1, "of the initial weights and of the errors trained with")
	f.IntVar(&t.epochs, "epochs", 0, "epochs at most (default: what suits the data)")
	f.IntVar(&t.restarts, "restarts", 0, "networks trained from different initial weights, of which the best is kept")
	f.Var(&t.scatter, "scatter", "conductance errors to train with, so that the import's do no harm (default: what "+
		"suits the data)")
	f.BoolVar(&t.lines, "lines", false, "train through the resistance of the lines (tuning.lines)")
	f.Float64Var(&t.nonlinearity, "nonlinearity", 2, "current at twice the read voltage over that at the read voltage; "+
		"more than 2 trains through the devices' nonlinearity, which is slow")
}

// options are the training's for a data set.
func (t *trainFlags) options(s *dataset.Set) train.Options {
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

// trained is a network that was just trained, with what is worth telling.
type trained struct {
	file     *mlp.File
	result   *train.Result
	defects  map[string]*array.DefectMap
	physics  []mlp.Conduction
	software accuracies
	warnings []string
}

// train trains a network as the flags say.
func (t *trainFlags) train(ctx context.Context, c *config.Config, data *procedure.NetworkData) (*trained, error) {
	design := mlp.NewDesign(data.Train.Width(), t.hidden, len(data.Train.Classes))
	p, err := procedure.PlaceOn(at(c), design, t.arrays)
	if err != nil {
		return nil, err
	}
	out := &trained{warnings: data.Warnings}
	task := train.Task{Design: design, Set: data.Train}
	if task.Physics, err = t.physics(c, design, p); err != nil {
		return nil, err
	}
	out.physics = task.Physics
	approach := mlp.Oblivious
	switch t.approach {
	case "aware":
		approach = mlp.Aware
		if out.defects = t.known; t.known == nil {
			if out.defects, err = procedure.NetworkDefects(at(c), p, t.defects); err != nil {
				return nil, err
			}
		}
		if task.Constraints, err = constraintsOf(design, p, out.defects); err != nil {
			return nil, err
		}
	case "oblivious":
	default:
		return nil, run.Usage(fmt.Errorf("--approach %q is neither aware nor oblivious", t.approach))
	}
	o := t.options(data.Train)
	if t.shown != nil {
		progress := run.NewProgress(run.ProgressOptions{Output: t.shown, Label: "training"})
		defer progress.Close()
		task.Observe = func(done, total int) {
			progress.Observe(run.Event{Kind: "epoch", Done: done, Total: total, Note: screen.Count(o.Restarts, "restart")})
		}
	}
	if out.result, err = train.Train(ctx, task, o); err != nil {
		if ctx.Err() != nil {
			return nil, run.ErrInterrupted
		}
		return nil, run.Usage(fmt.Errorf("training: %w", err))
	}
	if out.file, err = out.result.File(run.Program(), data.Scaling); err != nil {
		return nil, err
	}
	out.file.Placement = p
	out.file.Provenance.Approach, out.file.Provenance.DefectMap = approach, procedure.DefectsID(out.defects)
	out.file.Provenance.Created = time.Now().UTC().Format(time.RFC3339)
	if out.software, err = out.classify(data); err != nil {
		return nil, err
	}
	out.file.Provenance.TrainAccuracy, out.file.Provenance.TestAccuracy = out.software.Train, out.software.Test
	return out, nil
}

// physics is what the training conducts through; nil for ideal lines.
func (t *trainFlags) physics(c *config.Config, d mlp.Design, p mlp.Placement) ([]mlp.Conduction, error) {
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
		lines = c.Tuning.Lines
	}
	return seriesPhysics(c, d, p, lines, law)
}

// seriesPhysics conducts through the lines' resistance in every layer.
func seriesPhysics(c *config.Config, d mlp.Design, p mlp.Placement, lines array.Resistance,
	law mlp.Law) ([]mlp.Conduction, error) {
	sizes, err := procedure.ArraySizes(at(c), p)
	if err != nil {
		return nil, err
	}
	var list []mlp.Conduction
	for l, b := range p {
		rows, columns := d.Block(l)
		list = append(list, mlp.BlockSeries(lines, sizes[b.Array], b, rows, columns, law))
	}
	return list, nil
}

// constraintsOf are the devices that a network cannot change, by the defect
// maps, which must be there and of formed arrays.
func constraintsOf(d mlp.Design, p mlp.Placement, maps map[string]*array.DefectMap) ([]mlp.Constraint, error) {
	if missing := procedure.WithoutMap(p, maps); len(missing) > 0 {
		return nil, procedure.Unformed(missing, "there is no defect map of array %s to train with: form it (`xlab form --array "+
			"%[1]s`), name maps with --defects A=file,B=file, or train with --approach oblivious")
	}
	faults, untried, err := p.Faults(d, maps)
	if err != nil {
		return nil, run.Usage(err)
	}
	if 2*len(untried) > d.Devices() {
		return nil, run.Usage(fmt.Errorf("%d of the network's %d devices were never formed by the defect maps, "+
			"%s the first of them: form the arrays (`xlab form`), or name other maps with --defects A=file,B=file",
			len(untried), d.Devices(), untried[0]))
	}
	return p.Constraints(d, faults)
}

// classify is what the network reaches in software.
func (t *trained) classify(data *procedure.NetworkData) (x accuracies, err error) {
	for _, k := range []struct {
		set  *dataset.Set
		into **float64
	}{{data.Train, &x.Train}, {data.Test, &x.Test}} {
		if k.set == nil {
			continue
		}
		e, _, err := evaluate(t.file.Network, k.set, t.physics...)
		if err != nil {
			return x, err
		}
		*k.into = &e.Accuracy
	}
	return x, nil
}

// trainResult is what `xlab mlp train --json` prints.
type trainResult struct {
	Approach mlp.Approach `json:"approach"`
	Sizes    []int        `json:"sizes"`
	Seed     uint64       `json:"seed"`
	Software accuracies   `json:"software"`
	Survived float64      `json:"survived_percent"` // training set, mean of copies with the errors trained with
	Held     int          `json:"held"`             // devices that were held
	Weights  int          `json:"weights"`
	Epochs   int          `json:"epochs"`
	Warnings []string     `json:"warnings"`
	File     string       `json:"file"`
	Wall     float64      `json:"wall_seconds"`
	Run      string       `json:"run"`
}

func (t *trained) summary() trainResult {
	n := t.file.Network
	return trainResult{Approach: t.file.Provenance.Approach, Sizes: n.Design.Sizes, Seed: t.file.Provenance.Seed,
		Software: t.software,
		Survived: t.result.Survived, Held: len(t.file.Constraints), Weights: n.Design.Devices() / 2, Epochs: t.result.Epochs,
		Warnings: append([]string{}, t.warnings...)}
}

func (a *app) mlpTrainCommand() *cobra.Command {
	var d procedure.DataFlags
	var t trainFlags
	var output string
	c := &cobra.Command{
		Use:   "train",
		Short: "Train a network in software",
		Long: `Trains a network by back-propagation with conductance errors of the import's
kind, so that it survives them, and writes it into a run directory. Hardware-aware
training holds the devices that the defect maps call unusable at the conductance
they were read with. Nothing is connected to and nothing stressed.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, err := a.load(); err != nil {
				return err
			}
			data, err := d.Load(nil)
			if err != nil {
				return err
			}
			return a.mlpTrain(cmd.Context(), data, &t, output)
		},
	}
	d.Register(c.Flags())
	t.register(c.Flags())
	c.Flags().StringVarP(&output, "out", "o", "", "write the network to this file too")
	return c
}

// mlpTrain trains as a run without a bench.
func (a *app) mlpTrain(ctx context.Context, data *procedure.NetworkData, t *trainFlags, output string) error {
	ctx, release := a.Interruptible(ctx)
	defer release()
	began := time.Now()
	t.shown = a.Messages
	out, err := t.train(ctx, a.Config, data)
	if err != nil {
		return err
	}
	chip, err := sim.ChipOf(a.Config)
	if err != nil {
		return err
	}
	r, err := run.Create(a.Config.Runs, run.Header{Command: "mlp-train", Arguments: a.Arguments, Program: run.Program(),
		Bench: "none: trained in software", Chip: chip,
		Spec: map[string]any{"options": t.options(data.Train), "approach": t.approach, "arrays": t.arrays,
			"training_set": procedure.DescribeSet(data.Train)}})
	if err != nil {
		return err
	}
	result := out.summary()
	result.Run, result.Wall, result.File = r.ID(), time.Since(began).Seconds(), filepath.Join(r.Dir(), procedure.NetworkFile)
	if output != "" {
		result.File = output
		err = out.file.Save(output)
	}
	if err = r.End(errors.Join(err, trainFiles(r, a.Config.Figures, out)), result); err != nil {
		return err
	}
	for _, w := range result.Warnings {
		fmt.Fprintln(a.Messages, "warning: "+w)
	}
	if a.json {
		return a.writeJSON(result)
	}
	train, test := result.Software.text()
	fmt.Fprintf(a.out, "network %s, %s, seed %d: %s of the training set, %s of the test set; with the errors trained "+
		"with %.2f %%\n",
		procedure.SizesText(out.file.Network.Design), result.Approach, result.Seed, train, test, result.Survived)
	if result.Held > 0 {
		fmt.Fprintf(a.out, "%s held where the defect map has them\n", screen.Count(result.Held, "device"))
	}
	_, err = fmt.Fprintf(a.out, "%s\nrun %s\n", result.File, r.Dir())
	return err
}

// trainFiles writes the network and the training curve.
func trainFiles(r *run.Run, in figure.Formats, t *trained) error {
	var network bytes.Buffer
	if err := t.file.Write(&network); err != nil {
		return err
	}
	_, err := figure.WriteFiles(func(name string, write func(io.Writer) error) error {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			return err
		}
		return r.WriteFile(name, b.Bytes())
	}, in, trainingCurve(t.result))
	return errors.Join(err, r.WriteFile(procedure.NetworkFile, network.Bytes()))
}

func trainingCurve(r *train.Result) figure.Figure {
	s := figure.Series{Name: "training set"}
	for _, p := range r.Curve {
		s.X, s.Y = append(s.X, float64(p.Epoch)), append(s.Y, p.Accuracy)
	}
	return figure.Figure{Name: "training", Caption: "Part of the training patterns recognised in software after each " +
		"epoch: the mean over copies of the network whose conductances have errors, as the import will make them.",
		Spec: figure.Lines{Title: "Training", X: figure.Axis{Label: "epoch"},
			Y: figure.Axis{Label: "recognised", Unit: "%"}, Series: []figure.Series{s}}}
}
