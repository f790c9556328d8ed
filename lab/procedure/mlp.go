package procedure

import (
	"context"
	"fmt"

	"github.com/spf13/pflag"

	"xlab/run"
)

func mlpImport() Procedure {
	return Procedure{
		Name:  "mlp import",
		Short: "Write a network's weights into the arrays",
		Long: `Writes the conductances of a network by write-and-verify, idle devices first and
cruder, and ends with a classification: on the hardware where there is a neuron
board, and computed from the conductances read.

Fewer weights in tolerance than mlp.share end with exit code 3. The parameters are
keys of the sections "mlp" and "tuning" in bench.yaml. See hwdocs/mlp.md.`,
		DryRun: "print what would be done and what it costs, and touch nothing",
		Flags: func(f *pflag.FlagSet) Parse {
			var i importFlags
			i.register(f)
			return func(_ context.Context, l Lab) (*Request, error) {
				s, cost, _, err := i.parse(l)
				if err != nil {
					return nil, err
				}
				s.classifyIfPossible(l)
				return &Request{Job: NewNetworkRun("mlp-import", s), Estimate: cost}, nil
			}
		},
		Rebuild: rebuildNetworkRun,
	}
}

func mlpInfer() Procedure {
	return Procedure{
		Name:  "mlp infer",
		Short: "Classify with the network that is in the arrays",
		Long: `Applies every training and test pattern to the arrays and reads the output
neurons: accuracy, confusion matrix, margins, and how closely the hardware follows
the software. The weights must have been imported.`,
		Flags: func(f *pflag.FlagSet) Parse {
			var n networkFlags
			n.register(f)
			noTrim := f.Bool("no-trim", false, "leave the neurons' offsets as they are")
			return func(_ context.Context, l Lab) (*Request, error) {
				s, _, err := n.parse(l)
				if err != nil {
					return nil, err
				}
				if err := s.matchChip(true); err != nil {
					return nil, err
				}
				if err := s.classifiable(l); err != nil {
					return nil, run.Usage(err)
				}
				s.Classify, s.Trim = true, !*noTrim
				return &Request{Job: NewNetworkRun("mlp-infer", s)}, nil
			}
		},
		Rebuild: rebuildNetworkRun,
	}
}

func mlpRun() Procedure {
	return Procedure{
		Name:  "mlp run",
		Short: "Train, import and classify in one go",
		Long: `Trains a network in software, writes its weights into the arrays and classifies
the training and the test set on the hardware. It is one run: an interrupted one
goes on with ` + "`xlab resume`" + `, without training again.`,
		DryRun: "print what would be done and what it costs, and touch nothing",
		Makes:  Network,
		Flags: func(f *pflag.FlagSet) Parse {
			var d DataFlags
			var t TrainFlags
			var w WeightFlags
			d.Register(f)
			t.Register(f)
			w.Register(f)
			return func(ctx context.Context, l Lab) (*Request, error) {
				data, err := d.Load(nil)
				if err != nil {
					return nil, err
				}
				how, err := w.Spec(l)
				if err != nil {
					return nil, err
				}
				out, err := t.trainSeen(ctx, l, data)
				if err != nil {
					return nil, err
				}
				s, err := newNetworkSpec(l, out.File, "", data, t.defects)
				if err != nil {
					return nil, err
				}
				s.Import = how
				cost, err := s.estimate(l)
				if err != nil {
					return nil, err
				}
				s.classifyIfPossible(l)
				train, test := out.Software.Text()
				return &Request{Job: NewNetworkRun("mlp-run", s), Estimate: cost, Notes: []string{
					fmt.Sprintf("trained: %s of the training set, %s of the test set in software", train, test)}}, nil
			}
		},
		Rebuild: rebuildNetworkRun,
	}
}
