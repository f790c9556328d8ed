package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/lab/session"
	"xlab/run"
	"xlab/run/atomicfile"
)

// Finding is what one check of the bench has found.
type Finding struct {
	Check  string `json:"check"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
}

// Diagnose makes all checks of the bench that can be made without stressing anything,
// and leaves it safe. Its error is that of the first check that failed, or of the one
// that left the bench unsafe.
func (l *Lab) Diagnose(ctx context.Context) ([]Finding, error) {
	d := diagnosis{Lab: l, wirings: make(map[string]*array.Wiring)}
	if d.checkDescription(ctx) {
		d.checkBench(ctx)
	}
	return d.findings, d.first
}

// diagnosis is what the checks of a bench have found so far.
type diagnosis struct {
	*Lab
	wirings  map[string]*array.Wiring
	findings []Finding
	first    error
}

func (d *diagnosis) report(check string, err error, format string, args ...any) {
	f := Finding{Check: check, OK: err == nil, Detail: fmt.Sprintf(format, args...)}
	if err != nil {
		f.Detail = strings.TrimSpace(err.Error())
		if d.first == nil || errors.Is(err, run.ErrUnsafe) && !errors.Is(d.first, run.ErrUnsafe) {
			d.first = fmt.Errorf("%s: %w", check, err)
		}
	}
	d.findings = append(d.findings, f)
}

// checkDescription checks what needs no instrument and tells whether it is known which
// sources and switches there are.
func (d *diagnosis) checkDescription(ctx context.Context) bool {
	c := d.Config
	d.report("configuration", nil, "%s", c.Origin())
	if p := c.Settings.Profile; !p.IsZero() {
		d.report("device profile", nil, "%s of %s: %s", p, p.File(), p.Description)
	}
	l := c.DeviceLimits()
	var limitsErr error
	if l.MaxVoltage <= 0 || l.MinVoltage >= 0 || l.MaxCurrent <= 0 || l.MaxWidth <= 0 {
		limitsErr = run.Usage(fmt.Errorf("a limit is 0, which allows nothing: set min_voltage, max_voltage, max_current "+
			"and max_width (%s)", l.Origin))
	}
	d.report("limits", limitsErr, "%v to %v, %v, %v", l.MinVoltage, l.MaxVoltage, l.MaxCurrent, l.MaxWidth)
	runs := writable(c.Runs)
	if runs == nil {
		runs = session.New(c, nil).Options().CheckSpace(c.Runs)
	}
	d.report("runs directory", runs, "%s", c.Runs)
	if sensor := c.Sensor(); sensor != nil {
		err := sensor.Check(ctx)
		if err != nil {
			err = &instrument.Error{Op: "watch", Kind: instrument.KindTrip, Err: err,
				Advice: "a run would end before its first stress"}
		}
		d.report("watched conditions", err, "the temperature is within %s to %s", sensor.Min.Exact(), sensor.Max.Exact())
	}
	for _, b := range c.Boards {
		w, err := c.Wiring(b.Name)
		if err != nil {
			d.report("wiring of "+b.Name, err, "")
			continue
		}
		d.report("wiring of "+b.Name, nil, "%s: %d rows, %d columns%s", b.Wiring, w.Rows, w.Cols, describeShape(w))
		d.wirings[b.Name] = w
	}
	if len(d.wirings) < len(c.Boards) {
		return false
	}
	if c.Neurons.Address == "" {
		d.report("neuron board", nil, "none configured (neurons in bench.yaml): networks cannot be classified on this bench")
		return true
	}
	w, err := c.NeuronWiring()
	if err != nil {
		d.report("wiring of neurons", err, "")
		return false
	}
	d.report("wiring of neurons", nil, "%s: %s", c.Neurons.Wiring, describeNeurons(w))
	return true
}

// checkBench connects to all instruments and tests what answers.
func (d *diagnosis) checkBench(ctx context.Context) {
	ctx, release := d.interruptible(ctx)
	defer release()
	s := session.New(d.Config, nil)
	switch {
	case d.Played != nil:
	case d.Config.Simulated():
		sim, err := d.Simulation(ctx)
		if err != nil {
			d.report("simulated chip", err, "")
			return
		}
		s.Sim = sim
		d.report("simulated chip", nil, "%s", sim.Describe())
	default:
		held, err := d.LockBench(ctx, "checking the bench")
		if err != nil {
			d.report("bench lock", err, "")
			return
		}
		s.Held = held
	}
	defer func() {
		if err := s.Close(); err != nil {
			d.report("closing", err, "")
		}
	}()
	run.Steady(ctx)
	// Each is connected on its own, so that one that is missing does not hide
	// what is wrong with the others.
	serving := s.Start(ctx)
	var channels []instrument.Channel
	lines := make(map[string]int)
	for _, b := range d.Config.Boards {
		w := d.wirings[b.Name]
		channels, lines[b.Name] = session.MergeChannels(channels, w.Channels()), w.Lines() // not looked at without a board
	}
	s.TakeOver(ctx, serving, &d.Opener, channels, lines, func(name string, err error) { d.report(name, err, "") })
	if s.Analyzer == nil {
		for _, b := range d.Config.Boards {
			if s.Boards[b.Name] != nil {
				d.report("switch board "+b.Name, nil, "answers, all switches open; not tested, "+
					"because nobody knows what the sources do")
			}
		}
		return
	}
	if err := s.OpenAnalyzer(ctx); err != nil {
		d.report("analyzer", err, "")
		return
	}
	d.report("analyzer", nil, "%s %s, serial %s, firmware %s; units in slots: %s", s.Identity.Vendor, s.Identity.Model,
		s.Identity.Serial, s.Identity.Firmware, slots(s.Identity.Modules))
	err := run.Guard(ctx, run.GuardOptions{Safers: s.Safers(), Signals: d.Signals}, func(ctx context.Context) error {
		if s.Neurons != nil {
			// All switches are open: it shows nothing but its own offsets.
			i := s.NeuronIdentity
			offsets, err := testNeurons(ctx, s.Neurons)
			d.report("neuron board", err, "%s %s, serial %s, firmware %s; %s", i.Vendor, i.Model, i.Serial, i.Firmware, offsets)
		}
		for _, b := range d.Config.Boards {
			if chain := s.Boards[b.Name]; chain != nil {
				d.report("switch board "+b.Name, testBoard(ctx, chain, d.wirings[b.Name]),
					"%d chips pass a pattern on and read back", chain.Lines())
			}
		}
		return nil
	})
	switches := ", all switches open"
	if len(d.Config.SwitchBoards()) == 0 {
		switches = ""
	}
	d.report("left safe", err, "sources at 0 V and disconnected%s", switches)
}

// describeShape says what a bench is that is not of the usual shape, and what it cannot do.
func describeShape(w *array.Wiring) (text string) {
	if w.ByHand() {
		text = ", wired by hand: no switches, lines stay connected"
	}
	if can := w.Schemes(); len(can) < len(array.Schemes()) {
		var names []string
		for _, s := range can {
			names = append(names, string(s))
		}
		text += "; schemes: " + strings.Join(names, ", ")
	}
	if w.Leaks() != nil {
		text += "; no source on all rows and on all columns, so the leakage is not watched"
	}
	return text
}

// slots lists the modules of an analyzer by slot.
func slots(modules []string) string {
	var words []string
	for i, m := range modules {
		if m != "" {
			words = append(words, fmt.Sprintf("%d %s", i+1, m))
		}
	}
	return strings.Join(words, ", ")
}

// testBoard closes ground switches with all sources at zero, so that every chip
// has to pass a bit on, first on every second line, then on the others.
func testBoard(ctx context.Context, board instrument.Router, w *array.Wiring) error {
	ground := w.Switch[array.BusGround]
	if ground == 0 {
		return errors.New("the wiring map has no ground bus (GND), so no pattern can be sent without connecting a source")
	}
	lines := make([]instrument.Switches, w.Lines())
	for i := range lines {
		if i%2 == 0 {
			lines[i] = ground
		}
	}
	for range 2 {
		if err := board.Route(ctx, lines); err != nil {
			return err
		}
		for i := range lines {
			lines[i] ^= ground
		}
	}
	return nil
}

// writable checks that a directory can be made and written to.
func writable(dir string) error {
	if err := os.MkdirAll(dir, atomicfile.PrivateDir); err != nil {
		return run.Usage(err)
	}
	f, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return run.Usage(err)
	}
	err = errors.Join(f.Close(), os.Remove(f.Name()))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: a file that was just written is gone", filepath.Dir(f.Name()))
	}
	return err
}

// testNeurons measures with all switches open, which shows the offsets of the
// amplifiers and that converters and line work.
func testNeurons(ctx context.Context, board instrument.Neurons) (string, error) {
	hidden, err := board.Hidden(ctx)
	if err != nil {
		return "", err
	}
	outputs, err := board.Outputs(ctx)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d hidden neurons within ±%v, %d outputs within ±%v with all switches open",
		len(hidden), largest(hidden), len(outputs), largest(outputs)), nil
}

func largest(values []instrument.Volts) (most instrument.Volts) {
	for _, v := range values {
		most = max(most, instrument.Volts(math.Abs(float64(v))))
	}
	return most
}

// describeNeurons says what the neuron board is wired to.
func describeNeurons(w *array.NeuronWiring) string {
	words := []string{fmt.Sprintf("%d hidden neurons on %s rows %d-%d, feeding %s columns %d-%d", w.Hidden.Count,
		w.Hidden.Array, w.Hidden.Row, w.Hidden.Row+2*w.Hidden.Count-1,
		w.Hidden.Feeds.Array, w.Hidden.Feeds.Column, w.Hidden.Feeds.Column+w.Hidden.Count-1),
		fmt.Sprintf("%d output neurons on %s rows %d-%d", w.Outputs.Count, w.Outputs.Array, w.Outputs.Row,
			w.Outputs.Row+2*w.Outputs.Count-1)}
	if w.PatternPort != "" {
		words = append(words, "pattern port on "+w.PatternPort)
	}
	return strings.Join(words, "; ")
}
