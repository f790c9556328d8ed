package export

import (
	"cmp"
	"errors"
	"io/fs"
	"maps"
	"math"
	"path/filepath"
	"slices"

	"xlab/input"
	"xlab/instrument/array"
	"xlab/run"
	"xlab/run/record"
)

// defectsFile is the name that runs give to their defect map.
const defectsFile = "defects.json"

// device is what a run tells about a device.
type device struct {
	array                 string
	cell                  array.Cell
	state                 string
	conductance, voltage  float64 // of the last valid reading
	time                  float64 // bench time of it
	reads, pulses, sweeps int64
	lowest, highest       float64 // voltage of pulses and sweeps
	current               float64 // largest measured
	unconfirmed, unknown  int64
}

type place struct {
	array string
	cell  array.Cell
}

// devices is the table of what is known of every device at the end.
func (s *Source) devices() *Table {
	columns := []Column{
		{"array", "", "name of the array", Text},
		{"row", "", "row of the device, from 0", Integer},
		{"col", "", "column of the device, from 0", Integer},
		{"state", "", "formed, preformed, defective or untried, where the run has a defect map", Text},
		{"conductance_s", "S", "at the last valid reading", Real},
		{"voltage_v", "V", "of the last valid reading, row minus column", Real},
		{"bench_time_s", "s", "bench time of the last valid reading, from the beginning of the run", Real},
		{"reads", "", "number of readings", Integer},
		{"pulses", "", "number of pulses on the device, those on several devices at a time included", Integer},
		{"sweeps", "", "number of sweeps", Integer},
		{"lowest_v", "V", "most negative voltage of pulses and sweeps", Real},
		{"highest_v", "V", "most positive voltage of pulses and sweeps", Real},
		{"largest_a", "A", "largest magnitude of a current measured in pulses and sweeps of the device alone", Real},
		{"unconfirmed", "", "steps that were asked for and have no result", Integer},
		{"unknown", "", "intents without a result: the stress may or may not have happened", Integer},
	}
	return &Table{Name: "devices", Title: "What is known of every device at the end", Columns: columns,
		Rows: func(visit func([]Value) error) error {
			list, err := s.survey()
			if err != nil {
				return err
			}
			for _, d := range list {
				err := visit([]Value{{Text: d.array}, {Integer: int64(d.cell.Row)}, {Integer: int64(d.cell.Col)}, {Text: d.state},
					{Real: d.conductance}, {Real: d.voltage}, {Real: d.time}, {Integer: d.reads}, {Integer: d.pulses},
					{Integer: d.sweeps},
					{Real: d.lowest}, {Real: d.highest}, {Real: d.current}, {Integer: d.unconfirmed}, {Integer: d.unknown}})
				if err != nil {
					return err
				}
			}
			return nil
		}}
}

// survey collects what the journal and the defect map tell, by array, row and
// column.
func (s *Source) survey() ([]*device, error) {
	known := make(map[place]*device)
	at := func(name string, cell array.Cell) *device {
		d := known[place{name, cell}]
		if d == nil {
			nan := math.NaN()
			d = &device{array: name, cell: cell, conductance: nan, voltage: nan, time: nan, lowest: nan, highest: nan,
				current: nan}
			known[place{name, cell}] = d
		}
		return d
	}
	err := s.scan(func(r run.Record, _ int64, d *record.Done, steps []array.Step) error {
		for i, step := range steps {
			var result *array.Result
			if i < len(d.Results) {
				result = &d.Results[i]
			}
			p := s.asPerformed(step, d)
			cells := p.Cells()
			switch {
			case d.Cell == array.Whole && !step.Stress():
				continue // it tells nothing of a single device
			case len(cells) == 0:
				cells = d.Cell.Devices(0, 0)
			}
			for _, cell := range cells {
				at(d.Array, cell).take(r, p, result)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, u := range s.unknown {
		value, err := record.Of(run.Record{Seq: u.Seq, Type: run.TypeIntent, Data: u.Data})
		if err != nil {
			return nil, err
		}
		if intent, ok := value.(record.Intent); ok && intent.Array != "" {
			on := s.shapes[intent.Array]
			for _, cell := range intent.Cell.Devices(on.Rows, on.Cols) {
				at(intent.Array, cell).unknown++
			}
		}
	}
	if err := s.states(at); err != nil {
		return nil, err
	}
	return slices.SortedFunc(maps.Values(known), func(a, b *device) int {
		return cmp.Or(cmp.Compare(a.array, b.array), cmp.Compare(a.cell.Row, b.cell.Row), cmp.Compare(a.cell.Col, b.cell.Col))
	}), nil
}

// take adds a step to what is known of a device.
func (d *device) take(r run.Record, p performed, result *array.Result) {
	if result == nil {
		d.unconfirmed++
		return
	}
	if !p.Stress() {
		d.reads++
		if g := float64(result.Conductance()); result.Valid() && g != 0 {
			d.conductance, d.voltage, d.time = g, float64(p.Selected.Peak()), math.NaN()
			if r.HasBench {
				d.time = float64(r.Bench)
			}
		}
		return
	}
	if p.sweep {
		d.sweeps++
	} else {
		d.pulses++
	}
	voltage := func(v float64) {
		if v < 0 && !(d.lowest <= v) {
			d.lowest = v
		}
		if v > 0 && !(d.highest >= v) {
			d.highest = v
		}
	}
	voltage(float64(p.Selected.Peak()))
	for _, level := range result.Levels {
		voltage(float64(level.Voltage))
		if i := math.Abs(float64(level.Current)); p.lines == "" && !(d.current >= i) {
			d.current = i
		}
	}
}

// states adds what the run's defect map says, if it has one.
func (s *Source) states(at func(string, array.Cell) *device) error {
	path := filepath.Join(s.dir, defectsFile)
	f, err := input.Open(path, input.Record)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	m, err := array.ReadDefectMap(f, path)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	for _, entry := range m.Devices {
		at(m.Array, entry.Cell).state = string(entry.State)
	}
	return nil
}
