package lab

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/instrument/profile"
	"xlab/lab/config"
	"xlab/lab/session"
	"xlab/run"
	"xlab/run/guarded"
	"xlab/run/record"
	"xlab/run/replay"
	"xlab/run/screen"
)

// A bench that a run is taken up on is compared by reads of some devices. What
// a device may have done since its last read is drift, disturb by pulses on its
// lines, and a change of what its lines carry, which a read shows too. Strong
// pulses on its lines (forming, above all) may switch it. A different chip, or
// one that somebody has used, shows other conductances in many places.
const (
	spotReads    = 20   // devices at most
	spotLatest   = 5    // of them, those that were read last
	spotFactor   = 1.5  // by which a device may have changed that was left alone
	spotExposed  = 10   // the same after strong pulses on its lines
	spotAbsolute = 1e-6 // S, a change that is no difference; devices below it tell little
	spotTooMany  = 0.2  // part of the devices that must differ, two at least

	spotWarm instrument.Celsius = 5 // from the bench's temperature, from which on a read cannot be compared
)

// knowledge is what a run's record says about its bench.
type knowledge struct {
	kinds   array.Kinds
	skips   replay.Skips
	header  run.Header // of the last segment
	devices map[place]*knownDevice
	lines   map[line]int // records with strong pulses on a line: the last one
	seen    int          // records with steps

	ambient instrument.Celsius // of the bench when nothing heats it
	strong  instrument.Volts   // half-selected voltage from which on a device may switch
	heated  bool               // the chip has been brought to another temperature
}

// line is a row or a column of an array.
type line struct {
	array string
	row   bool
	n     int
}

// place is a device of the bench.
type place struct {
	array string
	cell  array.Cell
}

// knownDevice is a device as it was read last.
type knownDevice struct {
	read        array.Step
	conductance instrument.Siemens
	order       int // of its last read among all
}

func newKnowledge(kinds array.Kinds, ambient instrument.Celsius, p *profile.Profile) *knowledge {
	return &knowledge{kinds: kinds, ambient: ambient, strong: p.Pulses.Strong, devices: make(map[place]*knownDevice),
		lines: make(map[line]int)}
}

// see takes in one record.
func (k *knowledge) see(r run.Record) error {
	k.skips.See(r)
	value, err := record.Of(r)
	if err != nil {
		return err
	}
	switch v := value.(type) {
	case run.Header:
		k.header = v
	case record.Answer:
		if v.What == recallTemperature {
			var reached instrument.Celsius
			if err := json.Unmarshal(v.Answer, &reached); err != nil {
				return err
			}
			k.heated = math.Abs(float64(reached-k.ambient)) > float64(spotWarm)
		}
	case *record.Done:
		return k.done(v)
	}
	return nil
}

// done takes in what came of steps.
func (k *knowledge) done(done *record.Done) error {
	steps, err := done.List(k.kinds)
	if err != nil {
		return err
	}
	k.seen++
	on := k.shape(done.Array)
	for i, step := range steps {
		switch {
		case step.Stress():
			e, err := array.ExtentOf(step, done.Cell, on)
			if err != nil {
				continue // it cannot have been performed
			}
			for _, cell := range e.Cells() {
				at := place{done.Array, cell}
				delete(k.devices, at)
				k.expose(at, e.HalfSelected.Peak())
			}
		case k.heated: // its last read at the bench's own temperature is what it will be compared with
		case done.Cell != array.Whole && i < len(done.Results) && done.Results[i].Valid():
			k.devices[place{done.Array, done.Cell}] = &knownDevice{read: step, conductance: done.Results[i].Conductance(),
				order: k.seen}
		}
	}
	return nil
}

// shape is that of an array as the run's header has it.
func (k *knowledge) shape(name string) array.Shape {
	for _, h := range k.header.Arrays {
		if h.Name == name {
			return array.Shape{Rows: h.Rows, Cols: h.Cols}
		}
	}
	return array.Shape{}
}

// expose notes that the lines of a device have had a half-selected voltage.
func (k *knowledge) expose(at place, v instrument.Volts) {
	if max(v, -v) >= k.strong {
		k.lines[line{at.array, true, at.cell.Row}] = k.seen
		k.lines[line{at.array, false, at.cell.Col}] = k.seen
	}
}

// exposed tells whether a device has been half-selected by strong pulses since
// its last read.
func (k *knowledge) exposed(at place) bool {
	read := k.devices[at].order
	return k.lines[line{at.array, true, at.cell.Row}] > read || k.lines[line{at.array, false, at.cell.Col}] > read
}

// forget drops the devices that may have been stressed since their last read.
func (k *knowledge) forget(unknown []run.Unknown) {
	for _, u := range unknown {
		if value, err := record.Of(run.Record{Seq: u.Seq, Type: run.TypeIntent, Data: u.Data}); err == nil {
			intent, _ := value.(record.Intent)
			k.seen++
			on := k.shape(intent.Array)
			for _, cell := range intent.Cell.Devices(on.Rows, on.Cols) {
				delete(k.devices, place{intent.Array, cell})
				k.expose(place{intent.Array, cell}, k.strong) // at worst
			}
		}
	}
}

// gap is the time since a run was cut off.
func (k *knowledge) gap(written time.Time) instrument.Seconds {
	return instrument.Seconds(max(time.Since(written).Seconds(), 0))
}

// choose names devices to compare: the last ones that were read, and others
// spread over all those that conduct, and then over the rest.
func (k *knowledge) choose() []place {
	var conducting, rest []place
	for p, d := range k.devices {
		if d.conductance > spotAbsolute {
			conducting = append(conducting, p)
		} else {
			rest = append(rest, p)
		}
	}
	slices.SortFunc(conducting, func(a, b place) int { return k.devices[b].order - k.devices[a].order })
	latest := min(spotLatest, len(conducting))
	chosen := slices.Clone(conducting[:latest])
	for _, list := range [][]place{conducting[latest:], rest} {
		slices.SortFunc(list, func(a, b place) int {
			return cmp.Or(strings.Compare(a.array, b.array), a.cell.Row-b.cell.Row, a.cell.Col-b.cell.Col)
		})
		n := min(spotReads-len(chosen), len(list))
		for i := range n {
			chosen = append(chosen, list[(2*i+1)*len(list)/(2*n)])
		}
	}
	return chosen
}

// glance is a device read once more before a run is taken up.
type glance struct {
	Array string             `json:"array"`
	Cell  array.Cell         `json:"cell"`
	Then  instrument.Siemens `json:"then"`
	Now   instrument.Siemens `json:"now"`
	Valid bool               `json:"valid"` // the read is

	Exposed bool `json:"exposed"` // its lines have had strong pulses since
}

// differs tells whether more has happened to the device than may have.
func (g glance) differs() bool {
	factor := spotFactor
	if g.Exposed {
		factor = spotExposed
	}
	then, now := math.Max(float64(g.Then), 0), math.Max(float64(g.Now), 0)
	return !g.Valid || math.Abs(now-then) > spotAbsolute && (now > factor*then || then > factor*now)
}

// look reads the chosen devices as they were read last, again where a link was lost:
// there is no run yet that could be interrupted and taken up. say tells the person.
func (k *knowledge) look(ctx context.Context, s *session.Session, say func(text string)) ([]glance, error) {
	var list []glance
	unrecorded := func(string, any) error { return nil }
	stack := guarded.New(guarded.Options{Turns: &s.Turns, Ladder: s.Ladder(unrecorded, say)})
	for _, p := range k.choose() {
		if err := run.CheckStop(ctx); err != nil {
			return nil, err
		}
		known := k.devices[p]
		if s.Wirings[p.array] == nil {
			continue
		}
		results, err := stack.Crossbar(p.array).Do(ctx, p.cell, known.read)
		if err != nil {
			return nil, err
		}
		list = append(list, glance{p.array, p.cell, known.conductance, results[0].Conductance(), results[0].Valid(),
			k.exposed(p)})
	}
	return list, nil
}

// difference is something in which the bench is not the one that the run began
// on.
type difference struct{ what, then, now string }

// compareReads finds out whether too many devices have changed.
func compareReads(looks []glance) []difference {
	var list []difference
	for _, g := range looks {
		if g.differs() {
			now := g.Now.String()
			if !g.Valid {
				now = "no value"
			}
			list = append(list, difference{fmt.Sprintf("device %s of array %s", g.Cell, g.Array), g.Then.String(), now})
		}
	}
	if len(list) < 2 || float64(len(list)) < spotTooMany*float64(len(looks)) {
		return nil
	}
	return list
}

// compareBench finds what is not as it was.
func compareBench(then, now run.Header) []difference {
	var list []difference
	add := func(what string, a, b any) {
		if x, y := fmt.Sprint(a), fmt.Sprint(b); x != y {
			list = append(list, difference{what, x, y})
		}
	}
	kind := map[bool]string{false: "real", true: "simulated"}
	add("bench", kind[then.Simulated], kind[now.Simulated])
	add("chip", then.Chip, now.Chip)
	for _, name := range slices.Sorted(maps.Keys(now.Instruments)) {
		a, b := then.Instruments[name], now.Instruments[name]
		add(name, fmt.Sprintf("%s %s, serial %s, firmware %s", a.Vendor, a.Model, a.Serial, a.Firmware),
			fmt.Sprintf("%s %s, serial %s, firmware %s", b.Vendor, b.Model, b.Serial, b.Firmware))
	}
	add("device profile", cmp.Or(then.Profile, "as shipped"), cmp.Or(now.Profile, "as shipped"))
	add("limit min_voltage", then.Limits.MinVoltage, now.Limits.MinVoltage)
	add("limit max_voltage", then.Limits.MaxVoltage, now.Limits.MaxVoltage)
	add("limit max_current", then.Limits.MaxCurrent, now.Limits.MaxCurrent)
	add("limit max_width", then.Limits.MaxWidth, now.Limits.MaxWidth)
	for _, a := range then.Arrays {
		for _, b := range now.Arrays {
			if a.Name != b.Name {
				continue
			}
			add("size of array "+a.Name, fmt.Sprintf("%d x %d", a.Rows, a.Cols), fmt.Sprintf("%d x %d", b.Rows, b.Cols))
			add("wiring of array "+a.Name, a.Wiring, b.Wiring)
		}
	}
	return list
}

// laterRuns finds runs that have worked on the same devices since the last
// segment began: what the record knows of them may no longer hold. A run may be
// on several arrays, and runs on other simulated chips may be kept beside it.
func laterRuns(c *config.Config, first, last run.Header) ([]difference, error) {
	since := last.Started
	if last.Resumed != nil {
		since = *last.Resumed
	}
	list, err := run.List(c.Runs)
	if err != nil {
		return nil, err
	}
	var later []difference
	for _, s := range list {
		if s.ID == first.ID || !s.Started.After(since) || s.Command == "read" {
			continue
		}
		stored, err := run.Load(c.Runs, s.ID)
		if err != nil {
			return nil, err
		}
		h := stored.Header
		if h.Simulated != first.Simulated || h.Chip != first.Chip {
			continue
		}
		for _, b := range h.Arrays {
			if slices.ContainsFunc(first.Arrays, func(a run.ArrayHeader) bool { return a.Name == b.Name }) {
				later = append(later, difference{"run on array " + b.Name, "none after it", s.ID})
			}
		}
	}
	return later, nil
}

// acceptable shows the differences, if there are any, and refuses to go on with
// them unless they were accepted.
func (l *Lab) acceptable(id string, list []difference, accept bool) error {
	if len(list) == 0 {
		return nil
	}
	fmt.Fprintf(l.Messages, "the bench is not as run %s left it:\n", id)
	if err := printDifferences(l.Messages, list); err != nil {
		return err
	}
	if accept {
		return nil
	}
	return &instrument.Error{Op: "resume", Channel: id, Kind: instrument.KindUsage,
		Err:    errors.New("the bench is not as the run left it; nothing was stressed"),
		Advice: "put the bench back as it was, or use --accept if the differences do no harm"}
}

func printDifferences(w io.Writer, list []difference) error {
	t := screen.NewTable(w, screen.Left)
	fmt.Fprintln(t, "  \tthen\tnow")
	for _, d := range list {
		fmt.Fprintf(t, "  %s\t%s\t%s\n", d.what, d.then, d.now)
	}
	return t.Flush()
}

// wiringChecksum tells one line map from another.
func wiringChecksum(w *array.Wiring) string {
	text, err := json.Marshal(w)
	if err != nil {
		return err.Error() // cannot happen: it is plain data
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}
