package procedure

import (
	"context"
	"fmt"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/mlp"
	"xlab/mlp/stability"
	"xlab/run"
	"xlab/tuning"
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

// prepareReference writes the reference device.
func (s *stabilitySpec) prepareReference(ctx context.Context, b Bench) error {
	k := s.Reference
	bar := b.Crossbar(k.Array)
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
