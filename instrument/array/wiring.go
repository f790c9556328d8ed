package array

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sort"
	"strings"

	"go.yaml.in/yaml/v3"

	"xlab/instrument"
)

// Bus is one of the wires that a switch can connect a line to, by the name it
// has in the wiring map.
type Bus string

// The buses that this package routes to. A board may have others.
const (
	BusForce1     Bus = "F1"     // first selected line: the row
	BusForce2     Bus = "F2"     // second selected line: the column, where the current is read
	BusOtherRows  Bus = "H1"     // common potential of the other rows
	BusOtherCols  Bus = "H2"     // common potential of the other columns
	BusGround     Bus = "GND"    // ground
	BusReadPlus   Bus = "VREAD+" // positive read reference
	BusReadMinus  Bus = "VREAD-" // negative read reference
	BusNeuron     Bus = "NEURON" // op-amp summing node (rows), previous layer's output (columns)
	switchPerChip     = 8
)

// Wiring is the map of one array: which chip of the switch chain sits on which
// line, what each switch connects it to, and which source drives which bus.
type Wiring struct {
	Array      string                      // the array's name
	Rows, Cols int                         // its size
	Board      string                      // the switch board's name
	RowChip    []int                       // index into the chain (from 0) of each row's chip
	ColChip    []int                       // the same for columns
	Switch     map[Bus]instrument.Switches // the one switch that connects a line to the bus
	SMU        map[Bus]instrument.Channel  // which channel drives the bus
}

// wiringFile is the file's form.
type wiringFile struct {
	Array string `yaml:"array"`
	Rows  int    `yaml:"rows"`
	Cols  int    `yaml:"cols"`
	Board struct {
		Name  string `yaml:"name"`
		Chip  string `yaml:"chip"`
		Chain []struct {
			Rows string `yaml:"rows"`
			Cols string `yaml:"cols"`
		} `yaml:"chain"`
	} `yaml:"board"`
	Buses map[string]string             `yaml:"buses"`
	SMU   map[string]instrument.Channel `yaml:"smu"`
}

// LoadWiring reads a wiring map. Unknown keys, lines without a chip or with
// two, and buses without a switch or a source are errors that name the file
// and the place.
func LoadWiring(r io.Reader, name string) (*Wiring, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("wiring map %s: %w", name, err)
	}
	var f wiringFile
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&f); err != nil {
		return nil, fmt.Errorf("wiring map %s: %w", name, err)
	}
	w, err := f.wiring()
	if err != nil {
		return nil, fmt.Errorf("wiring map %s: %w", name, err)
	}
	return w, nil
}

func (f *wiringFile) wiring() (*Wiring, error) {
	if f.Array == "" || f.Board.Name == "" {
		return nil, errors.New("array and board.name must be given")
	}
	if f.Rows < 1 || f.Cols < 1 {
		return nil, fmt.Errorf("rows: %d and cols: %d must be at least 1", f.Rows, f.Cols)
	}
	w := &Wiring{
		Array: f.Array, Rows: f.Rows, Cols: f.Cols, Board: f.Board.Name,
		RowChip: filled(f.Rows, -1), ColChip: filled(f.Cols, -1),
		Switch: make(map[Bus]instrument.Switches), SMU: make(map[Bus]instrument.Channel),
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
	for what, chips := range map[string][]int{"row": w.RowChip, "column": w.ColChip} {
		for line, c := range chips {
			if c < 0 {
				return nil, fmt.Errorf("board.chain: %s %d has no chip", what, line)
			}
		}
	}
	for name, bus := range f.Buses {
		n := strings.TrimPrefix(name, "S")
		if len(n) != 1 || n[0] < '1' || n[0] > '0'+switchPerChip {
			return nil, fmt.Errorf("buses: %q is not a switch S1 to S%d", name, switchPerChip)
		}
		if _, twice := w.Switch[Bus(bus)]; twice {
			return nil, fmt.Errorf("buses: %s is on two switches", bus)
		}
		w.Switch[Bus(bus)] = 1 << (n[0] - '1')
	}
	owner := make(map[instrument.Channel]string)
	for _, bus := range sortedKeys(f.SMU) {
		channel := f.SMU[bus]
		if _, known := w.Switch[Bus(bus)]; !known {
			return nil, fmt.Errorf("smu: bus %q is not among the buses", bus)
		}
		if other, taken := owner[channel]; taken {
			return nil, fmt.Errorf("smu: channel %d drives both %s and %s", channel, other, bus)
		}
		owner[channel] = bus
		w.SMU[Bus(bus)] = channel
	}
	for _, bus := range []Bus{BusForce1, BusForce2, BusOtherRows, BusOtherCols} {
		if w.Switch[bus] == 0 {
			return nil, fmt.Errorf("buses: no switch leads to %s", bus)
		}
		if w.SMU[bus] == 0 {
			return nil, fmt.Errorf("smu: no channel drives %s", bus)
		}
	}
	return w, nil
}

// Lines is the number of lines, which is the number of chips in the chain.
func (w *Wiring) Lines() int { return w.Rows + w.Cols }

// Channels lists the analyzer channels that the array uses, in ascending order.
func (w *Wiring) Channels() []instrument.Channel {
	var list []instrument.Channel
	for _, c := range w.SMU {
		list = append(list, c)
	}
	sort.Slice(list, func(i, j int) bool { return list[i] < list[j] })
	return list
}

// Select fills the chain's setting that puts the cell's row on F1, its column
// on F2, and the other lines on H1 and H2, or on nothing when they float.
func (w *Wiring) Select(into []instrument.Switches, cell Cell, othersFloat bool) {
	var rows, cols instrument.Switches
	if !othersFloat {
		rows, cols = w.Switch[BusOtherRows], w.Switch[BusOtherCols]
	}
	for _, chip := range w.RowChip {
		into[chip] = rows
	}
	for _, chip := range w.ColChip {
		into[chip] = cols
	}
	into[w.RowChip[cell.Row]] = w.Switch[BusForce1]
	into[w.ColChip[cell.Col]] = w.Switch[BusForce2]
}

func filled(n, value int) []int {
	s := make([]int, n)
	for i := range s {
		s[i] = value
	}
	return s
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
