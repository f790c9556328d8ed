package procedure

import (
	"errors"
	"fmt"
	"io"
	"math"

	"xlab/figure"
	"xlab/instrument"
	"xlab/mlp/stability"
	"xlab/population"
)

// Summary implements Job.
func (m *StabilityMeasurement) Summary(_ Bench, f Figures) any {
	s := &m.spec
	m.Result = StabilityResult{Variants: s.Measure.Variants, Points: append([]stability.Point{}, m.points...),
		Lowest:   make(map[string]float64),
		Warnings: append(append([]string{}, s.MLP.Warnings...), m.warnings...), Reference: s.Reference,
		Network: s.Trained.File, Files: []string{"points.csv", "accuracy.svg", "outputs.svg"}, Figures: f}
	for _, p := range m.points {
		lowest, seen := m.Result.Lowest[string(p.Variant)]
		if !seen {
			lowest = p.Train
		}
		m.Result.Lowest[string(p.Variant)] = math.Min(lowest, p.Train)
	}
	return m.Result
}

// at is the condition of a point on the axis of the figures.
func (s *stabilitySpec) at(p stability.Point) float64 {
	if p.Age != nil {
		return float64(*p.Age)
	}
	return float64(*p.Temperature)
}

func (s *stabilitySpec) axis() figure.Axis {
	if len(s.Measure.Ages) > 0 {
		return figure.Axis{Label: "time since the weights were written", Unit: "s", Log: true}
	}
	return figure.Axis{Label: "temperature", Unit: "°C"}
}

// lines are one line per variant. bar, where given, are the ends of error bars.
func (s *stabilitySpec) lines(title string, y figure.Axis, points []stability.Point,
	value func(stability.Point) float64, bar func(float64) (low, high float64)) figure.Lines {
	l := figure.Lines{Title: title, X: s.axis(), Y: y}
	for _, v := range s.Measure.Variants {
		line := figure.Series{Name: VariantNames[v], Markers: true}
		for _, p := range points {
			if p.Variant != v {
				continue
			}
			line.X, line.Y = append(line.X, s.at(p)), append(line.Y, value(p))
			if bar != nil {
				low, high := bar(value(p))
				line.Low, line.High = append(line.Low, low), append(line.High, high)
			}
		}
		if len(line.X) > 0 {
			l.Series = append(l.Series, line)
		}
	}
	return l
}

// Files implements Job: the data and the figures.
func (m *StabilityMeasurement) Files(b Bench) error {
	s, points := &m.spec, m.points
	if len(points) == 0 {
		return nil
	}
	title, accuracy := "Network over temperature", figure.Axis{Label: "test patterns recognised", Unit: "%"}
	what, patterns := func(p stability.Point) float64 { return *p.Test }, 0
	if len(s.Measure.Ages) > 0 {
		title = "Network over time"
	}
	if points[0].Test == nil {
		accuracy.Label, patterns = "training patterns recognised", len(s.MLP.Train.Labels)
		what = func(p stability.Point) float64 { return p.Train }
	} else {
		patterns = len(s.MLP.Test.Labels)
	}
	// An axis that ends at the data would make a mountain of one pattern, and one
	// that ends at 100 % would hide a line there.
	lowest := 100.0
	for _, p := range points {
		lowest = math.Min(lowest, what(p))
	}
	accuracy.Min, accuracy.Max = math.Max(0, 10*math.Floor(lowest/10)-10), 102
	const remedies = " Plain: as trained. Pairs around a bias and a memristor in the feedback are the project's own " +
		"remedies; nothing is published for this network."
	return errors.Join(
		b.Write(networkFile, s.MLP.Network.Write),
		b.Write("points.csv", func(w io.Writer) error { return s.writeCSV(w, points) }),
		b.Draw(
			figure.Figure{Name: "accuracy", Caption: fmt.Sprintf("Part of %d patterns that the hardware recognises. "+
				"Error bars: one standard deviation of a share counted in so many patterns; "+
				"the patterns are the same at every point, so that changes are surer than the bars.", patterns) + remedies,
				Spec: s.lines(title, accuracy, points, what, func(x float64) (low, high float64) {
					low, high = population.Share(x/100, patterns)
					return 100 * low, 100 * high
				})},
			figure.Figure{Name: "outputs", Caption: "How far the outputs are from those under the first condition, " +
				"where they are equal by definition." + remedies,
				Spec: s.lines(title+": change of the outputs", figure.Axis{Label: "root mean square", Unit: "V"}, points,
					func(p stability.Point) float64 { return p.Fidelity.RMS }, nil)},
		),
	)
}

func (s *stabilitySpec) writeCSV(w io.Writer, points []stability.Point) error {
	condition := "temperature_C"
	if len(s.Measure.Ages) > 0 {
		condition = "age_s"
	}
	if _, err := fmt.Fprintf(w, "variant,%s,train_percent,test_percent,gain,agreement_percent,rms_V,largest_V\n",
		condition); err != nil {
		return err
	}
	for _, p := range points {
		test := ""
		if p.Test != nil {
			test = instrument.Decimal(*p.Test)
		}
		number := instrument.Decimal
		if _, err := fmt.Fprintf(w, "%s,%s,%s,%s,%s,%s,%s,%s\n", p.Variant, number(s.at(p)), number(p.Train), test,
			number(p.Gain), number(p.Fidelity.Agreement), number(p.Fidelity.RMS), number(p.Fidelity.Largest)); err != nil {
			return err
		}
	}
	return nil
}
