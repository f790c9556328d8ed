package procedure

import (
	"xlab/mlp/transfer"
	"xlab/run"

	"github.com/spf13/pflag"
)

// NetworkFlags say which network is worked with, on which arrays and data.
type NetworkFlags struct {
	network, arrays, defects string
	data                     DataFlags
}

func (n *NetworkFlags) Register(f *pflag.FlagSet) {
	f.StringVarP(&n.network, "network", "n", "", "network file, or run that has one (default: of the newest run)")
	f.StringVar(&n.arrays, "arrays", "", "arrays of the layers, in their order (default: as in the network file)")
	f.StringVar(&n.defects, "defects", "",
		`defect maps, as A=file,B=file, or "none" (default: of the newest forming of each array)`)
	n.data.Register(f)
}

// Spec finds the network and puts it together with its data and its place. file is
// where the network was found.
func (n *NetworkFlags) Spec(l Lab) (s NetworkSpec, file string, err error) {
	f, file, err := FindNetwork(l, n.network)
	if err != nil {
		return s, "", err
	}
	data, err := n.data.loadFor(f)
	if err != nil {
		return s, "", err
	}
	s, err = newNetworkSpec(l, f, n.arrays, data, n.defects)
	return s, file, err
}

// WeightFlags say how weights are written.
type WeightFlags struct {
	Tolerance, Idle Percentage
	policy          string
}

func (w *WeightFlags) Register(f *pflag.FlagSet) {
	f.Var(&w.Tolerance, "tolerance", "relative error of devices that is still right, such as 30% (default: mlp.tolerance)")
	f.Var(&w.Idle, "idle-tolerance", "the same of devices at the minimum (default: mlp.idle_tolerance)")
	f.StringVar(&w.policy, "policy", "", "how pulses are chosen, as of xlab tune (default: mlp.policy, "+
		"then tuning.policy)")
}

// Spec completes the flags with the configuration.
func (w *WeightFlags) Spec(l Lab) (*ImportSpec, error) {
	c := l.Settings()
	s := &ImportSpec{Weights: c.MLP.Spec, Tuning: c.Tuning}
	for _, p := range []string{c.MLP.Policy, w.policy} {
		if p != "" {
			s.Tuning.Policy = p
		}
	}
	if w.Tolerance > 0 {
		s.Weights.Tolerance = float64(w.Tolerance)
	}
	if w.Idle > 0 {
		s.Weights.Idle = float64(w.Idle)
	}
	if err := s.Weights.Validate(); err != nil {
		return nil, run.Usage(err)
	}
	return s, nil
}

// ImportFlags say which network is written into the arrays, and how.
type ImportFlags struct {
	NetworkFlags
	Weights WeightFlags
	anyChip bool
}

func (i *ImportFlags) Register(f *pflag.FlagSet) {
	i.NetworkFlags.Register(f)
	i.Weights.Register(f)
	f.BoolVar(&i.anyChip, "any-chip", false, "import weights that were trained for another chip's defect map")
}

// Spec puts an import together, with what it costs and the name of the network's
// file, and refuses what cannot be done.
func (i *ImportFlags) Spec(l Lab) (s NetworkSpec, cost *transfer.Estimate, file string, err error) {
	if s, file, err = i.NetworkFlags.Spec(l); err != nil {
		return s, nil, "", err
	}
	if err = s.matchChip(i.anyChip); err != nil {
		return s, nil, "", err
	}
	if s.Import, err = i.Weights.Spec(l); err != nil {
		return s, nil, "", err
	}
	cost, err = s.estimate(l)
	return s, cost, file, err
}
