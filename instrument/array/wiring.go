package array

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"go.yaml.in/yaml/v3"

	"xlab/input"
	"xlab/instrument"
)

// Bus is one of the wires that a switch can connect a line to, by the name it
// has in the wiring map.
type Bus string

// The buses that this package routes to. A board may have others.
const (
	BusForce1    Bus = "F1"     // first selected line: the row
	BusForce2    Bus = "F2"     // second selected line: the column, where the current is read
	BusOtherRows Bus = "H1"     // common potential of the other rows
	BusOtherCols Bus = "H2"     // common potential of the other columns
	BusGround    Bus = "GND"    // ground
	BusReadPlus  Bus = "VREAD+" // positive read reference
	BusReadMinus Bus = "VREAD-" // negative read reference
	BusNeuron    Bus = "NEURON" // op-amp summing node (rows), previous layer's output (columns)

	switchPerChip = 8
	maxLines      = 4096 // of a side; a larger number is a slip of the pen
)

// Wiring is the map of one array: which chip of the switch chain sits on which
// line, what each switch connects it to, and what every bus is on. Or, without a
// switch board, what every line is on.
type Wiring struct {
	Array      string                      // the array's name
	Rows, Cols int                         // its size
	Board      string                      // the switch board's name; "" = the lines are wired by hand
	RowChip    []int                       // index into the chain (from 0) of each row's chip
	ColChip    []int                       // the same for columns
	Switch     map[Bus]instrument.Switches // the one switch that connects a line to the bus
	SMU        map[Bus]Feed                // what the bus is on
	RowFeed    []Feed                      `json:",omitempty"` // wired by hand: what each row is on
	ColFeed    []Feed                      `json:",omitempty"` // and each column
}

// Feed is what a bus, or a line that is wired by hand, is on: the number of a source's
// channel, Ground or Open.
type Feed int

// Feeds that are no channels.
const (
	Ground Feed = -1
	Open   Feed = -2 // nothing
)

// UnmarshalYAML reads a channel's number, gnd or open.
func (f *Feed) UnmarshalYAML(unmarshal func(any) error) error {
	var channel int
	if unmarshal(&channel) == nil {
		if channel < 1 {
			return fmt.Errorf("channel %d does not exist, channels count from 1", channel)
		}
		*f = Feed(channel)
		return nil
	}
	var word string
	if err := unmarshal(&word); err != nil {
		return err
	}
	switch word {
	case "gnd":
		*f = Ground
	case "open":
		*f = Open
	default:
		return fmt.Errorf("%q is none of a channel's number, gnd, open", word)
	}
	return nil
}

// ByHand tells whether there are no switches: every line stays on what it is on.
func (w *Wiring) ByHand() bool { return w.Board == "" }

// wiringFile is the file's form.
type wiringFile struct {
	Array string    `yaml:"array"`
	Rows  int       `yaml:"rows"`
	Cols  int       `yaml:"cols"`
	Board boardFile `yaml:"board"`
	Lines struct {
		Rows []Feed `yaml:"rows"`
		Cols []Feed `yaml:"cols"`
	} `yaml:"lines"`
	Buses map[string]string `yaml:"buses"`
	SMU   map[string]Feed   `yaml:"smu"`
}

// boardFile is the form of a board, or the word none.
type boardFile struct {
	none  bool
	Name  string `yaml:"name"`
	Chip  string `yaml:"chip"`
	Chain []struct {
		Rows string `yaml:"rows"`
		Cols string `yaml:"cols"`
	} `yaml:"chain"`
}

// UnmarshalYAML is of the older kind, which goes on refusing unknown keys.
func (b *boardFile) UnmarshalYAML(unmarshal func(any) error) error {
	var word string
	if unmarshal(&word) == nil {
		if b.none = word == "none"; !b.none {
			return fmt.Errorf("board: %q is neither none nor a board with name, chip and chain", word)
		}
		return nil
	}
	type plain boardFile
	return unmarshal((*plain)(b))
}

// LoadWiring reads a wiring map. Unknown keys, lines without a chip or with
// two, and buses without a switch or a source are errors that name the file
// and the place.
func LoadWiring(r io.Reader, name string) (*Wiring, error) {
	var f wiringFile
	if err := decodeWiring(r, name, "array", &f); err != nil {
		return nil, err
	}
	w, err := f.wiring()
	if err != nil {
		return nil, fmt.Errorf("wiring map %s: %w", name, err)
	}
	return w, nil
}

// decodeWiring reads a wiring map of what into the struct that it is the text of.
func decodeWiring(r io.Reader, name, what string, into any) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return fmt.Errorf("wiring map %s: %w", name, err)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(into); errors.Is(err, io.EOF) {
		return fmt.Errorf("wiring map %s: the file is empty", name)
	} else if err != nil {
		return fmt.Errorf("wiring map %w", input.YAMLError(err, name))
	}
	if err := decoder.Decode(&struct{}{}); !errors.Is(err, io.EOF) {
		return fmt.Errorf("wiring map %s: there is a second document in the file; one file describes one %s", name, what)
	}
	return nil
}

func (f *wiringFile) wiring() (*Wiring, error) {
	if f.Array == "" || f.Board.Name == "" && !f.Board.none {
		return nil, errors.New("array and board.name must be given; without a switch board it is board: none")
	}
	if f.Rows < 1 || f.Cols < 1 || f.Rows > maxLines || f.Cols > maxLines {
		return nil, fmt.Errorf("rows: %d and cols: %d must be 1 to %d", f.Rows, f.Cols, maxLines)
	}
	if f.Board.none {
		return f.byHand()
	}
	if f.Lines.Rows != nil || f.Lines.Cols != nil {
		return nil, errors.New("lines is for an array without a switch board (board: none); the board's switches connect " +
			"the lines")
	}
	w := &Wiring{
		Array: f.Array, Rows: f.Rows, Cols: f.Cols, Board: f.Board.Name,
		RowChip: filled(f.Rows, -1), ColChip: filled(f.Cols, -1),
		Switch: make(map[Bus]instrument.Switches), SMU: make(map[Bus]Feed),
	}
	chip := 0
	for i, part := range f.Board.Chain {
		place := fmt.Sprintf("board.chain[%d]", i)
		if (part.Rows == "") == (part.Cols == "") {
			return nil, fmt.Errorf("%s: give either rows or cols", place)
		}
		chips, n, text, what := w.RowChip, f.Rows, part.Rows, "row"
		if part.Cols != "" {
			chips, n, text, what = w.ColChip, f.Cols, part.Cols, "column"
		}
		lines, err := parseRange(text, n, what)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", place, err)
		}
		for _, line := range lines {
			if chips[line] >= 0 {
				return nil, fmt.Errorf("%s: %s %d already has chip %d", place, what, line, chips[line]+1)
			}
			chips[line] = chip
			chip++
		}
	}
	for _, side := range []struct {
		what  string
		chips []int
	}{{"row", w.RowChip}, {"column", w.ColChip}} {
		if line := slices.Index(side.chips, -1); line >= 0 {
			return nil, fmt.Errorf("board.chain: %s %d has no chip", side.what, line)
		}
	}
	return w, f.buses(w)
}

// buses fills in which switch leads to which bus and what drives it.
func (f *wiringFile) buses(w *Wiring) error {
	for _, name := range sortedKeys(f.Buses) {
		// The name is the one on the chip: a number alone could be meant from 0,
		// and two spellings of one switch would put two buses on it.
		bus := Bus(f.Buses[name])
		if len(name) != 2 || name[0] != 'S' || name[1] < '1' || name[1] > '0'+switchPerChip {
			return fmt.Errorf("buses: %q is not a switch S1 to S%d", name, switchPerChip)
		}
		if bus == "" {
			return fmt.Errorf("buses: %s leads to no bus; leave it out if it is not connected", name)
		}
		if _, twice := w.Switch[bus]; twice {
			return fmt.Errorf("buses: %s is on two switches", bus)
		}
		w.Switch[bus] = 1 << (name[1] - '1')
	}
	owner := make(map[Feed]string)
	for _, bus := range sortedKeys(f.SMU) {
		feed := f.SMU[bus]
		if _, known := w.Switch[Bus(bus)]; !known {
			return fmt.Errorf("smu: bus %q is not among the buses", bus)
		}
		if other, taken := owner[feed]; taken && feed > 0 {
			return fmt.Errorf("smu: channel %d drives both %s and %s", feed, other, bus)
		}
		owner[feed] = bus
		w.SMU[Bus(bus)] = feed
	}
	for _, bus := range []Bus{BusForce1, BusForce2, BusOtherRows, BusOtherCols} {
		if w.Switch[bus] == 0 {
			return fmt.Errorf("buses: no switch leads to %s", bus)
		}
		if w.SMU[bus] == 0 {
			return fmt.Errorf("smu: no channel drives %s; it is gnd or open where it is on no source", bus)
		}
	}
	if w.SMU[BusForce1] < 0 {
		return fmt.Errorf("smu: %s must be on a channel: the selected row is where voltage and current come from",
			BusForce1)
	}
	return nil
}

// byHand is the map of an array without a switch board.
func (f *wiringFile) byHand() (*Wiring, error) {
	if f.Buses != nil || f.SMU != nil {
		return nil, errors.New("without a switch board there are no buses and no smu: lines says what every line is on")
	}
	w := &Wiring{Array: f.Array, Rows: f.Rows, Cols: f.Cols, RowFeed: f.Lines.Rows, ColFeed: f.Lines.Cols}
	if len(w.RowFeed) != w.Rows || len(w.ColFeed) != w.Cols {
		return nil, fmt.Errorf("lines: %d rows and %d columns are given of %d and %d: each is a channel's number, gnd or "+
			"open", len(w.RowFeed), len(w.ColFeed), w.Rows, w.Cols)
	}
	if slices.Max(w.RowFeed) < 0 {
		return nil, errors.New("lines: no row is on a channel: the selected row is where voltage and current come from")
	}
	return w, nil
}

// Lines is the number of lines, which is the number of chips in the chain where there is one.
func (w *Wiring) Lines() int { return w.Rows + w.Cols }

// Shape is what steps have to know of the array.
func (w *Wiring) Shape() Shape {
	s := Shape{Rows: w.Rows, Cols: w.Cols, Ground: w.Switch[BusGround] != 0,
		FixedRows: w.SMU[BusOtherRows] < 0, FixedCols: w.SMU[BusOtherCols] < 0}
	if w.ByHand() {
		s.FixedRows, s.FixedCols = slices.Min(w.RowFeed) < 0, slices.Min(w.ColFeed) < 0
	}
	return s
}

// Channels lists the analyzer channels that the array uses, in ascending order.
func (w *Wiring) Channels() []instrument.Channel {
	var list []instrument.Channel
	for _, feed := range slices.Concat(slices.Collect(maps.Values(w.SMU)), w.RowFeed, w.ColFeed) {
		if feed > 0 {
			list = append(list, instrument.Channel(feed))
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// Select fills the chain's setting for lines that the array has: those that are
// selected on F1 and F2, the others on H1 and H2, or on nothing where they float.
func (w *Wiring) Select(into []instrument.Switches, s Selection) {
	for _, side := range []struct {
		chips          []int
		chosen, ground Lines
		one, others    instrument.Channel
	}{
		{w.RowChip, s.Rows, s.GroundRows, Row, OtherRows},
		{w.ColChip, s.Cols, s.GroundCols, Column, OtherCols},
	} {
		for _, chip := range side.chips {
			into[chip] = 0
			if !s.OthersFloat {
				into[chip] = w.Switch[cmp.Or(s.on[side.others], buses[side.others])]
			}
		}
		one := cmp.Or(s.on[side.one], buses[side.one])
		for lines, bus := range map[Lines]Bus{side.chosen: one, side.ground: BusGround} {
			list, _ := lines.Indices() // checked when the step was lowered
			for _, line := range list {
				into[side.chips[line]] = w.Switch[bus]
			}
		}
	}
}

func filled(n, value int) []int { return slices.Repeat([]int{value}, n) }

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
