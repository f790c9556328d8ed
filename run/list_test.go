package run

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"xlab/instrument"
)

func TestListIsOldestFirst(t *testing.T) {
	root, c := t.TempDir(), newClock()
	var want []string
	for _, command := range []string{"tune", "form", "read"} { // not the order of their names
		r := mustCreate(t, root, Header{Command: command}, Options{Now: c.now})
		want = append(want, r.ID())
		must(t, r.End(nil, nil))
		c.advance(time.Millisecond)
	}
	must(t, os.WriteFile(filepath.Join(root, "index.sqlite"), []byte("x"), 0o644))
	must(t, os.Mkdir(filepath.Join(root, ".trash"), 0o755))
	list, err := List(root)
	must(t, err)
	if len(list) != 3 {
		t.Fatalf("%+v", list)
	}
	for i, s := range list {
		if s.ID != want[i] || s.Outcome != OutcomeComplete || len(s.Problems) != 0 {
			t.Errorf("run %d is %+v, want %s", i, s, want[i])
		}
	}
	if s, err := Load(root, "last"); err != nil || s.ID != want[2] {
		t.Errorf("last: %+v, %v", s, err)
	}
}

// After a plan "last" is the plan and not its last task, also of a plan whose tasks
// do not say so themselves.
func TestLastIsThePlan(t *testing.T) {
	for name, task := range map[string]*Task{"a task that says so": {Plan: "x"}, "one that does not": nil} {
		root, c := t.TempDir(), newClock()
		whole := mustCreate(t, root, Header{Command: "plan"}, Options{Now: c.now})
		c.advance(time.Second)
		part := mustCreate(t, root, Header{Command: "form", Task: task}, Options{Now: c.now})
		must(t, part.End(nil, nil))
		must(t, whole.End(nil, map[string]any{"tasks": []map[string]string{{"run": part.ID()}}}))
		if s, err := Load(root, "last"); err != nil || s.ID != whole.ID() {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
		must(t, os.RemoveAll(whole.Dir()))
		if s, err := Load(root, "last"); task != nil && (err != nil || s.ID != part.ID()) {
			t.Errorf("%s, its plan gone: %+v, %v", name, s, err)
		}
	}
}

func TestListOfNothing(t *testing.T) {
	root := filepath.Join(t.TempDir(), "never made")
	if list, err := List(root); err != nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
	for _, id := range []string{"last", "2026", ""} {
		if _, err := Load(root, id); ExitCode(err) != ExitUsage || !strings.Contains(err.Error(), "xlab runs") {
			t.Errorf("%q: %v", id, err)
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o644))
	if _, err := List(file); ExitCode(err) != ExitUsage {
		t.Errorf("a file as the directory of runs: %v", err)
	}
}

func TestLoadByPrefix(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{"20260101T000000Z-form-a-0001", "20260101T000000Z-form-a-00010",
		"20260102T000000Z-tune-a-0001", "20260103T000000Z-tune-a-0001"} {
		must(t, os.Mkdir(filepath.Join(root, name), 0o755))
	}
	for _, c := range []struct{ id, want, says string }{
		{"20260102", "20260102T000000Z-tune-a-0001", ""},
		{"20260101T000000Z-form-a-0001", "20260101T000000Z-form-a-0001", ""}, // exact, although another one starts with it
		{"last", "20260103T000000Z-tune-a-0001", ""},
		{"2026", "", "several runs start with it: 20260101T000000Z-form-a-0001, "},
		{"2027", "", "no run has this ID"},
		{"", "", "no run has this ID"},
		{"..", "", "no run has this ID"},
		{"tune", "", "no run has this ID"},
	} {
		s, err := Load(root, c.id)
		switch {
		case c.says == "":
			if err != nil || s.ID != c.want {
				t.Errorf("%q: %+v, %v", c.id, s, err)
			}
		case err == nil || !strings.Contains(err.Error(), c.says) || ExitCode(err) != ExitUsage:
			t.Errorf("%q: %v", c.id, err)
		}
	}
}

func TestBrokenDirectoriesAreListed(t *testing.T) {
	for name, c := range map[string]struct {
		spoil    func(dir string) error
		outcome  Outcome
		problems []string
	}{
		"empty": {func(dir string) error { return removeAll(dir, "spec.json", "journal.jsonl", "result.json") },
			OutcomeBroken, []string{"spec.json", "not a run"}},
		"no journal": {func(dir string) error { return removeAll(dir, "journal.jsonl") }, OutcomeComplete,
			[]string{"not a run"}},
		"no spec": {func(dir string) error { return removeAll(dir, "spec.json") }, OutcomeComplete,
			[]string{"spec.json"}},
		"half a spec": {func(dir string) error { return os.WriteFile(filepath.Join(dir, "spec.json"), []byte("{"), 0o644) },
			OutcomeComplete, []string{"not JSON"}},
		"half a result": {func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "result.json"), []byte("{"),
				0o644)
		}, OutcomeComplete, []string{"result.json cannot"}},
		"newer result": {func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "result.json"), []byte(`{"version":9}`), 0o644)
		}, OutcomeComplete, []string{"version 9"}},
		"only a result": {func(dir string) error { return removeAll(dir, "journal.jsonl", "spec.json") }, OutcomeComplete,
			[]string{"spec.json", "not a run"}},
		"journal rubbish": {func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "journal.jsonl"), []byte("x\n"),
				0o644)
		}, OutcomeComplete, []string{"header cannot be read"}},
		"all rubbish": {func(dir string) error {
			return errors.Join(removeAll(dir, "result.json"), os.WriteFile(filepath.Join(dir, "journal.jsonl"), []byte("x\n"),
				0o644))
		}, OutcomeBroken, []string{"journal.jsonl:1"}},
		"newer journal": {func(dir string) error {
			return errors.Join(removeAll(dir, "result.json"), os.WriteFile(filepath.Join(dir, "journal.jsonl"),
				text(strings.Replace(headerLine, `"version":1`, `"version":7`, 1)), 0o644))
		}, OutcomeBroken, []string{"version 7"}},
	} {
		t.Run(name, func(t *testing.T) {
			root, c0 := t.TempDir(), newClock()
			before := mustCreate(t, root, formHeader, Options{Now: c0.now})
			must(t, before.End(nil, nil))
			c0.advance(time.Hour)
			r := mustCreate(t, root, formHeader, Options{Now: c0.now})
			must(t, r.End(nil, nil))
			must(t, c.spoil(r.Dir()))
			list, err := List(root)
			if err != nil || len(list) != 2 {
				t.Fatalf("%+v, %v", list, err)
			}
			s := list[1]
			if s.ID != r.ID() || s.Outcome != c.outcome ||
				s.Started.Truncate(time.Second) != r.Header().Started.Truncate(time.Second) {
				t.Errorf("%+v", s)
			}
			all := strings.Join(s.Problems, "\n")
			for _, p := range c.problems {
				if !strings.Contains(all, p) {
					t.Errorf("problems %q do not say %q", all, p)
				}
			}
			if list[0].Outcome != OutcomeComplete || len(list[0].Problems) != 0 {
				t.Errorf("the other run suffers: %+v", list[0])
			}
			if _, err := Load(root, "last"); err != nil {
				t.Error(err)
			}
		})
	}
}

func removeAll(dir string, names ...string) error {
	var errs []error
	for _, n := range names {
		errs = append(errs, os.Remove(filepath.Join(dir, n)))
	}
	return errors.Join(errs...)
}

// killedRun is what the helper process below works on.
const killedRun = "XLAB_TEST_KILLED_RUN"

// TestHelperProcess is the process that TestKilledRun kills.
func TestHelperProcess(t *testing.T) {
	root := os.Getenv(killedRun)
	if root == "" {
		t.Skip("only as the other process of TestKilledRun")
	}
	r, err := Create(root, formHeader, Options{})
	must(t, err)
	id, err := r.Journal().Intent("one")
	must(t, err)
	r.Journal().SetBenchTime(1)
	must(t, r.Journal().Part(id, "half"))
	must(t, r.Journal().Result(id, "measured"))
	_, err = r.Journal().Intent("two")
	must(t, err)
	must(t, r.Journal().Event("last", "words"))
	must(t, os.WriteFile(filepath.Join(root, ".ready"), nil, 0o644))
	select {}
}

// A run is running while its process lives, and unknown after kill -9; what
// the journal was told is there without any fsync.
func TestKilledRun(t *testing.T) {
	root := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=^TestHelperProcess$")
	cmd.Env = append(os.Environ(), killedRun+"="+root)
	must(t, cmd.Start())
	killed := false
	defer func() {
		if !killed {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}()
	for {
		_, err := os.Stat(filepath.Join(root, ".ready"))
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Millisecond)
	}
	marks := runtime.GOOS == "linux" || runtime.GOOS == "darwin" || runtime.GOOS == "windows"
	if s, err := Load(root, "last"); err != nil || marks && s.Outcome != OutcomeRunning {
		t.Errorf("while it runs: %+v, %v", s, err)
	}
	must(t, cmd.Process.Kill())
	killed = true
	if err := cmd.Wait(); err == nil {
		t.Error("the process ended by itself")
	}
	s, err := Load(root, "last")
	must(t, err)
	if s.Outcome != OutcomeUnknown || !strings.Contains(s.Cause, "killed") || s.Command != "form" || s.Array != "A" ||
		s.Wall < 0 || len(s.Problems) != 0 {
		t.Errorf("after it was killed: %+v", s.Summary)
	}
	h, err := readJournal(s.Dir)
	must(t, err)
	if len(h.Records) != 6 || h.Records[5].Kind != "last" {
		t.Errorf("%d records", len(h.Records))
	}
	if len(h.Unknown) != 1 || string(h.Unknown[0].Data) != `"two"` {
		t.Errorf("unknown %+v", h.Unknown)
	}
	if h.CutOff != 1 || !h.HasBench || h.Bench != instrument.Seconds(1) {
		t.Errorf("bench time %v", h.Bench)
	}
}
