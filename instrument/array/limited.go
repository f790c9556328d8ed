package array

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"xlab/instrument"
	"xlab/instrument/profile"
)

// Limited is a source that was at its compliance during a step: the lines on
// its bus were not where the scheme puts them. Without a bus it is any but the
// column's, because the column alone was measured.
type Limited struct {
	Bus        Bus                `json:"bus,omitempty"`
	Unit       instrument.Channel `json:"unit,omitempty"`
	Compliance instrument.Amps    `json:"comp,omitempty"`
	From       instrument.Volts   `json:"from"`           // across the cell, the first level at which it was
	Need       instrument.Amps    `json:"need,omitempty"` // at the step's full voltage, about; 0 = not known
}

// String says what happened and what would be needed.
func (l Limited) String() string {
	if l.Bus == "" {
		return fmt.Sprintf("a source that was not measured was at its compliance from %v on", l.From)
	}
	who := fmt.Sprintf("SMU %d (%s)", l.Unit, l.Bus.Lines())
	if l.Unit == 0 {
		who = "a source of " + l.Bus.Lines()
	}
	text := fmt.Sprintf("%s was at its compliance of %v from %v on", who, l.Compliance, l.From)
	if l.Need > 0 {
		text += fmt.Sprintf(" and would need about %v", l.Need)
	}
	return text
}

// Lines says in words what is on a bus.
func (b Bus) Lines() string {
	words := map[Bus]string{BusForce1: "the selected row", BusForce2: "the selected column",
		BusOtherRows: "the other rows", BusOtherCols: "the other columns"}
	return cmp.Or(words[b], string(b))
}

// Unheld are the sources that were at their compliance and are not the row's,
// whose compliance is there to bound the selected device: while one of them is,
// the other lines are not where they should be, and nothing follows for the
// device. Empty for results recorded before sources were told apart.
func (r Result) Unheld() []Limited {
	return slices.DeleteFunc(slices.Clone(r.Limited), func(l Limited) bool { return l.Bus == BusForce1 })
}

// Unheld puts limited sources in words, with the configuration key that holds
// their compliance; "" for none.
func Unheld(list []Limited, key string) string {
	if len(list) == 0 {
		return ""
	}
	texts := make([]string, len(list))
	need := instrument.Amps(0)
	for i, l := range list {
		texts[i] = l.String()
		need = max(need, l.Need)
	}
	advice := "raise " + key
	if need > 0 {
		advice = fmt.Sprintf("set %s=%s or more", key, roundedUp(1.1*need))
	}
	return strings.Join(texts, ", ") + ": " + advice + ", and limits.max_current where that is less"
}

// roundedUp gives a current with two digits, not below it.
func roundedUp(i instrument.Amps) string {
	step := math.Pow(10, math.Floor(math.Log10(float64(i)))-1)
	return strings.ReplaceAll(instrument.Amps(math.Ceil(float64(i)/step-1e-9)*step).String(), " ", "")
}

// limited adds to the list the sources that one level found at their compliance.
func (r raising) limited(list []Limited, p instrument.Point, v instrument.Volts) []Limited {
	status := func(i int, bit instrument.Status) bool { return i < len(p.Readings) && p.Readings[i].Status&bit != 0 }
	for i, s := range r.sources {
		bus := buses[s.lines]
		known := func(l Limited) bool { return l.Bus == bus }
		if s.compliance > 0 && status(i, instrument.StatusCompliance) && !slices.ContainsFunc(list, known) {
			list = append(list, Limited{Bus: bus, Compliance: s.compliance, From: v})
		}
	}
	if len(list) == 0 && len(r.sources) == 1 && status(0, instrument.StatusOtherCompliance) {
		list = append(list, Limited{From: v})
	}
	return list
}

// Needs are measured with a spot whose aperture is short: they are known to a few
// parts in a hundred at best, because of what the devices do at higher voltages.
const (
	needAperture instrument.Seconds = 1e-3
	needVoltage  instrument.Volts   = 0.1 // across the selected device, at most
)

// asking is how sources at their compliance are found out about, for steps of which
// that is wanted: pulses come by the hundred, and what they did is read behind them.
type asking struct {
	scheme    Scheme
	v         instrument.Volts // across the cell, at most
	row, rest instrument.Amps  // compliances
	named     bool             // the step has measured which sources they are
}

// explain finds out which sources were at their compliance in a read, which
// measures the column alone, and what limited sources of reads and sweeps would
// have to give. A source that was limited from the first level on is asked for its
// current at a voltage that disturbs nothing; what the others gave is known. The
// selection is the step's and is left as it is.
func (a *Array) explain(ctx context.Context, at Cell, q *asking, lines Selection, r *Result) error {
	if q == nil {
		return nil
	}
	sources := sources(q.scheme, q.row, q.rest)
	spot := func(v instrument.Volts) ([]Limited, []instrument.Reading, error) {
		drives := Drives(q.scheme, v, q.rest)
		drives[0].Compliance = q.row
		part, err := a.wiring.bind(Part{lines, instrument.Spot{Drives: drives, Measure: channels(sources),
			Range: max(q.row, q.rest), Aperture: needAperture}})
		if err != nil {
			return nil, nil, err
		}
		raw, err := a.run(ctx, at, []bound{part})
		if err != nil || len(raw) != 1 || len(raw[0].Points) != 1 || len(raw[0].Points[0].Readings) != len(sources) {
			return nil, nil, fmt.Errorf("asking which source is at its compliance: %w", cmp.Or(err, errNoAnswer))
		}
		return raising{sources: sources}.limited(nil, raw[0].Points[0], v), raw[0].Points[0].Readings, nil
	}
	if !q.named {
		list, _, err := spot(q.v)
		if err != nil {
			return err
		}
		r.Limited = list
	}
	small := instrument.Volts(math.Copysign(math.Min(float64(needVoltage), math.Abs(float64(q.v))/4), float64(q.v)))
	var still []Limited
	var readings []instrument.Reading
	for i := range r.Limited {
		l := &r.Limited[i]
		if l.Bus == "" {
			continue
		}
		if l.From != r.Levels[0].Voltage {
			l.Need = instrument.Amps(float64(l.Compliance) * q.scheme.growth(a.profile, l.From, q.v))
			continue
		}
		if readings == nil {
			var err error
			if still, readings, err = spot(small); err != nil {
				return err
			}
		}
		at := slices.IndexFunc(sources, func(s source) bool { return buses[s.lines] == l.Bus })
		if !slices.ContainsFunc(still, func(s Limited) bool { return s.Bus == l.Bus }) {
			l.Need = instrument.Amps(math.Abs(readings[at].Value) * q.scheme.growth(a.profile, small, q.v))
		}
	}
	return nil
}

var errNoAnswer = errors.New("the analyzer did not give one reading per source")

// growth is the ratio of a source's currents at two voltages across the selected
// device. Devices let more pass than in proportion and the lines make it less:
// the geometric mean of both is within a tenth of what Demand gives with lines of
// 200 Ω for 64 x 64 devices between 0.5 V and 2.2 V under V/3.
func (s Scheme) growth(p *profile.Profile, from, to instrument.Volts) float64 {
	off := float64(p.Conductance.UsuallyOff) // the many were reset after forming
	at := func(v instrument.Volts) float64 {
		return p.Conduction.Current(off, math.Abs(float64(s.HalfSelected(v))))
	}
	return math.Sqrt(at(to) / at(from) * float64(to/from))
}
