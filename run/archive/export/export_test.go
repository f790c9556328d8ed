package export

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/run"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var quick = run.Options{Sync: func(run.File) error { return nil },
	Free: func(string) (uint64, error) { return 1 << 40, nil }}

var (
	aRead  = array.Read{Voltage: 0.2, Compliance: 1e-3, Aperture: 0.02}
	aPulse = array.Pulse{Voltage: -1.5, Width: 1e-3, Scheme: array.HalfVoltage, Compliance: 2e-3}
	aSweep = array.Sweep{Kind: instrument.SweepCurrent, Stop: 5e-4, Steps: 3, Compliance: 3, Return: 1e-3,
		Scheme: array.Floating}
	many = array.Parallel{Rows: array.LinesOf(1), Cols: array.LinesOf(2, 3), Voltage: 1.25, Width: 2e-3,
		Scheme: array.ThirdVoltage, Compliance: 1e-3}
)

// level makes a result with the given voltages and currents.
func level(status instrument.Status, values ...float64) array.Result {
	r := array.Result{Status: status, Busy: 0.1}
	for i := 0; i < len(values); i += 2 {
		r.Levels = append(r.Levels, array.Level{Voltage: instrument.Volts(values[i]), Current: instrument.Amps(values[i+1])})
	}
	return r
}

// recorded makes a run with a step of every kind, an unknown intent and what a
// journal holds besides.
func recorded(t testing.TB) string {
	t.Helper()
	r, err := run.Create(t.TempDir(), run.Header{Command: "tune", Array: "A", Program: "1.2.3",
		Bench: "bench \"7\", Maß\nline", Chip: "chip-7", Seed: 1 << 63,
		Arguments:   []string{"tune", "-a", "A"},
		Instruments: map[string]instrument.Identity{"analyzer": {Vendor: "V", Model: "M", Serial: "S", Firmware: "F"}},
		Limits:      instrument.Limits{MaxVoltage: 3.5}, Spec: map[string]int{"n": 1}}, quick)
	must(t, err)
	j := r.Journal()
	cell := array.Cell{Row: 3, Col: 7}
	must(t, j.Event("check", "something else"))
	must(t, j.Event(array.EventRead, array.Done{Array: "A", Cell: cell, Steps: []array.Step{aRead},
		Results: []array.Result{level(0, 0.2, 2e-5)}}))
	j.SetBenchTime(1.5)
	id, err := j.Intent(array.Intent{Array: "A", Cell: cell, Bounds: &array.Bounds{Steps: 9}})
	must(t, err)
	must(t, j.Part(id, array.Done{Array: "A", Cell: cell, Steps: []array.Step{aPulse, aRead},
		Results: []array.Result{level(instrument.StatusCompliance|instrument.StatusOverflow, -1.5, -1e-3),
			level(0, 0.2, 1.0/3)}}))
	j.SetBenchTime(2.25)
	must(t, j.Result(id, map[string]any{"verdict": "tuned", "steps": 3}))
	id, err = j.Intent(array.Intent{Array: "B", Cell: array.Cell{Row: 1, Col: 2}, Steps: []array.Step{many}})
	must(t, err)
	must(t, j.Result(id, array.Done{Array: "B", Cell: array.Cell{Row: 1, Col: 2}, Steps: []array.Step{many},
		Results: []array.Result{level(0, 1.25, 7e-4)}}))
	id, err = j.Intent(array.Intent{Array: "A", Cell: cell, Steps: []array.Step{aSweep}})
	must(t, err)
	must(t, j.Result(id, array.Done{Array: "A", Cell: cell, Steps: []array.Step{aSweep},
		Results: []array.Result{level(0, 0.1, 1e-4, 0.4, 2e-4, 0, 3e-4)}}))
	id, err = j.Intent(array.Intent{Array: "A", Cell: array.Cell{Row: 0, Col: 19}, Steps: []array.Step{aPulse}})
	must(t, err)
	must(t, j.Part(id, array.Done{Array: "A", Cell: array.Cell{Row: 0, Col: 19}, Steps: []array.Step{aPulse},
		Error: "the link was lost"}))
	defects := array.NewDefectMap("A", 1, 2)
	defects.At(array.Cell{Row: 0, Col: 1}).State = array.StateDefective
	var text bytes.Buffer
	must(t, defects.Write(&text))
	must(t, r.WriteFile(defectsFile, text.Bytes()))
	if err := r.End(&run.Ended{Outcome: run.OutcomeInterrupted, Err: errors.New("the link was lost")},
		map[string]int{"devices": 2}); run.ExitCode(err) != run.ExitInterrupted {
		t.Fatal(err)
	}
	return r.Dir()
}

func open(t *testing.T, dir string) *Source {
	t.Helper()
	s, err := Open(dir, false)
	must(t, err)
	return s
}

func tableOf(t *testing.T, s *Source, name string) *Table {
	t.Helper()
	table, err := s.Table(name)
	must(t, err)
	return table
}

func TestReadings(t *testing.T) {
	var b bytes.Buffer
	s := open(t, recorded(t))
	must(t, WriteCSV(&b, tableOf(t, s, "readings"), nil))
	var lines []string
	for line := range strings.Lines(b.String()) {
		if !strings.HasPrefix(line, "#") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	want := []string{
		"seq,segment,intent,bench_time_s,array,row,col,lines,kind,step,level,width_s,scheme,compliance_a,voltage_v,current_a,conductance_s,status",
		"3,1,0,,A,3,7,,read,0,0,,,0.001,0.2,2e-05,0.0001,",
		"5,1,4,1.5,A,3,7,,pulse,0,0,0.001,v2,0.002,-1.5,-0.001,0.00066666667,compliance+overflow",
		"5,1,4,1.5,A,3,7,,read,1,0,,,0.001,0.2,0.33333333,1.6666667,",
		"8,1,7,2.25,B,1,2,\"1x2,3\",parallel,0,0,0.002,v3,0.001,1.25,0.0007,0.00056,",
		"10,1,9,2.25,A,3,7,,sweep_current,0,0,,floating,,0.1,0.0001,0.001,",
		"10,1,9,2.25,A,3,7,,sweep_current,0,1,,floating,,0.4,0.0002,0.0005,",
		"10,1,9,2.25,A,3,7,,sweep_current,0,2,,floating,,0,0.0003,,",
		"12,1,11,2.25,A,0,19,,pulse,0,0,0.001,v2,0.002,-1.5,,,unconfirmed",
	}
	if d := cmp.Diff(want, lines); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestDevices(t *testing.T) {
	var b bytes.Buffer
	s := open(t, recorded(t))
	must(t, WriteCSV(&b, tableOf(t, s, "devices"), nil))
	_, text, _ := strings.Cut(b.String(), "array,row,")
	want := `col,state,conductance_s,voltage_v,bench_time_s,reads,pulses,sweeps,lowest_v,highest_v,largest_a,unconfirmed,unknown
A,0,0,untried,,,,0,0,0,,,,0,0
A,0,1,defective,,,,0,0,0,,,,0,0
A,0,19,,,,,0,0,0,,,,1,1
A,3,7,,1.6666667,0.2,1.5,2,1,1,-1.5,3,0.001,0,0
B,1,2,,,,,0,1,0,,1.25,,0,0
B,1,3,,,,,0,1,0,,1.25,,0,0
`
	if d := cmp.Diff(want, text); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestProvenance(t *testing.T) {
	s := open(t, recorded(t))
	var b bytes.Buffer
	must(t, WriteJSON(&b, tableOf(t, s, "readings"), s.Provenance))
	var got struct {
		Provenance map[string]any `json:"provenance"`
		Rows       [][]any        `json:"rows"`
	}
	must(t, json.Unmarshal(b.Bytes(), &got))
	if len(got.Rows) != 8 || len(got.Rows[0]) != len(got.Provenance["columns"].([]any)) {
		t.Errorf("%d rows", len(got.Rows))
	}
	for name, want := range map[string]any{
		"command": "tune", "program": "xlab 1.2.3", "bench": "bench \"7\", Maß\nline", "chip": "chip-7",
		"outcome": "interrupted", "cause": "the run is interrupted: the link was lost",
		"arguments": []any{"tune", "-a", "A"}, "seed": float64(1 << 63), "unknown_intents": 1.0, "segments": 1.0,
		"specification": map[string]any{"n": 1.0},
		"instruments": map[string]any{"analyzer": map[string]any{"vendor": "V", "model": "M", "serial": "S",
			"firmware": "F"}},
	} {
		if d := cmp.Diff(want, got.Provenance[name]); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
	if l := got.Provenance["limits"].(map[string]any); l["max_voltage"] != 3.5 {
		t.Errorf("limits %v", l)
	}
}

// Everything can be written of a run that did nothing.
func TestEmpty(t *testing.T) {
	r, err := run.Create(t.TempDir(), run.Header{Command: "read"}, quick)
	must(t, err)
	s := open(t, r.Dir()) // a run that is still going on
	for _, format := range Formats() {
		for _, name := range Tables() {
			write, err := FormatNamed(format)
			must(t, err)
			var b bytes.Buffer
			if err := write(&b, tableOf(t, s, name), s.Provenance); err != nil || b.Len() == 0 {
				t.Errorf("%s of %s: %d bytes, %v", format, name, b.Len(), err)
			}
		}
	}
	must(t, r.Finish(run.OutcomeComplete, nil))
}

// What is added to a run after it was opened is not exported.
func TestGrowingRun(t *testing.T) {
	r, err := run.Create(t.TempDir(), run.Header{Command: "read"}, quick)
	must(t, err)
	add := func() {
		must(t, r.Journal().Event(array.EventRead, array.Done{Array: "A", Steps: []array.Step{aRead},
			Results: []array.Result{level(0, 0.2, 1e-5)}}))
		must(t, r.Journal().Flush())
	}
	add()
	s := open(t, r.Dir())
	add()
	if c := contentOf(t, tableOf(t, s, "readings"), s.Provenance); len(c.Columns["seq"]) != 1 {
		t.Errorf("%d rows", len(c.Columns["seq"]))
	}
	must(t, r.Finish(run.OutcomeComplete, nil))
}

func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		spoil   func(t *testing.T, dir string)
		words   []string
		partial bool // can be exported all the same
	}{
		"no directory": {func(t *testing.T, dir string) { must(t, os.RemoveAll(dir)) }, []string{"not a run"}, false},
		"no journal": {func(t *testing.T, dir string) { must(t, os.Remove(filepath.Join(dir, "journal.jsonl"))) },
			[]string{"journal.jsonl", "put journal.jsonl back"}, false},
		"no first segment": {func(t *testing.T, dir string) {
			must(t, os.Rename(filepath.Join(dir, "journal.jsonl"), filepath.Join(dir, "journal-0002.jsonl")))
		}, []string{"journal-0002.jsonl:1: the segment before it, journal.jsonl, is missing", "put the files back"}, true},
		"no middle segment": {func(t *testing.T, dir string) {
			must(t, os.WriteFile(filepath.Join(dir, "journal-0004.jsonl"), nil, 0o600))
		}, []string{"journal-0002.jsonl to journal-0003.jsonl, are missing", "put the files back"}, true},
		"no specification": {func(t *testing.T, dir string) { must(t, os.Remove(filepath.Join(dir, "spec.json"))) },
			[]string{"spec.json is missing", "first line of journal.jsonl"}, true},
		"newer": {func(t *testing.T, dir string) {
			// Sealed by hand: no writer here makes such a line.
			must(t, os.WriteFile(filepath.Join(dir, "journal.jsonl"),
				[]byte(`{"seq":1,"type":"header","version":99,"segment":1,"data":{},"crc":"`+
					crcOf(`{"seq":1,"type":"header","version":99,"segment":1,"data":{}`)+"\"}\n"), 0o600))
		}, []string{"version 99", "use the program that wrote it, or a newer one"}, false},
		"no header": {func(t *testing.T, dir string) {
			path := filepath.Join(dir, "journal.jsonl")
			text, err := os.ReadFile(path)
			must(t, err)
			text[10] ^= 1
			must(t, os.WriteFile(path, text, 0o600))
		}, []string{"journal.jsonl:1: its checksum does not fit", "put the files back"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := recorded(t)
			c.spoil(t, dir)
			_, err := Open(dir, false)
			if err == nil || instrument.KindOf(err) != instrument.KindUsage {
				t.Fatalf("opened: %v", err)
			}
			for _, w := range c.words {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q does not say %q", err, w)
				}
			}
			s, err := Open(dir, true)
			if (err == nil) != c.partial {
				t.Fatalf("in parts: %v", err)
			}
			if err != nil {
				return
			}
			if c := contentOf(t, tableOf(t, s, "readings"), s.Provenance); len(c.Columns["seq"]) != 8 {
				t.Errorf("%d rows", len(c.Columns["seq"]))
			}
			if len(s.Problems) != 1 {
				t.Errorf("problems %v", s.Problems)
			}
		})
	}
}

// An unreadable line costs its own readings where that is accepted, and is told.
func TestDamage(t *testing.T) {
	dir := recorded(t)
	path := filepath.Join(dir, "journal.jsonl")
	text, err := os.ReadFile(path)
	must(t, err)
	lines := bytes.SplitAfter(text, []byte("\n"))
	lines[4][20] ^= 1
	must(t, os.WriteFile(path, bytes.Join(lines, nil), 0o600))
	s, err := Open(dir, true)
	must(t, err)
	if len(s.Damage) != 1 || s.Damage[0].Line != 5 {
		t.Errorf("damage %v", s.Damage)
	}
	if c := contentOf(t, tableOf(t, s, "readings"), s.Provenance); len(c.Columns["seq"]) != 6 {
		t.Errorf("%d rows", len(c.Columns["seq"]))
	}
}

func TestNames(t *testing.T) {
	for file, want := range map[string]string{"a.csv": "csv", "a.b.NPZ": "npz", "x.nc": "netcdf", "x.netcdf": "netcdf",
		"x.parquet": "parquet", "x.json": "json", "x.txt": "", "csv": "", "": ""} {
		if got := FormatOfFile(file); got != want {
			t.Errorf("%s is %q", file, got)
		}
	}
	if _, err := FormatNamed("xls"); err == nil || !strings.Contains(err.Error(), "csv, json, netcdf, npz, parquet") {
		t.Error(err)
	}
	if _, err := (&Source{}).Table("x"); err == nil {
		t.Error("a table x")
	}
}

// failing fails after some bytes.
type failing struct{ left int }

func (f *failing) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, errors.New("disk full")
	}
	return len(p), nil
}

func TestFullDisk(t *testing.T) {
	s := open(t, recorded(t))
	for _, format := range Formats() {
		write, err := FormatNamed(format)
		must(t, err)
		for _, room := range []int{0, 10, 500} {
			if err := write(&failing{room}, tableOf(t, s, "readings"), s.Provenance); err == nil {
				t.Errorf("%s with room for %d bytes: no error", format, room)
			}
		}
	}
}

// TestMemory exports many rows in the memory of few.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a few seconds")
	}
	table := func(rows int) *Table {
		columns := (&Source{}).readings().Columns
		return &Table{Name: "readings", Columns: columns, Rows: func(visit func([]Value) error) error {
			row := make([]Value, len(columns))
			for i := range rows {
				for n, c := range columns {
					row[n] = Value{Real: float64(i * n), Integer: int64(i)}
					if c.Kind == Text {
						row[n].Text = "v2"
					}
				}
				if err := visit(row); err != nil {
					return err
				}
			}
			return nil
		}}
	}
	for _, format := range Formats() {
		write, err := FormatNamed(format)
		must(t, err)
		peak := func(rows int) uint64 {
			var highest uint64
			source := table(rows)
			plain := source.Rows
			source.Rows = func(visit func([]Value) error) error {
				n := 0
				return plain(func(row []Value) error {
					if n++; n%5_000 == 4_999 {
						var m runtime.MemStats
						runtime.GC()
						runtime.ReadMemStats(&m)
						highest = max(highest, m.HeapAlloc)
					}
					return visit(row)
				})
			}
			must(t, write(io.Discard, source, nil))
			return highest
		}
		few, much := peak(60_000), peak(240_000)
		t.Logf("%s: %.1f MB at 60 000 rows, %.1f MB at 240 000", format, float64(few)/1e6, float64(much)/1e6)
		if much > few+few/10+2e6 {
			t.Errorf("%s needs %d bytes for 60 000 rows and %d for 240 000", format, few, much)
		}
	}
}

func TestStructsMatchTables(t *testing.T) {
	s := open(t, recorded(t))
	for _, name := range Tables() {
		table := tableOf(t, s, name)
		seen := map[string]bool{}
		for _, c := range table.Columns {
			if c.Description == "" || seen[c.Name] || c.Unit != "" && !strings.HasSuffix(c.Name, "_"+strings.ToLower(c.Unit)) {
				t.Errorf("%s: column %+v", name, c)
			}
			seen[c.Name] = true
		}
		must(t, table.Rows(func(row []Value) error {
			if len(row) != len(table.Columns) {
				t.Errorf("%s: %d values for %d columns", name, len(row), len(table.Columns))
			}
			for i, c := range table.Columns {
				v := row[i]
				if c.Kind != Real && v.Real != 0 || c.Kind != Integer && v.Integer != 0 || c.Kind != Text && v.Text != "" {
					t.Errorf("%s: %s is %v", name, c.Name, reflect.ValueOf(v))
				}
			}
			return nil
		}))
	}
}

func BenchmarkFormats(b *testing.B) {
	r, err := run.Create(b.TempDir(), run.Header{Command: "tune", Array: "A"}, quick)
	must(b, err)
	const steps = 10_000
	for i := range steps {
		must(b, r.Journal().Event(array.EventRead, array.Done{Array: "A", Cell: array.Cell{Row: i % 20, Col: i / 20 % 20},
			Steps: []array.Step{aRead}, Results: []array.Result{level(0, 0.2, 1e-7*float64(i))}}))
	}
	must(b, r.Finish(run.OutcomeComplete, nil))
	for _, format := range Formats() {
		b.Run(format, func(b *testing.B) {
			write, err := FormatNamed(format)
			must(b, err)
			for b.Loop() {
				s, err := Open(r.Dir(), false)
				must(b, err)
				t, err := s.Table("readings")
				must(b, err)
				must(b, write(io.Discard, t, s.Provenance))
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/steps, "us/row")
		})
	}
}
