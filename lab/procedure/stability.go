package procedure

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/mlp"
	"xlab/mlp/stability"
	"xlab/run"
)

// stabilitySpec is everything that `xlab mlp drift` and `xlab mlp temperature`
// depend on.
type stabilitySpec struct {
	MLP       NetworkSpec      `json:"network"`
	Measure   stability.Spec   `json:"measure"`
	Reference *ReferenceDevice `json:"reference"` // of the feedback; null without it
	// Trained is where the network comes from, for the record.
	Trained struct {
		File string `json:"file"`
	} `json:"origin"`
}

// ReferenceDevice is the device whose conductance stands for that of the memristors
// in the neurons' feedback.
type ReferenceDevice struct {
	Array       string             `json:"array"`
	Cell        array.Cell         `json:"cell"`
	Conductance instrument.Siemens `json:"conductance_s"` // it is written to
	Read        array.Read         `json:"read"`
}

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
		f.Var(List(&temperatures), "temperatures", "in the order of measuring; weights are written at the first")
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
		s := &stabilityFlags{conditions: conditions(f)}
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
	noTest              bool
	conditions          func(*stability.Spec) error // fills in those under which it is followed
}

func (s *stabilityFlags) register(f *pflag.FlagSet) {
	s.weights.Tolerance, s.weights.Idle, s.referenceG = 0.05, 0.05, 30e-6
	s.importFlags.register(f)
	f.StringVar(&s.variants, "variants", "", "ways to hold the network: plain, biased, feedback (default: all; on "+
		"hardware without feedback)")
	f.Var(&s.bias, "bias", "conductance of biased pairs, to which half of the weight is added and from which it is "+
		"taken (default: the lowest around which all weights fit)")
	f.StringVar(&s.reference, "reference", "", "device of the first array whose conductance sets the gain with "+
		"feedback (default: the first usable one that the network does not use)")
	f.Var(&s.referenceG, "reference-conductance", "that it is written to")
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

// referenceFor chooses the reference device: the one named, or the first usable
// one on the first array whose row or column the network does not use.
func referenceFor(l Lab, s NetworkSpec, named string, g instrument.Siemens) (*ReferenceDevice, error) {
	name := s.Placement[0].Array
	w, err := l.Wiring(name)
	if err != nil {
		return nil, err
	}
	r := &ReferenceDevice{Array: name, Conductance: g, Read: l.Settings().Read.Step()}
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
