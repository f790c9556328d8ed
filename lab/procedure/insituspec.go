package procedure

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/instrument/profile"
	"xlab/mlp"
	"xlab/mlp/dataset"
	"xlab/mlp/insitu"
	"xlab/run"
	"xlab/tuning"
)

// InSituSpec is everything that a training in place depends on.
type InSituSpec struct {
	Training  insitu.Spec                 `json:"training"`
	Classes   []string                    `json:"classes"` // of the letters
	Design    mlp.Design                  `json:"design"`
	Placement mlp.Placement               `json:"placement"`
	Start     InSituStart                 `json:"start"`
	Tuning    tuning.Spec                 `json:"tuning"` // how the start is written
	Defects   map[string]*array.DefectMap `json:"defects"`
	Test      bool                        `json:"test"` // classify the test patterns at the end
}

// InSituStart is where a training in place begins.
type InSituStart struct {
	// Conductance is the middle of the starting conductances, which are drawn
	// evenly from within Spread of it; 0 = devices stay as they are.
	Conductance instrument.Siemens `json:"conductance_s,omitempty"`
	Spread      float64            `json:"spread,omitempty"` // relative
	Seed        uint64             `json:"seed,omitempty"`
	Tolerance   float64            `json:"tolerance,omitempty"` // relative, of the writing
	// Network is one to start from, which is written with Tolerance.
	Network *KeptNetwork `json:"network,omitempty"`
}

func defaultStart(p *profile.Profile) InSituStart {
	return InSituStart{Conductance: profile.Of(p).Measure.InPlaceStart, Spread: 0.05, Seed: 1, Tolerance: 0.05}
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

// DefaultInSituSpec trains so many letters from middle conductances with the rule, on
// the arrays of the first and the second layer, as in "A,B". Nothing is known of their
// devices.
func DefaultInSituSpec(l Lab, rule insitu.RuleName, classes int, arrays string) (s InSituSpec, err error) {
	p := l.Settings().Profile
	s = InSituSpec{Training: insitu.DefaultSpec(p, rule), Tuning: l.Settings().Tuning, Test: true, Start: defaultStart(p)}
	s.Training.Lines, s.Training.Compliance, s.Training.Width = s.Tuning.Lines, s.Tuning.Compliance, s.Tuning.Width
	if s.Classes, err = letterClasses(classes); err != nil {
		return s, err
	}
	s.Design = NewDesign(l, 16, 10, classes)
	s.Placement, err = PlaceOn(l, s.Design, arrays)
	return s, err
}

// startFrom takes a network's conductances, and its place, as the start.
func (s *InSituSpec) startFrom(l Lab, name string) error {
	f, name, err := FindNetwork(l, name)
	if err != nil {
		return err
	}
	if !slices.Equal(f.Network.Design.Sizes, s.Design.Sizes) {
		return run.Usage(fmt.Errorf("the network %s is a %s one; %d letters need %s", name, SizesText(f.Network.Design),
			len(s.Classes), SizesText(s.Design)))
	}
	if have := f.Provenance.Data.Classes; len(have) > 0 && !slices.Equal(have, s.Classes) {
		return run.Usage(fmt.Errorf("the network %s tells %s apart, not %s", name, strings.Join(have, ", "),
			strings.Join(s.Classes, ", ")))
	}
	s.Design, s.Start = f.Network.Design, InSituStart{Tolerance: 0.3, Network: &KeptNetwork{File: f}}
	if f.Placement != nil {
		s.Placement = f.Placement
		return checkPlacement(l, s.Design, s.Placement)
	}
	return nil
}

// complete adds the defect maps and checks the whole.
func (s *InSituSpec) complete(l Lab, defects string) error {
	if err := s.Training.Validate(); err != nil {
		return run.Usage(err)
	}
	if !l.HasNeurons() {
		return run.Usage(errors.New("training in place needs a neuron board: add a section neurons to bench.yaml, with " +
			"the address sim for a simulated one"))
	}
	if !(s.Start.Spread >= 0 && s.Start.Spread < 1) {
		return run.Usage(fmt.Errorf("--spread %g must be 0 or more and below 1", s.Start.Spread))
	}
	var err error
	if s.Defects, err = networkDefects(l, s.Placement, defects); err != nil {
		return err
	}
	if missing := withoutMap(s.Placement, s.Defects); len(missing) > 0 && defects == "" {
		return unformed(missing, "there is no defect map of array %s, so it is not known to be formed: run `xlab form "+
			"--array %[1]s`, or use --defects none if it was formed elsewhere")
	}
	return nil
}

// extremes are the strongest pulses that training may give on an array.
func (s *InSituSpec) extremes() []array.Step {
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
func (s *InSituSpec) held() ([]mlp.Constraint, error) {
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
func (s *InSituSpec) targets(name string, rows, cols int) tuning.Targets {
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
func (s *InSituSpec) trainingSet() (*dataset.Set, error) { return dataset.Letters().Only(s.Classes...) }
