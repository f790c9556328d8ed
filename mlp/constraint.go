package mlp

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"xlab/instrument"
	"xlab/instrument/array"
)

// Constraint holds one device of a network at a conductance that training
// cannot change: stuck where it was measured, or 0 S on a dead line. The other
// device of the pair is free to compensate for it.
type Constraint struct {
	Site        Site               `json:"site"`
	Conductance instrument.Siemens `json:"conductance_s"` // >= 0; may lie outside the working range
	Reason      string             `json:"reason"`        // "stuck", "dead row", ...
}

// Sites are those of constraints.
func Sites(list []Constraint) map[Site]bool {
	sites := make(map[Site]bool, len(list))
	for _, k := range list {
		sites[k.Site] = true
	}
	return sites
}

// FaultKind says what is wrong with an array at one place.
type FaultKind string

const (
	// Stuck is a device that answers no pulse and stays at its conductance.
	Stuck FaultKind = "stuck"
	// DeadRow is a row without contact: its devices carry no current.
	DeadRow FaultKind = "dead row"
	// DeadColumn is a column without contact: no voltage reaches its devices.
	DeadColumn FaultKind = "dead column"
)

// Fault is something of an array that training has to live with. A dead line
// is given by any of its devices.
type Fault struct {
	Kind        FaultKind          `json:"kind"`
	Device      Device             `json:"device"`
	Conductance instrument.Siemens `json:"conductance_s,omitempty"` // of a stuck device, as measured
}

// Faults are the devices in use by a network that a defect map says cannot be
// set, each stuck at the conductance that was read. Untried devices, which were
// never formed, are among them, and are listed a second time for the caller to
// warn of: on a chip that was never formed they are all of them. maps must hold
// every array of the placement, by name.
func (p Placement) Faults(d Design, maps map[string]*array.DefectMap) (faults []Fault, untried []Device, err error) {
	sizes := make(map[string]ArraySize, len(maps))
	for name, m := range maps {
		sizes[name] = ArraySize{Rows: m.Rows, Columns: m.Cols}
	}
	if err := p.Validate(d, sizes); err != nil {
		return nil, nil, fmt.Errorf("placement on the arrays of the defect maps: %w", err)
	}
	for l := range p {
		for _, s := range d.sites(l) {
			at := p.Device(s)
			m := maps[at.Array]
			if m.Usable(at.Cell) {
				continue
			}
			state := m.At(at.Cell)
			// A device that hardly conducts can read below zero by noise.
			faults = append(faults, Fault{Kind: Stuck, Device: at, Conductance: max(state.Conductance, 0)})
			if state.State == array.StateUntried {
				untried = append(untried, at)
			}
		}
	}
	return faults, untried, nil
}

// DefectMapID identifies defect maps in a network's provenance: the array and
// chip of each and a digest of which devices are unusable. Reading a chip again
// does not change it.
func DefectMapID(maps ...*array.DefectMap) string {
	parts := make([]string, len(maps))
	for i, m := range maps {
		h := sha256.New()
		for _, s := range m.Devices {
			if !m.Usable(s.Cell) {
				fmt.Fprintf(h, "%s %s\n", s.Cell, s.State)
			}
		}
		parts[i] = fmt.Sprintf("%s:%s:%.6x", m.Array, m.Chip, h.Sum(nil))
	}
	slices.Sort(parts)
	return strings.Join(parts, " ")
}

// Constraints translates faults into what they mean for a network at this
// placement. Faults outside the network's blocks are left out. A device that
// is both stuck and on a dead line counts as dead.
func (p Placement) Constraints(d Design, faults []Fault) ([]Constraint, error) {
	if len(p) != d.Layers() {
		return nil, fmt.Errorf("placement has %d blocks, the network has %d layers", len(p), d.Layers())
	}
	type line struct {
		array string
		index int
	}
	rows, columns := make(map[line]bool), make(map[line]bool)
	stuck := make(map[Device]instrument.Siemens)
	for i, f := range faults {
		switch f.Kind {
		case DeadRow:
			rows[line{f.Device.Array, f.Device.Cell.Row}] = true
		case DeadColumn:
			columns[line{f.Device.Array, f.Device.Cell.Col}] = true
		case Stuck:
			if !(f.Conductance >= 0) || math.IsInf(float64(f.Conductance), 0) {
				return nil, fmt.Errorf("fault %d, stuck device %s: %g S is not a conductance", i, f.Device, float64(f.Conductance))
			}
			stuck[f.Device] = f.Conductance
		default:
			return nil, fmt.Errorf("fault %d at %s is of unknown kind %q: use %q, %q or %q", i, f.Device, f.Kind, Stuck, DeadRow,
				DeadColumn)
		}
	}
	var list []Constraint
	for l := range p {
		for _, s := range d.sites(l) {
			at := p.Device(s)
			g, isStuck := stuck[at]
			switch {
			case rows[line{at.Array, at.Cell.Row}]:
				list = append(list, Constraint{Site: s, Reason: string(DeadRow)})
			case columns[line{at.Array, at.Cell.Col}]:
				list = append(list, Constraint{Site: s, Reason: string(DeadColumn)})
			case isStuck:
				list = append(list, Constraint{Site: s, Conductance: g, Reason: string(Stuck)})
			}
		}
	}
	return list, nil
}

// sites lists the devices of a layer, row by row.
func (d Design) sites(layer int) []Site {
	rows, columns := d.Block(layer)
	list := make([]Site, 0, rows*columns)
	for r := range rows {
		for c := range columns {
			list = append(list, Site{Layer: layer, Row: r, Col: c})
		}
	}
	return list
}

// CheckConstraints refuses constraints that lie outside the design, that hold
// a device at a value that is not a conductance, or that hold one device twice.
func (d Design) CheckConstraints(list []Constraint) error {
	seen := make(map[Site]bool, len(list))
	var faults []error
	for _, k := range list {
		inside := k.Site.Layer >= 0 && k.Site.Layer < d.Layers()
		if inside {
			rows, columns := d.Block(k.Site.Layer)
			inside = k.Site.Row >= 0 && k.Site.Row < rows && k.Site.Col >= 0 && k.Site.Col < columns
		}
		switch {
		case !inside:
			faults = append(faults, fmt.Errorf("constraint on layer %d, row %d, column %d: the network has no such device",
				k.Site.Layer, k.Site.Row, k.Site.Col))
		case !(k.Conductance >= 0) || math.IsInf(float64(k.Conductance), 0):
			faults = append(faults, fmt.Errorf("constraint on %s: %g S is not a conductance", k.Site, float64(k.Conductance)))
		case seen[k.Site]:
			faults = append(faults, fmt.Errorf("constraint on %s is given twice", k.Site))
		}
		seen[k.Site] = true
	}
	return errors.Join(faults...)
}
