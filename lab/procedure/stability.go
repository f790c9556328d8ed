package procedure

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"xlab/instrument"
	"xlab/instrument/profile"
	"xlab/mlp/stability"
	"xlab/run"
)

func mlpDrift() Procedure {
	return stabilityOf(Procedure{
		Name:  "mlp drift",
		Short: "Follow a network's accuracy over time",
		Long: `Imports a network and classifies at logarithmic times of the bench's clock: as
it is, with its weights in pairs around a common bias, and with a memristor in the
feedback of the neurons' second stage. A simulated bench lets its clock run; on a
real one the command waits, with all switches open.
`,
	}, func(f *pflag.FlagSet) func(*stability.Spec) error {
		first, last, perDecade := instrument.Seconds(10), instrument.Seconds(1e6), 1
		f.Var(&first, "first", "age of the weights at the first classification")
		f.Var(&last, "last", "age at the last one")
		f.IntVar(&perDecade, "per-decade", perDecade, "classifications per decade of time")
		return func(s *stability.Spec) (err error) {
			s.Ages, err = stability.LogarithmicAges(first, last, perDecade)
			return err
		}
	})
}

func mlpTemperature() Procedure {
	return stabilityOf(Procedure{
		Name:  "mlp temperature",
		Short: "Follow a network's accuracy over temperature",
		Long: `Imports a network at the first temperature and classifies at all of them: as it
is, with its weights in pairs around a common bias, and with a memristor in the
feedback of the neurons' second stage. A simulated chip takes the temperatures as
given; on a real bench the command asks for each and takes the value that is
entered.
`,
	}, func(f *pflag.FlagSet) func(*stability.Spec) error {
		temperatures := []instrument.Celsius{25, 40, 55, 70, 85}
		f.Var(List(&temperatures), "temperatures", "temperatures in the order of measuring; weights are written at the first")
		return func(s *stability.Spec) error {
			s.Temperatures = temperatures
			return nil
		}
	})
}

// stabilityOf completes a procedure that follows a network over conditions, whose
// flags are of its own.
func stabilityOf(p Procedure, conditions func(f *pflag.FlagSet) func(*stability.Spec) error) Procedure {
	p.Long += `
The third way needs a board that is made so; on the simulated bench the stage's
gain follows a reference device of the chip. See hwdocs/insitu.md.`
	p.DryRun = "print what would be done and what it costs, and touch nothing"
	p.Flags = func(f *pflag.FlagSet) Parse {
		s := &stabilityFlags{conditions: conditions(f), changed: f.Changed}
		s.register(f)
		return func(_ context.Context, l Lab) (*Request, error) { return s.parse(l, p.Command()) }
	}
	p.Rebuild = func(_ Lab, h *run.Header) (Job, error) {
		spec, err := SpecOf[stabilitySpec](h)
		return &StabilityMeasurement{command: h.Command, spec: spec}, err
	}
	return p
}

// stabilityFlags are those of a network that is followed over conditions.
type stabilityFlags struct {
	importFlags
	variants, reference string
	bias, referenceG    instrument.Siemens
	changed             func(name string) bool
	noTest              bool
	conditions          func(*stability.Spec) error // fills in those under which it is followed
}

func (s *stabilityFlags) register(f *pflag.FlagSet) {
	s.weights.Tolerance, s.weights.Idle, s.referenceG = 0.05, 0.05, profile.Of(nil).Response.Reference
	s.importFlags.register(f)
	f.StringVar(&s.variants, "variants", "", "ways to hold the network: plain, biased, feedback (default: all; on "+
		"a real bench all but feedback)")
	f.Var(&s.bias, "bias", "middle conductance of biased pairs: one device is half of the weight above it, the other "+
		"half below (default: the lowest around which all weights fit)")
	f.StringVar(&s.reference, "reference", "", "device of the first array whose conductance sets the gain with "+
		"feedback (default: the first usable one that the network does not use)")
	f.Var(&s.referenceG, "reference-conductance", "conductance to which the reference device is written")
	f.BoolVar(&s.noTest, "no-test", false, "leave the test patterns out")
}

func (s *stabilityFlags) parse(l Lab, command string) (*Request, error) {
	if !l.HasNeurons() {
		return nil, run.Usage(errors.New("there is no neuron board on this bench: give its address in the section neurons " +
			"of bench.yaml"))
	}
	network, cost, file, err := s.importFlags.parse(l)
	if err != nil {
		return nil, err
	}
	if !s.changed("reference-conductance") {
		s.referenceG = l.Settings().Profile.Response.Reference
	}
	spec := stabilitySpec{MLP: network}
	spec.Trained.File = file
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
		if l.Simulated() {
			spec.Measure.Variants = stability.Variants()
		}
	}
	if err := s.conditions(&spec.Measure); err != nil {
		return nil, run.Usage(err)
	}
	task, err := spec.task()
	if err != nil {
		return nil, err
	}
	if err := spec.Measure.Validate(task); err != nil {
		return nil, run.Usage(err)
	}
	if slices.Contains(spec.Measure.Variants, stability.Feedback) {
		if !l.Simulated() {
			return nil, run.Usage(errors.New("the variant feedback needs memristors in the feedback of the neurons' " +
				"difference stages, which this program can put there on a simulated bench only; on a board that has them the " +
				"variant plain measures it"))
		}
		if spec.Reference, err = referenceFor(l, spec.MLP, s.reference, s.referenceG); err != nil {
			return nil, err
		}
	}
	return &Request{Job: &StabilityMeasurement{command: command, spec: spec}, Estimate: cost}, nil
}
