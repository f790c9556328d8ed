package b1500

import (
	"math"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"xlab/instrument"
)

// witness acts on command lines as the analyzer would, as far as levels go, and
// notes the largest of everything that was ever applied.
type witness struct {
	t       *rapid.T
	limits  instrument.Limits
	forced  map[int]float64    // V by channel, steady
	pulses  map[int][2]float64 // MCPNX: channel and V, by place
	pv      [2]float64         // channel and V
	mode    int                // MM
	staged  *[3]float64        // WV: channel, start, stop
	width   float64            // of the last pulse
	applied []map[int]float64  // what stood at the channels at each XE or TI
	wide    map[string]float64 // PT and MCPNT widths
}

func (w *witness) number(s string) float64 {
	x, err := strconv.ParseFloat(s, 64)
	if err != nil {
		w.t.Fatalf("%q is not a number", s)
	}
	return x
}

func (w *witness) voltage(v float64) {
	if v != 0 && (v > float64(w.limits.MaxVoltage) || v < float64(w.limits.MinVoltage)) {
		w.t.Fatalf("%v V was sent, limits %v to %v", v, w.limits.MinVoltage, w.limits.MaxVoltage)
	}
}

func (w *witness) compliance(i float64) {
	if !(i > 0) || i > float64(w.limits.MaxCurrent) {
		w.t.Fatalf("compliance of %v A was sent, limit %v", i, w.limits.MaxCurrent)
	}
}

func (w *witness) moment(more map[int]float64) {
	now := map[int]float64{}
	for ch, v := range w.forced {
		now[ch] = v
	}
	for ch, v := range more {
		now[ch] = v
	}
	low, high := 0.0, 0.0
	for _, v := range now {
		low, high = math.Min(low, v), math.Max(high, v)
	}
	if high-low > float64(w.limits.MaxSpan) {
		w.t.Fatalf("%v V between channels, limit %v", high-low, w.limits.MaxSpan)
	}
	w.applied = append(w.applied, now)
}

func (w *witness) line(line string) {
	if len(line) > 255 {
		w.t.Fatalf("line of %d characters", len(line))
	}
	for _, command := range strings.Split(line, ";") {
		header, rest, _ := strings.Cut(command, " ")
		var p []float64
		if rest != "" {
			for _, s := range strings.Split(rest, ",") {
				p = append(p, w.number(s))
			}
		}
		switch header {
		case "DV":
			w.voltage(p[2])
			w.compliance(p[3])
			w.forced[int(p[0])] = p[2]
		case "PV":
			w.voltage(p[3])
			w.compliance(p[4])
			w.pv = [2]float64{p[0], p[3]}
		case "MCPNX":
			w.voltage(p[5])
			w.compliance(p[6])
			w.pulses[int(p[0])] = [2]float64{p[1], p[5]}
		case "WV":
			w.voltage(p[3])
			w.voltage(p[4])
			w.compliance(p[6])
			w.staged = &[3]float64{p[0], p[3], p[4]}
		case "PT", "MCPNT":
			key := header
			width := p[1]
			if header == "MCPNT" {
				key, width = header+strconv.Itoa(int(p[0])), p[2]
			}
			w.wide[key] = width
		case "MM":
			w.mode = int(p[0])
		case "TI":
			w.moment(nil)
		case "XE":
			w.execute()
		case "RI", "AAD", "AIT", "PAD", "MCPT", "WT", "WM", "PA", "BC":
		default:
			w.t.Fatalf("command %q", command)
		}
	}
}

func (w *witness) execute() {
	switch w.mode {
	case 1:
		w.moment(nil)
	case 2:
		for _, v := range w.staged[1:] {
			w.moment(map[int]float64{int(w.staged[0]): v})
		}
		w.forced[int(w.staged[0])] = w.staged[1]
	case 3:
		w.width = w.wide["PT"]
		w.moment(map[int]float64{int(w.pv[0]): w.pv[1]})
		w.forced[int(w.pv[0])] = 0
	case 27:
		at := map[int]float64{}
		for _, p := range w.pulses { // all that were ever set pulse
			at[int(p[0])] = p[1]
			w.width = w.wide["MCPNT"+strconv.Itoa(int(p[0]))]
			if _, twice := w.forced[int(p[0])]; twice && w.forced[int(p[0])] != 0 {
				w.t.Fatalf("channel %v pulses from %v V", p[0], w.forced[int(p[0])])
			}
		}
		w.moment(at)
		for ch := range at {
			w.forced[ch] = 0
		}
	default:
		w.t.Fatalf("XE in mode %d", w.mode)
	}
}

func anyDrives(t *rapid.T) []instrument.Drive {
	order := rapid.Permutation(fourChannels).Draw(t, "order")
	ds := make([]instrument.Drive, rapid.IntRange(1, 4).Draw(t, "driven"))
	for i := range ds {
		volts := rapid.OneOf(rapid.Just(0.0), rapid.Float64Range(-3, 3), rapid.Float64Range(-0.5, 0.5)).Draw(t, "volts")
		amps := rapid.Float64Range(1e-9, 1.2e-3).Draw(t, "amps")
		ds[i] = instrument.Drive{Channel: order[i], Voltage: instrument.Volts(volts), Compliance: instrument.Amps(amps)}
	}
	return ds
}

func anyStep(t *rapid.T) instrument.Step {
	ds := anyDrives(t)
	measure := fourChannels[:rapid.IntRange(0, 4).Draw(t, "measured")]
	switch rapid.IntRange(0, 2).Draw(t, "kind") {
	case 0:
		return instrument.Spot{Drives: ds, Measure: measure, Range: 10e-6, Aperture: 1e-3}
	case 1:
		// A width just beside a possible one, or anything.
		width := rapid.OneOf(rapid.Map(rapid.IntRange(5, 200), func(n int) float64 { return float64(n) * 100.3e-6 }),
			rapid.Float64Range(0.4e-3, 20e-3))
		return instrument.Pulse{Drives: ds, Measure: measure, Width: instrument.Seconds(width.Draw(t, "width"))}
	default:
		return instrument.Sweep{Kind: instrument.SweepVoltage, Source: ds[0].Channel, Drives: ds[1:], Measure: measure,
			Start: rapid.Float64Range(-1, 1).Draw(t, "start"), Stop: rapid.Float64Range(-3, 3).Draw(t, "stop"),
			Steps: rapid.IntRange(2, 20).Draw(t, "steps"), TwoWay: rapid.Bool().Draw(t, "two-way"),
			Compliance: rapid.Float64Range(1e-6, 1.2e-3).Draw(t, "compliance"), Aperture: 1e-3}
	}
}

// Whatever is asked for, in whatever order: nothing beyond the limits is ever
// encoded, no earlier setting acts on a later step, and in the end all
// channels are at 0 V.
func TestNothingBeyondLimitsIsEncoded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limits := instrument.Limits{MinVoltage: -3, MaxVoltage: 3, MaxSpan: 6, MaxCurrent: 1.2e-3, MaxWidth: 20e-3}
		if rapid.Bool().Draw(t, "tight") {
			limits = instrument.Limits{
				MinVoltage: instrument.Volts(rapid.Float64Range(-2.5, 0).Draw(t, "min")),
				MaxVoltage: instrument.Volts(rapid.Float64Range(0, 2.5).Draw(t, "max")),
				MaxSpan:    instrument.Volts(rapid.Float64Range(0, 4).Draw(t, "span")),
				MaxCurrent: instrument.Amps(rapid.Float64Range(0, 1e-3).Draw(t, "current")),
				MaxWidth:   instrument.Seconds(rapid.Float64Range(1e-3, 20e-3).Draw(t, "wide")),
			}
		}
		d := New(nil, Options{Limits: limits, Channels: fourChannels})
		w := &witness{t: t, limits: limits, forced: map[int]float64{}, pulses: map[int][2]float64{},
			wide: map[string]float64{}}
		settings := newSettings()
		for range rapid.IntRange(1, 8).Draw(t, "steps") {
			step := anyStep(t)
			checked, err := d.check([]instrument.Step{step})
			if err != nil {
				if kind := instrument.KindOf(err); kind != instrument.KindLimit && kind != instrument.KindUsage {
					t.Fatalf("%v of kind %q", err, kind)
				}
				continue
			}
			p, err := encode(settings, checked[0], fourChannels, false)
			if err != nil {
				t.Fatal(err)
			}
			w.applied = nil
			for _, line := range p.lines {
				w.line(line)
			}
			for ch, v := range w.forced {
				if v != 0 {
					t.Fatalf("channel %d stays at %v V", ch, v)
				}
			}
			w.compare(step)
		}
	})
}

// compare checks that what stood at the channels is what was asked for.
func (w *witness) compare(step instrument.Step) {
	var ds []instrument.Drive
	resolution := 1e-3
	switch s := step.(type) {
	case instrument.Spot:
		ds = s.Drives
	case instrument.Pulse:
		ds = s.Drives
		if off := math.Abs(w.width-float64(s.Width)) / float64(s.Width); off > 0.01 || w.width > float64(w.limits.MaxWidth) {
			w.t.Fatalf("pulse of %v s instead of %v", w.width, s.Width)
		}
	case instrument.Sweep:
		ds = s.Drives
		last := w.applied[len(w.applied)-1][int(s.Source)]
		if math.Abs(last-s.Stop) > resolution/2 {
			w.t.Fatalf("sweep to %v instead of %v", last, s.Stop)
		}
		for i := range w.applied {
			delete(w.applied[i], int(s.Source))
		}
	}
	for _, now := range w.applied {
		for _, d := range ds {
			if math.Abs(now[int(d.Channel)]-float64(d.Voltage)) > resolution/2 {
				w.t.Fatalf("channel %d stood at %v V instead of %v", d.Channel, now[int(d.Channel)], d.Voltage)
			}
			delete(now, int(d.Channel))
		}
		for ch, v := range now {
			if v != 0 {
				w.t.Fatalf("channel %d stood at %v V, and nobody asked for it", ch, v)
			}
		}
	}
}
