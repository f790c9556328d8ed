package run

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"xlab/instrument"
)

// history is a journal read into memory.
type history struct {
	Report
	Records []Record
}

// readJournal reads the journal of the run directory dir into memory.
func readJournal(dir string) (*history, error) {
	var h history
	report, err := ScanJournal(dir, func(r Record) error {
		h.Records = append(h.Records, r)
		return nil
	})
	if err != nil {
		return nil, err
	}
	h.Report = *report
	return &h, nil
}

// text writes journal lines from lines without checksum.
func text(lines ...string) []byte {
	var b []byte
	for _, l := range lines {
		if l, raw := strings.CutPrefix(l, "raw:"); raw {
			b = append(b, l...)
			continue
		}
		b = fmt.Appendf(append(b, l...), ",\"crc\":\"%08x\"}\n", crc32c([]byte(l)))
	}
	return b
}

const (
	headerLine = `{"seq":1,"type":"header","version":1,"segment":1,"data":{"run":"x","command":"form","spec":{"a":1}}`
	intentLine = `{"seq":2,"type":"intent","data":{"v":1}`
	resultLine = `{"seq":3,"bench":5,"type":"result","of":2,"data":{"i":2}`
	eventLine  = `{"seq":4,"bench":7.5,"type":"event","kind":"device","data":null`
)

func TestReadingDamage(t *testing.T) {
	second := func(seq int) string {
		return fmt.Sprintf(`{"seq":%d,"bench":100,"type":"header","version":1,"segment":2,"data":{"run":"x"}`, seq)
	}
	for name, c := range map[string]struct {
		segments [][]byte
		seqs     []uint64 // readable records
		damage   []string // file:line[-line]: part of the cause
		torn     int
		unknown  []Unknown
	}{
		"whole": {
			segments: [][]byte{text(headerLine, intentLine, resultLine, eventLine)},
			seqs:     []uint64{1, 2, 3, 4},
		},
		"only a header": {segments: [][]byte{text(headerLine)}, seqs: []uint64{1}},
		"nothing": {
			segments: [][]byte{{}},
			damage:   []string{"journal.jsonl:1: empty"}, torn: 1,
		},
		"torn last line": {
			segments: [][]byte{text(headerLine, intentLine, "raw:"+resultLine[:20])},
			seqs:     []uint64{1, 2},
			damage:   []string{"journal.jsonl:3: torn"}, torn: 1,
			unknown: []Unknown{{Seq: 2, Data: []byte(`{"v":1}`)}},
		},
		"last line without its line feed": {
			segments: [][]byte{bytes.TrimSuffix(text(headerLine, intentLine), []byte("\n"))},
			seqs:     []uint64{1, 2},
			unknown:  []Unknown{{Seq: 2, Data: []byte(`{"v":1}`)}},
		},
		"zeros at the end, as after a power cut": {
			segments: [][]byte{text(headerLine, "raw:"+strings.Repeat("\x00", 100000))},
			seqs:     []uint64{1},
			damage:   []string{"journal.jsonl:2: torn"}, torn: 1,
		},
		"unreadable middle line": {
			segments: [][]byte{text(headerLine, "raw:"+resultLine+`,"crc":"00000000"}`+"\n", resultLine, eventLine)},
			seqs:     []uint64{1, 3, 4},
			damage:   []string{"journal.jsonl:2: checksum"},
		},
		"rubbish in the middle": {
			segments: [][]byte{text(headerLine, "raw:\n\nhello\n", intentLine, resultLine)},
			seqs:     []uint64{1, 2, 3},
			damage:   []string{"journal.jsonl:2-4: no checksum"},
		},
		"a line that is too long": {
			segments: [][]byte{text(headerLine, "raw:"+strings.Repeat("x", maxLine+10)+"\n", intentLine, resultLine)},
			seqs:     []uint64{1, 2, 3},
			damage:   []string{"journal.jsonl:2: longer"},
		},
		"JSON of another kind": {
			segments: [][]byte{text(headerLine, `{"seq":"two","type":"note","data":null`, `{"hello":1`, intentLine, resultLine)},
			seqs:     []uint64{1, 2, 3},
			damage:   []string{"journal.jsonl:2: not a journal line", "journal.jsonl:3: not a journal line"},
		},
		"missing lines": {
			segments: [][]byte{text(headerLine, eventLine)},
			seqs:     []uint64{1, 4},
			damage:   []string{"journal.jsonl:2: records 2 to 3 are missing"},
		},
		"missing lines after an unreadable one": {
			segments: [][]byte{text(headerLine, "raw:x\n", intentLine, eventLine)},
			seqs:     []uint64{1, 2, 4},
			damage:   []string{"journal.jsonl:2: no checksum", "journal.jsonl:4: records 3 to 3 are missing"},
			unknown:  []Unknown{{Seq: 2, Data: []byte(`{"v":1}`)}},
		},
		"a number that is too large": {
			segments: [][]byte{text(headerLine, `{"seq":18446744073709551618,"type":"note","data":null`, intentLine,
				resultLine)},
			seqs:   []uint64{1, 2, 3},
			damage: []string{"journal.jsonl:2: not a journal line"},
		},
		"line twice": {
			segments: [][]byte{text(headerLine, intentLine, intentLine, resultLine)},
			seqs:     []uint64{1, 2, 3},
			damage:   []string{"journal.jsonl:3: record 2 comes after record 2"},
		},
		"result of nothing": {
			segments: [][]byte{text(headerLine, `{"seq":2,"type":"result","of":7,"data":null`)},
			seqs:     []uint64{1, 2},
			damage:   []string{"journal.jsonl:2: intent 7, which is not open"},
		},
		"no header": {
			segments: [][]byte{text(intentLine, resultLine)},
			seqs:     []uint64{2, 3},
			damage:   []string{"journal.jsonl:1: records 1 to 1", "journal.jsonl:1: not a header"},
		},
		"unreadable header": {
			segments: [][]byte{text("raw:{}\n", intentLine, resultLine)},
			seqs:     []uint64{2, 3},
			damage:   []string{"journal.jsonl:1: no checksum"},
		},
		"header of another program": {
			segments: [][]byte{text(`{"seq":1,"type":"header","version":1,"segment":1,"data":{"run":7}`)},
			seqs:     []uint64{1},
			damage:   []string{"journal.jsonl:1: header's data"},
		},
		"a type from later": {
			segments: [][]byte{text(headerLine, `{"seq":2,"type":"photograph","extra":[1],"data":"x"`,
				`{"seq":3,"type":"note","data":"y"`)},
			seqs: []uint64{1, 2, 3},
		},
		"keys in another order": {
			segments: [][]byte{text(headerLine, `{"type":"intent","data":{"v":1},"seq":2`)},
			seqs:     []uint64{1, 2},
			unknown:  []Unknown{{Seq: 2, Data: []byte(`{"v":1}`)}},
		},
		"two segments, the first one torn": {
			segments: [][]byte{text(headerLine, intentLine, "raw:"+resultLine[:20]),
				text(second(3), `{"seq":4,"bench":103,"type":"result","of":2,"data":"read back"`)},
			seqs:   []uint64{1, 2, 3, 4},
			damage: []string{"journal.jsonl:3: torn"}, torn: 1,
		},
		"parts on both sides": {
			segments: [][]byte{text(headerLine, intentLine, `{"seq":3,"type":"part","of":2,"data":1`),
				text(second(4), `{"seq":5,"type":"part","of":2,"data":2`)},
			seqs:    []uint64{1, 2, 3, 4, 5},
			unknown: []Unknown{{Seq: 2, Data: []byte(`{"v":1}`), Parts: 2}},
		},
		"renamed segment": {
			segments: [][]byte{text(headerLine), text(`{"seq":2,"type":"header","version":1,"segment":3,"data":{}`)},
			seqs:     []uint64{1, 2},
			damage:   []string{"journal-0002.jsonl:1: segment 3"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for i, s := range c.segments {
				must(t, os.WriteFile(filepath.Join(dir, segmentName(i+1)), s, 0o644))
			}
			h, err := readJournal(dir)
			must(t, err)
			var seqs []uint64
			for _, r := range h.Records {
				seqs = append(seqs, r.Seq)
			}
			if diff := cmp.Diff(c.seqs, seqs); diff != "" {
				t.Error("records:", diff)
			}
			torn := 0
			for i, d := range h.Damage {
				if d.Torn {
					torn++
				}
				if i >= len(c.damage) {
					t.Errorf("also damaged: %s", d)
					continue
				}
				place, cause, _ := strings.Cut(c.damage[i], ": ")
				if got := d.String(); !strings.HasPrefix(got, place+": ") || !strings.Contains(got, cause) {
					t.Errorf("damage %q, want %q", got, c.damage[i])
				}
			}
			if len(h.Damage) < len(c.damage) || torn != c.torn {
				t.Errorf("damage %v with %d torn, want %v with %d", h.Damage, torn, c.damage, c.torn)
			}
			if diff := cmp.Diff(c.unknown, h.Unknown); diff != "" {
				t.Error("unknown:", diff)
			}
		})
	}
}

func TestReportOfAWholeRun(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "journal.jsonl"), text(headerLine, intentLine, resultLine, eventLine), 0o644))
	must(t, os.WriteFile(filepath.Join(dir, "journal-0002.jsonl"), text(
		`{"seq":5,"type":"header","version":1,"segment":2,"data":{"run":"x"}`,
		`{"seq":6,"bench":100,"type":"note","data":"x"`,
		`{"seq":7,"bench":101.5,"type":"end","data":{"outcome":"partial","cause":"c","wall_seconds":3}`), 0o644))
	h, err := readJournal(dir)
	must(t, err)
	if h.Header.ID != "x" || h.Header.Command != "form" || fmt.Sprintf("%s", h.Header.Spec) != `{"a":1}` {
		t.Errorf("header %+v", h.Header)
	}
	if h.Version != 1 || h.Segments != 2 || h.LastSeq != 7 || h.Report.Records != 7 {
		t.Errorf("report %+v", h.Report)
	}
	if !h.HasBench || h.Bench != 101.5 || h.CutOff != 0 {
		t.Errorf("bench time %v, %v of it cut off", h.Bench, h.CutOff)
	}
	if h.End == nil || *h.End != (End{Outcome: OutcomePartial, Cause: "c", Wall: 3}) {
		t.Errorf("end %+v", h.End)
	}
}

// A run that was taken up again has not ended, whatever its first part said.
func TestEndOfAnEarlierSegmentIsNotTheEnd(t *testing.T) {
	report, _, err := scanBytes(
		text(headerLine, `{"seq":2,"type":"end","data":{"outcome":"interrupted","wall_seconds":1}`),
		text(`{"seq":3,"type":"header","version":1,"segment":2,"data":{"run":"x"}`))
	if err != nil || report.End != nil || report.Records != 3 {
		t.Errorf("%+v, %v", report, err)
	}
}

func TestMissingSegmentIsReported(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "journal.jsonl"), text(headerLine), 0o644))
	must(t, os.WriteFile(filepath.Join(dir, "journal-0003.jsonl"),
		text(`{"seq":9,"type":"header","version":1,"segment":3,"data":{}`), 0o644))
	must(t, os.WriteFile(filepath.Join(dir, "journal-3.jsonl"), []byte("another file"), 0o644))
	h, err := readJournal(dir)
	must(t, err)
	if len(h.Damage) != 1 || !strings.Contains(h.Damage[0].String(), "journal-0002.jsonl, is missing") ||
		len(h.Records) != 2 {
		t.Errorf("%v, %d records", h.Damage, len(h.Records))
	}
	must(t, os.Remove(filepath.Join(dir, "journal.jsonl")))
	if h, err = readJournal(dir); err != nil || len(h.Damage) != 1 || len(h.Records) != 1 {
		t.Errorf("%+v, %v", h, err)
	}
}

func TestNewerJournalIsRefused(t *testing.T) {
	dir := t.TempDir()
	newer := strings.Replace(headerLine, `"version":1`, `"version":2`, 1)
	must(t, os.WriteFile(filepath.Join(dir, "journal.jsonl"), text(newer, "raw:something unheard of\n"), 0o644))
	_, err := readJournal(dir)
	var v *VersionError
	if !errors.As(err, &v) || v.Found != 2 || instrument.KindOf(err) != instrument.KindUsage {
		t.Fatalf("got %v", err)
	}
	for _, part := range []string{"journal.jsonl", "version 2", "up to 1", "use the program that wrote it"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
	// A version that its checksum does not vouch for is damage, not the future.
	must(t, os.WriteFile(filepath.Join(dir, "journal.jsonl"), bytes.Replace(text(headerLine, intentLine),
		[]byte(`"version":1`), []byte(`"version":2`), 1), 0o644))
	h, err := readJournal(dir)
	if err != nil || len(h.Records) != 1 || len(h.Damage) != 1 {
		t.Errorf("%+v, %v", h, err)
	}
}

func TestNoJournal(t *testing.T) {
	for name, dir := range map[string]string{"empty directory": t.TempDir(),
		"no directory": filepath.Join(t.TempDir(), "x")} {
		_, err := readJournal(dir)
		if !errors.Is(err, os.ErrNotExist) || instrument.KindOf(err) != instrument.KindUsage ||
			!strings.Contains(err.Error(), "not a run") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestVisitorEndsTheScan(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "journal.jsonl"), text(headerLine, intentLine, resultLine), 0o644))
	enough, n := errors.New("enough"), 0
	_, err := ScanJournal(dir, func(Record) error {
		if n++; n == 2 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) || n != 2 {
		t.Errorf("%d records, %v", n, err)
	}
}

// A process that takes a run up again writes its own segment: the design that
// resume needs.
func TestSecondSegmentGoesOn(t *testing.T) {
	dir := t.TempDir()
	j, err := openJournal(dir, 1, 0, nil, Header{ID: "x", Command: "form"}, Options{})
	must(t, err)
	_, err = j.Intent("closed")
	must(t, err)
	open, err := j.Intent("left open")
	must(t, err)
	must(t, j.Result(2, nil))
	must(t, j.Close())
	h, err := readJournal(dir)
	must(t, err)
	if len(h.Unknown) != 1 || h.Unknown[0].Seq != open {
		t.Fatalf("unknown %+v", h.Unknown)
	}

	j, err = openJournal(dir, 2, h.LastSeq, []uint64{open}, h.Header, Options{})
	must(t, err)
	must(t, j.Result(open, "resolved by reading"))
	if err := j.Result(2, nil); err == nil {
		t.Error("an intent of the first segment was closed twice")
	}
	must(t, j.Close())
	h, err = readJournal(dir)
	must(t, err)
	if len(h.Unknown) != 0 || len(h.Damage) != 0 || h.Segments != 2 || h.LastSeq != 6 || h.Header.Command != "form" {
		t.Errorf("%+v", h.Report)
	}
}
