package procedure

import (
	"github.com/spf13/pflag"

	"xlab/mlp/transfer"
	"xlab/run"
)

// networkFlags say which network is worked with, on which arrays and data.
type networkFlags struct {
	network, arrays, defects string
	data                     DataFlags
}

func (n *networkFlags) register(f *pflag.FlagSet) {
	f.StringVarP(&n.network, "network", "n", "", "network file, or run that has one (default: of the newest run)")
	f.StringVar(&n.arrays, "arrays", "", "arrays of the layers, in their order (default: as in the network file)")
	f.StringVar(&n.defects, "defects", "",
		`defect maps, as A=file,B=file, or "none" (default: of the newest forming of each array)`)
	n.data.Register(f)
}

// parse finds the network and puts it together with its data and its place. file is
// where the network was found.
func (n *networkFlags) parse(l Lab) (s NetworkSpec, file string, err error) {
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

// Register adds the flags.
func (w *WeightFlags) Register(f *pflag.FlagSet) {
	f.Var(&w.Tolerance, "tolerance", "largest relative error of a device in tolerance, such as 30% (default: "+
		"mlp.tolerance)")
	f.Var(&w.Idle, "idle-tolerance", "the same for idle devices, those at the minimum (default: mlp.idle_tolerance)")
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

// importFlags say which network is written into the arrays, and how.
type importFlags struct {
	networkFlags
	weights WeightFlags
	anyChip bool
}

func (i *importFlags) register(f *pflag.FlagSet) {
	i.networkFlags.register(f)
	i.weights.Register(f)
	f.BoolVar(&i.anyChip, "any-chip", false, "import weights that were trained for another chip's defect map")
}

// parse puts an import together, with what it costs and the name of the network's
// file, and refuses what cannot be done.
func (i *importFlags) parse(l Lab) (s NetworkSpec, cost *transfer.Estimate, file string, err error) {
	if s, file, err = i.networkFlags.parse(l); err != nil {
		return s, nil, "", err
	}
	if err = s.matchChip(i.anyChip); err != nil {
		return s, nil, "", err
	}
	if s.Import, err = i.weights.Spec(l); err != nil {
		return s, nil, "", err
	}
	cost, err = s.estimate(l)
	return s, cost, file, err
}
