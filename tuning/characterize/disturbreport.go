package characterize

import (
	"fmt"
	"io"
	"math"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/run/figure"
)

// Comparison lists measured beside published values, per pulse.
func (d *Disturb) Comparison() []Comparison {
	var list []Comparison
	for _, s := range d.Series {
		for _, v := range s.Devices {
			if v.Place == Selected || len(v.Conductances) < 2 {
				continue
			}
			c := Comparison{What: fmt.Sprintf("%s, %v, %s: change per pulse", s.Scheme, s.Amplitude, v.Place),
				Measured: fmt.Sprintf("%+.4f %%; %+.2f %% by %d", 100*v.PerPulse(), 100*v.Change(), len(v.Conductances)-1)}
			if v.Place != Unselected {
				if c.Published = publishedDisturb(s.Scheme, s.Amplitude, d.Spec.Width); c.Published != "" {
					c.Source = sourceModel
				}
			}
			list = append(list, c)
		}
	}
	return list
}

// publishedDisturb is the calculated change of a half-selected device by one
// 500 us pulse, where it is known.
func publishedDisturb(scheme array.Scheme, v instrument.Volts, width instrument.Seconds) string {
	if scheme == array.Floating || v < 0 || math.Abs(float64(width)-500e-6) > 1e-9 {
		return ""
	}
	seen := float64(scheme.HalfSelected(v))
	for _, known := range []struct {
		low, high float64 // V on the half-selected device
		change    string
	}{{1.0 / 3, 1.15 / 3, "+0.001 to 0.008 %"}, {0.5, 0.5, "+0.015 to 0.035 %"}, {0.575, 0.575, "+0.03 to 0.09 %"}, {0.75, 0.75, "up to +0.8 %"}} {
		if seen > known.low-1e-6 && seen < known.high+1e-6 {
			return known.change
		}
	}
	return ""
}

// Figures draws for each amplitude how far the neighbours have moved.
func (d *Disturb) Figures() ([]Figure, error) {
	var list figures
	for _, amplitude := range d.Spec.Amplitudes {
		l := figure.Lines{Title: fmt.Sprintf("Disturb by pulses of %v on %s", amplitude, d.Spec.Device), Subtitle: fmt.Sprintf("%v pulses; neighbours of the pulsed device", d.Spec.Width),
			X: figure.Axis{Label: "pulse"}, Y: figure.Axis{Label: "change of conductance", Unit: "%"}}
		for _, s := range d.Series {
			if s.Amplitude != amplitude {
				continue
			}
			for _, v := range s.Devices {
				if v.Place == Selected || len(v.Conductances) == 0 {
					continue
				}
				line := figure.Series{Name: fmt.Sprintf("%s, %s", s.Scheme, v.Place)}
				for n, g := range v.Conductances {
					line.X, line.Y = append(line.X, float64(n)), append(line.Y, 100*(float64(g/v.Conductances[0])-1))
				}
				l.Series = append(l.Series, line)
			}
		}
		if len(l.Series) > 0 {
			list.add(disturbName(amplitude), l.Draw)
		}
	}
	return list.done()
}

// disturbName is a file's name: "disturb-set-1150mV".
func disturbName(v instrument.Volts) string {
	if v > 0 {
		return fmt.Sprintf("disturb-set-%.0fmV", 1e3*float64(v))
	}
	return fmt.Sprintf("disturb-reset-%.0fmV", -1e3*float64(v))
}

// WriteCSV writes one line per read.
func (d *Disturb) WriteCSV(w io.Writer) error {
	lines := table{{"scheme", "amplitude_V", "place", "row", "col", "pulse", "read_S", "conductance_S"}}
	for _, s := range d.Series {
		for _, v := range s.Devices {
			for n, g := range v.Conductances {
				lines.add(s.Scheme, float64(s.Amplitude), v.Place, v.Cell.Row, v.Cell.Col, n, float64(v.Reads[n]), float64(g))
			}
		}
	}
	return lines.write(w)
}

// Notes says which series are missing.
func (d *Disturb) Notes() []string {
	var list []string
	if d.Note != "" {
		list = append(list, d.Note)
	}
	for _, s := range d.Series {
		if s.Reason != "" {
			list = append(list, fmt.Sprintf("%s %v: %s", s.Scheme, s.Amplitude, s.Reason))
		}
	}
	return list
}
