package insitu

import (
	"cmp"
	"slices"
)

// Along says which lines are written at once.
type Along int

const (
	Rows    Along = iota // all devices of one row together
	Columns              // all devices of one column together
)

// Write is a group of pulses that can be given together: they lie on one line
// of one layer and have one polarity. How an amplitude is shared between the
// line and the lines that cross it is up to the bench's bias scheme.
type Write struct {
	Layer  int
	Line   int // row or column of the layer's block
	Set    bool
	Pulses []Pulse
}

// Parallel groups pulses into writes, line by line, the SETs of a line before
// its RESETs. A full update of a layer takes two writes per line, whatever the
// number of devices on it.
func Parallel(pulses []Pulse, along Along) []Write {
	type key struct {
		layer, line int
		set         bool
	}
	groups := make(map[key][]Pulse)
	for _, p := range pulses {
		line := p.Site.Row
		if along == Columns {
			line = p.Site.Col
		}
		k := key{p.Site.Layer, line, p.Amplitude > 0}
		groups[k] = append(groups[k], p)
	}
	writes := make([]Write, 0, len(groups))
	for k, g := range groups {
		writes = append(writes, Write{Layer: k.layer, Line: k.line, Set: k.set, Pulses: g})
	}
	slices.SortFunc(writes, func(a, b Write) int {
		if c := cmp.Or(cmp.Compare(a.Layer, b.Layer), cmp.Compare(a.Line, b.Line)); c != 0 || a.Set == b.Set {
			return c
		}
		if a.Set {
			return -1
		}
		return 1
	})
	return writes
}
