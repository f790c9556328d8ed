package procedure

import (
	"cmp"
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/spf13/pflag"

	"xlab/figure"
	"xlab/mlp"
	"xlab/mlp/train"
	"xlab/run"
)

// Training is the job of `xlab mlp train`: it keeps a network that has been trained
// in software.
type Training struct {
	*Trained
	Result TrainResult

	spec   any
	runs   string // directory
	output string // where to write the network too; "" = nowhere
	began  time.Time
}

// TrainResult is what a training reached.
type TrainResult struct {
	Approach mlp.Approach `json:"approach"`
	Sizes    []int        `json:"sizes"`
	Seed     uint64       `json:"seed"`
	Software Accuracies   `json:"software"`
	Survived float64      `json:"survived_percent"` // training set, mean of copies with the errors trained with
	Held     int          `json:"held"`             // devices that were held
	Weights  int          `json:"weights"`
	Epochs   int          `json:"epochs"`
	Warnings []string     `json:"warnings"`
	File     string       `json:"file"`
	Wall     float64      `json:"wall_seconds"`
	Run      string       `json:"run"`
}

func mlpTrain() Procedure {
	return Procedure{
		Name:  "mlp train",
		Short: "Train a network in software",
		Long: `Trains a network by back-propagation with conductance errors of the import's
kind, so that it survives them, and writes it into a run directory. Hardware-aware
training holds the devices that the defect maps call unusable at the conductance
they were read with. Nothing is connected to and nothing stressed.`,
		Makes: Network,
		Flags: func(f *pflag.FlagSet) Parse {
			var d DataFlags
			var t TrainFlags
			d.Register(f)
			t.Register(f)
			output := f.StringP("out", "o", "", "write the network to this file too")
			return func(ctx context.Context, l Lab) (*Request, error) {
				data, err := d.Load(nil)
				if err != nil {
					return nil, err
				}
				j := &Training{began: time.Now(), runs: l.RunsDirectory(), output: *output,
					spec: map[string]any{"options": t.options(data.Train), "approach": t.Approach, "arrays": t.Arrays,
						"training_set": DescribeSet(data.Train)}}
				j.Trained, err = t.trainSeen(ctx, l, data)
				return &Request{Job: j}, err
			}
		},
	}
}

// trainSeen trains a network where people see how far it is.
func (t *TrainFlags) trainSeen(ctx context.Context, l Lab, data *NetworkData) (out *Trained, err error) {
	err = l.Compute(ctx, "training", func(ctx context.Context, o run.Observer) error {
		out, err = t.Train(ctx, l, data, o.Observe)
		return err
	})
	return out, err
}

// Command implements Job.
func (*Training) Command() string { return "mlp-train" }

// Arrays implements Job.
func (*Training) Arrays() []string { return nil }

// Spec implements Job.
func (t *Training) Spec() any { return t.spec }

// Work implements Job.
func (t *Training) Work(context.Context, Bench) error {
	if t.output == "" {
		return nil
	}
	return t.File.Save(t.output)
}

// Summary implements Job.
func (t *Training) Summary(b Bench, _ Figures) any {
	id, n := b.Header().ID, t.File.Network
	t.Result = TrainResult{Approach: t.File.Provenance.Approach, Sizes: n.Design.Sizes, Seed: t.File.Provenance.Seed,
		Software: t.Software, Survived: t.result.Survived, Held: len(t.File.Constraints), Weights: n.Design.Devices() / 2,
		Epochs: t.result.Epochs, Warnings: append([]string{}, t.warnings...), Run: id,
		File: cmp.Or(t.output, filepath.Join(t.runs, id, networkFile)), Wall: time.Since(t.began).Seconds()}
	return t.Result
}

// Files implements Job.
func (t *Training) Files(b Bench) error {
	return errors.Join(b.Draw(trainingCurve(t.result)), b.Write(networkFile, t.File.Write))
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
