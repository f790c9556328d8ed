package lab_test

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"xlab/instrument/array"
	"xlab/lab"
	"xlab/lab/config"
	"xlab/lab/procedure"
	"xlab/lab/sim"
	"xlab/mock/device"
	"xlab/run"
)

// do carries a procedure out as the command of its name does; partial is done.
func do(t *testing.T, l *lab.Lab, name string, arguments ...string) procedure.Job {
	t.Helper()
	request, err := parse(t, l, name, arguments...)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	_, err = l.CarryOut(t.Context(), request.Job)
	if ended := (*run.Ended)(nil); err != nil && !(errors.As(err, &ended) && ended.Outcome == run.OutcomePartial) {
		t.Fatalf("%s: %v", name, err)
	}
	return request.Job
}

// One device without a board on an analyzer of another kind.
func TestOneDeviceOnAnotherAnalyzer(t *testing.T) {
	l := open(t, "analyzer: {type: blueprint, address: sim}")
	l.Config.Boards = []config.Board{{Name: "A", Address: config.NoBoard, Wiring: "one-device.yaml"}}
	pulsed := array.Pulse{Voltage: 0.8, Width: 1e-3, Scheme: array.HalfVoltage, Compliance: 1e-3}
	if _, err := l.CarryOut(t.Context(), &pulses{array.Cell{}, pulsed}); err != nil {
		t.Fatal(err)
	}
	read := do(t, l, "read").(*procedure.Reading)
	truth, err := sim.TruthOf(l.Config, "A")
	if err != nil || math.Abs(truth.Ledger.MaxAbsV-0.8) > 0.01 || math.Abs(read.Values[0]-truth.Conductance[0]) > 1e-8 {
		t.Errorf("%v V on the device after a pulse of 0.8 V; %v S are read of %v S; %v", truth.Ledger.MaxAbsV,
			read.Values[0], truth.Conductance[0], err)
	}
}

// The benches of hwdocs/benches.md form, tune, measure and read: the defect map is the
// simulated chip's truth, devices are in tolerance, and nothing has seen more than the
// limits allow.
func TestShapes(t *testing.T) {
	for _, c := range []struct {
		name, boards, more, target string
		seeds                      []int
		missed                     int // devices out of tolerance at most
	}{
		{name: "one device", boards: "{name: A, address: none, wiring: one-device.yaml}", target: "20uS",
			seeds: []int{1, 2, 3, 4, 5}},
		{name: "a row of 8", boards: "{name: A, address: sim, wiring: row-of-8.yaml}", target: "20uS",
			seeds: []int{1, 2, 3}},
		{name: "20 x 20 on two units", boards: "{name: A, address: sim, wiring: two-units.yaml}", target: "face",
			more:  "forming: {icomp: 3mA, vreset_max: -2.5V}\ntuning: {width: 2ms, vreset_max: -2.4V}\n",
			seeds: []int{1, 3}, missed: 12},
	} {
		if testing.Short() && c.target == "face" {
			continue // whole arrays
		}
		for _, seed := range c.seeds {
			dir := t.TempDir()
			file := filepath.Join(dir, "bench.yaml")
			text := "analyzer: {type: b1500, address: sim}\nboards: [" + c.boards + "]\n" + c.more +
				"limits: {min_voltage: -2.5V, max_voltage: 3.5V, max_current: 5mA, max_width: 20ms}\n" +
				"figures: svg\nruns: " + dir + "/runs\nsimulation: {slots: 1-2, chip: " + dir + "/chip.json}\n"
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			var said bytes.Buffer
			l := lab.New()
			l.Messages = &said
			if err := l.ReadConfig(file, nil); err != nil {
				t.Fatal(err)
			}
			l.Config.Simulation.Seed = uint64(seed)

			formed := do(t, l, "form").(*procedure.Forming)
			truth, err := sim.TruthOf(l.Config, "A")
			if err != nil {
				t.Fatal(err)
			}
			working := 0
			for _, d := range formed.Outcome.Defects.Devices {
				unformable := slices.Contains(truth.Unformable, device.Cell{d.Cell.Row, d.Cell.Col})
				if !unformable {
					working++
				}
				if unformable != (d.State == array.StateDefective) || d.State == array.StateUntried {
					t.Errorf("%s, seed %d: %s is %v, unformable in truth: %t", c.name, seed, d.Cell, d, unformable)
				}
			}
			if working == 0 {
				continue
			}
			tuned := do(t, l, "tune", "--target", c.target).(*procedure.Tuning)
			if n := tuned.Result.InTolerance; n < working-c.missed {
				t.Errorf("%s, seed %d: %d of %d in tolerance", c.name, seed, n, working)
			}
			read := do(t, l, "read").(*procedure.Reading)
			if truth, err = sim.TruthOf(l.Config, "A"); err != nil {
				t.Fatal(err)
			}
			for i, g := range read.Values {
				// The truth is at 0.1 V, and in a large array the lines take most of what is not.
				if d := math.Abs(g/truth.Conductance[i] - 1); !(d < 0.35) && len(read.Values) <= 8 {
					t.Errorf("%s, seed %d: device %d is read as %g S and has %g S", c.name, seed, i, g, truth.Conductance[i])
				}
			}
			sweep := do(t, l, "iv", "-d", "r0c0", "--stop", "0.3V", "--steps", "4", "--one-way").(*procedure.Sweeping)
			last := array.Result{Levels: sweep.Result.Levels}.Last()
			if g, shown := read.Values[0], float64(last.Current)/0.3; math.Abs(shown/g-1) > 0.3 {
				t.Errorf("%s, seed %d: r0c0 is read as %g S and swept as %g S", c.name, seed, g, shown)
			}
			if s := truth.Ledger; len(truth.Destroyed) > 0 || s.MaxAbsV > 3.5 || s.MaxAbsI > 5e-3 {
				t.Errorf("%s, seed %d: destroyed %v, at most %g V and %g A", c.name, seed, truth.Destroyed, s.MaxAbsV,
					s.MaxAbsI)
			}
			if is := strings.Contains(said.String(), "forming.scheme is v2"); is != (c.target == "face") {
				t.Errorf("%s: what is done instead is said: %t\n%s", c.name, is, said.String())
			}
			t.Logf("%s, seed %d: %d working, %d in tolerance, at most %.2f V and %.2g A", c.name, seed, working,
				tuned.Result.InTolerance, truth.Ledger.MaxAbsV, truth.Ledger.MaxAbsI)
		}
	}
}
