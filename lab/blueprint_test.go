package lab_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"xlab/driver/blueprint"
	"xlab/driver/transport"
	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/lab"
	"xlab/lab/boxes"
	"xlab/lab/config"
	"xlab/lab/procedure"
	"xlab/lab/session"
	"xlab/lab/sim"
	"xlab/mock/bench"
	"xlab/mock/fault"
	sm1 "xlab/mock/wire/blueprint"
	"xlab/run"
)

// imaginary is what a program says of one more analyzer: the SM1, which exists in
// hwdocs/blueprint.md only.
func imaginary() boxes.Analyzer {
	return boxes.Analyzer{
		Type: "blueprint", Instrument: "sm1", Extremes: blueprint.Extremes(),
		Connect: func(_ context.Context, _ *config.Config, line boxes.Line, o boxes.AnalyzerOptions) (instrument.Analyzer,
			boxes.Link, error) {
			link := transport.NewLink(line.Conn, transport.LinkOptions{Name: "SM1", Reopen: line.Reopen, Logger: o.Logger})
			return blueprint.New(link, blueprint.Options{Limits: o.Limits, Margin: o.Margin, Claim: o.Claim,
				Logger: o.Logger}), reopening{link}, nil
		},
		Cost: func(_ *config.Config, o boxes.AnalyzerOptions, steps ...instrument.Step) (instrument.Seconds, error) {
			return blueprint.New(nil, blueprint.Options{Limits: o.Limits}).Cost(steps...)
		},
		Units: func(*config.Config) (int, error) { return 4, nil },
		Simulate: func(_ *config.Config, b *bench.Bench) (boxes.Simulated, error) {
			s, err := sm1.New(b)
			return simulatedSM1{s}, err
		},
	}
}

// reopening is a link that opens its line by itself once that was given up.
type reopening struct{ *transport.Link }

func (l reopening) Reopen(ctx context.Context) error { return l.Drop(ctx) }

type simulatedSM1 struct{ *sm1.Server }

func (s simulatedSM1) Faults() fault.Device {
	return fault.Device{Link: true, Acts: map[string]fault.Act{
		"silence":     fault.Lasting(s.Silence),
		"power_cycle": fault.Once(s.PowerCycle),
	}}
}

// pulses is a job of one's own: a pulse on a device, and nothing to show for it.
type pulses struct {
	cell  array.Cell
	pulse array.Pulse
}

func (*pulses) Command() string                                { return "pulse" }
func (*pulses) Arrays() []string                               { return []string{"A"} }
func (p *pulses) Spec() any                                    { return map[string]any{"device": p.cell} }
func (*pulses) Summary(procedure.Bench, procedure.Figures) any { return nil }
func (*pulses) Files(procedure.Bench) error                    { return nil }
func (p *pulses) Work(ctx context.Context, b procedure.Bench) error {
	_, err := b.Crossbar("A").Do(ctx, p.cell, p.pulse)
	return err
}

// One entry makes an analyzer known to the configuration, the bench, its simulation
// and its costs: a device is read and pulsed with it, it is brought back from what a
// script has go wrong with it, and what it cannot do is refused before anything is
// opened.
func TestAnotherAnalyzer(t *testing.T) {
	l := open(t, "analyzer: {type: blueprint, address: sim}")
	l.Config.Simulation.Faults = filepath.Join(t.TempDir(), "faults.yaml")
	const faults = "faults: [{what: power_cycle, on: analyzer, command: 'CURR?'}, " +
		"{what: cut, on: analyzer, command: 'CURR?', number: 2, attempts: 1}]"
	if err := os.WriteFile(l.Config.Simulation.Faults, []byte(faults), 0o600); err != nil {
		t.Fatal(err)
	}
	truth, err := sim.TruthOf(l.Config, "A")
	if err != nil || len(truth.Preformed) == 0 {
		t.Fatal(truth, err)
	}
	made := truth.Preformed[0] // a device that conducts on a pristine chip
	cell := array.Cell{Row: made[0], Col: made[1]}

	request, err := parse(t, l, "read", "--devices", cell.String())
	if err != nil {
		t.Fatal(err)
	}
	r, err := l.CarryOut(t.Context(), request.Job)
	if err != nil {
		t.Fatal(err)
	}
	recovered := 0
	if _, err := run.ScanJournal(filepath.Join(l.Config.Runs, r.ID()), func(r run.Record) error {
		if r.Kind == "recovery" {
			recovered++
		}
		return nil
	}); err != nil || recovered != 2 {
		t.Errorf("the bench was brought back %d times of 2, %v", recovered, err)
	}
	k := cell.Row*truth.Cols + cell.Col
	read, known := request.Job.(*procedure.Reading).Values[k], truth.Conductance[k]
	if math.Abs(read/known-1) > 0.2 {
		t.Errorf("%v S are read of %v S", read, known)
	}

	pulse := array.Pulse{Voltage: 0.8, Width: 1e-3, Scheme: array.HalfVoltage, Compliance: 1e-3}
	if _, err := l.CarryOut(t.Context(), &pulses{cell, pulse}); err != nil {
		t.Fatal(err)
	}
	after, err := sim.TruthOf(l.Config, "A")
	if err != nil || math.Abs(after.Ledger.MaxAbsV/0.8-1) > 0.2 {
		t.Errorf("%v V on a device after a pulse of 0.8 V, %v", after.Ledger.MaxAbsV, err)
	}

	_, err = parse(t, l, "form", "--devices", cell.String())
	if instrument.KindOf(err) != instrument.KindUsage || !strings.Contains(err.Error(), "instrument.Sweep") {
		t.Errorf("forming, for which it has no sweep: %v", err)
	}
}

// What the SM1 has no use for and what no analyzer is are told when the
// configuration is read.
func TestAnotherAnalyzersKeys(t *testing.T) {
	for analyzer, want := range map[string]string{
		"analyzer: {type: blueprint, address: sim, gpib: 17}": "analyzer.gpib: an SM1 has no such setting",
		"analyzer: {type: other, address: sim}":               "the analyzers supported are: b1500, blueprint",
	} {
		if _, err := load(t, analyzer); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", analyzer, err, want)
		}
	}
}

func known() *boxes.Registry {
	r := boxes.Default()
	r.Analyzers = append(r.Analyzers, imaginary())
	return r
}

// load reads the description of a simulated bench with this section analyzer.
func load(t *testing.T, analyzer string) (*config.Config, error) {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", dir)
	file := filepath.Join(dir, config.FileName)
	text := fmt.Sprintf(`%s
boards: [{name: A, address: sim, wiring: array-a.yaml}]
limits: {min_voltage: -2.5V, max_voltage: 3.5V, max_current: 5mA, max_width: 20ms}
runs: %[2]s/runs
simulation: {chip: %[2]s/chip.json}
`, analyzer, filepath.ToSlash(dir))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return config.Load(file, nil, known())
}

func open(t *testing.T, analyzer string) *lab.Lab {
	t.Helper()
	c, err := load(t, analyzer)
	if err != nil {
		t.Fatal(err)
	}
	messages := new(bytes.Buffer)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(messages)
		}
	})
	return &lab.Lab{Opener: session.Opener{Config: c, Messages: messages, Boxes: known()}, In: strings.NewReader(""),
		Procedures: procedure.All(), Signals: make(chan os.Signal)}
}

// parse makes a request of a procedure's flags.
func parse(t testing.TB, l *lab.Lab, name string, args ...string) (*procedure.Request, error) {
	t.Helper()
	p, found := l.Procedures.Of(name)
	if !found {
		t.Fatalf("there is no procedure %s", name)
	}
	flags := pflag.NewFlagSet(name, pflag.ContinueOnError)
	request := p.Flags(flags)
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	return request(t.Context(), l)
}

// carryOut does what these flags of a procedure ask for.
func carryOut(t testing.TB, l *lab.Lab, name string, args ...string) error {
	t.Helper()
	r, err := parse(t, l, name, args...)
	if err == nil {
		_, err = l.CarryOut(t.Context(), r.Job)
	}
	return err
}
