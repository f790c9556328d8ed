package crossbar

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"

	"xlab/input"
	"xlab/input/table"
)

// Case is one array with its bias, as read from a case file. Fields in the file, all of them required:
//
//	g_file              conductances in S, a table with one line per row (word line); relative to the case file
//	r_word_segment_ohm  Geometry.RowSegment
//	r_bit_segment_ohm   Geometry.ColSegment
//	r_row_driver_ohm    Line.Resistance of every driven row
//	r_col_sense_ohm     Line.Resistance of every driven column
//	device              {"model":"linear"}, {"model":"sinh","v0":0.25} or {"model":"cubic","vc":0.6}
//	row_terminal_volts  one number in V per row, null for a floating row
//	col_terminal_volts  the same for the columns
type Case struct {
	Geometry   Geometry
	Rows, Cols []Line
	Devices    Devices
}

// CaseResult is the solution of a Case. Its JSON form is
//
//	{"row_currents_a":[...],"col_currents_a":[...],"device_volts":[[...],...]}
//
// with null for the current of a floating line.
type CaseResult struct {
	RowCurrents []float64   // A, into the array; NaN for a floating row
	ColCurrents []float64   // A, out of the array; NaN for a floating column
	DeviceVolts [][]float64 // V, one slice per row: row node minus column node
}

// SolveCase reads a case from r and solves it. dir is the directory that the name of the conductance file is relative
// to, and o says what that file leaves open. Errors name the field or the file with line and column.
func SolveCase(r io.Reader, dir string, o table.Options) (*CaseResult, error) {
	c, err := ReadCase(r, dir, o)
	if err != nil {
		return nil, err
	}
	return c.Solve()
}

// ReadCase reads a case without solving it.
func ReadCase(r io.Reader, dir string, o table.Options) (*Case, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("case: %w", err)
	}
	top, err := parseObject(data)
	if err != nil {
		return nil, err
	}
	var c Case
	var file string
	var driver, sense float64
	var device member
	err = top.take(
		want{"g_file", func(m member) error { return m.text(&file, "the name of a CSV file of conductances") }},
		want{"r_word_segment_ohm", func(m member) error { return m.ohms(&c.Geometry.RowSegment) }},
		want{"r_bit_segment_ohm", func(m member) error { return m.ohms(&c.Geometry.ColSegment) }},
		want{"r_row_driver_ohm", func(m member) error { return m.ohms(&driver) }},
		want{"r_col_sense_ohm", func(m member) error { return m.ohms(&sense) }},
		want{"device", func(m member) error { device = m; return nil }},
		want{"row_terminal_volts", func(m member) error { return m.lines(&c.Rows) }},
		want{"col_terminal_volts", func(m member) error { return m.lines(&c.Cols) }},
	)
	if err != nil {
		return nil, err
	}
	for k := range c.Rows {
		c.Rows[k].Resistance = driver
	}
	for k := range c.Cols {
		c.Cols[k].Resistance = sense
	}
	if !filepath.IsAbs(file) {
		file = filepath.Join(dir, file)
	}
	g, rows, cols, err := readConductances(file, o)
	if err != nil {
		return nil, err
	}
	if rows != len(c.Rows) || cols != len(c.Cols) {
		return nil, fmt.Errorf("case: %s holds %d rows of %d devices, but row_terminal_volts has %d entries and "+
			"col_terminal_volts %d: give one voltage (or null) per line", file, rows, cols, len(c.Rows), len(c.Cols))
	}
	c.Geometry.Rows, c.Geometry.Cols = rows, cols
	c.Devices, err = deviceModel(device, g)
	return &c, err
}

// deviceModel builds the devices from the device member.
func deviceModel(m member, g []float64) (Devices, error) {
	o, err := m.object()
	if err != nil {
		return nil, err
	}
	var model string
	name := want{"model", func(m member) error { return m.text(&model, `"linear", "sinh" or "cubic"`) }}
	at, ok := o.members["model"]
	if !ok {
		return nil, o.take(name)
	}
	if err := name.read(at); err != nil {
		return nil, err
	}
	var volts float64
	switch model {
	case "linear":
		return Linear(g), o.take(name)
	case "sinh":
		err := o.take(name, want{"v0", func(m member) error { return m.positiveVolts(&volts) }})
		return Sinh{G: g, V0: volts}, err
	case "cubic":
		err := o.take(name, want{"vc", func(m member) error { return m.positiveVolts(&volts) }})
		return Cubic{G: g, Vc: volts}, err
	}
	return nil, at.errorf(`unknown model %q: use "linear", "sinh" or "cubic"`, model)
}

// Solve solves the case.
func (c *Case) Solve() (*CaseResult, error) {
	s, err := New(c.Geometry)
	if err != nil {
		return nil, err
	}
	var sol Solution
	if err := s.Solve(c.Rows, c.Cols, c.Devices, &sol); err != nil {
		return nil, err
	}
	r := &CaseResult{
		RowCurrents: floatingNaN(c.Rows, sol.RowCurrents),
		ColCurrents: floatingNaN(c.Cols, sol.ColCurrents),
	}
	n := c.Geometry.Cols
	for k := range c.Geometry.Rows {
		r.DeviceVolts = append(r.DeviceVolts, sol.DeviceVolts[k*n:(k+1)*n])
	}
	return r, nil
}

func floatingNaN(lines []Line, i []float64) []float64 {
	for k, l := range lines {
		if l.Kind == Floating {
			i[k] = math.NaN()
		}
	}
	return i
}

// MarshalJSON implements json.Marshaler.
func (r *CaseResult) MarshalJSON() ([]byte, error) {
	nullable := func(x []float64) []*float64 {
		p := make([]*float64, len(x))
		for k := range x {
			if !math.IsNaN(x[k]) {
				p[k] = &x[k]
			}
		}
		return p
	}
	return json.Marshal(struct {
		RowCurrents []*float64  `json:"row_currents_a"`
		ColCurrents []*float64  `json:"col_currents_a"`
		DeviceVolts [][]float64 `json:"device_volts"`
	}{nullable(r.RowCurrents), nullable(r.ColCurrents), r.DeviceVolts})
}

// readConductances reads a table of conductances, row-major.
func readConductances(name string, o table.Options) (g []float64, rows, cols int, err error) {
	f, err := input.Open(name, input.Text)
	if err != nil {
		return nil, 0, 0, fmt.Errorf("case: g_file: %w; it is looked for beside the case file", err)
	}
	o.Name = name
	g, rows, cols, err = parseConductances(f, o)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, 0, 0, fmt.Errorf("case: g_file: %w", err)
	}
	return g, rows, cols, nil
}
