package index

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"xlab/instrument"
	"xlab/run"
)

// crashing makes a test binary a process that writes to the index of a
// directory until it is killed.
const crashing = "INDEX_TEST_CRASH"

func TestMain(m *testing.M) {
	if root := os.Getenv(crashing); root != "" {
		for n := 0; ; n++ {
			if _, err := Rebuild(context.Background(), root); err != nil {
				fmt.Println(err)
				os.Exit(1)
			}
			if n == 0 {
				fmt.Println("writing")
			}
		}
	}
	os.Exit(m.Run())
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var start = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// quick keeps a run without waiting for the disk.
var quick = run.Options{Sync: func(run.File) error { return nil },
	Free: func(string) (uint64, error) { return 1 << 40, nil }}

// newRun makes a run directory; no outcome leaves it under way.
func newRun(t testing.TB, root string, number int, h run.Header, lines int, outcome run.Outcome) *run.Run {
	t.Helper()
	h.Started = start.Add(time.Duration(number) * time.Minute)
	h.Spec = map[string]int{"number": number}
	r, err := run.Create(root, h, quick)
	must(t, err)
	for i := range lines / 2 {
		id, err := r.Journal().Intent(map[string]any{"array": h.Array, "cell": []int{i % 20, i / 20 % 20}})
		must(t, err)
		must(t, r.Journal().Result(id, map[string]any{"i": 1e-5 * float64(i), "v": 0.2}))
	}
	if outcome != "" {
		must(t, r.Finish(outcome, map[string]any{"devices": lines / 2}))
	}
	return r
}

func ids(entries []Entry) (list []string) {
	for _, e := range entries {
		list = append(list, e.ID)
	}
	return list
}

func find(t *testing.T, root string, q Query) []Entry {
	t.Helper()
	entries, note, err := Find(t.Context(), root, q)
	must(t, err)
	if note != "" {
		t.Errorf("note %q", note)
	}
	scanned, err := Scan(t.Context(), root, q)
	must(t, err)
	if d := cmp.Diff(scanned, entries, cmpopts.EquateEmpty()); d != "" {
		t.Errorf("the index differs from the directories (-directories +index):\n%s", d)
	}
	return entries
}

func TestFind(t *testing.T) {
	root := filepath.Join(t.TempDir(), "a b?c%20#d")
	if entries := find(t, root, Query{}); entries != nil {
		t.Errorf("found %v where there is nothing", entries)
	}
	if _, err := os.Stat(root); !errors.Is(err, os.ErrNotExist) {
		t.Error("looking for runs made their directory")
	}
	form := newRun(t, root, 0, run.Header{Command: "form", Array: "A", Chip: "/lab/Chip-7",
		Arguments: []string{"form", "-d", "r0c*"}}, 4, run.OutcomeComplete)
	thresholds := newRun(t, root, 1, run.Header{Command: "characterize-thresholds", Array: "B",
		Arguments: []string{"characterize", "thresholds"}}, 2, run.OutcomeInterrupted)
	living := newRun(t, root, 2, run.Header{Command: "tune", Array: "A",
		Arguments: []string{"tune", "--targets", "Maß%_.csv"}}, 2, "")
	must(t, os.Mkdir(filepath.Join(root, "20261120T130000Z-broken-a-0000"), 0o755))
	const broken = "20261120T130000Z-broken-a-0000"
	for name, c := range map[string]struct {
		q    Query
		want []string
	}{
		"all":          {Query{}, []string{form.ID(), thresholds.ID(), living.ID(), broken}},
		"newest":       {Query{Limit: 2}, []string{living.ID(), broken}},
		"command":      {Query{Command: "Form"}, []string{form.ID()}},
		"family":       {Query{Command: "characterize"}, []string{thresholds.ID()}},
		"not a family": {Query{Command: "char"}, nil},
		"array":        {Query{Array: "a"}, []string{form.ID(), living.ID()}},
		"chip":         {Query{Chip: "chip-7"}, []string{form.ID()}},
		"outcomes": {Query{Outcomes: []run.Outcome{run.OutcomeInterrupted, run.OutcomeRunning}},
			[]string{thresholds.ID(), living.ID()}},
		"broken":        {Query{Outcomes: []run.Outcome{run.OutcomeBroken}}, []string{broken}},
		"since":         {Query{Since: start.Add(time.Minute), Command: "characterize"}, []string{thresholds.ID()}},
		"until":         {Query{Until: start.Add(time.Minute)}, []string{form.ID()}},
		"text":          {Query{Text: []string{"r0C*", "-D"}}, []string{form.ID()}},
		"no wildcards":  {Query{Text: []string{"M%ß"}}, nil},
		"other letters": {Query{Text: []string{"maß%_"}}, []string{living.ID()}},
		"ID":            {Query{Text: []string{thresholds.ID()[:20]}}, []string{thresholds.ID()}},
		"nothing":       {Query{Array: "A", Command: "read"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if d := cmp.Diff(c.want, ids(find(t, root, c.q))); d != "" {
				t.Errorf("(-want +found):\n%s", d)
			}
		})
	}
	if entries := find(t, root, Query{Text: []string{thresholds.ID()}}); !entries[0].Resumable ||
		len(entries[0].Arguments) != 2 {
		t.Errorf("%+v", entries[0])
	}
	must(t, living.Finish(run.OutcomeComplete, nil))
}

func TestImpossibleQueries(t *testing.T) {
	for _, q := range []Query{{Outcomes: []run.Outcome{"done"}}, {Limit: -1}, {Since: start, Until: start}} {
		if _, _, err := Find(t.Context(), t.TempDir(), q); err == nil {
			t.Errorf("%+v was accepted", q)
		}
		if _, err := Scan(t.Context(), t.TempDir(), q); err == nil {
			t.Errorf("%+v was accepted", q)
		}
	}
}

// Whatever is asked, the database and the directories answer alike.
func TestIndexAndDirectoriesAgree(t *testing.T) {
	root := t.TempDir()
	commands := []string{"form", "tune", "characterize-iv", "Characterize", "mlp-import"}
	arrays := []string{"A", "b", "", "Ä"}
	words := []string{"-d", "r0c0", "%", "_", "'", "\"", "Maß", "x y"}
	for i := range 40 {
		outcome := outcomes[i%6]
		newRun(t, root, i*7%40, run.Header{Command: commands[i%5], Array: arrays[i%4], Chip: fmt.Sprint("chip", i%3),
			Arguments: []string{words[i%8], words[i*3%8]}}, 0, outcome)
	}
	x, err := Open(t.Context(), root)
	must(t, err)
	defer func() { must(t, x.Close()) }()
	_, err = x.Refresh(t.Context())
	must(t, err)
	rapid.Check(t, func(t *rapid.T) {
		q := Query{Command: rapid.SampledFrom(append(commands, "", "", "characterize")).Draw(t, "command"),
			Array:    rapid.SampledFrom(append(arrays, "", "a", "ä")).Draw(t, "array"),
			Chip:     rapid.SampledFrom([]string{"", "", "p1", "CHIP"}).Draw(t, "chip"),
			Outcomes: rapid.SliceOfN(rapid.SampledFrom(outcomes), 0, 3).Draw(t, "outcomes"),
			Text:     rapid.SliceOfN(rapid.SampledFrom(append(words, "", "C0")), 0, 2).Draw(t, "text"),
			Limit:    rapid.IntRange(0, 50).Draw(t, "limit")}
		if rapid.Bool().Draw(t, "since?") {
			q.Since = start.Add(time.Duration(rapid.IntRange(-1, 41).Draw(t, "since")) * time.Minute)
		}
		if rapid.Bool().Draw(t, "until?") {
			q.Until = start.Add(time.Duration(rapid.IntRange(42, 60).Draw(t, "until"))*time.Minute - time.Hour/2)
			if !q.Since.Before(q.Until) {
				q.Since = time.Time{}
			}
		}
		indexed, err := x.Search(context.Background(), q)
		if err != nil {
			t.Fatal(err)
		}
		scanned, err := Scan(context.Background(), root, q)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(ids(indexed), ids(scanned)) {
			t.Fatalf("index %v\ndirectories %v", ids(indexed), ids(scanned))
		}
	})
}

// What changes is noticed, and nothing else is read again.
func TestRefresh(t *testing.T) {
	root := t.TempDir()
	for i := range 5 {
		newRun(t, root, i, run.Header{Command: "form"}, 2, run.OutcomeComplete)
	}
	living := newRun(t, root, 9, run.Header{Command: "tune"}, 2, "")
	x, err := Open(t.Context(), root)
	must(t, err)
	defer func() { must(t, x.Close()) }()
	refresh := func(want int) {
		t.Helper()
		if n, err := x.Refresh(t.Context()); err != nil || n != want {
			t.Errorf("%d runs were read, %v; want %d", n, err, want)
		}
	}
	outcome := func(id string) run.Outcome {
		t.Helper()
		entries, err := x.Search(t.Context(), Query{Text: []string{id}})
		must(t, err)
		if len(entries) != 1 {
			t.Fatalf("%d runs %s", len(entries), id)
		}
		return entries[0].Outcome
	}
	refresh(6)
	refresh(0)
	if o := outcome(living.ID()); o != run.OutcomeRunning {
		t.Errorf("the living run is %s", o)
	}
	must(t, living.Journal().Note("x"))
	must(t, living.Journal().Flush())
	refresh(1)
	must(t, living.Finish(run.OutcomeTripped, nil))
	refresh(1)
	if o := outcome(living.ID()); o != run.OutcomeTripped {
		t.Errorf("the run that was ended is %s", o)
	}
	refresh(0)
	must(t, os.RemoveAll(living.Dir()))
	refresh(0)
	var n int
	if err := x.db.QueryRowContext(t.Context(), "SELECT count(*) FROM runs").Scan(&n); err != nil || n != 5 {
		t.Errorf("%d runs in the index, %v", n, err)
	}
	// A run under way is told of at its beginning.
	next := newRun(t, root, 10, run.Header{Command: "read"}, 0, "")
	must(t, Note(t.Context(), root, next.ID()))
	if o := outcome(next.ID()); o != run.OutcomeRunning {
		t.Errorf("the new run is %s", o)
	}
	must(t, next.Finish(run.OutcomeComplete, nil))
	must(t, Note(t.Context(), root, next.ID()))
	if o := outcome(next.ID()); o != run.OutcomeComplete {
		t.Errorf("the new run is %s", o)
	}
	refresh(0)
	if err := Note(t.Context(), root, "no-such-run"); err == nil {
		t.Error("a run that is not there was noted")
	}
}

// TestDeadProcess kills the process of a run: no file changes, and yet the run
// is no longer running.
func TestDeadProcess(t *testing.T) {
	root := t.TempDir()
	r := newRun(t, root, 0, run.Header{Command: "form"}, 0, "")
	find(t, root, Query{Outcomes: []run.Outcome{run.OutcomeRunning}})
	// The mark of a living process is on the open file; another name for the
	// directory's contents has none.
	aside := filepath.Join(t.TempDir(), "copy")
	must(t, os.CopyFS(aside, os.DirFS(r.Dir())))
	must(t, r.Finish(run.OutcomeComplete, nil))
	must(t, os.RemoveAll(r.Dir()))
	must(t, os.Rename(aside, r.Dir()))
	x, err := Open(t.Context(), root)
	must(t, err)
	mark, err := markOf(r.Dir())
	must(t, err)
	// As if the directory had not changed.
	_, err = x.db.Exec("UPDATE runs SET mark = ?", mark)
	must(t, err)
	must(t, x.Close())
	entries, _, err := Find(t.Context(), root, Query{})
	if must(t, err); len(entries) != 1 || entries[0].Outcome != run.OutcomeUnknown || !entries[0].Resumable {
		t.Errorf("%+v", entries)
	}
}

// An index that cannot be used is replaced or done without, never an error.
func TestUnusableIndex(t *testing.T) {
	damage := map[string]func(t *testing.T, path string){
		"garbage": func(t *testing.T, path string) {
			must(t, os.WriteFile(path, []byte(strings.Repeat("garbage", 1000)), 0o600))
		},
		"truncated": func(t *testing.T, path string) { must(t, os.Truncate(path, 5000)) },
		"overwritten": func(t *testing.T, path string) {
			text, err := os.ReadFile(path)
			must(t, err)
			for i := 4096; i < len(text); i++ {
				text[i] = byte(i * 7)
			}
			must(t, os.WriteFile(path, text, 0o600))
		},
		"of another version": func(t *testing.T, path string) {
			x, err := Open(t.Context(), filepath.Dir(path))
			must(t, err)
			_, err = x.db.Exec("PRAGMA user_version = 99")
			must(t, errors.Join(err, x.Close()))
		},
		"of another program": func(t *testing.T, path string) {
			x, err := Open(t.Context(), filepath.Dir(path))
			must(t, err)
			_, err = x.db.Exec("DROP TABLE runs; CREATE TABLE runs (a); PRAGMA application_id = 7")
			must(t, errors.Join(err, x.Close()))
		},
		"with another table": func(t *testing.T, path string) {
			x, err := Open(t.Context(), filepath.Dir(path))
			must(t, err)
			_, err = x.db.Exec("DROP TABLE runs; CREATE TABLE runs (a)")
			must(t, errors.Join(err, x.Close()))
		},
		"with other contents": func(t *testing.T, path string) {
			x, err := Open(t.Context(), filepath.Dir(path))
			must(t, err)
			_, err = x.db.Exec("UPDATE runs SET entry = '{'")
			must(t, errors.Join(err, x.Close()))
		},
		"a directory": func(t *testing.T, path string) {
			must(t, os.Remove(path))
			must(t, os.MkdirAll(filepath.Join(path, "x"), 0o755))
		},
	}
	for name, do := range damage {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			for i := range 3 {
				newRun(t, root, i, run.Header{Command: "form"}, 2, run.OutcomeComplete)
			}
			before := find(t, root, Query{})
			do(t, filepath.Join(root, File))
			after, note, err := Find(t.Context(), root, Query{})
			must(t, err)
			if d := cmp.Diff(before, after); d != "" {
				t.Errorf("after the damage (-before +after):\n%s", d)
			}
			if name == "a directory" {
				if !strings.Contains(note, "read instead") {
					t.Errorf("note %q", note)
				}
				return
			}
			find(t, root, Query{}) // and good again
			if n, err := Rebuild(t.Context(), root); err != nil || n != 3 {
				t.Errorf("rebuilt %d, %v", n, err)
			}
		})
	}
}

// TestCrash kills processes in the middle of writing the index. None leaves it
// locked.
func TestCrash(t *testing.T) {
	root := t.TempDir()
	for i := range 20 {
		newRun(t, root, i, run.Header{Command: "form"}, 2, run.OutcomeComplete)
	}
	for range 3 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), crashing+"="+root)
		out, err := cmd.StdoutPipe()
		must(t, err)
		must(t, cmd.Start())
		line := [8]byte{}
		if _, err := io.ReadFull(out, line[:]); err != nil || string(line[:7]) != "writing" {
			t.Errorf("%q, %v", line, err)
		}
		// Both write at the same time before one is killed.
		if entries := find(t, root, Query{}); len(entries) != 20 {
			t.Errorf("found %d", len(entries))
		}
		must(t, cmd.Process.Kill())
		_ = cmd.Wait()
		if entries := find(t, root, Query{}); len(entries) != 20 {
			t.Errorf("found %d after a crash", len(entries))
		}
		if n, err := Rebuild(t.Context(), root); err != nil || n != 20 {
			t.Errorf("rebuilt %d, %v", n, err)
		}
	}
}

func TestRootIsNoDirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o600))
	if _, _, err := Find(t.Context(), file, Query{}); err == nil {
		t.Error("a file was searched")
	}
	if _, err := Rebuild(t.Context(), filepath.Join(file, "x")); err == nil {
		t.Error("a file was indexed")
	}
}

func BenchmarkRebuild1000(b *testing.B) {
	root := b.TempDir()
	for i := range 1000 {
		outcome := run.OutcomeComplete
		if i%10 == 0 {
			outcome = "" // without an end: the whole journal has to be read
		}
		r := newRun(b, root, i, run.Header{Command: "form", Array: "A", Arguments: []string{"form", "-a", "A"},
			Limits: instrument.Limits{MaxVoltage: 1}}, 800, outcome)
		if outcome == "" {
			must(b, r.Journal().Close())
		}
	}
	for b.Loop() {
		if n, err := Rebuild(b.Context(), root); err != nil || n != 1000 {
			b.Fatal(n, err)
		}
	}
}

func BenchmarkFindAmong1000(b *testing.B) {
	root := b.TempDir()
	for i := range 1000 {
		newRun(b, root, i, run.Header{Command: "form", Array: "A"}, 2, run.OutcomeComplete)
	}
	if _, err := Rebuild(b.Context(), root); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if found, note, err := Find(b.Context(), root, Query{Limit: 10}); err != nil || note != "" || len(found) != 10 {
			b.Fatal(len(found), note, err)
		}
	}
}
