package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/lab/config"
	"xlab/lab/procedure"
	"xlab/mlp"
	"xlab/mlp/dataset"
	"xlab/mlp/insitu"
	"xlab/run"
	"xlab/tuning"

	"github.com/spf13/cobra"
)

// insituSpec is everything that a training in place depends on.
type insituSpec struct {
	Training  insitu.Spec                 `json:"training"`
	Classes   []string                    `json:"classes"` // of the letters
	Design    mlp.Design                  `json:"design"`
	Placement mlp.Placement               `json:"placement"`
	Start     insituStart                 `json:"start"`
	Tuning    tuning.Spec                 `json:"tuning"` // how the start is written
	Defects   map[string]*array.DefectMap `json:"defects"`
	Test      bool                        `json:"test"` // classify the test patterns at the end
}

// insituStart is where a training in place begins.
type insituStart struct {
	// Conductance is the middle of the starting conductances, which are drawn
	// evenly from within Spread of it; 0 = devices stay as they are.
	Conductance instrument.Siemens `json:"conductance_s,omitempty"`
	Spread      float64            `json:"spread,omitempty"` // relative
	Seed        uint64             `json:"seed,omitempty"`
	Tolerance   float64            `json:"tolerance,omitempty"` // relative, of the writing
	// Network is one to start from, which is written with Tolerance.
	Network *procedure.KeptNetwork `json:"network,omitempty"`
}

// letterClasses are the first so many of the letters that are trained with. Three
// are A, T and X: with V for X a linear classifier would do for two of them.
func letterClasses(n int) ([]string, error) {
	switch n {
	case 3:
		return []string{"A", "T", "X"}, nil
	case 4:
		return []string{"A", "T", "V", "X"}, nil
	}
	return nil, run.Usage(fmt.Errorf("--classes %d must be 3 or 4: the letters are A, T, V and X", n))
}

// defaultInsituSpec trains letters from middle conductances with the rule.
func defaultInsituSpec(c *config.Config, rule insitu.RuleName, classes []string, arrays string) (s insituSpec, err error) {
	s = insituSpec{Training: insitu.DefaultSpec(rule), Classes: classes, Design: mlp.NewDesign(16, 10, len(classes)),
		Tuning: c.Tuning, Test: true,
		Start: insituStart{Conductance: 20e-6, Spread: 0.05, Seed: 1, Tolerance: 0.05}}
	s.Training.Lines, s.Training.Compliance, s.Training.Width = c.Tuning.Lines, c.Tuning.Compliance, c.Tuning.Width
	s.Placement, err = procedure.PlaceOn(at(c), s.Design, arrays)
	return s, err
}

func (a *app) mlpInsituCommand() *cobra.Command {
	var rule, network, arrays, defectMap, write string
	var classes int
	training := insitu.DefaultSpec(insitu.Variable)
	start := insituStart{Conductance: 20e-6, Spread: 0.05, Seed: 1, Tolerance: 0.05}
	asIs, noTest, noTrim, dryRun := false, false, false, false
	c := &cobra.Command{
		Use:   "insitu",
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
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.load()
			if err != nil {
				return err
			}
			letters, err := letterClasses(classes)
			if err != nil {
				return err
			}
			spec, err := defaultInsituSpec(c, insitu.RuleName(rule), letters, arrays)
			if err != nil {
				return err
			}
			spec.Start, spec.Test = start, !noTest
			spec.Training.Write, spec.Training.Trim = insitu.Writing(write), !noTrim
			flags := cmd.Flags()
			for _, f := range []struct {
				name string
				set  func()
			}{
				{"epochs", func() { spec.Training.Epochs = training.Epochs }},
				{"goal", func() { spec.Training.Goal = training.Goal }},
				{"set-pulse", func() { spec.Training.Set = training.Set }},
				{"reset-pulse", func() { spec.Training.Reset = training.Reset }},
				{"change", func() { spec.Training.Change = training.Change }},
				{"amplitude-step", func() { spec.Training.Level = training.Level }},
				{"set-scheme", func() { spec.Training.SetScheme = training.SetScheme }},
				{"reset-scheme", func() { spec.Training.ResetScheme = training.ResetScheme }},
			} {
				if flags.Changed(f.name) {
					f.set()
				}
			}
			switch {
			case network != "" && (asIs || flags.Changed("start")):
				return run.Usage(errors.New("--network does not go with --start or --as-is: training begins at one of them"))
			case network != "":
				if err := spec.startFrom(c, network); err != nil {
					return err
				}
			case asIs:
				spec.Start = insituStart{}
			}
			if err := completeInsitu(c, &spec, defectMap); err != nil {
				return err
			}
			// What is beyond the limits is refused here, before anything is opened.
			estimate, err := a.estimateInsitu(spec)
			switch {
			case err != nil:
				return err
			case dryRun:
				return a.printInsituEstimate(estimate)
			}
			return a.perform(cmd.Context(), a.insituJob(c, spec))
		},
	}
	f := c.Flags()
	f.StringVar(&rule, "rule", string(insitu.Variable), "how pulses follow from the gradient: fixed or variable")
	f.IntVar(&classes, "classes", 3, "letters to tell apart: 3 (A, T, X) or 4 (with V)")
	f.IntVar(&training.Epochs, "epochs", training.Epochs, "updates at most")
	f.Float64Var(&training.Goal, "goal", training.Goal, "accuracy on the training set, in percent, at which training ends")
	f.Uint64Var(&start.Seed, "seed", start.Seed, "of the starting conductances")
	f.Var(&start.Conductance, "start", "middle of the starting conductances")
	f.Float64Var(&start.Spread, "spread", start.Spread, "relative spread of the starting conductances, which are drawn "+
		"evenly")
	f.StringVarP(&network, "network", "n", "", "start from a network's file instead, imported at 30 %")
	f.BoolVar(&asIs, "as-is", false, "start from the devices as they are")
	f.StringVar(&write, "write", string(training.Write), "give pulses along columns, along rows, or one after the "+
		"other: columns, rows, devices")
	f.Var(&training.Set, "set-pulse", "fixed amplitude that raises conductances")
	f.Var(&training.Reset, "reset-pulse", "fixed amplitude that lowers them")
	f.Var(&training.Change, "change", "change of the device with the largest gradient in the first epoch, of variable "+
		"amplitudes")
	f.Var(&training.Level, "amplitude-step", "amplitudes are rounded to multiples of it, so that pulses can be given "+
		"together")
	f.Var(&training.SetScheme, "set-scheme", "other lines during positive pulses: v2 or v3")
	f.Var(&training.ResetScheme, "reset-scheme", "other lines during negative pulses")
	f.StringVar(&arrays, "arrays", "A,B", "arrays of the first and the second layer")
	f.StringVar(&defectMap, "defects", "",
		`defect map files, as in A=file,B=file, or "none" (default: of the newest forming of each array)`)
	f.BoolVar(&noTest, "no-test", false, "leave the test patterns out")
	f.BoolVar(&noTrim, "no-trim", false, "leave the neurons' offsets as they are, for training to live with")
	f.BoolVar(&dryRun, "dry-run", false, "print what it may do and what it costs at most, and touch nothing")
	return c
}

// startFrom takes a network's conductances, and its place, as the start.
func (s *insituSpec) startFrom(c *config.Config, name string) error {
	f, name, err := procedure.FindNetwork(at(c), name)
	if err != nil {
		return err
	}
	if !slices.Equal(f.Network.Design.Sizes, s.Design.Sizes) {
		return run.Usage(fmt.Errorf("the network %s is a %s one; %d letters need %s", name, procedure.SizesText(f.Network.Design),
			len(s.Classes), procedure.SizesText(s.Design)))
	}
	if have := f.Provenance.Data.Classes; len(have) > 0 && !slices.Equal(have, s.Classes) {
		return run.Usage(fmt.Errorf("the network %s tells %s apart, not %s", name, strings.Join(have, ", "),
			strings.Join(s.Classes, ", ")))
	}
	s.Design, s.Start = f.Network.Design, insituStart{Tolerance: 0.3, Network: &procedure.KeptNetwork{File: f}}
	if f.Placement != nil {
		s.Placement = f.Placement
		return procedure.CheckPlacement(at(c), s.Design, s.Placement)
	}
	return nil
}

// completeInsitu adds the defect maps and checks the whole.
func completeInsitu(c *config.Config, s *insituSpec, defectMap string) error {
	if err := s.Training.Validate(); err != nil {
		return run.Usage(err)
	}
	if !c.HasNeurons() {
		return run.Usage(errors.New("training in place needs a neuron board: add a section neurons to bench.yaml, with " +
			"the address sim for a simulated one"))
	}
	if !(s.Start.Spread >= 0 && s.Start.Spread < 1) {
		return run.Usage(fmt.Errorf("--spread %g must be 0 or more and below 1", s.Start.Spread))
	}
	var err error
	if s.Defects, err = procedure.NetworkDefects(at(c), s.Placement, defectMap); err != nil {
		return err
	}
	if missing := procedure.WithoutMap(s.Placement, s.Defects); len(missing) > 0 && defectMap == "" {
		return procedure.Unformed(missing, "there is no defect map of array %s, so it is not known to be formed: run `xlab form "+
			"--array %[1]s`, or use --defects none if it was formed elsewhere")
	}
	return nil
}

// extremes are the strongest pulses that training may give on an array.
func (s *insituSpec) extremes() []array.Step {
	var steps []array.Step
	for _, v := range []instrument.Volts{s.Tuning.SetMax, s.Tuning.ResetMax, s.Training.Set, s.Training.Reset} {
		scheme := s.Training.SetScheme
		if v < 0 {
			scheme = s.Training.ResetScheme
		}
		steps = append(steps, array.Parallel{Rows: "0", Cols: "0", Voltage: v, Width: s.Training.Width, Scheme: scheme,
			Compliance: s.Training.Compliance})
	}
	return steps
}

// held are the devices that training must leave alone.
func (s *insituSpec) held() ([]mlp.Constraint, error) {
	if len(s.Defects) == 0 {
		return nil, nil
	}
	faults, _, err := s.Placement.Faults(s.Design, s.Defects)
	if err != nil {
		return nil, err
	}
	return s.Placement.Constraints(s.Design, faults)
}

// targets are the starting conductances of an array's devices; nil for none.
func (s *insituSpec) targets(name string, rows, cols int) tuning.Targets {
	if s.Start.Conductance == 0 && s.Start.Network == nil {
		return nil
	}
	t := tuning.NewTargets(rows, cols)
	for l, b := range s.Placement {
		if b.Array != name {
			continue
		}
		r := rand.New(rand.NewPCG(s.Start.Seed, uint64(l)))
		lines, columns := s.Design.Block(l)
		for i := range lines {
			for j := range columns {
				g := s.Start.Conductance * instrument.Siemens(1+s.Start.Spread*(2*r.Float64()-1))
				if s.Start.Network != nil {
					g = instrument.Siemens(s.Start.Network.Network.G[l].At(i, j))
				}
				t[b.Row+i][b.Column+j] = g
			}
		}
	}
	return t
}

// trainingSet is the letters that are learnt.
func (s *insituSpec) trainingSet() (*dataset.Set, error) { return dataset.Letters().Only(s.Classes...) }

// insituJob is the work of `xlab mlp insitu`.
func (a *app) insituJob(c *config.Config, spec insituSpec) job {
	var trained *insituTrained
	var result insituResult
	j := job{command: "mlp-insitu", arrays: spec.Placement.Arrays(), spec: spec}
	j.work = func(ctx context.Context, r procedure.Bench) (err error) {
		classifier, err := r.Classifier(spec.Design, spec.Placement)
		if err != nil {
			return err
		}
		trained, err = trainInPlace(ctx, insituBench{
			bar:        func(name string) array.DUT { return r.Crossbar(name) },
			classifier: classifier,
			observe:    func(e run.Event) { r.Publish(e) },
		}, spec)
		if err == nil {
			err = trained.verdict(spec)
		}
		return err
	}
	j.summarise = func(_ procedure.Bench, f procedure.Figures) any {
		result = trained.result(spec, f)
		return result
	}
	j.files = func(r procedure.Bench) error {
		if trained == nil || trained.outcome == nil {
			return nil
		}
		return insituFiles(r, spec, trained)
	}
	j.show = func(_ error) error {
		if trained == nil || trained.outcome == nil {
			return nil
		}
		if a.json {
			return a.writeJSON(result)
		}
		return a.printInsitu(spec, trained, result)
	}
	return j
}

func (a *app) rebuildInsitu(c *config.Config, h *run.Header) (procedure.Job, error) {
	spec, err := procedure.SpecOf[insituSpec](h)
	return a.insituJob(c, spec), err
}

// insituNetwork is the file of the network at its best epoch.
func insituNetwork(spec insituSpec, t *insituTrained) (*mlp.File, error) {
	set, err := spec.trainingSet()
	if err != nil {
		return nil, err
	}
	training, err := json.Marshal(spec.Training)
	if err != nil {
		return nil, err
	}
	held, err := spec.held()
	if err != nil {
		return nil, err
	}
	// A device that nothing moves is held where it read last.
	for i, k := range held {
		held[i].Conductance = instrument.Siemens(t.outcome.Network.G[k.Site.Layer].At(k.Site.Row, k.Site.Col))
	}
	f := &mlp.File{Network: t.outcome.Network, Placement: spec.Placement, Constraints: held, Provenance: mlp.Provenance{
		Program: run.Program(), Approach: mlp.InSitu, Seed: spec.Start.Seed, Training: training,
		Data: mlp.Data{Name: set.Name, Digest: set.Digest(), Samples: set.Len(), Classes: set.Classes}}}
	f.Provenance.DefectMap = procedure.DefectsID(spec.Defects)
	return f, nil
}
