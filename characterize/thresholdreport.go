package characterize

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"

	"xlab/figure"
	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/population"
	"xlab/published"
	"xlab/run/keyfigure"
)

// ThresholdSummary holds the population figures of one sign, in V.
type ThresholdSummary struct {
	WithoutEdges population.Population `json:"without_edges"`
	Edges        population.Population `json:"edges"`
	All          population.Population `json:"all"`
	Missing      int                   `json:"missing"` // devices measured without a threshold
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
	s := ThresholdSummary{WithoutEdges: population.Of(t.Voltages(positive, true, false)),
		Edges: population.Of(t.Voltages(positive, false, true)),
		All:   population.Of(t.Voltages(positive, true, true))}
	s.Missing = len(t.Devices) - s.All.N
	return s
}

// Comparison lists measured beside published values.
func (t *Thresholds) Comparison() []keyfigure.Comparison {
	var list []keyfigure.Comparison
	mean := population.Format("%+.3f V", 1)
	sigma := func(p population.Population) string {
		return p.Sigma.Text(func(x float64) string { return fmt.Sprintf("%.3f V (%s)", x, population.Devices(p.N)) })
	}
	for _, positive := range []bool{true, false} {
		name := signName(positive)
		s, p := t.summary(positive), published.Threshold(positive)
		list = append(
			list,
			keyfigure.Comparison{
				What:      name + " threshold, mean without edges",
				Measured:  s.WithoutEdges.Mean.Text(mean),
				Published: fmt.Sprintf("%+.1f V", p.Mean),
				Source:    published.Arrays,
			},
			keyfigure.Comparison{
				What:      name + " threshold, sigma without edges",
				Measured:  sigma(s.WithoutEdges),
				Published: fmt.Sprintf("%.2f V", p.Sigma),
				Source:    published.Arrays,
			},
			keyfigure.Comparison{What: name + " threshold, mean with edges", Measured: s.All.Mean.Text(mean)},
			keyfigure.Comparison{
				What:      name + " threshold, sigma with edges",
				Measured:  sigma(s.All),
				Published: "wider (long tails)",
				Source:    published.Arrays,
			},
		)
		if t.Spec.Mode == instrument.SweepCurrent {
			list = append(list, keyfigure.Comparison{What: name + " threshold current without edges",
				Measured: population.Of(t.currents(positive)).Text(amps)})
		}
	}
	return list
}

// currents are those at the thresholds found, edge devices left out.
func (t *Thresholds) currents(positive bool) []float64 {
	var list []float64
	for _, d := range t.Devices {
		if found := d.of(positive); found.Found && !d.Edge {
			list = append(list, float64(found.Current))
		}
	}
	return list
}

func amps(x float64) string { return instrument.Amps(x).String() }

func siemens(x float64) string { return instrument.Siemens(x).String() }

func signName(positive bool) string {
	if positive {
		return "SET"
	}
	return "RESET"
}

// Figures shows the map of the array, and both histograms on one axis, as the
// published figure has them.
func (t *Thresholds) Figures() []figure.Figure {
	list := []figure.Figure{{Name: "thresholds", Spec: t.histogram(),
		Caption: fmt.Sprintf("Voltages at which the resistance of %s changed by more than %g %%, under %s. "+
			"Dashed: published means, with their standard deviation as a band (%s; "+
			"500 µs pulses, 5 %%, edge devices left out).",
			population.Devices(len(t.Devices)), 100*t.Spec.Change, t.Spec.rising(), published.Arrays)}}
	if t.Rows == 0 || t.Set.All.N+t.Reset.All.N == 0 { // several chips, or no threshold
		return list
	}
	return append([]figure.Figure{{Name: "threshold-maps", Spec: t.maps(),
		Caption: "Where in the array the thresholds are high and low. Both maps show the size of the voltage on one " +
			"scale, so that light is hard to switch in either."}}, list...)
}

// rising describes the pulses.
func (s ThresholdSpec) rising() string {
	step := s.Step.String()
	if s.Mode == instrument.SweepCurrent {
		step = s.StepCurrent.String()
	}
	return fmt.Sprintf("%v pulses of %s that rises by %s from one to the next", s.Width, s.Mode, step)
}

func (t *Thresholds) histogram() figure.Histogram {
	h := figure.Histogram{
		Title:    "Switching thresholds",
		Subtitle: t.Spec.rising(),
		X:        figure.Axis{Label: "voltage, row minus column", Unit: "V"},
		Samples: []figure.Sample{
			{Name: "RESET", Values: t.Voltages(false, true, false)}, {Name: "RESET, edge devices",
				Values: t.Voltages(false, false, true)},
			{Name: "SET", Values: t.Voltages(true, true, false)}, {Name: "SET, edge devices",
				Values: t.Voltages(true, false, true)},
		},
	}
	if t.Spec.Mode == instrument.SweepVoltage {
		h.Step = float64(t.Spec.Step) // one bin for each amplitude
	}
	measured, literature := figure.Mark{Name: "means without edges"}, figure.Mark{Name: "published means"}
	for i, positive := range []bool{false, true} {
		if m := population.Of(t.Voltages(positive, true, false)); m.N > 0 {
			measured.Values = append(measured.Values, float64(m.Mean))
		}
		p := published.Threshold(positive)
		literature.Values = append(literature.Values, p.Mean)
		h.Bands = append(h.Bands, figure.Band{Name: []string{"", "published spread"}[i], Low: p.Mean - p.Sigma,
			High: p.Mean + p.Sigma})
	}
	h.Marks = []figure.Mark{measured, literature}
	return h
}

func (t *Thresholds) maps() figure.Maps {
	m := figure.Maps{Title: "Thresholds of the array", Columns: 2}
	for _, positive := range []bool{true, false} {
		p := figure.Map{Title: signName(positive), Rows: t.Rows, Cols: t.Cols, Label: "size of the threshold", Unit: "V",
			Values: figure.Blank(t.Rows * t.Cols)}
		for _, d := range t.Devices {
			if found := d.of(positive); found.Found {
				p.Values[d.Cell.Row*t.Cols+d.Cell.Col] = math.Abs(float64(found.Voltage))
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
