package mlp

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"gonum.org/v1/gonum/mat"

	"xlab/instrument"
	"xlab/instrument/array"
)

// ArraySize is the size of one crossbar.
type ArraySize struct {
	Rows    int `json:"rows"`
	Columns int `json:"columns"`
}

// Block says where one layer's devices lie: the block's row r is row Row+r of
// the array, its column c is column Column+c. Lines count from zero.
type Block struct {
	Array  string `json:"array"`
	Row    int    `json:"row"`
	Column int    `json:"column"`
}

// Placement is one block per layer, the first layer first.
type Placement []Block

// Device is one device of one of the bench's arrays.
type Device struct {
	Array string     `json:"array"`
	Cell  array.Cell `json:"cell"`
}

func (d Device) String() string { return d.Array + " " + d.Cell.String() }

// Site is the place of one device in a network: the device of layer, on line
// Row of the layer's block (2j plus, 2j+1 minus of neuron j), at column Col.
type Site struct {
	Layer int `json:"layer"`
	Row   int `json:"row"`
	Col   int `json:"col"`
}

// Neuron is the neuron whose line the device is on.
func (s Site) Neuron() int { return s.Row / 2 }

// Plus tells whether the device is on the neuron's plus line.
func (s Site) Plus() bool { return s.Row%2 == 0 }

func (s Site) String() string {
	sign := map[bool]string{true: "plus", false: "minus"}[s.Plus()]
	return fmt.Sprintf("layer %d, neuron %d, input %d, %s device", s.Layer, s.Neuron(), s.Col, sign)
}

// DefaultPlacement puts each layer at the origin of an array of its own, in
// the order of the names given.
func DefaultPlacement(arrays ...string) Placement {
	p := make(Placement, len(arrays))
	for i, a := range arrays {
		p[i] = Block{Array: a}
	}
	return p
}

// Validate refuses a placement that does not have a block for every layer,
// names an array that is not there, does not fit an array, or puts two layers
// on common lines. All faults are reported together.
func (p Placement) Validate(d Design, arrays map[string]ArraySize) error {
	if err := d.Validate(); err != nil {
		return err
	}
	if len(p) != d.Layers() {
		return fmt.Errorf("placement has %d blocks, the network has %d layers", len(p), d.Layers())
	}
	var faults []error
	for l, b := range p {
		rows, columns := d.Block(l)
		size, known := arrays[b.Array]
		switch {
		case !known:
			faults = append(faults, fmt.Errorf("layer %d is placed on array %q, which the bench does not have", l, b.Array))
		case b.Row < 0 || b.Column < 0:
			faults = append(faults, fmt.Errorf("layer %d starts at row %d, column %d of array %s: lines count from 0", l, b.Row,
				b.Column, b.Array))
		case b.Row+rows > size.Rows || b.Column+columns > size.Columns:
			faults = append(faults, fmt.Errorf("layer %d does not fit array %s: it needs %d rows x %d columns (%d neurons as "+
				"pairs of lines, %d inputs and a bias) from row %d, column %d; the array has %d x %d",
				l, b.Array, rows, columns, d.Sizes[l+1], d.Sizes[l], b.Row, b.Column, size.Rows, size.Columns))
		}
		for k := range l {
			if o := p[k]; o.Array == b.Array {
				r, c := d.Block(k)
				if overlap(b.Row, rows, o.Row, r) || overlap(b.Column, columns, o.Column, c) {
					faults = append(faults, fmt.Errorf("layers %d and %d share lines of array %s: a line can carry only one signal", k,
						l, b.Array))
				}
			}
		}
	}
	return errors.Join(faults...)
}

func overlap(a, na, b, nb int) bool { return a < b+nb && b < a+na }

// Device is where a site lies.
func (p Placement) Device(s Site) Device {
	b := p[s.Layer]
	return Device{Array: b.Array, Cell: array.Cell{Row: b.Row + s.Row, Col: b.Column + s.Col}}
}

// Site is what lies at a device; ok is false when no layer uses it.
func (p Placement) Site(d Design, at Device) (s Site, ok bool) {
	for l, b := range p {
		rows, columns := d.Block(l)
		r, c := at.Cell.Row-b.Row, at.Cell.Col-b.Column
		if b.Array == at.Array && r >= 0 && r < rows && c >= 0 && c < columns {
			return Site{Layer: l, Row: r, Col: c}, true
		}
	}
	return Site{}, false
}

// Target is what one device is to be set to.
type Target struct {
	Device      Device             `json:"device"`
	Site        Site               `json:"site"`
	Conductance instrument.Siemens `json:"conductance_s"`
	// Idle marks the device of a pair that sits at the minimum and carries no
	// weight: it may be set more crudely.
	Idle bool `json:"idle"`
}

// Targets lists what every device of the network is to be set to, layer by
// layer, row by row.
func (n *Network) Targets(p Placement) ([]Target, error) {
	if len(p) != len(n.G) {
		return nil, fmt.Errorf("placement has %d blocks, the network has %d layers", len(p), len(n.G))
	}
	var list []Target
	for l := range n.G {
		for _, s := range n.Design.sites(l) {
			x := instrument.Siemens(n.G[l].At(s.Row, s.Col))
			list = append(list, Target{Device: p.Device(s), Site: s, Conductance: x, Idle: n.Design.Range.Idle(x)})
		}
	}
	return list, nil
}

// Read is a network of the design with the conductances that were measured on
// the arrays, one matrix per array in S, rows x columns, so that what was
// imported can be computed beside what was meant.
func (p Placement) Read(d Design, measured map[string]*mat.Dense) (*Network, error) {
	arrays := make(map[string]ArraySize, len(measured))
	for name, g := range measured {
		rows, columns := g.Dims()
		arrays[name] = ArraySize{Rows: rows, Columns: columns}
	}
	if err := p.Validate(d, arrays); err != nil {
		return nil, err
	}
	n, err := New(d)
	if err != nil {
		return nil, err
	}
	for l, b := range p {
		rows, columns := d.Block(l)
		n.G[l].Copy(measured[b.Array].Slice(b.Row, b.Row+rows, b.Column, b.Column+columns))
	}
	if err := n.Validate(); err != nil {
		return nil, fmt.Errorf("conductances read from array %s: %w", strings.Join(p.Arrays(), ", "), err)
	}
	return n, nil
}

// Arrays lists the arrays of the blocks, each once, in the order of the layers.
func (p Placement) Arrays() []string {
	var names []string
	for _, b := range p {
		if !slices.Contains(names, b.Array) {
			names = append(names, b.Array)
		}
	}
	return names
}
