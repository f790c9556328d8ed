package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/lab/boxes"
	"xlab/lab/config"
	"xlab/lab/sim"
	"xlab/mock/bench"
	"xlab/mock/fault"
	"xlab/run"
)

// eightByEight is a board with 8 x 8 lines, wired like the shipped ones.
const eightByEight = `array: A
rows: 8
cols: 8
board:
  name: A
  chip: adg1438
  chain:
    - rows: 0-7
    - cols: 0-7
buses: {S1: F1, S2: F2, S3: H1, S4: H2, S5: GND, S6: VREAD+, S7: VREAD-, S8: NEURON}
smu: {F1: 1, F2: 2, H1: 3, H2: 4}
`

// trial is a small chip on a bench on which things go wrong, over several
// commands.
type trial struct {
	t       *testing.T
	dir     string
	sim     *sim.Bench    // of the last command
	script  *fault.Script // of the next command; nil = nothing goes wrong
	hurry   time.Duration
	witness witness
	said    string // by the last command, on stderr
}

func newTrial(t *testing.T, seed uint64) *trial {
	t.Helper()
	r := &trial{t: t, dir: t.TempDir(), hurry: 150 * time.Millisecond}
	for name, text := range map[string]string{
		"small.yaml": eightByEight,
		config.FileName: fmt.Sprintf(`analyzer: {address: sim}
boards:
  - {name: A, address: sim, wiring: %q}
limits: {min_voltage: -2.5V, max_voltage: 3.5V, max_current: 5mA, max_width: 20ms}
recovery: {hold: 200ms}
runs: %q
simulation: {chip: %q, seed: %d}
`, filepath.Join(r.dir, "small.yaml"), filepath.Join(r.dir, "runs"), filepath.Join(r.dir, "chip.json"), seed),
	} {
		if err := os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// run carries out a command line and gives its exit code.
func (r *trial) run(args ...string) int {
	r.t.Helper()
	errs := newOutput()
	a := newApp(strings.NewReader(""), newOutput(), errs)
	a.Signals = make(chan os.Signal)
	a.NewBench = func(c *config.Config) (*sim.Bench, bool, error) {
		s, made, err := sim.Open(boxes.Default(), c)
		if err != nil {
			return nil, false, err
		}
		s.Hurry = r.hurry
		s.Line = func(to boxes.Server, rw io.ReadWriteCloser) io.ReadWriteCloser {
			if to != s.Analyzer {
				return rw
			}
			return &overheard{ReadWriteCloser: rw, sim: s, witness: &r.witness}
		}
		if r.script != nil {
			if err := s.Arm(r.script); err != nil {
				r.t.Fatal(err)
			}
		}
		r.sim = s
		return s, made, nil
	}
	code := a.execute(append(args, "--config", filepath.Join(r.dir, config.FileName)))
	r.said = errs.String()
	return code
}

// witness is what the simulated analyzer really measured, in order.
type witness struct {
	mu      sync.Mutex
	values  []witnessed
	matched int // values that the journals have been held against
}

// witnessed is one current that the analyzer has told.
type witnessed struct {
	cell    array.Cell
	amps    float64 // out of the unit
	message string  // that asked for it
}

// overheard is a stream to the analyzer whose answers are written down as they
// leave it, before anything can happen to them.
type overheard struct {
	io.ReadWriteCloser
	sim     *sim.Bench
	witness *witness
	message string
}

func (c *overheard) Read(p []byte) (int, error) {
	n, err := c.ReadWriteCloser.Read(p)
	c.message = string(p[:n])
	return n, err
}

var currentRecord = regexp.MustCompile(`\d{3}[A-J]I([+-]\d+\.\d+E[+-]\d\d)`)

func (c *overheard) Write(p []byte) (int, error) {
	var cell array.Cell
	c.sim.Netlist.Do(func() {
		closed := c.sim.Chains["A"].Closed()
		for line, set := range closed {
			rows := len(closed) / 2
			if line < rows && set&1 != 0 { // F1
				cell.Row = line
			}
			if line >= rows && set&2 != 0 { // F2
				cell.Col = line - rows
			}
		}
	})
	c.witness.mu.Lock()
	for _, m := range currentRecord.FindAllStringSubmatch(string(p), -1) {
		if amps, err := strconv.ParseFloat(m[1], 64); err == nil {
			c.witness.values = append(c.witness.values, witnessed{cell, amps, c.message})
		}
	}
	c.witness.mu.Unlock()
	return c.ReadWriteCloser.Write(p)
}

// checkAnswers holds every reading in the journal of a run against what the
// analyzer really answered: the same number, on the same device, to a question
// with the same voltage, and each answer taken once and in order, from the given
// one on. It gives the number of readings and says which are none.
func (r *trial) answers(dir string, from int) (readings int, wrong []string) {
	r.t.Helper()
	w := &r.witness
	for _, record := range readJournal(r.t, dir).Records {
		if record.Type != run.TypePart && record.Type != run.TypeResult &&
			!(record.Type == run.TypeEvent && record.Kind == array.EventRead) {
			continue
		}
		var done struct {
			Cell    array.Cell        `json:"cell"`
			Steps   []json.RawMessage `json:"steps"`
			Results []array.Result    `json:"results"`
		}
		if json.Unmarshal(record.Data, &done) != nil || len(done.Steps) == 0 {
			continue // the closing of a group has other data
		}
		for k, result := range done.Results {
			step, err := array.StepKinds().Step(done.Steps[k])
			if err != nil {
				r.t.Fatal(err)
			}
			for _, level := range result.Levels {
				readings++
				found := from
				for found < len(w.values) && !w.values[found].is(done.Cell, step, level) {
					found++
				}
				if found == len(w.values) {
					wrong = append(wrong, fmt.Sprintf("line %d: %v at %v on device %s", record.Seq, level.Current, level.Voltage,
						done.Cell))
					continue
				}
				from = found + 1
			}
		}
	}
	w.matched = from
	return readings, wrong
}

// is tells whether a witnessed value is the one that a level was made of.
func (v witnessed) is(cell array.Cell, step array.Step, level array.Level) bool {
	if v.cell != cell || v.amps != -float64(level.Current) {
		return false
	}
	if _, sweeps := step.(array.Sweep); sweeps {
		return true
	}
	// The selected lines are biased symmetrically about ground for pulses; for
	// reads the column is grounded.
	want := math.Abs(float64(level.Voltage))
	if _, pulses := step.(array.Pulse); pulses {
		want /= 2
	}
	for _, text := range number.FindAllString(v.message, -1) {
		if x, err := strconv.ParseFloat(text, 64); err == nil && math.Abs(x-want) < 1e-3 {
			return true
		}
	}
	return false
}

var number = regexp.MustCompile(`\d+(\.\d*)?([Ee][+-]?\d+)?`)

// checkLedger checks that no device has ever seen more than the limits allow.
func (r *trial) checkLedger() {
	r.t.Helper()
	if r.sim == nil {
		return
	}
	for _, e := range r.sim.Chip.Arrays["A"].Ledger() {
		if e.MaxV > 3.5+1e-6 || e.MinV < -2.5-1e-6 || e.MaxAbsI > 5e-3*(1+1e-6) {
			r.t.Errorf("device r%dc%d has seen %.4f V to %.4f V and %.4g A", e.Row, e.Col, e.MinV, e.MaxV, e.MaxAbsI)
		}
	}
}

// unsafe asks the simulated instruments what was left on or closed; "" = nothing.
func (r *trial) unsafe() string {
	var left []string
	if r.sim == nil {
		return ""
	}
	// A register that is upset when everything has been read back as open
	// closes its switch when the link is closed. Nobody can know; and nothing
	// drives it, which the outputs tell.
	upset := 0
	if r.sim.Faults != nil {
		for _, h := range r.sim.Faults.Happened() {
			if h.Fault.What == "upset" {
				upset++
			}
		}
	}
	r.sim.Netlist.Do(func() {
		for i, o := range r.sim.Netlist.Outputs() {
			if o.Mode != bench.Off {
				left = append(left, fmt.Sprintf("unit %d is at %+v", i+1, o))
			}
		}
		if n := r.sim.Netlist.ClosedSwitches(); n > upset {
			left = append(left, fmt.Sprintf("%d switches are closed", n))
		}
	})
	return strings.Join(left, ", ")
}

// blocked tells whether something that has gone wrong in the last command may
// still have kept instruments from being reached at its end.
func (r *trial) blocked() bool {
	if r.sim == nil || r.sim.Faults == nil {
		return false
	}
	return slices.ContainsFunc(r.sim.Faults.Happened(), func(h fault.Happened) bool {
		switch h.Fault.What {
		case fault.Cut, "silence", "hang", "adapter_silence", "adapter_hang", "stick", "unplug":
			return true
		case fault.Delay:
			return h.Fault.For >= r.hurry
		}
		return false
	})
}

// happened lists what has gone wrong in the last command.
func (r *trial) happened() string {
	var list []string
	if r.sim != nil && r.sim.Faults != nil {
		for _, h := range r.sim.Faults.Happened() {
			list = append(list, fmt.Sprintf("%s (piece %d)", h.Fault, h.Piece))
		}
	}
	return strings.Join(list, "; ")
}

// stored is the newest run, nil for none.
func (r *trial) stored() *run.Stored {
	s, err := run.Load(filepath.Join(r.dir, "runs"), "last")
	if err != nil {
		return nil
	}
	return s
}

// checkEnd checks how a command on which things went wrong has ended.
func (r *trial) checkEnd(code int, before string) (done bool) {
	r.t.Helper()
	if left := r.unsafe(); left != "" {
		if !strings.Contains(r.said, run.ErrUnsafe.Error()) && !strings.Contains(r.said, "by hand") &&
			!strings.Contains(r.said, "switch off") {
			r.t.Errorf("%s, and nothing is said of it:\n%s", left, r.said)
		}
		if !r.blocked() {
			r.t.Errorf("%s, although all links work:\n%s", left, r.said)
		}
		r.t.Logf("not made safe: %s", left)
	}
	r.checkLedger()
	switch code {
	case run.ExitDone, run.ExitPartial:
		done = true
	case run.ExitTrip, run.ExitUnreachable, run.ExitInterrupted, run.ExitUnsafe:
		if !strings.Contains(r.said, "xlab: ") {
			r.t.Errorf("exit code %d without a word", code)
		}
	default:
		r.t.Errorf("exit code %d:\n%s", code, r.said)
	}
	s := r.stored()
	if s == nil || s.ID == before {
		if done {
			r.t.Errorf("done, and there is no run")
		}
		return done // ended before a run was begun
	}
	if s.Outcome == run.OutcomeComplete || s.Outcome == run.OutcomePartial {
		done = true // what failed came after the work, when the links were closed
	}
	if s.Result == nil && !strings.Contains(r.said, "result.json") && !strings.Contains(r.said, "journal") {
		r.t.Errorf("run %s has no result:\n%s", s.ID, r.said)
	}
	if s.Result != nil && !done && (s.Result.Cause == "" || s.Result.Kind == instrument.KindUnknown &&
		s.Outcome != run.OutcomeInterrupted) {
		r.t.Errorf("run %s ended as %s with the cause %q of kind %q:\n%s", s.ID, s.Outcome, s.Result.Cause, s.Result.Kind,
			r.said)
	}
	return done
}
