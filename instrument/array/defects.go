package array

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"xlab/input"
	"xlab/instrument"
)

// State is what is known of a device after forming or tuning.
type State string

const (
	StateFormed    State = "formed"    // switches; formed by the procedure
	StatePreformed State = "preformed" // switches; was below R_TH before the procedure
	StateDefective State = "defective" // does not switch
	StateUntried   State = "untried"   // not reached
)

// DeviceState is one device's entry in a defect map.
type DeviceState struct {
	Cell        Cell               `json:"cell"`
	State       State              `json:"state"`
	Reason      string             `json:"reason,omitempty"` // why it is defective or untried
	Conductance instrument.Siemens `json:"conductance"`      // at the read voltage, when last read
}

// String is the state with its reason.
func (d DeviceState) String() string {
	if d.Reason == "" {
		return string(d.State)
	}
	return string(d.State) + ": " + d.Reason
}

// DefectMap is what forming found and every later step reads: which devices of
// an array can be used, and at which conductance the others are stuck.
type DefectMap struct {
	Version int           `json:"version"`
	Array   string        `json:"array"`
	Rows    int           `json:"rows"`
	Cols    int           `json:"cols"`
	Run     string        `json:"run"`  // the run that made it
	Chip    string        `json:"chip"` // which chip it is about, as far as known
	Devices []DeviceState `json:"devices"`
}

const defectMapVersion = 1

// NewDefectMap makes a map with every device untried.
func NewDefectMap(name string, rows, cols int) *DefectMap {
	m := &DefectMap{Version: defectMapVersion, Array: name, Rows: rows, Cols: cols,
		Devices: make([]DeviceState, 0, rows*cols)}
	for _, c := range AllCells(rows, cols) {
		m.Devices = append(m.Devices, DeviceState{Cell: c, State: StateUntried})
	}
	return m
}

// At gives the entry of a cell of the array, which may be changed through the
// pointer. A cell outside is a programming error and panics.
func (m *DefectMap) At(c Cell) *DeviceState {
	if c.Col < 0 || c.Col >= m.Cols { // would be another row's device
		panic(fmt.Sprintf("array: device %s of a defect map of %d x %d", c, m.Rows, m.Cols))
	}
	return &m.Devices[c.Row*m.Cols+c.Col]
}

// Cells lists the cells in a state, row by row; never nil.
func (m *DefectMap) Cells(s State) []Cell {
	cells := make([]Cell, 0)
	for _, d := range m.Devices {
		if d.State == s {
			cells = append(cells, d.Cell)
		}
	}
	return cells
}

// Usable tells whether a device switches.
func (m *DefectMap) Usable(c Cell) bool {
	s := m.At(c).State
	return s == StateFormed || s == StatePreformed
}

// Write writes the map as indented JSON, its numbers at the instruments' resolution.
func (m *DefectMap) Write(w io.Writer) error {
	text, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return err
	}
	_, err = w.Write(append(instrument.ShortenJSON(text), '\n'))
	return err
}

// ReadDefectMap reads a map and checks that it is whole.
func ReadDefectMap(r io.Reader, name string) (*DefectMap, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("defect map %s: %w", name, err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	var m DefectMap
	if err := d.Decode(&m); err != nil {
		return nil, fmt.Errorf("defect map %s: %w", name, input.JSONError(err, text))
	}
	if m.Version != defectMapVersion {
		return nil, fmt.Errorf("defect map %s has version %d, this program reads version %d: form the array again or use "+
			"the matching program", name, m.Version, defectMapVersion)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("defect map %s: there is text after the map", name)
	}
	if m.Rows < 1 || m.Cols < 1 || m.Rows > maxLines || m.Cols > maxLines || len(m.Devices) != m.Rows*m.Cols {
		return nil, fmt.Errorf("defect map %s has %d devices for %d x %d", name, len(m.Devices), m.Rows, m.Cols)
	}
	for i, device := range m.Devices {
		if want := (Cell{i / m.Cols, i % m.Cols}); device.Cell != want {
			return nil, fmt.Errorf("defect map %s: entry %d is %s where %s belongs", name, i, device.Cell, want)
		}
		if !slices.Contains([]State{StateFormed, StatePreformed, StateDefective, StateUntried}, device.State) {
			return nil, fmt.Errorf("defect map %s: device %s has the unknown state %q", name, device.Cell, device.State)
		}
	}
	return &m, nil
}
