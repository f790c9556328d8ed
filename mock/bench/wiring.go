package bench

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"xlab/input"
)

// net is what a bus is connected to at its far end.
type net struct {
	unit   int     // number of the source-measure unit, from 1; 0 = another potential
	fixed  float64 // V, when unit is 0
	neuron bool    // the line's own terminal of the neuron board, if it has one
	port   *port   // that terminal; nil on the bus, which has one for each line
}

// Board is what is between one array's lines and the bench: a switch board as it is
// wired, with which chip sits on which line and where each of its switches leads; or
// no board, and every line on a wire of its own.
type Board struct {
	Name       string // the board's name
	Array      string // name of the array behind it
	Rows, Cols int
	rowChip    []int  // chip index from 0 of every row
	colChip    []int  // the same for columns
	nets       [8]net // by switch, S1 first
	connected  [8]bool
	wires      []*net // without a board: where every row and then every column leads, nil for nowhere
}

// Switched tells whether there are switches between lines and bench.
func (b *Board) Switched() bool { return b.wires == nil }

// lastUnit is the highest number of a unit that anything leads to.
func (b *Board) lastUnit() (most int) {
	for _, n := range b.nets {
		most = max(most, n.unit)
	}
	for _, n := range b.wires {
		if n != nil {
			most = max(most, n.unit)
		}
	}
	return most
}

// maxLines bounds the rows and the columns of a board: a larger number is a
// mistake in the file.
const maxLines = 4096

// Chips is the length of the board's chain, 0 without a board.
func (b *Board) Chips() int { return len(b.rowChip) + len(b.colChip) }

// LoadBoard reads a wiring map: the same file as the control program reads,
// with a reader of its own, because what is wired and what is believed to be
// wired are two things. readVolts is the potential of the VREAD+ reference. A
// switch to a bus that has neither source nor reference counts as open, also
// where several lines would meet on that bus.
func LoadBoard(r io.Reader, name string, readVolts float64) (*Board, error) {
	var f wiringText
	if err := decodeWiring(r, name, &f); err != nil {
		return nil, err
	}
	b := &Board{Name: f.Board.Name, Array: f.Array, Rows: f.Rows, Cols: f.Cols}
	if f.Board.none {
		b.Name = b.Array
	}
	if b.Rows < 1 || b.Cols < 1 {
		return nil, fmt.Errorf("wiring %s: an array needs at least one row and one column", name)
	}
	if b.Rows > maxLines || b.Cols > maxLines {
		return nil, fmt.Errorf("wiring %s: %d rows and %d columns; a board has at most %d of each", name, b.Rows, b.Cols,
			maxLines)
	}
	if b.Name == "" || b.Array == "" {
		return nil, fmt.Errorf("wiring %s: the array and its board need names", name)
	}
	if f.Board.none {
		if err := b.wireByHand(&f); err != nil {
			return nil, fmt.Errorf("wiring %s: %w", name, err)
		}
		return b, nil
	}
	if f.Lines.Rows != nil || f.Lines.Cols != nil {
		return nil, fmt.Errorf("wiring %s: lines are given and there is a board, which connects them", name)
	}
	const none = -1
	b.rowChip, b.colChip = slices.Repeat([]int{none}, b.Rows), slices.Repeat([]int{none}, b.Cols)
	chip := 0
	for i, part := range f.Board.Chain {
		if len(part) != 1 {
			return nil, fmt.Errorf("wiring %s: chain part %d has %d entries; each is either rows or cols", name, i+1, len(part))
		}
		for kind, span := range part {
			lines := b.rowChip
			if kind == "cols" {
				lines = b.colChip
			} else if kind != "rows" {
				return nil, fmt.Errorf("wiring %s: chain part %q is neither rows nor cols", name, kind)
			}
			first, last, err := lineSpan(span, len(lines))
			if err != nil {
				return nil, fmt.Errorf("wiring %s: chain: %s: %w", name, kind, err)
			}
			for i := first; i <= last; i++ {
				if lines[i] != none {
					return nil, fmt.Errorf("wiring %s: chain: %s: line %d has chip %d and chip %d", name, kind, i, lines[i]+1, chip+1)
				}
				lines[i] = chip
				chip++
			}
		}
	}
	if chip != b.Chips() {
		return nil, fmt.Errorf("wiring %s: the chain has %d chips for %d lines", name, chip, b.Chips())
	}
	if err := b.wireBuses(&f, readVolts); err != nil {
		return nil, fmt.Errorf("wiring %s: %w", name, err)
	}
	return b, nil
}

// wiringText is the text of a wiring map.
type wiringText struct {
	Array string
	Rows  int
	Cols  int
	Board boardText
	Lines struct{ Rows, Cols []string }
	Buses map[string]string
	SMU   map[string]string `yaml:"smu"`
}

// boardText is the text of a board, or the word none.
type boardText struct {
	none  bool
	Name  string
	Chip  string
	Chain []map[string]string
}

// UnmarshalYAML reads both forms. It is of the older kind, which goes on refusing unknown keys.
func (b *boardText) UnmarshalYAML(unmarshal func(any) error) error {
	var word string
	if unmarshal(&word) == nil {
		if b.none = word == "none"; !b.none {
			return fmt.Errorf("board: %q is neither none nor a board with name, chip and chain", word)
		}
		return nil
	}
	type plain boardText
	return unmarshal((*plain)(b))
}

// wireBuses finds out where the switches lead.
func (b *Board) wireBuses(f *wiringText, readVolts float64) error {
	for key, bus := range f.Buses {
		digit, isSwitch := strings.CutPrefix(key, "S")
		s, err := strconv.Atoi(digit)
		if !isSwitch || err != nil || s < 1 || s > 8 || len(digit) != 1 {
			return fmt.Errorf("%q is not a switch S1 to S8", key)
		}
		n, ok := net{}, true
		switch far, given := f.SMU[bus]; {
		case given:
			if n, ok, err = farEnd(far); err != nil {
				return fmt.Errorf("smu: %s: %w", bus, err)
			}
		case bus == "GND":
		case bus == "NEURON":
			n.neuron = true // leads to the lines that a neuron board is wired to
		case bus == "VREAD+":
			n.fixed = readVolts
		case bus == "VREAD-":
			n.fixed = -readVolts
		default:
			ok = false // a bus that leads nowhere
		}
		b.nets[s-1], b.connected[s-1] = n, ok
	}
	return nil
}

// wireByHand puts every line where the map says, with nothing in between.
func (b *Board) wireByHand(f *wiringText) error {
	if f.Buses != nil || f.SMU != nil {
		return errors.New("there is no board, and so no buses and no smu: lines says where each line is")
	}
	if len(f.Lines.Rows) != b.Rows || len(f.Lines.Cols) != b.Cols {
		return fmt.Errorf("lines: %d rows and %d columns for an array of %d x %d", len(f.Lines.Rows), len(f.Lines.Cols),
			b.Rows, b.Cols)
	}
	for i, text := range slices.Concat(f.Lines.Rows, f.Lines.Cols) {
		n, leads, err := farEnd(text)
		if err != nil {
			return fmt.Errorf("lines: entry %d: %w", i+1, err)
		}
		b.wires = append(b.wires, nil)
		if leads {
			b.wires[i] = &n
		}
	}
	return nil
}

// farEnd is where a wire ends: a unit's number, ground, or nowhere.
func farEnd(text string) (n net, leads bool, err error) {
	switch text {
	case "gnd":
		return net{}, true, nil
	case "open":
		return net{}, false, nil
	}
	unit, err := strconv.Atoi(text)
	if err != nil || unit < 1 {
		return net{}, false, fmt.Errorf("%q is none of a unit's number, gnd, open", text)
	}
	return net{unit: unit}, true, nil
}

// decodeWiring reads a wiring map into what a struct of it says.
func decodeWiring(r io.Reader, name string, into any) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return fmt.Errorf("wiring %s: %w", name, err)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("wiring %w", input.YAMLError(err, name))
	}
	return nil
}

func lineSpan(text string, n int) (first, last int, err error) {
	low, high, found := strings.Cut(text, "-")
	if !found {
		high = low
	}
	first, err1 := strconv.Atoi(strings.TrimSpace(low))
	last, err2 := strconv.Atoi(strings.TrimSpace(high))
	if err := errors.Join(err1, err2); err != nil {
		return 0, 0, err
	}
	if first < 0 || last >= n || first > last {
		return 0, 0, fmt.Errorf("%q is outside 0-%d", text, n-1)
	}
	return first, last, nil
}

// ohms is the resistance in front of a net's potential, without the switch.
func (n net) ohms() float64 {
	if n.port != nil {
		return n.port.ohms
	}
	return 0
}
