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
// So it does with runs that older versions have recorded, and with what resume adds to
// them. What is not meant to change an output must pass; what is meant to writes the digests
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
	w := &traces{keep: t.ArtifactDir(), digests: make(map[string]string)}
	for _, seed := range []string{"1", "2"} {
		t.Run("seed "+seed, func(t *testing.T) { w.at(t).commands("seed-"+seed, "simulation.seed="+seed) })
	}
	for _, version := range recordedVersions {
		for _, bench := range []string{"ended", "killed", "plan", "network"} {
			if version == "0.2.0" && bench == "network" {
				continue // none was recorded
			}
			t.Run(version+" "+bench, func(t *testing.T) { w.at(t).recorded(version, bench) })
		}
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
	digests map[string]string // by BENCH/COMMAND/ARTEFACT
	known   map[string]string // what stands for the ID of a run on this bench
}

// at is the traces on another bench, which a test is about.
func (w *traces) at(t *testing.T) *traces {
	w.t, w.known = t, make(map[string]string)
	return w
}

// commands carries out the commands on a new bench.
func (w *traces) commands(bench, setting string) {
	dir := w.t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "witness"))); err != nil {
		w.t.Fatal(err)
	}
	w.t.Chdir(dir)
	number := 0
	for line := range strings.Lines(string(w.read("commands.txt"))) {
		number++
		args := strings.Fields(line)
		words := args
		if n := slices.IndexFunc(args, func(a string) bool { return a[0] == '-' }); n >= 0 {
			words = args[:n]
		}
		global := []string{"--set", setting}
		if n := slices.Index(args, "--config"); n >= 0 {
			global = append(global, args[n:n+2]...)
		}
		name := fmt.Sprintf("%02d-%s", number, strings.Join(words, "-"))
		said := w.xlab(append(args, "--set", setting)...)
		runs := w.begun(name + "/")
		w.add(bench+"/"+name+"/said.txt", said)
		for _, id := range runs {
			w.run(bench, id, global)
		}
	}
	for _, chip := range []string{"chip.json", "letters.json"} {
		w.add(bench+"/"+chip, w.read(chip))
	}
}

// recorded takes up what an older version has left on a bench.
func (w *traces) recorded(version, bench string) {
	o := recordedBy(w.t, version, bench)
	w.t.Chdir(o.dir)
	runs := w.begun("")
	said := w.xlab("resume")
	runs = append(runs, w.begun("resumed/")...)
	bench = version + "-" + bench
	w.add(bench+"/said.txt", said)
	for _, id := range runs {
		w.run(bench, id, nil)
	}
	w.add(bench+"/chip.json", w.read("chip.json"))
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

// begun gives the runs that were not there before; what stands for their IDs begins
// with the name of the command. They are in the order of these names: a plan's report
// makes those of its tasks too, and whether it began in the same second as the first
// must not matter.
func (w *traces) begun(command string) (ids []string) {
	entries, err := os.ReadDir("runs")
	if err != nil && !os.IsNotExist(err) {
		w.t.Fatal(err)
	}
	for _, e := range entries {
		if m := runID.FindStringSubmatch(e.Name()); m != nil && w.known[e.Name()] == "" {
			w.known[e.Name()] = command + m[1]
			ids = append(ids, e.Name())
		}
	}
	slices.SortStableFunc(ids, func(a, b string) int { return strings.Compare(w.known[a], w.known[b]) })
	return ids
}

// run keeps the files of a run, but its figures, and what can be made of it. The
// figures are in the report.
func (w *traces) run(bench, id string, global []string) {
	name := bench + "/" + w.known[id]
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
	} {
		w.add(name+"/"+c.file, w.xlab(slices.Concat(strings.Fields(c.command), []string{id}, global)...))
	}
	w.xlab(slices.Concat([]string{"report", id}, global)...)
	w.add(name+"/report.html", w.read(filepath.Join(dir, "report.html")))
}

// add keeps a text without what no two runs have in common.
func (w *traces) add(name string, text []byte) {
	text = runID.ReplaceAllFunc(text, func(id []byte) []byte { return []byte("RUN-" + w.known[string(id)]) })
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

// passing is what differs from run to run: times and speeds of the wall's clock, checksums over
// these, and versions of the program.
var passing = []*regexp.Regexp{
	regexp.MustCompile(`(program(?:: |["&#34;: ]+|</th><td>)(?:xlab )?|version )\d+\.\d+\.\d+[^"&\s<]*`),
	regexp.MustCompile(`("(?:wall_seconds|started|finished|created|crc)": ?)[^,}\n]+`),
	regexp.MustCompile(`("classification_(?:wall_seconds|patterns_per_second)": ?)(?:\{[^}]*\}|[^,}\n]+)`),
	regexp.MustCompile(`("classification wall time","asked":null,"answer":)[^,}]+`),
	regexp.MustCompile(`()\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?:(?::\d\d)?(?:\.\d+)?Z| UTC)`),
	regexp.MustCompile(`(wall time )[\d.]+ \w+`),
	regexp.MustCompile(`()[\d.]+ \w+( of wall time)`),
	regexp.MustCompile(`(on the clock</(?:th><td|dt><dd)>)[^<]+`),
}
