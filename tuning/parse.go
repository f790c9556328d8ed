package tuning

import (
	"errors"
	"fmt"
	"image/color"
	"image/png"
	"io"
	"math"
	"slices"
	"strings"

	"xlab/input/table"
	"xlab/instrument"
)

// ParseTarget reads one target: a conductance ("10uS") or a resistance
// ("96.6kΩ", "7kohm"). A bare number is not accepted, since nothing says which
// of the two it is.
func ParseTarget(text string) (instrument.Siemens, error) { return parseTarget(text, "") }

// parseTarget reads one target; unit is what a bare number is in, "S" or "ohm".
func parseTarget(text, unit string) (instrument.Siemens, error) {
	text = strings.TrimSpace(text)
	if last := strings.TrimRight(text, "0123456789.eE+-"); last == "" && text != "" {
		if unit == "" {
			return 0, fmt.Errorf("%q has no unit: write a conductance like 10uS or a resistance like 96.6kΩ", text)
		}
		text += unit
	}
	var g instrument.Siemens
	if g.Set(text) != nil {
		var r instrument.Ohms
		if r.Set(text) != nil {
			return 0, fmt.Errorf("%q is neither a conductance like 10uS nor a resistance like 96.6kΩ", text)
		}
		g = instrument.Siemens(1 / float64(r))
	}
	if !(g > 0) || math.IsInf(float64(g), 0) {
		return 0, fmt.Errorf("%q: a target must be above 0 S and finite", text)
	}
	return g, nil
}

// faultsShown is how many faults of a file are listed one by one.
const faultsShown = 10

// faultList collects faults and lists the first ones.
type faultList struct {
	shown []error
	more  int
}

func (f *faultList) add(format string, args ...any) {
	if len(f.shown) < faultsShown {
		f.shown = append(f.shown, fmt.Errorf(format, args...))
		return
	}
	f.more++
}

func (f *faultList) err() error {
	if f.more > 0 {
		return errors.Join(append(f.shown, fmt.Errorf("and %d more", f.more))...)
	}
	return errors.Join(f.shown...)
}

// ReadTable reads targets from a table, one line per row of the array. A cell is
// a quantity with its unit or a bare number in unit ("S" or "ohm"); an empty cell
// or "-" leaves its device alone. A heading, and names of rows in the first
// column, are passed over. Faults name the file, line and column.
func ReadTable(r io.Reader, o table.Options, unit string) (Targets, table.Dialect, error) {
	switch strings.ToLower(unit) {
	case "s", "siemens":
		unit = "S"
	case "ohm", "ohms", "Ω":
		unit = "ohm"
	default:
		return nil, table.Dialect{}, fmt.Errorf("unit %q of bare numbers is neither S nor ohm", unit)
	}
	o.Ragged = true // devices at the edge may be left alone
	o.Number = func(cell string) bool {
		return new(instrument.Siemens).Set(cell) == nil || new(instrument.Ohms).Set(cell) == nil
	}
	in, err := table.NewReader(r, o)
	if err != nil {
		return nil, table.Dialect{}, err
	}
	if len(in.Names) > 1 && strings.EqualFold(in.Names[0], "row") &&
		strings.HasPrefix(strings.ToLower(in.Names[1]), "col") {
		return nil, in.Dialect, fmt.Errorf("%s: this is a list of devices (%s, ...): "+
			"targets have one line per row of the array and one value per column",
			o.Name, strings.Join(in.Names[:2], ", "))
	}
	first := 0
	if in.Width > 1 && (in.Words(0) || in.Names != nil && (in.Names[0] == "" || strings.EqualFold(in.Names[0], "row"))) {
		first = 1
	}
	var faults faultList
	var t Targets
	for {
		cells, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, in.Dialect, err
		}
		row := make([]instrument.Siemens, len(cells)-first)
		for j, cell := range cells[first:] {
			row[j] = instrument.Siemens(math.NaN())
			if cell == "" || cell == "-" {
				continue
			}
			g, err := parseTarget(in.Plain(cell), unit)
			if err != nil {
				faults.add("%s:%d: cell %d: %w", o.Name, in.Line, first+j+1, err)
				continue
			}
			row[j] = g
		}
		if t = append(t, row); len(t)*len(row) > mostTargets {
			return nil, in.Dialect, fmt.Errorf("%s:%d: more than %d targets: is it the right file?",
				o.Name, in.Line, mostTargets)
		}
	}
	if len(t) == 0 {
		return nil, in.Dialect, fmt.Errorf("%s: there is nothing below the heading: "+
			"one line per row of the array is expected", o.Name)
	}
	return t, in.Dialect, faults.err()
}

// mostTargets is far beyond every array.
const mostTargets = 1 << 22

// Trim takes off rows and columns at the end that ask for nothing and lie beyond
// rows x cols: spreadsheets write some.
func (t Targets) Trim(rows, cols int) Targets {
	asks := func(row []instrument.Siemens) bool {
		return slices.ContainsFunc(row, func(g instrument.Siemens) bool { return !math.IsNaN(float64(g)) })
	}
	for len(t) > max(rows, 1) && !asks(t[len(t)-1]) {
		t = t[:len(t)-1]
	}
	for _, width := t.Size(); width > max(cols, 1); width-- {
		for _, row := range t {
			if asks(row[width-1:]) {
				return t
			}
		}
		for r := range t {
			t[r] = t[r][:width-1]
		}
	}
	return t
}

// ReadPNG reads targets from a picture with one pixel per device: its grey
// level, linear between black for low and white for high. A pixel that is
// fully transparent leaves its device alone.
func ReadPNG(r io.Reader, name string, low, high instrument.Siemens) (Targets, error) {
	picture, err := png.Decode(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	b := picture.Bounds()
	t := NewTargets(b.Dy(), b.Dx())
	for y := range b.Dy() {
		for x := range b.Dx() {
			pixel := picture.At(b.Min.X+x, b.Min.Y+y)
			if _, _, _, alpha := pixel.RGBA(); alpha == 0 {
				continue
			}
			grey, ok := color.Gray16Model.Convert(pixel).(color.Gray16)
			if !ok {
				return nil, fmt.Errorf("%s: pixel %d, %d has no grey level", name, x, y)
			}
			t[y][x] = low + instrument.Siemens(grey.Y)/math.MaxUint16*(high-low)
		}
	}
	return t, nil
}
