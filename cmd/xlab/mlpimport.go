package main

import (
	"errors"
	"fmt"
	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/lab/config"
	"xlab/lab/procedure"
	"xlab/mlp"
	"xlab/mlp/transfer"
	"xlab/run"
	"xlab/run/screen"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// importFlags say how weights are written.
type importFlags struct {
	tolerance, idle procedure.Percentage
	policy          string
	anyChip         bool
	dryRun          bool
}

func (i *importFlags) register(f *pflag.FlagSet) {
	f.Var(&i.tolerance, "tolerance", "relative error of devices that is still right, such as 30% (default: mlp.tolerance)")
	f.Var(&i.idle, "idle-tolerance", "the same of devices at the minimum (default: mlp.idle_tolerance)")
	f.StringVar(&i.policy, "policy", "", "how pulses are chosen, as of xlab tune (default: mlp.policy, "+
		"then tuning.policy)")
	f.BoolVar(&i.dryRun, "dry-run", false, "print what would be done and what it costs, and touch nothing")
}

// spec is the import's specification.
func (i *importFlags) spec(c *config.Config) (*importSpec, error) {
	s := &importSpec{Weights: c.MLP.Spec, Tuning: c.Tuning}
	for _, p := range []string{c.MLP.Policy, i.policy} {
		if p != "" {
			s.Tuning.Policy = p
		}
	}
	if i.tolerance > 0 {
		s.Weights.Tolerance = float64(i.tolerance)
	}
	if i.idle > 0 {
		s.Weights.Idle = float64(i.idle)
	}
	if err := s.Weights.Validate(); err != nil {
		return nil, run.Usage(err)
	}
	return s, nil
}

// newMLPSpec puts a network, its data and its place together.
func newMLPSpec(c *config.Config, f *mlp.File, arrays string, data *mlpData, defects string) (mlpSpec, error) {
	s := mlpSpec{Network: procedure.KeptNetwork{File: f}, Placement: f.Placement, Train: keepSet(data.train), Test: keepSet(data.test),
		Lines: c.Tuning.Lines}
	if s.Placement == nil || arrays != "" {
		if arrays == "" {
			arrays = "A,B"
		}
		var err error
		if s.Placement, err = procedure.PlaceOn(at(c), f.Network.Design, arrays); err != nil {
			return s, err
		}
	} else if err := procedure.CheckPlacement(at(c), f.Network.Design, s.Placement); err != nil {
		return s, err
	}
	if err := data.fits(f); err != nil {
		return s, err
	}
	var err error
	if s.Defects, err = procedure.NetworkDefects(at(c), s.Placement, defects); err != nil {
		return s, err
	}
	s.Warnings = append([]string{}, data.warnings...)
	for _, name := range s.Placement.Arrays() {
		if s.Defects[name] == nil {
			s.Warnings = append(s.Warnings, fmt.Sprintf("no defect map of array %s: nothing is known of its devices (`xlab "+
				"form --array %[1]s` makes one)", name))
		}
	}
	return s, nil
}

// matchChip checks that the weights were trained for the defect maps in use. A
// person who knows better gets a warning instead.
func (s *mlpSpec) matchChip(anyChip bool) error {
	err := s.Network.Provenance.CheckDefectMap(procedure.DefectsID(s.Defects))
	switch {
	case err == nil:
		return nil
	case !errors.Is(err, mlp.ErrOtherChip) || !anyChip:
		return run.Usage(fmt.Errorf("%w; train for this chip (`xlab mlp train`), or say --any-chip to go on", err))
	}
	s.Warnings = append(s.Warnings, err.Error())
	return nil
}

// estimate costs the import and refuses what is beyond the limits.
func (a *app) estimate(s mlpSpec) (*transfer.Estimate, error) {
	sizes, err := procedure.ArraySizes(&a.Lab, s.Placement)
	if err != nil {
		return nil, err
	}
	e, err := s.Import.Weights.Estimate(s.Network.Network, s.Placement, s.Network.Constraints, sizes, s.Import.Tuning,
		func(name string, steps ...array.Step) (instrument.Seconds, error) {
			w, err := a.Config.Wiring(name)
			if err != nil {
				return 0, err
			}
			return a.Cost(w, array.Cell{}, steps...)
		})
	if err != nil && instrument.KindOf(err) != instrument.KindLimit {
		err = run.Usage(err)
	}
	return e, err
}

func (a *app) printEstimate(e *transfer.Estimate) error {
	if a.json {
		return a.writeJSON(e)
	}
	_, err := fmt.Fprintf(a.out, `%s on %s, carrying ones within %.3g %%, idle ones within %.3g %%; %d are held; nothing is touched by a dry run
pulses             %d at most
instrument time    about %s, %s at most
voltage            %v to %v across a selected device
compliance         %v
`, screen.Count(e.Weights, "weight"), screen.Count(e.Devices, "device"), 100*e.Spec.Tolerance, 100*e.Spec.Idle, e.Held, e.Pulses,
		run.FormatDuration(e.TypicalTime), run.FormatDuration(e.LongestTime), e.MinVoltage, e.MaxVoltage, e.MaxCurrent)
	return err
}

func (a *app) mlpImportCommand() *cobra.Command {
	var d dataFlags
	var i importFlags
	var network, arrays, defects string
	c := &cobra.Command{
		Use:   "import",
		Short: "Write a network's weights into the arrays",
		Long: `Writes the conductances of a network by write-and-verify, idle devices first and
cruder, and ends with a classification: on the hardware where there is a neuron
board, and computed from the conductances read.

Fewer weights in tolerance than mlp.share end with exit code 3. The parameters are
keys of the sections "mlp" and "tuning" in bench.yaml. See hwdocs/mlp.md.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.load()
			if err != nil {
				return err
			}
			s, err := i.prepare(a, c, network, arrays, &d, defects)
			if err != nil {
				return err
			}
			if i.dryRun {
				e, err := a.estimate(s)
				if err != nil {
					return err
				}
				return a.printEstimate(e)
			}
			s.classifyIfPossible(c)
			return a.perform(cmd.Context(), a.mlpJob(c, "mlp-import", s))
		},
	}
	f := c.Flags()
	f.StringVarP(&network, "network", "n", "", "network file, or run that has one (default: of the newest run)")
	f.StringVar(&arrays, "arrays", "", "arrays of the layers, in their order (default: as in the network file)")
	f.StringVar(&defects, "defects", "",
		`defect maps, as A=file,B=file, or "none" (default: of the newest forming of each array)`)
	f.BoolVar(&i.anyChip, "any-chip", false, "import weights that were trained for another chip's defect map")
	i.register(f)
	d.register(f)
	return c
}

// prepare puts an import together and refuses what cannot be done before
// anything is opened.
func (i *importFlags) prepare(a *app, c *config.Config, network, arrays string, d *dataFlags,
	defects string) (mlpSpec, error) {
	f, _, err := procedure.FindNetwork(at(c), network)
	if err != nil {
		return mlpSpec{}, err
	}
	data, err := d.loadFor(f)
	if err != nil {
		return mlpSpec{}, err
	}
	s, err := newMLPSpec(c, f, arrays, data, defects)
	if err != nil {
		return s, err
	}
	if err := s.matchChip(i.anyChip); err != nil {
		return s, err
	}
	if s.Import, err = i.spec(c); err != nil {
		return s, err
	}
	_, err = a.estimate(s)
	return s, err
}
