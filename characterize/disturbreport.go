package characterize

import (
	"fmt"
	"io"
	"math"

	"xlab/figure"
	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/published"
	"xlab/run/keyfigure"
)

// Comparison lists measured beside published values, per pulse.
func (d *Disturb) Comparison() []keyfigure.Comparison {
	var list []keyfigure.Comparison
	for _, s := range d.Series {
		for _, v := range s.Devices {
			if v.Place == Selected || len(v.Conductances) < 2 {
				continue
			}
			c := keyfigure.Comparison{What: fmt.Sprintf("%s, %v, %s: change per pulse", s.Scheme, s.Amplitude, v.Place),
				Measured: fmt.Sprintf("%+.4f %%; %+.2f %% by %d", 100*v.PerPulse(), 100*v.Change(), len(v.Conductances)-1)}
			if low, high := publishedDisturb(s.Scheme, s.Amplitude, d.Spec.Width); v.Place != Unselected && high > 0 {
				c.Published, c.Source = fmt.Sprintf("%+.3g to %.3g %%", 100*low, 100*high), published.Model
			}
			list = append(list, c)
		}
	}
	return list
}

// publishedDisturb is the range of the calculated change of a half-selected
// device by one 500 us pulse (published.Model); 0 where it is not known.
func publishedDisturb(scheme array.Scheme, v instrument.Volts, width instrument.Seconds) (low, high float64) {
	if scheme == array.Floating || v < 0 || math.Abs(float64(width)-500e-6) > 1e-9 {
		return 0, 0
	}
	seen := float64(scheme.HalfSelected(v))
	for _, known := range []struct {
		from, to  float64 // V on the half-selected device
		low, high float64
	}{{1.0 / 3, 1.15 / 3, 1e-5, 8e-5}, {0.5, 0.5, 1.5e-4, 3.5e-4}, {0.575, 0.575, 3e-4, 9e-4}, {0.75, 0.75, 0, 8e-3}} {
		if seen > known.from-1e-6 && seen < known.to+1e-6 {
			return known.low, known.high
		}
	}
	return 0, 0
}

// Figures shows for each amplitude how far the neighbours have moved.
func (d *Disturb) Figures() []figure.Figure {
	var list []figure.Figure
	for _, amplitude := range d.Spec.Amplitudes {
		l := figure.Lines{Title: fmt.Sprintf("Disturb by pulses of %v on %s", amplitude, d.Spec.Device),
			Subtitle: fmt.Sprintf("%v pulses; neighbours of the pulsed device", d.Spec.Width),
			X:        figure.Axis{Label: "pulse"}, Y: figure.Axis{Label: "change of conductance", Unit: "%"}}
		var literature []figure.Series
		for _, s := range d.Series {
			if s.Amplitude != amplitude {
				continue
			}
			pulses := 0
			for _, v := range s.Devices {
				if v.Place == Selected || len(v.Conductances) == 0 {
					continue
				}
				line := figure.Series{Name: fmt.Sprintf("%s, %s", s.Scheme, v.Place)}
				if v.Place == Unselected {
					line.Name, line.Faint = "", true
				}
				for n, g := range v.Conductances {
					line.X, line.Y = append(line.X, float64(n)), append(line.Y, 100*(float64(g/v.Conductances[0])-1))
				}
				l.Series, pulses = append(l.Series, line), len(v.Conductances)-1
			}
			if low, high := publishedDisturb(s.Scheme, amplitude, d.Spec.Width); high > 0 && pulses > 0 {
				n := 100 * float64(pulses)
				literature = append(literature, figure.Series{
					Name: fmt.Sprintf("published, %s, half-selected", s.Scheme), NoLine: true, Other: true,
					X: []float64{float64(pulses)}, Y: []float64{n * (low + high) / 2},
					Low: []float64{n * low}, High: []float64{n * high}})
			}
		}
		l.Series = append(l.Series, literature...)
		caption := fmt.Sprintf("How far the neighbours of %s move while it gets %v pulses of %v. "+
			"v2, v3 and floating say what the other lines do; devices on the same row or column are half-selected, "+
			"pale lines are of unselected ones. Every read has the instrument's noise in it.",
			d.Spec.Device, d.Spec.Width, amplitude)
		if len(literature) > 0 {
			caption += " Points with bars at the end: the published change per pulse times the number of pulses (" +
				published.Model + "); that pulses add up is an assumption."
		}
		list = append(list, figure.Figure{Name: disturbName(amplitude), Spec: l, Caption: caption})
	}
	return list
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
