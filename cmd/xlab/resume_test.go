package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"xlab/instrument/array"
	"xlab/lab"
	"xlab/lab/boxes"
	"xlab/lab/config"
	"xlab/lab/sim"
	"xlab/mock/chip"
	"xlab/run"
	"xlab/run/guarded"
)

// newKeptRig is a rig whose chip outlives the commands, and is identified.
func newKeptRig(t testing.TB, seed uint64) *rig {
	t.Helper()
	r := newRig(t, seed)
	var kept *chip.Chip
	r.app.NewBench = func(c *config.Config) (*sim.Bench, bool, error) {
		if kept == nil || r.anotherChip {
			var err error
			if kept, err = sim.NewChip(c, seed); err != nil {
				return nil, false, err
			}
			r.anotherChip = false
		}
		s, err := sim.New(boxes.Default(), c, kept, c.Simulation.Chip)
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

// interruptAt interrupts a command twice at the n-th message with a mark.
func (r *rig) interruptAt(t *testing.T, mark string, n int) {
	t.Helper()
	seen := 0
	r.heard = func(_ int, message string, _ io.Closer) {
		if !strings.Contains(message, mark) {
			return
		}
		if seen++; seen == n {
			r.signals <- os.Interrupt
			r.signals <- os.Interrupt
			r.err.await(t, "interrupt: stopping at once")
		}
	}
}

// isReplayed checks that the last run's algorithm does again what is recorded.
func (r *rig) isReplayed(end string) {
	r.t.Helper()
	before := len(r.out.String())
	if code := r.run("replay", "last"); code != 0 || !strings.Contains(r.out.String()[before:], end) {
		r.t.Errorf("replay ended with exit code %d:\n%s\n%s", code, r.out.String()[before:], r.err)
	}
}

// TestResumed cuts every command off in the middle of stress and takes it up:
// it comes to its end, and the whole run can be replayed.
func TestResumed(t *testing.T) {
	t.Parallel()
	form := []string{"form", "--devices", "r0-2c0-2"}
	sixth := func(args ...string) []string { return append(args, "--devices", "r0-2c0-2", "--defects", "none") }
	for name, c := range map[string]struct {
		formed bool
		args   []string
		mark   string
		at     int
		files  []string
	}{
		"form in a sweep": {false, form, aSweep, 3, []string{"defects.json", "devices.csv"}},
		"form in a pulse": {false, form, aPulse, 5, []string{"defects.json", "devices.csv"}},
		"tune": {true, []string{"tune", "--target", "25uS", "--devices", "r0-2c0-2", "--defects",
			"none"}, aPulse, 9, []string{"devices.csv", "traces.csv"}},
		"thresholds": {true, sixth("characterize", "thresholds"), aPulse, 20, []string{"thresholds.csv"}},
		"thresholds by current": {true, sixth("characterize", "thresholds", "--current"), "WI ", 4,
			[]string{"thresholds.csv"}},
		"iv in its loop":         {true, sixth("characterize", "iv"), aSweep, 5, []string{"iv.csv"}},
		"iv in its static curve": {true, sixth("characterize", "iv"), aSweep, 4, []string{"iv.csv"}},
		"retention": {true, sixth("characterize", "retention", "--last", "100s"), aPulse, 12,
			[]string{"retention.csv"}},
		"retention while it reads": {true, sixth("characterize", "retention", "--last", "100s"), "TI", 60,
			[]string{"retention.csv"}},
		"endurance": {true, sixth("characterize", "endurance", "--cycles", "4"), aPulse, 40,
			[]string{"endurance.csv"}},
		"endurance of fixed pulses": {true, sixth("characterize", "endurance", "--cycles", "30", "--fixed"), aPulse, 20,
			[]string{"endurance.csv"}},
		"temperature": {true, sixth("characterize", "temperature", "--temperatures", "25C,60C", "--read",
			"0.1V"), aPulse, 9, []string{"temperature.csv"}},
		"disturb": {true, []string{"characterize", "disturb", "--devices", "r1c1", "--defects", "none",
			"--pulses", "5"}, aPulse, 25, []string{"disturb.csv"}},
		"a sweep of xlab iv": {true, []string{"iv", "--device", "r1c1", "--stop", "1V"}, aSweep, 1,
			[]string{"iv.csv"}},
		"a pulse by hand":           {true, []string{"pulse", "--device", "r1c1", "-1V", "1ms", "--read"}, aPulse, 1, nil},
		"a read of the whole array": {true, []string{"read", "--devices", "r0-2c*"}, "TI", 30, []string{"conductance.csv"}},
		"temperature while it reads": {true, sixth("characterize", "temperature", "--temperatures", "25C,60C", "--read",
			"0.1V"), "TI", 700, []string{"temperature.csv"}},
	} {
		t.Run(name, func(t *testing.T) {
			if (testing.Short() || raceDetector) && c.formed && name != "tune" {
				t.Skip("the same with other measurements")
			}
			t.Parallel()
			r := newKeptRig(t, 1)
			if c.formed {
				if code := r.run(form...); code != 0 {
					t.Fatalf("forming: %d\n%s", code, r.err)
				}
			}
			r.interruptAt(t, c.mark, c.at)
			if code := r.run(c.args...); code != run.ExitInterrupted {
				t.Fatalf("exit code %d, want %d:\n%s", code, run.ExitInterrupted, r.err)
			}
			r.heard = nil
			first := r.stored()
			r.isReplayed("up to where the run was cut off")
			before := len(r.err.String())
			if code := r.run("resume", "--json"); code != run.ExitDone && code != run.ExitPartial {
				t.Fatalf("resume ended with exit code %d:\n%s", code, r.err)
			}
			if said := r.err.String()[before:]; !strings.Contains(said, "taking up run "+first.ID+": ") {
				t.Errorf("resume said\n%s", said)
			}
			r.checkSafe(0)
			s := r.stored()
			if s.ID != first.ID || s.Outcome != run.OutcomeComplete && s.Outcome != run.OutcomePartial ||
				s.Result.Segments != 2 {
				t.Errorf("run %s is %s with %d segments", s.ID, s.Outcome, s.Result.Segments)
			}
			if s.Wall <= first.Wall || *s.Bench <= *first.Bench {
				t.Errorf("wall time %v after %v, bench time %v after %v", s.Wall, first.Wall, *s.Bench, *first.Bench)
			}
			if u := r.journal().Unknown; len(u) > 0 {
				t.Errorf("intents without a result: %+v", u)
			}
			for _, file := range c.files {
				if info, err := os.Stat(filepath.Join(s.Dir, file)); err != nil || info.Size() == 0 {
					t.Errorf("%s: %v", file, err)
				}
			}
			r.isReplayed("to the end of the run and its result")
		})
	}
}

// TestTripIsResumed opens the lid in a pulse; the run goes on when it is closed.
func TestTripIsResumed(t *testing.T) {
	t.Parallel()
	r := newKeptRig(t, 1)
	atMessage(aPulse, func(s *sim.Bench) { s.Netlist.OpenInterlock(true) })(r)
	if code := r.run("form", "--devices", "r0c0-5"); code != run.ExitTrip {
		t.Fatalf("exit code %d:\n%s", code, r.err)
	}
	if u := r.journal().Unknown; len(u) != 1 {
		t.Errorf("intents without a result: %+v, want one", u)
	}
	r.heard = nil
	if code := r.run("resume"); code != 0 {
		t.Fatalf("exit code %d:\n%s", code, r.err)
	}
	unknown := 0
	for _, record := range r.journal().Records {
		if bytes.Contains(record.Data, []byte(`"unknown":true`)) {
			unknown++
		}
	}
	if unknown != 1 {
		t.Errorf("%d results are marked as unknown, want 1", unknown)
	}
	r.isReplayed("to the end of the run and its result")
}

// TestResumeRefuses shows what is not taken up, and what is done about it.
func TestResumeRefuses(t *testing.T) {
	t.Parallel()
	start := func(t *testing.T) *rig {
		t.Helper()
		r := newKeptRig(t, 1)
		if code := r.run("form", "--devices", "r0-2c0-3"); code != 0 {
			t.Fatalf("exit code %d:\n%s", code, r.err)
		}
		r.interruptAt(t, aPulse, 12)
		if code := r.run("tune", "--target", "25uS", "--devices", "r0-2c0-3", "--defects",
			"none"); code != run.ExitInterrupted {
			t.Fatalf("exit code %d:\n%s", code, r.err)
		}
		r.heard = nil
		return r
	}
	journal := func(r *rig) string { return filepath.Join(r.stored().Dir, "journal.jsonl") }
	for name, c := range map[string]struct {
		before   func(t *testing.T, r *rig)
		args     []string
		code     int
		words    []string
		accepted bool // with --accept it is taken up
	}{
		"other limits": {nil, []string{"--set", "limits.max_voltage=3.4V"}, run.ExitUsage,
			[]string{"limit max_voltage", "3.50 V", "3.40 V", "--accept", "nothing was stressed"}, true},
		"other wiring": {func(t *testing.T, r *rig) {
			rewrite(t, journal(r), 0, func(line string) string { return strings.Replace(line, `"wiring":"`, `"wiring":"0`, 1) })
		}, nil, run.ExitUsage, []string{"wiring of array A"}, true},
		"another analyzer": {func(t *testing.T, r *rig) {
			rewrite(t, journal(r), 0, func(line string) string { return strings.Replace(line, `"B1500A"`, `"B1505A"`, 1) })
		}, nil, run.ExitUsage, []string{"analyzer", "B1505A", "B1500A"}, true},
		"another chip": {func(t *testing.T, r *rig) {
			rewrite(t, journal(r), 0, func(line string) string { return strings.Replace(line, `seed 1"`, `seed 2"`, 1) })
		}, []string{"last"}, run.ExitUsage, []string{"chip", "seed 2", "seed 1"}, true},
		"a chip that is another one without saying so": {func(_ *testing.T, r *rig) { r.anotherChip = true },
			nil, run.ExitUsage, []string{"device r0c0 of array A", "then", "now", "--accept"}, false},
		"a run in between": {func(t *testing.T, r *rig) {
			if code := r.run("iv", "--device", "r9c9", "--stop", "0.5V"); code != 0 {
				t.Fatal(code)
			}
		}, nil, run.ExitUsage, []string{"run on array A", "-iv-a-"}, true},
		"a hole in the record": {func(t *testing.T, r *rig) {
			file := journal(r)
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			text[len(text)/2] ^= 1
			if err := os.WriteFile(file, text, 0o644); err != nil {
				t.Fatal(err)
			}
		}, nil, run.ExitUsage, []string{"is damaged", "journal.jsonl:", "--accept"}, true},
		"a newer journal": {func(t *testing.T, r *rig) {
			rewrite(t, journal(r), 0, func(line string) string { return strings.Replace(line, `"version":1`, `"version":2`, 1) })
		}, []string{"last"}, run.ExitUsage, []string{"version 2", "newer one"}, false},
		"a complete run": {nil, []string{"first"}, run.ExitUsage, []string{"is complete: there is nothing left to do"},
			false},
		"an unknown run": {nil, []string{"nonesuch"}, run.ExitUsage, []string{"no run has this ID"}, false},
		"a journal that was moved away": {func(t *testing.T, r *rig) {
			if err := os.Remove(journal(r)); err != nil {
				t.Fatal(err)
			}
		}, []string{"last"}, run.ExitUsage, []string{"journal.jsonl", "put journal.jsonl back"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && name != "other limits" && name != "a hole in the record" && name != "a complete run" {
				t.Skip("the same with other differences")
			}
			t.Parallel()
			r := start(t)
			all, err := run.List(r.runs)
			if err != nil {
				t.Fatal(err)
			}
			dir := filepath.Join(r.runs, all[len(all)-1].ID)
			if c.before != nil {
				c.before(t, r)
			}
			args := []string{"resume"}
			for _, arg := range c.args {
				switch arg {
				case "first":
					arg = all[0].ID
				case "last":
					arg = all[len(all)-1].ID
				}
				args = append(args, arg)
			}
			files := filesIn(t, dir)
			r.heard = func(_ int, message string, _ io.Closer) {
				if strings.Contains(message, aPulse) {
					t.Errorf("a pulse was applied: %q", message)
				}
			}
			before := len(r.err.String())
			code := r.run(args...)
			said := r.err.String()[before:]
			if code != c.code {
				t.Errorf("exit code %d, want %d:\n%s", code, c.code, said)
			}
			for _, w := range c.words {
				if !strings.Contains(said, w) {
					t.Errorf("the message does not say %q:\n%s", w, said)
				}
			}
			if now := filesIn(t, dir); now != files {
				t.Errorf("the run's directory was changed from %s to %s", files, now)
			}
			r.heard = nil
			if !c.accepted {
				return
			}
			if code := r.run(append(args, "--accept")...); code != 0 && code != run.ExitPartial {
				t.Errorf("with --accept: exit code %d\n%s", code, r.err)
			}
		})
	}
}

// filesIn names the files of a directory.
func filesIn(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(entries)
}

// rewrite changes a line of a journal, counted from 0, and its checksum.
func rewrite(t *testing.T, file string, n int, change func(line string) string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	changed := change(lines[n])
	if changed == lines[n] {
		t.Fatalf("nothing was changed in %s", lines[n])
	}
	body := changed[:strings.LastIndex(changed, `,"crc":`)]
	lines[n] = fmt.Sprintf(`%s,"crc":"%08x"}`, body, crc32.Checksum([]byte(body), crc32.MakeTable(crc32.Castagnoli)))
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestReplayShowsTheDifference replays runs whose record or whose specification
// was changed.
func TestReplayShowsTheDifference(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		mark   string // of the first line with it
		change func(line string) string
		words  string
	}{
		"specification": {`"type":"header"`,
			func(line string) string { return strings.Replace(line, `"reset_pulses":`, `"reset_pulses":1`, 1) }, `"bounds"`},
		"a reading": {`"kind":"read"`, func(line string) string { return strings.Replace(line, `"i":`, `"i":1`, 1) }, ""},
		"a conclusion": {`"resets":`, func(line string) string { return strings.Replace(line, `"resets":`, `"resets":1`, 1) },
			`"resets"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newKeptRig(t, 1)
			if code := r.run("form", "--devices", "r0c0-2"); code != 0 {
				t.Fatalf("exit code %d:\n%s", code, r.err)
			}
			s := r.stored()
			file := filepath.Join(s.Dir, "journal.jsonl")
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			n := slices.IndexFunc(strings.Split(string(text), "\n"),
				func(line string) bool { return strings.Contains(line, c.mark) })
			rewrite(t, file, n, c.change)
			before := len(r.out.String())
			code := r.run("replay", s.ID, "--json")
			var result lab.Replayed
			if err := json.Unmarshal([]byte(r.out.String()[before:]), &result); err != nil {
				t.Fatal(err)
			}
			if code != run.ExitOutside || result.Difference == nil || !strings.Contains(result.Difference.Recorded, c.words) {
				t.Errorf("exit code %d, %+v:\n%s", code, result, r.err)
			}
		})
	}
}

// TestRecordsCarryBenchTime checks that the journal's lines do not all carry
// the time of the beginning.
func TestRecordsCarryBenchTime(t *testing.T) {
	t.Parallel()
	r := newKeptRig(t, 1)
	if code := r.run("form", "--devices", "r0c0-2"); code != 0 {
		t.Fatalf("exit code %d:\n%s", code, r.err)
	}
	last, intents := -1.0, 0
	for _, record := range r.journal().Records {
		if record.Type != run.TypeIntent {
			continue
		}
		if float64(record.Bench) <= last {
			t.Errorf("record %d has bench time %v after %v", record.Seq, record.Bench, last)
		}
		last = float64(record.Bench)
		intents++
	}
	if total := float64(*r.stored().Bench); intents < 3 || last < total/4 || last > total {
		t.Errorf("%d intents, the last at %v of %v", intents, last, total)
	}
}

// TestListResumable lists what can be taken up, and only that.
func TestListResumable(t *testing.T) {
	t.Parallel()
	r := newKeptRig(t, 1)
	before := len(r.err.String())
	if code := r.run("resume", "--list"); code != 0 || !strings.Contains(r.err.String()[before:], "was cut off") {
		t.Errorf("exit code %d:\n%s", code, r.err)
	}
	if code := r.run("resume"); code != run.ExitUsage {
		t.Errorf("exit code %d", code)
	}
	r.interruptAt(t, aPulse, 2)
	if code := r.run("form", "--devices", "r0c0-2"); code != run.ExitInterrupted {
		t.Fatal(code)
	}
	r.heard = nil
	for _, c := range []struct {
		before []string
		args   []string
		listed int
		says   string // of what is left out
	}{
		{[]string{"form", "--array", "B", "--devices", "r5c0"}, nil, 1, ""},
		{nil, []string{"--set", "limits.max_voltage=3.4V"}, 0,
			"1 made with other limits, another device profile or other wiring (--accept);"},
		{nil, []string{"--set", "simulation.chip=another.json"}, 0, "1 of another bench or chip;"},
		{[]string{"form", "--devices", "r5c0"}, nil, 0, "1 on arrays that were worked on since (--accept);"},
	} {
		if c.before != nil {
			if code := r.run(c.before...); code != 0 {
				t.Fatal(code)
			}
		}
		at, said := len(r.out.String()), len(r.err.String())
		if code := r.run(append([]string{"resume", "--list", "--json"}, c.args...)...); code != 0 {
			t.Errorf("exit code %d", code)
		}
		var list []run.Summary
		if err := json.Unmarshal([]byte(r.out.String()[at:]), &list); err != nil || len(list) != c.listed {
			t.Errorf("%v, %+v, want %d", err, list, c.listed)
		}
		if errs := r.err.String()[said:]; !strings.Contains(errs, c.says) ||
			c.says == "" && strings.Contains(errs, "left out") {
			t.Errorf("%q is said, want %q", errs, c.says)
		}
	}
}

// TestBoardsTakeTurns lets two arrays be used alternately: what is closed on one
// board is opened before the other is used.
func TestBoardsTakeTurns(t *testing.T) {
	t.Parallel()
	r := newKeptRig(t, 1)
	c, err := config.Load("", []string{"runs=" + r.runs}, boxes.Default())
	if err != nil {
		t.Fatal(err)
	}
	r.app.Config = c
	s, err := r.app.Open(t.Context(), "A", "B")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	closed := func() (n int) {
		s.Sim.Netlist.Do(func() { n = s.Sim.Netlist.ClosedSwitches() })
		return n
	}
	stack := guarded.New(guarded.Options{Turns: &s.Turns})
	for i, name := range []string{"A", "B", "A", "A", "B"} {
		if _, err := stack.Crossbar(name).Do(t.Context(), array.Cell{Row: i}, c.Read.Step()); err != nil {
			t.Fatal(err)
		}
		if n := closed(); n != 40 {
			t.Errorf("use %d, of %s: %d switches are closed, want one per line of one board", i, name, n)
		}
	}
	if err := s.MakeSafe(t.Context()); err != nil {
		t.Error(err)
	}
}
