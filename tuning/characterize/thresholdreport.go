package characterize

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/run/figure"
)

// ThresholdSummary holds the population figures of one sign, in V.
type ThresholdSummary struct {
	WithoutEdges Population `json:"without_edges"`
	Edges        Population `json:"edges"`
	All          Population `json:"all"`
	Missing      int        `json:"missing"` // devices measured without a threshold
}

// published are the stack's thresholds of a sign without edge devices, in V
// (Merrikh Bayat et al., Nature Communications 9:2331, 2018).
func published(positive bool) Population {
	if positive {
		return Population{Mean: 1.0, Sigma: 0.13}
	}
	return Population{Mean: -1.2, Sigma: 0.15}
}

// of is the threshold of a sign.
func (d DeviceThresholds) of(positive bool) Threshold {
	if positive {
		return d.Set
	}
	return d.Reset
}

// Pool puts the results of several chips, keyed by their number, together as
// those of one population. They must have been measured in the same way.
func Pool(chips map[uint64]*Thresholds) *Thresholds {
	out := &Thresholds{Devices: []DeviceThresholds{}, Skipped: []array.Cell{}}
	for _, chip := range slices.Sorted(maps.Keys(chips)) {
		t := chips[chip]
		out.Spec = t.Spec
		for _, d := range t.Devices {
			d.Chip = chip
			out.Devices = append(out.Devices, d)
		}
	}
	out.Set, out.Reset = out.summary(true), out.summary(false)
	return out
}

// Voltages lists the thresholds found, in V: of edge devices, of all others, or
// of both.
func (t *Thresholds) Voltages(positive, inner, edges bool) []float64 {
	var list []float64
	for _, d := range t.Devices {
		if found := d.of(positive); found.Found && (d.Edge && edges || !d.Edge && inner) {
			list = append(list, float64(found.Voltage))
		}
	}
	return list
}

func (t *Thresholds) summary(positive bool) ThresholdSummary {
	s := ThresholdSummary{WithoutEdges: populationOf(t.Voltages(positive, true, false)), Edges: populationOf(t.Voltages(positive, false, true)),
		All: populationOf(t.Voltages(positive, true, true))}
	s.Missing = len(t.Devices) - s.All.N
	return s
}

// Comparison lists measured beside published values.
func (t *Thresholds) Comparison() []Comparison {
	var list []Comparison
	for _, positive := range []bool{true, false} {
		name := signName(positive)
		s, p := t.summary(positive), published(positive)
		list = append(list,
			Comparison{name + " threshold, mean without edges", volts(s.WithoutEdges.Mean, s.WithoutEdges.N), fmt.Sprintf("%+.1f V", p.Mean), sourceArrays},
			Comparison{name + " threshold, sigma without edges", sigma(s.WithoutEdges), fmt.Sprintf("%.2f V", p.Sigma), sourceArrays},
			Comparison{name + " threshold, mean with edges", volts(s.All.Mean, s.All.N), "", ""},
			Comparison{name + " threshold, sigma with edges", sigma(s.All), "wider (long tails)", sourceArrays})
		if t.Spec.Mode == instrument.SweepCurrent {
			list = append(list, Comparison{name + " threshold current, mean without edges", t.meanCurrent(positive), "", ""})
		}
	}
	return list
}

// meanCurrent is the mean of the currents forced at the thresholds.
func (t *Thresholds) meanCurrent(positive bool) string {
	var list []float64
	for _, d := range t.Devices {
		if found := d.of(positive); found.Found && !d.Edge {
			list = append(list, float64(found.Current))
		}
	}
	p := populationOf(list)
	if p.N == 0 {
		return "-"
	}
	return fmt.Sprintf("%v, sigma %v", instrument.Amps(p.Mean), instrument.Amps(p.Sigma))
}

func signName(positive bool) string {
	if positive {
		return "SET"
	}
	return "RESET"
}

func volts(v float64, n int) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprintf("%+.3f V", v)
}

func sigma(p Population) string {
	if p.N < 2 {
		return "-"
	}
	return fmt.Sprintf("%.3f V (%s)", p.Sigma, devices(p.N))
}

// Figures draws both histograms on one axis, as the published figure has them,
// and the map of the array.
func (t *Thresholds) Figures() ([]Figure, error) {
	h := figure.Histogram{
		Title:    "Switching thresholds",
		Subtitle: fmt.Sprintf("%v pulses rising by %v; resistance changes by more than %g %%", t.Spec.Width, t.Spec.Step, 100*t.Spec.Change),
		X:        figure.Axis{Label: "voltage, row minus column", Unit: "V"},
		Samples: []figure.Sample{
			{Name: "RESET", Values: t.Voltages(false, true, false)}, {Name: "RESET, edge devices", Values: t.Voltages(false, false, true)},
			{Name: "SET", Values: t.Voltages(true, true, false)}, {Name: "SET, edge devices", Values: t.Voltages(true, false, true)},
		},
	}
	low, high := t.span()
	if low < high && t.Spec.Mode == instrument.SweepVoltage {
		// One bin for each amplitude, in the middle of its bin.
		step := float64(t.Spec.Step)
		first, last := math.Floor(low/step+0.5)-0.5, math.Floor(high/step+0.5)+0.5
		h.X.Min, h.X.Max, h.Bins = first*step, last*step, int(math.Round(last-first))
	}
	if m := populationOf(t.Voltages(false, true, false)); m.N > 0 {
		h.Marks = append(h.Marks, figure.Mark{Name: "means without edges", Values: []float64{m.Mean}})
	}
	if m := populationOf(t.Voltages(true, true, false)); m.N > 0 {
		if len(h.Marks) == 0 {
			h.Marks = append(h.Marks, figure.Mark{Name: "means without edges"})
		}
		h.Marks[0].Values = append(h.Marks[0].Values, m.Mean)
	}
	h.Marks = append(h.Marks, figure.Mark{Name: "published means", Values: []float64{published(false).Mean, published(true).Mean}})
	var list figures
	list.add("thresholds", h.Draw)
	if len(list.list) == 0 || t.Rows == 0 {
		return list.done() // no value to show, or several chips
	}
	list.add("threshold-maps", t.maps().Draw)
	return list.done()
}

// span is the range of all thresholds found.
func (t *Thresholds) span() (low, high float64) {
	all := append(t.Voltages(true, true, true), t.Voltages(false, true, true)...)
	if len(all) == 0 {
		return 0, 0
	}
	low, high = all[0], all[0]
	for _, v := range all {
		low, high = min(low, v), max(high, v)
	}
	return low, high
}

func (t *Thresholds) maps() figure.Maps {
	m := figure.Maps{Title: "Thresholds of the array", Columns: 2}
	for _, positive := range []bool{true, false} {
		p := figure.Map{Title: signName(positive), Rows: t.Rows, Cols: t.Cols, Label: "threshold " + signName(positive), Unit: "V", Values: make([]float64, t.Rows*t.Cols)}
		for i := range p.Values {
			p.Values[i] = math.NaN()
		}
		for _, d := range t.Devices {
			if found := d.of(positive); found.Found {
				p.Values[d.Cell.Row*t.Cols+d.Cell.Col] = float64(found.Voltage)
			}
		}
		mark := figure.CellMark{Name: "left out", Symbol: "×"}
		for _, c := range t.Skipped {
			mark.Cells = append(mark.Cells, [2]int{c.Row, c.Col})
		}
		if len(mark.Cells) > 0 {
			p.Marks = append(p.Marks, mark)
		}
		m.Panels = append(m.Panels, p)
	}
	return m
}

// WriteCSV writes one line per device.
func (t *Thresholds) WriteCSV(w io.Writer) error {
	lines := table{{"chip", "row", "col", "edge", "set_V", "set_A", "set_from_S", "set_to_S", "set_pulses",
		"reset_V", "reset_A", "reset_from_S", "reset_to_S", "reset_pulses", "left_S", "pulses", "reason"}}
	for _, d := range t.Devices {
		fields := []any{d.chip(), d.Cell.Row, d.Cell.Col, d.Edge}
		for _, f := range []Threshold{d.Set, d.Reset} {
			if f.Found {
				fields = append(fields, float64(f.Voltage), float64(f.Current), float64(f.From), float64(f.To), f.Pulses)
			} else {
				fields = append(fields, "", "", "", "", f.Pulses)
			}
		}
		lines.add(append(fields, float64(d.Left), d.Pulses, d.Reason)...)
	}
	return lines.write(w)
}

// chip is the number of the chip, nothing for the only one.
func (d DeviceThresholds) chip() string {
	if d.Chip == 0 {
		return ""
	}
	return strconv.FormatUint(d.Chip, 10)
}

// Notes says which devices have no threshold.
func (t *Thresholds) Notes() []string {
	return notes(t.Skipped, t.Devices, func(d DeviceThresholds) (array.Cell, string) {
		if d.Reason != "" && d.Chip != 0 {
			return d.Cell, fmt.Sprintf("chip %d: %s", d.Chip, d.Reason)
		}
		return d.Cell, d.Reason
	})
}

// figures collects drawings, leaving out those without data.
type figures struct {
	list []Figure
	err  error
}

func (f *figures) add(name string, draw func() (*figure.Drawing, error)) {
	d, err := draw()
	switch {
	case errors.Is(err, figure.ErrNoData):
	case err != nil:
		f.err = errors.Join(f.err, err)
	default:
		f.list = append(f.list, Figure{name, d})
	}
}

func (f *figures) done() ([]Figure, error) { return f.list, f.err }
