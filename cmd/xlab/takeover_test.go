package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"xlab/instrument"
	"xlab/lab/sim"
	"xlab/mock/bench"
	"xlab/run"
)

// traffic is what went to the analyzer and to the switch boards, in the order in
// which it arrived. The adapter's own lines are left out.
type traffic struct {
	mu    sync.Mutex // the servers of a bench whose analyzer is silent do not wait for one another
	sent  []string   // messages to the analyzer; atBoards for anything to the boards
	half  string     // message whose end has not come yet
	force bool       // a source was on when a board was first touched
	// named, if not nil, is who answers *IDN?, so often as it has been asked.
	named func(asked int) string
}

const atBoards = "(boards)"

// listen records what the rig's next command says. kill leaves the bench before
// it as a killed process would.
func (r *rig) listen(kill bool) *traffic {
	c := new(traffic)
	r.prepare = func(s *sim.Bench) {
		if kill {
			leaveStressed(s)
		}
	}
	asked := 0
	last := ""
	r.heard = func(_ int, message string, _ io.Closer) {
		c.mu.Lock()
		defer c.mu.Unlock()
		last = message
		lines := strings.Split(c.half+message, "\n")
		c.half = lines[len(lines)-1]
		for _, line := range lines[:len(lines)-1] {
			if !strings.HasPrefix(line, "++") {
				c.sent = append(c.sent, line)
			}
		}
	}
	r.answered = func(_ int, answer []byte) []byte {
		if c.named == nil || !strings.Contains(last, "*IDN?") {
			return answer
		}
		asked++
		return bytes.ReplaceAll(answer, []byte("B1500A"), []byte(c.named(asked)))
	}
	r.routed = func(int, []byte, io.Closer) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if first := !slices.Contains(c.sent, atBoards); first {
			r.sim.Netlist.Do(func() {
				c.force = slices.ContainsFunc(r.sim.Netlist.Outputs(), func(o bench.Output) bool { return o.Mode != bench.Off })
			})
		}
		if len(c.sent) == 0 || c.sent[len(c.sent)-1] != atBoards {
			c.sent = append(c.sent, atBoards)
		}
	}
	return c
}

// leaveStressed puts 1.5 V on device r0c0 of array A, with the outputs on.
func leaveStressed(s *sim.Bench) {
	s.Netlist.Do(func() {
		lines := make([]uint8, s.Chains["A"].Chips())
		lines[0], lines[len(lines)/2] = 1, 2 // row on F1, column on F2
		slices.Reverse(lines)
		s.Chains["A"].Select(true)
		s.Chains["A"].Transfer(lines, make([]byte, len(lines)))
		s.Chains["A"].Select(false)
		analyzer(s).Write([]byte("CN 1,2;DV 1,20,1.5,0.001;DV 2,20,0,0.001"))
		if s.Netlist.ClosedSwitches() != 2 || s.Netlist.Outputs()[0].Level != 1.5 {
			panic("the bench is not as a killed process leaves it")
		}
	})
}

// before gives what was sent until a board was touched for the first time.
func (c *traffic) before() []string {
	if i := slices.Index(c.sent, atBoards); i >= 0 {
		return c.sent[:i]
	}
	return c.sent
}

// Sources are off before a switch is touched, whatever else is wrong.
func TestSourcesComeBeforeSwitches(t *testing.T) {
	t.Parallel()
	takenOver := []string{"*IDN?", "DZ", "CL", "*IDN?"}
	for name, tc := range map[string]struct {
		args    []string
		prepare func(s *sim.Bench)
		named   func(asked int) string
		garble  bool // the answer to UNT?
		code    int
		kind    string // words of the message
		sent    []string
		touched bool // the boards were
		forces  bool // the sources could not be reached
	}{
		"a run":  {args: []string{"form", "--devices", "r0c0"}, sent: takenOver, touched: true},
		"doctor": {args: []string{"doctor"}, sent: takenOver, touched: true},
		"identification fails half way": {args: []string{"doctor"}, garble: true, code: run.ExitUnreachable, kind: "UNT?",
			sent: takenOver, touched: true},
		"another instrument": {args: []string{"form"}, named: func(int) string { return "4156C" },
			code: run.ExitUnreachable, kind: "4156C answers, not a B1500A",
			sent: takenOver[:1], forces: true},
		"another instrument, looked at": {args: []string{"doctor"}, named: func(int) string { return "4156C" },
			code: run.ExitUnreachable, kind: "4156C answers, not a B1500A",
			sent: takenOver[:1], forces: true},
		// A sweep that was begun keeps it from answering until a device clear.
		"busy": {args: []string{"form", "--devices", "r0c0"}, prepare: func(s *sim.Bench) { analyzer(s).Hang() },
			sent: takenOver, touched: true},
		"silent": {args: []string{"doctor"}, prepare: func(s *sim.Bench) { analyzer(s).Silence(true) },
			code: run.ExitUnreachable, kind: "switch the outputs off there",
			sent: takenOver, touched: true, forces: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, 1)
			c := r.listen(true)
			c.named = tc.named
			if prepare := r.prepare; tc.prepare != nil {
				r.prepare = func(s *sim.Bench) {
					prepare(s)
					s.Netlist.Do(func() { tc.prepare(s) })
					s.Hurry = time.Second
				}
			}
			if tc.garble {
				r.answered = func(_ int, answer []byte) []byte {
					return bytes.ReplaceAll(answer, []byte("B1517A,0"), []byte("B1517A"))
				}
			}
			code := r.run(tc.args...)
			if code != tc.code || !strings.Contains(r.err.String(), tc.kind) {
				t.Errorf("exit code %d, want %d and %q:\n%s", code, tc.code, tc.kind, r.err)
			}
			if got := c.before(); !slices.Equal(got, tc.sent) {
				t.Errorf("sent to the analyzer before a board was touched: %q, want %q", got, tc.sent)
			}
			if touched := slices.Contains(c.sent, atBoards); touched != tc.touched {
				t.Errorf("a board was touched: %v, want %v", touched, tc.touched)
			}
			switch {
			case !tc.forces:
				if c.force {
					t.Error("a source was on when a board was first touched")
				}
				r.checkSafe(0)
			case tc.touched: // a held stress is worse than a switch that opens under it
				if n := r.sim.Netlist.ClosedSwitches(); n != 0 {
					t.Errorf("%d switches are left closed", n)
				}
			default:
				if n := r.sim.Netlist.ClosedSwitches(); n != 2 {
					t.Errorf("%d switches are closed, want the 2 that were found", n)
				}
			}
		})
	}
}

// A bench that is brought back is taken over as when it is opened, and another
// instrument that has come into the analyzer's place gets no byte, not even at
// the end.
func TestBenchBroughtBackIsTakenOver(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		name string
		code int
		kind instrument.Kind
		sent []string // behind the error
	}{
		"the same one": {"B1500A", run.ExitDone, "", []string{"*IDN?", "DZ", "CL", "*IDN?", atBoards}},
		"another one":  {"4156C", run.ExitUnsafe, instrument.KindTrip, []string{"*IDN?", atBoards}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, 1)
			c := r.listen(false)
			wrong := -1 // index into c.sent from which on the analyzer has reported an error
			c.named = func(int) string {
				if wrong >= 0 {
					return tc.name
				}
				return "B1500A"
			}
			heard := r.heard
			r.heard = func(n int, message string, line io.Closer) {
				heard(n, message, line)
				if wrong < 0 && strings.Contains(message, aSweep) {
					wrong = len(c.sent)
					r.sim.Netlist.Do(func() { analyzer(r.sim).InjectError(100, 0) })
				}
			}
			code := r.run("form", "--devices", "r0c0")
			if code != tc.code {
				t.Errorf("exit code %d, want %d:\n%s", code, tc.code, r.err)
			}
			after := c.sent[wrong:]
			after = after[slices.Index(after, "*IDN?"):]
			if i := slices.Index(after, atBoards); i < 0 || !slices.Equal(after[:i+1], tc.sent) {
				t.Errorf("sent when the bench was brought back: %q, want %q", after, tc.sent)
			} else if tc.kind != "" && len(after) > i+1 {
				t.Errorf("sent to another instrument: %q", after[i+1:])
			}
		})
	}
}

// A trigger of a process that is gone, which comes behind the reset of the next one,
// stresses nothing and does not end it; the journal says what was met. An error that
// stays is reported.
func TestLateTrigger(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		times, code, takenOver int
	}{
		"once": {1, run.ExitDone, 2},
		"ever": {99, run.ExitUnreachable, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, 1)
			c := r.listen(false)
			heard, late := r.heard, tc.times
			r.heard = func(n int, message string, line io.Closer) {
				heard(n, message, line)
				// Behind the reset, CN and the first look at the queue.
				if late > 0 && strings.Contains(message, "*LRN? 0") {
					late--
					r.sim.Netlist.Do(func() { analyzer(r.sim).Write([]byte("XE")) })
				}
			}
			if code := r.run("form", "--devices", "r0c0"); code != tc.code {
				t.Fatalf("exit code %d, want %d:\n%s", code, tc.code, r.err)
			}
			if got := strings.Count(strings.Join(c.sent, "|"), "*IDN?|DZ|CL|*IDN?"); got != tc.takenOver {
				t.Errorf("taken over %d times in %q", got, c.sent)
			}
			r.checkSafe(0)
			if tc.code != run.ExitDone {
				if !strings.Contains(r.err.String(), "analyzer error 217") {
					t.Errorf("said %s", r.err)
				}
				return
			}
			journals, err := filepath.Glob(filepath.Join(r.runs, "*", "journal.jsonl"))
			if err != nil || len(journals) != 1 {
				t.Fatal(journals, err)
			}
			if text, err := os.ReadFile(journals[0]); err != nil || !bytes.Contains(text, []byte("analyzer error 217")) {
				t.Errorf("%v, in the journal %.800s", err, text)
			}
		})
	}
}
