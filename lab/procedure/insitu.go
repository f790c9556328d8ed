package procedure

import (
	"context"
	"errors"

	"github.com/spf13/pflag"

	"xlab/mlp/insitu"
	"xlab/run"
)

func inSitu() Procedure {
	return Procedure{
		Name:  "mlp insitu",
		Short: "Train the network on the devices themselves",
		Long: `Trains the letter network in place. In every epoch the training patterns go
through the hardware and the outputs of all neurons are measured; the computer
finds the gradient and gives pulses: with --rule fixed, of one amplitude by the
gradient's sign alone, with --rule variable, of amplitudes that are to make the
changes asked for, by what has been learnt of every device's response. Pulses are
given together along columns or rows, or device by device.

Before, all devices are brought to --start, or to the conductances of --network.
Training ends at --goal or after --epochs; the best epoch is what counts and what
network.json in the run's directory holds. See hwdocs/insitu.md.`,
		DryRun: "print what it may do and what it costs at most, and touch nothing",
		Makes:  Network,
		Flags: func(f *pflag.FlagSet) Parse {
			o := &inSituFlags{training: insitu.DefaultSpec(nil, insitu.Variable), start: defaultStart(nil),
				changed: f.Changed}
			o.register(f)
			return o.parse
		},
		Rebuild: func(_ Lab, h *run.Header) (Job, error) {
			spec, err := SpecOf[InSituSpec](h)
			return NewInSituTraining(spec), err
		},
	}
}

// inSituFlags are those of `xlab mlp insitu`.
type inSituFlags struct {
	rule, network, arrays, defects, write string
	classes                               int
	training                              insitu.Spec
	start                                 InSituStart
	asIs, noTest, noTrim                  bool
	changed                               func(name string) bool
}

func (o *inSituFlags) register(f *pflag.FlagSet) {
	f.StringVar(&o.rule, "rule", string(insitu.Variable), "how pulses follow from the gradient: fixed or variable")
	f.IntVar(&o.classes, "classes", 3, "letters to tell apart: 3 (A, T, X) or 4 (with V)")
	t := &o.training
	f.IntVar(&t.Epochs, "epochs", t.Epochs, "updates at most")
	f.Float64Var(&t.Goal, "goal", t.Goal, "accuracy on the training set, in percent, at which training ends")
	f.Uint64Var(&o.start.Seed, "seed", o.start.Seed, "seed of the starting conductances")
	f.Var(&o.start.Conductance, "start", "middle of the starting conductances")
	f.Float64Var(&o.start.Spread, "spread", o.start.Spread, "relative spread of the starting conductances, which are "+
		"drawn evenly")
	f.StringVarP(&o.network, "network", "n", "", "start from a network's file instead, imported at 30 %")
	f.BoolVar(&o.asIs, "as-is", false, "start from the devices as they are")
	f.StringVar(&o.write, "write", string(t.Write), "give pulses along columns, along rows, or one after the "+
		"other: columns, rows, devices")
	f.Var(&t.Set, "set-pulse", "fixed amplitude that raises conductances")
	f.Var(&t.Reset, "reset-pulse", "fixed amplitude that lowers them")
	f.Var(&t.Change, "change", "with variable amplitudes, how much the device with the largest gradient changes "+
		"in the first epoch")
	f.Var(&t.Level, "amplitude-step", "round amplitudes to multiples of this, so that several devices can get the "+
		"same pulse together")
	f.Var(&t.SetScheme, "set-scheme", "other lines during positive pulses: v2 or v3")
	f.Var(&t.ResetScheme, "reset-scheme", "other lines during negative pulses")
	f.StringVar(&o.arrays, "arrays", "A,B", "arrays of the first and the second layer")
	f.StringVar(&o.defects, "defects", "",
		`defect map files, as in A=file,B=file, or "none" (default: of the newest forming of each array)`)
	f.BoolVar(&o.noTest, "no-test", false, "leave the test patterns out")
	f.BoolVar(&o.noTrim, "no-trim", false, "do not trim the neurons' offsets: training has to work with them")
}

func (o *inSituFlags) parse(_ context.Context, l Lab) (*Request, error) {
	s, err := DefaultInSituSpec(l, insitu.RuleName(o.rule), o.classes, o.arrays)
	if err != nil {
		return nil, err
	}
	if !o.changed("start") {
		o.start.Conductance = s.Start.Conductance
	}
	s.Start, s.Test = o.start, !o.noTest
	t := &s.Training
	t.Write, t.Trim = insitu.Writing(o.write), !o.noTrim
	for name, set := range map[string]func(){ // the default depends on the rule
		"epochs":         func() { t.Epochs = o.training.Epochs },
		"goal":           func() { t.Goal = o.training.Goal },
		"set-pulse":      func() { t.Set = o.training.Set },
		"reset-pulse":    func() { t.Reset = o.training.Reset },
		"change":         func() { t.Change = o.training.Change },
		"amplitude-step": func() { t.Level = o.training.Level },
		"set-scheme":     func() { t.SetScheme = o.training.SetScheme },
		"reset-scheme":   func() { t.ResetScheme = o.training.ResetScheme },
	} {
		if o.changed(name) {
			set()
		}
	}
	switch {
	case o.network != "" && (o.asIs || o.changed("start")):
		return nil, run.Usage(errors.New("--network does not go with --start or --as-is: training begins at one of them"))
	case o.network != "":
		if err := s.startFrom(l, o.network); err != nil {
			return nil, err
		}
	case o.asIs:
		s.Start = InSituStart{}
	}
	if err := s.complete(l, o.defects); err != nil {
		return nil, err
	}
	// What is beyond the limits is refused here, before anything is opened.
	estimate, err := s.estimate(l)
	return &Request{Job: NewInSituTraining(s), Estimate: estimate}, err
}
