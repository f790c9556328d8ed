package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/lab/config"
	"xlab/lab/procedure"
	"xlab/mlp"
	"xlab/mlp/stability"
	"xlab/mlp/transfer"
	"xlab/run"
	"xlab/tuning"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// stabilitySpec is everything that `xlab mlp drift` and `xlab mlp temperature`
// depend on.
type stabilitySpec struct {
	MLP       procedure.NetworkSpec `json:"network"`
	Measure   stability.Spec        `json:"measure"`
	Reference *referenceSpec        `json:"reference"` // of the feedback; null without it
	Trained   stabilityOrigin       `json:"origin"`
}

// stabilityOrigin is where the network comes from, for the record.
type stabilityOrigin struct {
	File string `json:"file"`
}

// referenceSpec is the device whose conductance stands for that of the memristors
// in the neurons' feedback.
type referenceSpec struct {
	Array       string             `json:"array"`
	Cell        array.Cell         `json:"cell"`
	Conductance instrument.Siemens `json:"conductance_s"` // it is written to
	Read        array.Read         `json:"read"`
}

// stabilityFlags are those that both commands share.
type stabilityFlags struct {
	procedure.ImportFlags
	variants, reference string
	bias, referenceG    instrument.Siemens
	noTest, dryRun      bool
}

func (s *stabilityFlags) register(f *pflag.FlagSet) {
	s.Weights.Tolerance, s.Weights.Idle, s.referenceG = 0.05, 0.05, 30e-6
	s.ImportFlags.Register(f)
	f.StringVar(&s.variants, "variants", "", "ways to hold the network: plain, biased, feedback (default: all; on "+
		"hardware without feedback)")
	f.Var(&s.bias, "bias", "conductance of biased pairs, to which half of the weight is added and from which it is "+
		"taken (default: the lowest around which all weights fit)")
	f.StringVar(&s.reference, "reference", "", "device of the first array whose conductance sets the gain with "+
		"feedback (default: the first usable one that the network does not use)")
	f.Var(&s.referenceG, "reference-conductance", "that it is written to")
	f.BoolVar(&s.noTest, "no-test", false, "leave the test patterns out")
	f.BoolVar(&s.dryRun, "dry-run", false, "print what would be done and what it costs, and touch nothing")
}

func (a *app) mlpDriftCommand() *cobra.Command {
	var s stabilityFlags
	first, last, perDecade := instrument.Seconds(10), instrument.Seconds(1e6), 1
	c := &cobra.Command{
		Use:   "drift",
		Short: "Follow a network's accuracy over time",
		Long: `Imports a network and classifies at logarithmic times of the bench's clock: as
it is, with its weights in pairs around a common bias, and with a memristor in the
feedback of the neurons' second stage. A simulated bench lets its clock run; on a
real one the command waits, with all switches open.

The third way needs a board that is made so; on the simulated bench the stage's
gain follows a reference device of the chip. See hwdocs/insitu.md.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.stability(cmd.Context(), "mlp-drift", &s, func(spec *stability.Spec) (err error) {
				spec.Ages, err = stability.LogarithmicAges(first, last, perDecade)
				return err
			})
		},
	}
	f := c.Flags()
	f.Var(&first, "first", "age of the weights at the first classification")
	f.Var(&last, "last", "age at the last one")
	f.IntVar(&perDecade, "per-decade", perDecade, "classifications per decade of time")
	s.register(f)
	return c
}

func (a *app) mlpTemperatureCommand() *cobra.Command {
	var s stabilityFlags
	temperatures := []instrument.Celsius{25, 40, 55, 70, 85}
	c := &cobra.Command{
		Use:   "temperature",
		Short: "Follow a network's accuracy over temperature",
		Long: `Imports a network at the first temperature and classifies at all of them: as it
is, with its weights in pairs around a common bias, and with a memristor in the
feedback of the neurons' second stage. A simulated chip takes the temperatures as
given; on a real bench the command asks for each and takes the value that is
entered.

The third way needs a board that is made so; on the simulated bench the stage's
gain follows a reference device of the chip. See hwdocs/insitu.md.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.stability(cmd.Context(), "mlp-temperature", &s, func(spec *stability.Spec) error {
				spec.Temperatures = temperatures
				return nil
			})
		},
	}
	f := c.Flags()
	f.Var(procedure.List(&temperatures), "temperatures",
		"in the order of measuring; weights are written at the first")
	s.register(f)
	return c
}

// stability puts the specification together and measures.
func (a *app) stability(ctx context.Context, command string, s *stabilityFlags,
	conditions func(*stability.Spec) error) error {
	c, err := a.load()
	if err != nil {
		return err
	}
	if !c.HasNeurons() {
		return run.Usage(errors.New("there is no neuron board on this bench: give its address in the section neurons of " +
			"bench.yaml"))
	}
	var spec stabilitySpec
	var cost *transfer.Estimate
	if spec.MLP, cost, spec.Trained.File, err = s.ImportFlags.Spec(at(c)); err != nil {
		return err
	}
	if s.noTest {
		spec.MLP.Test = nil
	}
	spec.Measure.Bias = s.bias
	for word := range strings.SplitSeq(s.variants, ",") {
		if word = strings.TrimSpace(word); word != "" {
			spec.Measure.Variants = append(spec.Measure.Variants, stability.Variant(word))
		}
	}
	if s.variants == "" {
		spec.Measure.Variants = []stability.Variant{stability.Plain, stability.Biased}
		if c.Simulated() {
			spec.Measure.Variants = stability.Variants()
		}
	}
	if err := conditions(&spec.Measure); err != nil {
		return run.Usage(err)
	}
	task, err := spec.task()
	if err != nil {
		return err
	}
	if err := spec.Measure.Validate(task); err != nil {
		return run.Usage(err)
	}
	for _, v := range spec.Measure.Variants {
		if v != stability.Feedback {
			continue
		}
		if !c.Simulated() {
			return run.Usage(errors.New("the variant feedback needs memristors in the feedback of the neurons' difference " +
				"stages, which this program can put there on a simulated bench only; on a board that has them the variant plain " +
				"measures it"))
		}
		if spec.Reference, err = referenceFor(c, spec.MLP, s.reference, s.referenceG); err != nil {
			return err
		}
	}
	if s.dryRun {
		return a.printEstimate(cost)
	}
	return a.perform(ctx, a.stabilityJob(c, command, spec))
}

// referenceFor chooses the reference device: the one named, or the first usable
// one on the first array whose row or column the network does not use.
func referenceFor(c *config.Config, s procedure.NetworkSpec, named string, g instrument.Siemens) (*referenceSpec, error) {
	name := s.Placement[0].Array
	w, err := c.Wiring(name)
	if err != nil {
		return nil, err
	}
	r := &referenceSpec{Array: name, Conductance: g, Read: array.Read{Voltage: c.Read.Voltage,
		Compliance: c.Read.Compliance, Settle: c.Read.Settle, Aperture: c.Read.Aperture}}
	cells := array.AllCells(w.Rows, w.Cols)
	if named != "" {
		if cells, err = array.ParseCells(named, w.Rows, w.Cols); err != nil || len(cells) != 1 {
			return nil, run.Usage(fmt.Errorf("--reference %q must name one device, such as r0c18: %w", named, err))
		}
	}
	for _, cell := range cells {
		_, used := s.Placement.Site(s.Network.Network.Design, mlp.Device{Array: name, Cell: cell})
		if m := s.Defects[name]; !used && (m == nil || m.Usable(cell)) {
			r.Cell = cell
			return r, nil
		}
	}
	if named != "" {
		return nil, run.Usage(fmt.Errorf("--reference %s is a device of the network, or cannot be used by the defect map",
			named))
	}
	return nil, run.Usage(fmt.Errorf("array %s has no usable device beside the network's: leave the variant feedback out",
		name))
}

// task is the network and its patterns.
func (s *stabilitySpec) task() (stability.Task, error) {
	t := stability.Task{Network: s.MLP.Network.Network, Held: s.MLP.Network.Constraints}
	var err error
	if t.Train, err = s.MLP.Train.Set(); err != nil {
		return t, err
	}
	t.Test, err = s.MLP.Test.Set()
	return t, err
}

// stabilityJob is the work of `xlab mlp drift` and `xlab mlp temperature`.
func (a *app) stabilityJob(c *config.Config, command string, spec stabilitySpec) job {
	var points []stability.Point
	var warnings []string
	var result stabilityResult
	j := job{command: command, arrays: spec.MLP.Placement.Arrays(), spec: spec}
	j.work = func(ctx context.Context, r procedure.Bench) (err error) {
		hardware, err := r.Classifier(spec.MLP.Network.Network.Design, spec.MLP.Placement)
		if err != nil {
			return err
		}
		task, err := spec.task()
		if err != nil {
			return err
		}
		later := []run.Work{classifications(spec.Measure.Points())}
		bench := stability.Bench{Classifier: hardware, Write: func(ctx context.Context, n *mlp.Network) error {
			what := "as trained"
			if n != task.Network {
				what = stabilityNames[stability.Biased]
			}
			o, err := spec.write(ctx, n, r, func(e transfer.Event) { r.Publish(procedure.WritingEvent(e, later...)) })
			later = nil // what is left is known as soon as something has been classified
			if err == nil {
				warnings = append(warnings, badlyWritten(o, what, spec.MLP.Import.Weights)...)
			}
			return err
		}}
		if spec.Reference != nil {
			bench.Feedback = &feedbackStage{r: r, reference: *spec.Reference, factor: 1}
			if err := spec.prepareReference(ctx, r); err != nil {
				return err
			}
		}
		o := stability.Options{Clock: r.Clock(), Waiter: r.Waiter(), Observe: func(e stability.Event) {
			r.Publish(stabilityEvent(e))
		}}
		if len(spec.Measure.Temperatures) > 0 {
			thermostat, restore := r.Thermostat()
			defer func() { err = errors.Join(err, restore()) }()
			o.Thermostat = thermostat
		}
		points, err = stability.Measure(ctx, bench, task, spec.Measure, o)
		if err == nil && len(warnings) > 0 {
			return &run.Ended{Outcome: run.OutcomeOutside,
				Err: errors.New(strings.Join(warnings, "; ") + ": what was followed is not that network")}
		}
		return err
	}
	j.summarise = func(_ procedure.Bench, f procedure.Figures) any {
		result = spec.result(points, warnings, f)
		return result
	}
	j.files = func(r procedure.Bench) error { return spec.files(r, points) }
	j.show = func(_ error) error {
		if len(points) == 0 {
			return nil
		}
		if a.json {
			return a.writeJSON(result)
		}
		return a.printStability(spec, result)
	}
	return j
}

func (a *app) rebuildStability(c *config.Config, h *run.Header) (procedure.Job, error) {
	spec, err := procedure.SpecOf[stabilitySpec](h)
	return a.stabilityJob(c, h.Command, spec), err
}

// write imports a network in one of its ways.
func (s *stabilitySpec) write(ctx context.Context, n *mlp.Network, r procedure.Bench,
	observe func(transfer.Event)) (*transfer.Outcome, error) {
	task := transfer.Task{Network: n, Placement: s.MLP.Placement, Held: s.MLP.Network.Constraints,
		Arrays: make(map[string]transfer.Array), Tuning: s.MLP.Import.Tuning}
	for _, name := range s.MLP.Placement.Arrays() {
		task.Arrays[name] = transfer.Array{Bench: r.Crossbar(name), Defects: s.MLP.Defects[name]}
	}
	return transfer.Import(ctx, task, s.MLP.Import.Weights, transfer.Options{Observe: observe})
}

// badlyWritten warns of weights that did not become what they should be: what is
// measured then is another network.
func badlyWritten(o *transfer.Outcome, what string, s transfer.Spec) []string {
	good, all := o.InTolerance(), len(o.Weights)
	if float64(good) >= s.Share*float64(all) {
		return nil
	}
	return []string{fmt.Sprintf("weights %s: %d of %d are within %.3g %%, and %.4g %% of them should be (mlp.share); "+
		"%d devices could not be set", what, good, all, 100*s.Tolerance, 100*s.Share, len(o.Unsettable()))}
}

// prepareReference writes the reference device.
func (s *stabilitySpec) prepareReference(ctx context.Context, r procedure.Bench) error {
	k := s.Reference
	bar := r.Crossbar(k.Array)
	rows, cols := bar.Size()
	how := s.MLP.Import.Tuning
	var err error
	if how.Targets, err = tuning.Uniform(rows, cols, []array.Cell{k.Cell}, k.Conductance); err != nil {
		return err
	}
	o, err := tuning.Tune(ctx, bar, k.Array, how, s.MLP.Defects[k.Array], tuning.Options{})
	if err != nil {
		return fmt.Errorf("writing the reference device %s: %w", k.Cell, err)
	}
	if v := o.Records[0].Verdict; v != tuning.InTolerance {
		return fmt.Errorf("the reference device %s cannot be written to %v (%s): name another one with --reference", k.Cell,
			k.Conductance, v)
	}
	return nil
}

// feedbackStage is the simulated board's difference stages with a memristor in
// their feedback: the gain is set by what a reference device of the chip reads.
type feedbackStage struct {
	r         procedure.Bench
	reference referenceSpec
	factor    float64
}

// Reference implements stability.FeedbackStage.
func (f *feedbackStage) Reference(ctx context.Context) (instrument.Siemens, error) {
	results, err := f.r.Crossbar(f.reference.Array).Do(ctx, f.reference.Cell, f.reference.Read)
	if err != nil {
		return 0, err
	}
	if !results[0].Valid() || results[0].InCompliance() {
		return 0, fmt.Errorf("the read of device %s cannot be used: %s", f.reference.Cell,
			cmp.Or(array.Unheld(results[0].Limited, "read.compliance"), procedure.StatusText(results[0].Status)))
	}
	return results[0].Conductance(), nil
}

// Gain implements stability.FeedbackStage.
func (f *feedbackStage) Gain(_ context.Context, factor float64) error {
	err := f.r.ScaleDifference(factor / f.factor)
	if err == nil {
		f.factor = factor
	}
	return err
}
