package procedure

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"github.com/spf13/pflag"

	"xlab/input"
	"xlab/instrument/array"
	"xlab/run/screen"
	"xlab/tuning"
)

// ParseTargets reads targets as --target names them: "face", a value for all devices,
// or a file.
func ParseTargets(text string, w *array.Wiring, spec tuning.Spec) (tuning.Targets, error) {
	targets, _, err := (&targetFlags{target: text, unit: "S"}).read(w, spec)
	return targets, err
}

// targetFlags say which conductances are asked for of which devices.
type targetFlags struct {
	target, devices, unit, at string
	table                     TableFlags
}

func (t *targetFlags) register(f *pflag.FlagSet) {
	f.StringVarP(&t.target, "target", "t", "face", "face, a conductance or resistance, or a table or PNG file")
	f.StringVarP(&t.devices, "devices", "d", "",
		`devices that get the value of --target, such as "r3c7, r0-4c2" (default: all)`)
	f.StringVar(&t.unit, "unit", "S", "unit of bare numbers in a table: S or ohm")
	t.table.Register(f)
	f.StringVar(&t.at, "at", "", "device at which the first row and column of a smaller target go, such as r2c3")
}

// read gives the targets, and how they were understood if they are a table.
func (t *targetFlags) read(w *array.Wiring, spec tuning.Spec) (targets tuning.Targets, understood string, err error) {
	value, err := tuning.ParseTarget(t.target)
	if err == nil && t.at != "" {
		return nil, "", fmt.Errorf("--at places a table or picture; the devices that get %s are named with --devices %s",
			t.target, t.at)
	}
	if t.target == "face" {
		face, err := tuning.Face(w.Rows, w.Cols)
		if err != nil {
			return nil, "", err
		}
		targets, err = t.place(face, w)
		return targets, "", err
	}
	if err == nil {
		cells, err := array.ParseCells(t.devices, w.Rows, w.Cols)
		if err != nil {
			return nil, "", fmt.Errorf("--devices: %w", err)
		}
		targets, err = tuning.Uniform(w.Rows, w.Cols, cells, value)
		return targets, "", err
	}
	f, openErr := input.Open(t.target, input.Text)
	if errors.Is(openErr, fs.ErrNotExist) && filepath.Ext(t.target) == "" {
		return nil, "", fmt.Errorf("%q is neither \"face\", a value (%w) nor a file", t.target, err)
	}
	if openErr != nil {
		return nil, "", openErr
	}
	targets, understood, err = t.file(f, spec)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, "", err
	}
	targets, err = t.place(targets, w)
	return targets, understood, err
}

// file reads targets from a picture or a table.
func (t *targetFlags) file(r io.Reader, spec tuning.Spec) (tuning.Targets, string, error) {
	b := bufio.NewReader(r)
	if magic, _ := b.Peek(4); string(magic) == "\x89PNG" {
		targets, err := tuning.ReadPNG(b, t.target, spec.RangeMin, spec.RangeMax)
		return targets, "", err
	}
	o, err := t.table.Options(t.target)
	if err != nil {
		return nil, "", err
	}
	targets, dialect, err := tuning.ReadTable(b, o, t.unit)
	if err != nil {
		return nil, "", err
	}
	return targets, fmt.Sprintf("%s: %s, %s", t.target, screen.Count(len(targets), "row"), dialect), nil
}

// place puts targets where --at says.
func (t *targetFlags) place(targets tuning.Targets, w *array.Wiring) (tuning.Targets, error) {
	if t.devices != "" {
		return nil, fmt.Errorf("--devices names the devices that get one value; %s has a value for each, "+
			"and --at places it", t.target)
	}
	if t.at == "" {
		targets = targets.Trim(w.Rows, w.Cols)
		if rows, cols := targets.Size(); rows < w.Rows || cols < w.Cols {
			return nil, fmt.Errorf("%s has %d x %d values and the array %d x %d devices: "+
				"say with --at where its first one goes, such as --at r0c0", t.target, rows, cols, w.Rows, w.Cols)
		}
		return targets, nil
	}
	cells, err := array.ParseCells(t.at, w.Rows, w.Cols)
	if err != nil || len(cells) != 1 {
		return nil, errors.Join(fmt.Errorf("--at %q must name one device, such as r2c3", t.at), err)
	}
	return targets.Trim(w.Rows-cells[0].Row, w.Cols-cells[0].Col).Place(w.Rows, w.Cols, cells[0])
}
