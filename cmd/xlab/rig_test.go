package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/lab/boxes"
	"xlab/lab/config"
	"xlab/lab/procedure"
	"xlab/lab/sim"
	"xlab/mock/bench"
	"xlab/mock/wire/b1500"
	"xlab/run"
)

// rig is the program on a simulated bench in memory that a test can tamper
// with. Interrupts come from the test, not from the process.
type rig struct {
	t        testing.TB
	app      *app
	out, err *output
	runs     string // directory of run directories
	signals  chan os.Signal
	sim      *sim.Bench // of the last command

	anotherChip bool // the next command of a rig that keeps its chip finds a new one

	// prepare is called before a command uses the bench; nil = nothing to do.
	prepare func(s *sim.Bench)
	// heard is called, on the server's goroutine and before the server gets to
	// see it, for every message of the host to the analyzer's adapter (count
	// from 1); nil = nobody listens.
	heard func(n int, message string, line io.Closer)
	// answered may change what the adapter gives the host after that message;
	// nil = nothing is changed.
	answered func(n int, answer []byte) []byte
	// routed is called like heard for every frame of the host to the switch
	// boards' adapters.
	routed func(n int, frame []byte, line io.Closer)
}

// output is what a command writes, readable while it still does.
type output struct {
	mu     sync.Mutex
	buffer bytes.Buffer
	more   chan struct{} // closed and replaced at every write
}

func newOutput() *output { return &output{more: make(chan struct{})} }

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	close(o.more)
	o.more = make(chan struct{})
	return o.buffer.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buffer.String()
}

// patient is how long something may take on a slow machine.
const patient = time.Minute

// programIn is the program in another process, with its runs and the simulated chip
// chip.json in a directory.
func programIn(dir string) func(args ...string) *exec.Cmd {
	return func(args ...string) *exec.Cmd {
		chip := filepath.Join(dir, "chip.json")
		return exec.Command("xlab", append(args, "--set", "runs="+dir, "--set", "simulation.chip="+chip)...)
	}
}

// start starts a command, which does not outlive the test, and gives what it says.
func start(t *testing.T, c *exec.Cmd) *output {
	t.Helper()
	said := newOutput()
	c.Stdout, c.Stderr = said, said
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, _ = c.Process.Kill(), c.Wait() // it may have ended
	})
	return said
}

// awaitRecords blocks until the journal of a run whose directory below runs matches
// name holds n records of a type. What a process prints comes at times of its own,
// and a journal tells what another process will find.
func awaitRecords(t *testing.T, runs, name string, n int, of run.Type, said *output) {
	t.Helper()
	for end := time.Now().Add(patient); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		journals, err := filepath.Glob(filepath.Join(runs, name, "journal.jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		for _, journal := range journals {
			found := 0
			if _, err := run.ScanJournal(filepath.Dir(journal), func(r run.Record) error {
				if r.Type == of {
					found++
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			if found >= n {
				return
			}
		}
	}
	t.Fatalf("no run %s has recorded %d times %q:\n%s", name, n, of, said)
}

// await blocks until the output holds text.
func (o *output) await(t *testing.T, text string) {
	deadline := time.After(patient)
	for {
		o.mu.Lock()
		found, more := strings.Contains(o.buffer.String(), text), o.more
		o.mu.Unlock()
		if found {
			return
		}
		select {
		case <-more:
		case <-deadline:
			t.Errorf("%q was never written; written was:\n%s", text, o)
			return
		}
	}
}

func newRig(t testing.TB, seed uint64) *rig {
	t.Helper()
	r := &rig{t: t, out: newOutput(), err: newOutput(), runs: t.TempDir(), signals: make(chan os.Signal, 2)}
	r.app = newApp(strings.NewReader(""), r.out, r.err)
	r.app.Signals = r.signals
	r.app.NewBench = func(c *config.Config) (*sim.Bench, bool, error) {
		state, err := sim.NewChip(c, seed)
		if err != nil {
			return nil, false, err
		}
		s, err := sim.New(boxes.Default(), c, state, "")
		if err != nil {
			return nil, false, err
		}
		s.Line = r.tap
		r.sim = s
		if r.prepare != nil {
			r.prepare(s)
		}
		return s, false, nil
	}
	return r
}

// run carries out a command line and gives its exit code.
func (r *rig) run(args ...string) int {
	// What is pulled stays out: nobody waits for it, unless the test says so.
	if !slices.ContainsFunc(args, func(a string) bool { return strings.HasPrefix(a, "recovery.hold=") }) {
		args = append(args, "--set", "recovery.hold=0s")
	}
	return r.app.execute(append(args, "--set", "runs="+r.runs))
}

// tap puts the rig's listeners between a server and its connection.
func (r *rig) tap(to boxes.Server, rw io.ReadWriteCloser) io.ReadWriteCloser {
	if to == r.sim.Neurons {
		return rw // nobody listens there
	}
	return &tapped{ReadWriteCloser: rw, rig: r, analyzer: to == r.sim.Analyzer}
}

// analyzer is that of a simulated bench.
func analyzer(s *sim.Bench) *b1500.Analyzer { return s.Analyzer.(*boxes.SimulatedB1500).Instrument }

type tapped struct {
	io.ReadWriteCloser
	rig      *rig
	analyzer bool
	n        int
}

func (c *tapped) Read(p []byte) (int, error) {
	n, err := c.ReadWriteCloser.Read(p)
	if n > 0 {
		c.n++
		switch r := c.rig; {
		case c.analyzer && r.heard != nil:
			r.heard(c.n, string(p[:n]), c)
		case !c.analyzer && r.routed != nil:
			r.routed(c.n, p[:n], c)
		}
	}
	return n, err
}

func (c *tapped) Write(p []byte) (int, error) {
	if answered := c.rig.answered; c.analyzer && answered != nil {
		changed := answered(c.n, bytes.Clone(p))
		if _, err := c.ReadWriteCloser.Write(changed); err != nil {
			return 0, err
		}
		return len(p), nil
	}
	return c.ReadWriteCloser.Write(p)
}

// forces tells whether a message makes a source force anything.
func forces(message string) bool {
	commands := []string{"DV", "DI", "WV", "WI", "PV", "PI", "MCPNX"}
	return slices.ContainsFunc(commands, func(c string) bool { return strings.Contains(message, c) })
}

// checkSafe asks the simulated instruments themselves whether all outputs are
// off and all switches open, apart from what could not be reached. An output
// that stays on must be at 0 V.
func (r *rig) checkSafe(but unreachable) {
	r.t.Helper()
	r.sim.Netlist.Do(func() {
		for i, o := range r.sim.Netlist.Outputs() {
			if o.Mode != bench.Off && (but&outputsOn == 0 || o.Mode != bench.ForceVoltage || o.Level != 0) {
				r.t.Errorf("unit %d is left at %+v", i+1, o)
			}
		}
		if n := r.sim.Netlist.ClosedSwitches(); n != 0 && but&switchesClosed == 0 {
			r.t.Errorf("%d switches are left closed", n)
		}
	})
}

// stored loads the only run and checks that its directory is complete: a
// journal without damage that ends as result.json says.
func (r *rig) stored() *run.Stored {
	r.t.Helper()
	s, err := run.Load(r.runs, "last")
	if err != nil {
		r.t.Fatal(err)
	}
	if len(s.Problems) > 0 {
		r.t.Errorf("problems with the run: %q", s.Problems)
	}
	if s.Result == nil {
		r.t.Fatal("the run has no result")
	}
	if s.Outcome != s.Result.Outcome {
		r.t.Errorf("the journal ends as %s, result.json as %s", s.Outcome, s.Result.Outcome)
	}
	return s
}

// noRuns checks that no run directory was begun.
func (r *rig) noRuns() {
	r.t.Helper()
	if entries, err := os.ReadDir(r.runs); err != nil || len(entries) > 0 {
		r.t.Errorf("run directory: %v, %v; want none", entries, err)
	}
}

// journal reads the journal of the only run.
func (r *rig) journal() history {
	r.t.Helper()
	return readJournal(r.t, r.stored().Dir)
}

// history is a journal read into memory.
type history struct {
	*run.Report
	Records []run.Record
}

func readJournal(t testing.TB, dir string) (h history) {
	t.Helper()
	var err error
	h.Report, err = run.ScanJournal(dir, func(r run.Record) error {
		h.Records = append(h.Records, r)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// events gives the kinds of the events in the journal.
func (r *rig) events() []string {
	r.t.Helper()
	var kinds []string
	for _, record := range r.journal().Records {
		if record.Type == run.TypeEvent {
			kinds = append(kinds, record.Kind)
		}
	}
	return kinds
}

// defects reads the defect map of the only run.
func (r *rig) defects() *array.DefectMap {
	r.t.Helper()
	f, err := os.Open(filepath.Join(r.stored().Dir, procedure.DefectsFile))
	if err != nil {
		r.t.Fatal(err)
	}
	defer f.Close()
	m, err := array.ReadDefectMap(f, f.Name())
	if err != nil {
		r.t.Fatal(err)
	}
	return m
}

// check is the common end of a command that has failed: exit code, words of
// the message, outcome and kind of its run; no outcome for no run.
func (r *rig) check(code, want int, outcome run.Outcome, kind instrument.Kind, words ...string) {
	r.t.Helper()
	message := r.err.String()
	if code != want {
		r.t.Errorf("exit code %d, want %d:\n%s", code, want, message)
	}
	for _, w := range words {
		if !strings.Contains(message, w) {
			r.t.Errorf("the message does not say %q:\n%s", w, message)
		}
	}
	lines := strings.Split(strings.TrimSpace(message), "\n")
	last := lines[len(lines)-1]
	cannotBeOverlooked := strings.HasPrefix(last, "!!! THE BENCH IS NOT SAFE")
	if cannotBeOverlooked != (want == run.ExitUnsafe) {
		r.t.Errorf("exit code %d, and the last line is\n%s", want, last)
	}
	if outcome == "" {
		r.noRuns()
		return
	}
	s := r.stored()
	goOn := "go on with: xlab resume " + s.ID
	if (last == goOn || strings.HasPrefix(last, goOn+" ")) != (want == run.ExitInterrupted) {
		r.t.Errorf("exit code %d, and the last line is\n%s", want, last)
	}
	if s.Outcome != outcome || s.Result.Exit != want || s.Result.Kind != kind {
		r.t.Errorf("the run ended as %s of kind %q with exit code %d, want %s, %q, %d",
			s.Outcome, s.Result.Kind, s.Result.Exit, outcome, kind, want)
	}
}
