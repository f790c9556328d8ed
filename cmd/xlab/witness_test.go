package main

import (
	"bytes"
	"crypto/sha256"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the digests of TestWitness anew")

// TestWitness compares digests of what the commands in testdata/witness/commands.txt
// print and leave behind, with two seeds, with those in digests.txt beside it: journals,
// results, data, the chips, and what replay, export, report and runs make of every run.
// What is not meant to change an output must pass; what is meant to writes the digests
// anew with -update.
//
// To see a difference, keep on both versions what was compared, in a directory that is
// there, and compare the files:
//
//	go test -run TestWitness -artifacts -outputdir DIR
func TestWitness(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("the digests are those of amd64: elsewhere products are added without being rounded first, " +
			"which changes last bits")
	}
	if raceDetector {
		t.Skip("the same commands run elsewhere with the race detector")
	}
	golden, err := filepath.Abs(filepath.Join("testdata", "witness", "digests.txt"))
	if err != nil {
		t.Fatal(err)
	}
	w := &traces{t: t, keep: t.ArtifactDir(), digests: make(map[string]string)}
	w.version = bytes.Fields(w.xlab("version"))[1]
	for _, seed := range []string{"1", "2"} {
		w.watch(seed, filepath.Dir(golden))
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(w.digests)) {
		fmt.Fprintln(&b, name, w.digests[name])
	}
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	text, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		name, digest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch now, ok := w.digests[name]; {
		case !ok:
			t.Errorf("%s: missing", name)
		case now != digest:
			t.Errorf("%s: another digest", name)
		}
		delete(w.digests, name)
	}
	for _, name := range slices.Sorted(maps.Keys(w.digests)) {
		t.Errorf("%s: new", name)
	}
	if t.Failed() {
		t.Logf("what was compared is in %s, which is kept with -artifacts -outputdir DIR", w.keep)
	}
}

// traces are what commands leave behind.
type traces struct {
	t       *testing.T
	keep    string            // directory for what is compared
	digests map[string]string // by SEED/COMMAND/ARTEFACT
	version []byte            // of the program
	known   map[string]string // what stands for a run's ID
}

// watch carries out the commands with a seed, in a directory of its own.
func (w *traces) watch(seed, from string) {
	dir := w.t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
		w.t.Fatal(err)
	}
	w.t.Chdir(dir)
	w.known = make(map[string]string)
	number := 0
	for line := range strings.Lines(string(w.read("commands.txt"))) {
		number++
		args := strings.Fields(line)
		words := args
		if n := slices.IndexFunc(args, func(a string) bool { return a[0] == '-' }); n >= 0 {
			words = args[:n]
		}
		name := fmt.Sprintf("%s/%02d-%s", seed, number, strings.Join(words, "-"))
		global := []string{"--set", "simulation.seed=" + seed}
		if n := slices.Index(args, "--config"); n >= 0 {
			global = append(global, args[n:n+2]...)
		}
		said := w.xlab(append(args, "--set", "simulation.seed="+seed)...)
		runs := w.begun(fmt.Sprintf("%02d", number))
		w.add(name+"/said.txt", said)
		for _, id := range runs {
			w.run(name+"/"+w.known[id][3:], id, global)
		}
	}
	for _, chip := range []string{"chip.json", "letters.json"} {
		w.add(seed+"/"+chip, w.read(chip))
	}
}

// xlab carries out a command and gives its exit code and all that it printed but its progress.
func (w *traces) xlab(args ...string) []byte {
	var out, messages bytes.Buffer
	code := Main(args, strings.NewReader(""), &out, &messages)
	fmt.Fprintln(&out, "exit code", code)
	for line := range strings.Lines(messages.String()) {
		if strings.HasPrefix(line, "xlab: ") || strings.HasPrefix(line, "warning: ") {
			out.WriteString(line)
		}
	}
	return out.Bytes()
}

func (w *traces) read(file string) []byte {
	text, err := os.ReadFile(file)
	if err != nil {
		w.t.Fatal(err)
	}
	return text
}

// begun gives the runs that were not there before the last command, and what stands
// for their IDs.
func (w *traces) begun(command string) (ids []string) {
	entries, err := os.ReadDir("runs")
	if err != nil && !os.IsNotExist(err) {
		w.t.Fatal(err)
	}
	for _, e := range entries {
		if m := runID.FindStringSubmatch(e.Name()); m != nil && w.known[e.Name()] == "" {
			w.known[e.Name()] = command + "-" + m[1]
			ids = append(ids, e.Name())
		}
	}
	return ids
}

// run keeps the files of a run, but its figures, and what can be made of it. The
// figures are in the report.
func (w *traces) run(name, id string, global []string) {
	dir := filepath.Join("runs", id)
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		ext := filepath.Ext(path)
		if err == nil && !e.IsDir() && ext != ".svg" && ext != ".html" {
			w.add(name+"/"+filepath.ToSlash(strings.TrimPrefix(path, dir+string(filepath.Separator))), w.read(path))
		}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, c := range []struct{ file, command string }{
		{"show.json", "runs show --json"},
		{"replay.txt", "replay"},
		{"readings.csv", "export"},
		{"devices-table.json", "export --table devices --format json"},
		{"report.txt", "report"},
	} {
		w.add(name+"/"+c.file, w.xlab(slices.Concat(strings.Fields(c.command), []string{id}, global)...))
	}
	w.add(name+"/report.html", w.read(filepath.Join(dir, "report.html")))
}

// add keeps a text without what no two runs have in common.
func (w *traces) add(name string, text []byte) {
	text = runID.ReplaceAllFunc(text, func(id []byte) []byte { return []byte("RUN-" + w.known[string(id)]) })
	text = bytes.ReplaceAll(text, w.version, []byte("VERSION"))
	for _, pattern := range passing {
		text = pattern.ReplaceAll(text, []byte("$1-$2"))
	}
	file := filepath.Join(w.keep, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o644); err != nil {
		w.t.Fatal(err)
	}
	if _, ok := w.digests[name]; ok {
		w.t.Fatalf("two artefacts are called %s", name)
	}
	sum := sha256.Sum256(text)
	w.digests[name] = fmt.Sprintf("%x", sum[:6])
}

var runID = regexp.MustCompile(`\d{8}T\d{6}Z-(\w+?(?:-[a-z])?)-[0-9a-f]{4}\b`)

// passing is what differs from run to run: times and speeds of the wall's clock, and checksums over
// these.
var passing = []*regexp.Regexp{
	regexp.MustCompile(`("(?:wall_seconds|started|finished|created|crc)": ?)[^,}\n]+`),
	regexp.MustCompile(`("classification_(?:wall_seconds|patterns_per_second)": ?)(?:\{[^}]*\}|[^,}\n]+)`),
	regexp.MustCompile(`("classification wall time","asked":null,"answer":)[^,}]+`),
	regexp.MustCompile(`()\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?:(?::\d\d)?(?:\.\d+)?Z| UTC)`),
	regexp.MustCompile(`(wall time )[\d.]+ \w+`),
	regexp.MustCompile(`()[\d.]+ \w+( of wall time)`),
	regexp.MustCompile(`(on the clock</(?:th><td|dt><dd)>)[^<]+`),
}
