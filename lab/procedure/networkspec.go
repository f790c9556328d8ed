package procedure

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/mlp"
	"xlab/mlp/transfer"
	"xlab/run"
	"xlab/tuning"
)

// NetworkSpec is everything that an import or a classification depends on.
type NetworkSpec struct {
	Network   KeptNetwork                 `json:"network"`
	Placement mlp.Placement               `json:"placement"`
	Train     *KeptSet                    `json:"training_set"`
	Test      *KeptSet                    `json:"test_set"`
	Defects   map[string]*array.DefectMap `json:"defects"`
	Import    *ImportSpec                 `json:"import"`   // nil = the weights are in the arrays
	Classify  bool                        `json:"classify"` // on the hardware
	Trim      bool                        `json:"trim"`     // null the neurons' offsets before
	Lines     array.Resistance            `json:"lines"`    // as far as known
	Warnings  []string                    `json:"warnings"` // of what is odd about the request
}

// ImportSpec says how weights are written.
type ImportSpec struct {
	Weights transfer.Spec `json:"weights"`
	Tuning  tuning.Spec   `json:"tuning"`
}

// newNetworkSpec puts a network, its data and its place together.
func newNetworkSpec(l Lab, f *mlp.File, arrays string, data *NetworkData, defects string) (NetworkSpec, error) {
	s := NetworkSpec{Network: KeptNetwork{File: f}, Placement: f.Placement, Train: KeepSet(data.Train),
		Test: KeepSet(data.Test), Lines: l.Settings().Tuning.Lines}
	if s.Placement == nil || arrays != "" {
		if arrays == "" {
			arrays = "A,B"
		}
		var err error
		if s.Placement, err = PlaceOn(l, f.Network.Design, arrays); err != nil {
			return s, err
		}
	} else if err := checkPlacement(l, f.Network.Design, s.Placement); err != nil {
		return s, err
	}
	if err := data.fits(f); err != nil {
		return s, err
	}
	var err error
	if s.Defects, err = networkDefects(l, s.Placement, defects); err != nil {
		return s, err
	}
	s.Warnings = append([]string{}, data.Warnings...)
	for _, name := range withoutMap(s.Placement, s.Defects) {
		s.Warnings = append(s.Warnings, fmt.Sprintf("no defect map of array %s: nothing is known of its devices (`xlab "+
			"form --array %[1]s` makes one)", name))
	}
	return s, nil
}

// withoutMap names the arrays of a placement that have no defect map.
func withoutMap(p mlp.Placement, maps map[string]*array.DefectMap) []string {
	return slices.DeleteFunc(p.Arrays(), func(name string) bool { return maps[name] != nil })
}

// matchChip checks that the weights were trained for the defect maps in use. A
// person who knows better gets a warning instead.
func (s *NetworkSpec) matchChip(anyChip bool) error {
	err := s.Network.Provenance.CheckDefectMap(defectsID(s.Defects))
	switch {
	case err == nil:
		return nil
	case !errors.Is(err, mlp.ErrOtherChip) || !anyChip:
		return run.Usage(fmt.Errorf("%w; train for this chip (`xlab mlp train`), or say --any-chip to go on", err))
	}
	s.Warnings = append(s.Warnings, err.Error())
	return nil
}

// classifiable tells why the bench's neuron board cannot classify the network's
// data; nil if it can. Nothing is opened.
func (s *NetworkSpec) classifiable(l Lab) error {
	if !l.HasNeurons() {
		return errors.New("there is no neuron board on this bench: give its address in the section neurons of bench.yaml")
	}
	if err := l.Classifiable(s.Network.Network.Design, s.Placement); err != nil {
		return err
	}
	for _, k := range []*KeptSet{s.Train, s.Test} {
		if k == nil {
			continue
		}
		for i, row := range k.X {
			for j, x := range row {
				if x != -1 && x != 0 && x != 1 {
					return fmt.Errorf("data set %s, sample %d, feature %d is %g: on the bench an input is at ±%v or 0 V, for "+
						"features of 1, -1 and 0; --ternary rounds them", k.Name, i, j, x, s.Network.Network.Design.InputLevel)
				}
			}
		}
	}
	return nil
}

// classifyIfPossible has an import classify on the hardware, or says in a
// warning why it will not.
func (s *NetworkSpec) classifyIfPossible(l Lab) {
	err := s.classifiable(l)
	if err != nil {
		s.Warnings = append(s.Warnings, fmt.Sprintf("%v; the classification is computed from the conductances read", err))
	}
	s.Classify, s.Trim = err == nil, err == nil
}

// estimate costs the import and refuses what is beyond the limits.
func (s *NetworkSpec) estimate(l Lab) (*transfer.Estimate, error) {
	sizes, err := arraySizes(l, s.Placement)
	if err != nil {
		return nil, err
	}
	e, err := s.Import.Weights.Estimate(s.Network.Network, s.Placement, s.Network.Constraints, sizes, s.Import.Tuning,
		func(name string, steps ...array.Step) (instrument.Seconds, error) {
			w, err := l.Wiring(name)
			if err != nil {
				return 0, err
			}
			return l.Cost(w, array.Cell{}, steps...)
		})
	if err != nil && instrument.KindOf(err) != instrument.KindLimit {
		err = run.Usage(err)
	}
	return e, err
}

// write imports a network, the specification's own or what was made of it. later is
// what comes after that.
func (s *NetworkSpec) write(ctx context.Context, n *mlp.Network, b Bench, later ...run.Work) (*transfer.Outcome,
	error) {
	task := transfer.Task{Network: n, Placement: s.Placement, Held: s.Network.Constraints,
		Arrays: make(map[string]transfer.Array), Tuning: s.Import.Tuning}
	for _, name := range s.Placement.Arrays() {
		task.Arrays[name] = transfer.Array{Bench: b.Crossbar(name), Defects: s.Defects[name]}
	}
	return transfer.Import(ctx, task, s.Import.Weights, transfer.Options{Observe: func(e transfer.Event) {
		what := "carrying devices"
		if e.Idle {
			what = "idle devices"
		}
		if pass := passNote(e.Pass); pass != "" {
			what += ", " + pass
		}
		b.Publish(run.Event{Kind: "device", Array: e.Array, Phase: string(e.Phase), Done: e.Done, Total: e.Total, Note: what,
			Ahead: slices.Concat(e.Ahead, later)})
	}})
}
