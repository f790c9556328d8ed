package tuning

import (
	"encoding/csv"
	"errors"
	"fmt"
	"image/png"
	"io"
	"math"
	"strings"

	"image/color"

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
	g, err := instrument.ParseSiemens(text)
	if err != nil {
		r, ohmErr := instrument.ParseOhms(text)
		if ohmErr != nil {
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

// ReadCSV reads targets from CSV, one line per row of the array. A cell is a
// quantity with its unit or a bare number in unit ("S" or "ohm"); an empty cell
// or "-" leaves its device alone. Faults name the file, line and column.
func ReadCSV(r io.Reader, name, unit string) (Targets, error) {
	switch strings.ToLower(unit) {
	case "s", "siemens":
		unit = "S"
	case "ohm", "ohms", "Ω":
		unit = "ohm"
	default:
		return nil, fmt.Errorf("unit %q of bare numbers is neither S nor ohm", unit)
	}
	c := csv.NewReader(r)
	c.FieldsPerRecord = -1
	c.TrimLeadingSpace = true
	records, err := c.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(records) == 0 {
		return nil, fmt.Errorf("%s is empty: one line per row of the array is expected", name)
	}
	var faults faultList
	t := NewTargets(len(records), len(records[0]))
	for i, record := range records {
		if len(record) != len(records[0]) {
			faults.add("%s:%d: %d cells where line 1 has %d", name, i+1, len(record), len(records[0]))
			continue
		}
		for j, cell := range record {
			if cell = strings.TrimSpace(cell); cell == "" || cell == "-" {
				continue
			}
			g, err := parseTarget(cell, unit)
			if err != nil {
				faults.add("%s:%d: cell %d: %w", name, i+1, j+1, err)
				continue
			}
			t[i][j] = g
		}
	}
	return t, faults.err()
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
