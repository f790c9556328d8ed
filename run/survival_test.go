package run

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"xlab/instrument"
)

// entry is what a journal was told.
type entry struct {
	kind Type
	of   uint64
	data string
	end  int  // bytes of the file that hold it
	safe bool // it was on disk when the call returned
}

// Any sequence of intents, parts, results and events, cut off at any byte:
// whatever was on disk is read back, in order and unchanged, and nothing else
// is made up. The cut may leave zeros or rubbish behind it, as file systems do.
func TestJournalSurvivesACut(t *testing.T) {
	dir := t.TempDir() // for its name only: the file is in memory
	rapid.Check(t, func(t *rapid.T) {
		disk := newSimDisk()
		j, err := openJournal(dir, 1, 0, nil, Header{ID: "run"}, disk.options())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = j.Close() }()
		contents, _, _ := disk.state()
		entries := []entry{{kind: TypeHeader, end: len(contents), safe: true}}
		var open []uint64
		for i := range rapid.IntRange(0, 30).Draw(t, "steps") {
			e := entry{data: fmt.Sprintf(`{"step":%d,"x":%q}`, i, rapid.StringN(0, 20, -1).Draw(t, "x"))}
			text, err := json.Marshal(json.RawMessage(e.data))
			if err != nil { // quoted as Go does and JSON does not
				e.data = fmt.Sprint(i)
				text = []byte(e.data)
			}
			e.data = string(text)
			raw := json.RawMessage(text)
			switch what := rapid.SampledFrom([]string{"intent", "intent", "part", "result", "event", "flush"}).Draw(t, "what"); {
			case what == "intent":
				id, ierr := j.Intent(raw)
				open, err = append(open, id), ierr
				e.kind, e.safe = TypeIntent, true
			case what == "part" && len(open) > 0:
				e.kind, e.of = TypePart, rapid.SampledFrom(open).Draw(t, "of")
				err = j.Part(e.of, raw)
			case what == "result" && len(open) > 0:
				e.kind, e.of = TypeResult, rapid.SampledFrom(open).Draw(t, "of")
				err = j.Result(e.of, raw)
				open = slices.DeleteFunc(open, func(id uint64) bool { return id == e.of })
			case what == "flush":
				err = j.Flush()
			default:
				e.kind = TypeEvent
				err = j.Event("x", raw)
			}
			if err != nil {
				t.Fatal(err)
			}
			contents, synced, _ := disk.state()
			if e.kind != "" {
				e.end = len(contents)
				entries = append(entries, e)
			}
			for k := range entries {
				entries[k].safe = entries[k].safe || entries[k].end <= synced
			}
		}
		contents, synced, _ := disk.state()
		for _, e := range entries {
			if e.safe && e.end > synced {
				t.Fatalf("%+v is not on disk: only %d bytes are", e, synced)
			}
		}

		cut := rapid.IntRange(0, len(contents)).Draw(t, "cut")
		rest := rapid.SampledFrom([][]byte{nil, make([]byte, 700), []byte("rubbish"), []byte("\n"), {0, '\n', 0xff}}).Draw(t,
			"rest")
		if cut == len(contents) {
			rest = nil
		}
		report, records, err := scanBytes(append(bytes.Clone(contents[:cut]), rest...))
		if err != nil {
			t.Fatal(err)
		}
		var expected []entry
		unknown := make(map[uint64]int)
		for i, e := range entries {
			// Without its line feed a line is whole all the same.
			if e.end <= cut || len(rest) == 0 && e.end-1 == cut || len(rest) > 0 && rest[0] == '\n' && e.end-1 == cut {
				expected = append(expected, e)
				switch seq := uint64(i + 1); e.kind {
				case TypeIntent:
					unknown[seq] = 0
				case TypePart:
					unknown[e.of]++
				case TypeResult:
					delete(unknown, e.of)
				}
			}
		}
		if len(records) != len(expected) {
			t.Fatalf("cut at %d of %d: %d records, want %d", cut, len(contents), len(records), len(expected))
		}
		for i, r := range records {
			e := expected[i]
			if r.Seq != uint64(i+1) || r.Type != e.kind || r.Of != e.of || r.Line != i+1 || i > 0 && string(r.Data) != e.data {
				t.Fatalf("record %d is %+v, want %+v", i+1, r, e)
			}
		}
		if len(report.Unknown) != len(unknown) {
			t.Fatalf("unknown: %+v, want %v", report.Unknown, unknown)
		}
		for _, u := range report.Unknown {
			if parts, ok := unknown[u.Seq]; !ok || parts != u.Parts {
				t.Fatalf("unknown: %+v, want %v", u, unknown)
			}
		}
		if cut == len(contents) && len(report.Damage) != 0 {
			t.Fatalf("damage in a whole journal: %v", report.Damage)
		}
	})
}

// Any single changed byte is noticed, with its line, and costs that line only
// (or two, where it was the line feed between them).
func TestChangedByteIsNoticed(t *testing.T) {
	disk := newSimDisk()
	j := mustOpen(t, disk.options())
	for i := range 6 {
		id, err := j.Intent(pulse{row: i, v: 0.1 * float64(i)})
		must(t, err)
		must(t, j.Result(id, map[string]int{"i": i}))
	}
	must(t, j.Close())
	contents, _, _ := disk.state()
	_, whole, err := scanBytes(contents)
	must(t, err)
	rapid.Check(t, func(t *rapid.T) {
		at := rapid.IntRange(0, len(contents)-1).Draw(t, "at")
		flip := rapid.ByteRange(1, 255).Draw(t, "flip")
		spoilt := bytes.Clone(contents)
		spoilt[at] ^= flip
		line := bytes.Count(contents[:at], []byte("\n")) + 1
		report, records, err := scanBytes(spoilt)
		if err != nil {
			t.Fatal(err)
		}
		lost := len(whole) - len(records)
		wasFeed, isFeed := contents[at] == '\n', spoilt[at] == '\n'
		switch {
		case wasFeed && at == len(contents)-1:
			// The last line now has a byte too many.
			if lost != 1 {
				t.Fatalf("%d records lost", lost)
			}
		case wasFeed:
			if lost != 2 {
				t.Fatalf("%d records lost", lost)
			}
		case lost != 1:
			t.Fatalf("%d records lost", lost)
		}
		if len(report.Damage) == 0 || report.Damage[0].Line != line {
			t.Fatalf("byte %d of line %d (line feed: %v): damage %v", at, line, isFeed, report.Damage)
		}
		for _, r := range records {
			if w := whole[r.Seq-1]; w.Type != r.Type || !bytes.Equal(w.Data, r.Data) {
				t.Fatalf("record %d changed to %+v", r.Seq, r)
			}
		}
	})
}

// compareParsers checks that the fast way and the slow way of reading a line
// agree where the fast way takes it.
func compareParsers(t interface {
	Helper()
	Fatalf(string, ...any)
}, line []byte) {
	t.Helper()
	fast, ok := parseWritten(line)
	if !ok {
		return
	}
	var slow envelope
	if err := json.Unmarshal(append(bytes.Clone(line), '}'), &slow); err != nil {
		t.Fatalf("%q is taken by the fast way only: %v", line, err)
	}
	var data bytes.Buffer
	if err := json.Compact(&data, fast.Data); err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	var slowData bytes.Buffer
	if err := json.Compact(&slowData, slow.Data); err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	same := fast.Seq == slow.Seq && fast.Type == slow.Type && fast.Of == slow.Of && fast.Kind == slow.Kind &&
		fast.Version == slow.Version && fast.Segment == slow.Segment && bytes.Equal(data.Bytes(), slowData.Bytes()) &&
		(fast.Bench == nil) == (slow.Bench == nil) && (fast.Bench == nil || *fast.Bench == *slow.Bench)
	if !same {
		t.Fatalf("%q is read as %+v and as %+v", line, fast, slow)
	}
}

func TestParsersAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := line{
			kind: rapid.SampledFrom([]Type{TypeIntent, TypePart, TypeResult, TypeEvent, TypeNote, TypeHeader, TypeEnd,
				"later"}).Draw(t, "type"),
			of:      rapid.Uint64().Draw(t, "of"),
			event:   rapid.String().Draw(t, "kind"),
			version: rapid.IntRange(0, 3).Draw(t, "version"),
			segment: rapid.Int().Draw(t, "segment"),
			data:    rapid.String().Draw(t, "data"),
		}
		seq := rapid.Uint64Range(1, 1<<63).Draw(t, "seq")
		hasBench := rapid.Bool().Draw(t, "has bench")
		bench := instrument.Seconds(rapid.Float64().Draw(t, "bench"))
		text, err := appendLine(nil, seq, bench, hasBench, l)
		if err != nil {
			t.Fatal(err)
		}
		text = bytes.TrimSuffix(text, []byte("\n"))
		compareParsers(t, text[:len(text)-crcLength])
		e, err := parseLine(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		r := e.record()
		if r.Seq != seq || r.Type != l.kind || r.Of != l.of || r.HasBench != hasBench || hasBench && r.Bench != bench ||
			e.Version != l.version {
			t.Fatalf("%s is read as %+v", text, e)
		}
	})
}

func FuzzJournal(f *testing.F) {
	disk := newSimDisk()
	j := mustOpen(f, disk.options())
	id, err := j.Intent(pulse{row: 1, col: 2, v: 3})
	must(f, err)
	must(f, j.Part(id, "half"))
	must(f, j.Result(id, nil))
	must(f, j.Event("device", map[string]any{"cell": []int{1, 2}}))
	_, err = j.append(line{kind: TypeEnd, data: End{Outcome: OutcomeComplete}})
	must(f, err)
	must(f, j.Close())
	contents, _, _ := disk.state()
	f.Add(contents, false)
	f.Add(contents[:len(contents)/2], false)
	f.Add([]byte(`{"seq":1,"type":"header","version":2,"segment":1,"data":{}`), true)
	f.Add([]byte(`{"seq":1,"type":"intent","data":null`+"\n"+`{"seq":18446744073709551615,"type":"result","of":1`), true)
	f.Add([]byte("\x00\x00\n\n\n,\"crc\":\"00000000\"}"), false)
	f.Fuzz(func(t *testing.T, text []byte, sign bool) {
		if sign {
			// Checksums that fit let the fuzzer get behind them.
			var signed []byte
			for _, l := range bytes.Split(text, []byte("\n")) {
				compareParsers(t, l)
				signed = fmt.Appendf(append(signed, l...), ",\"crc\":\"%08x\"}\n", crc32c(l))
			}
			text = signed
		}
		report, records, err := scanBytes(text)
		if err != nil {
			return // a newer version
		}
		var last uint64
		lines := bytes.Count(text, []byte("\n")) + 1
		for _, r := range records {
			if r.Seq <= last {
				t.Fatalf("record %d after record %d", r.Seq, last)
			}
			last = r.Seq
			if r.Line < 1 || r.Line > lines || r.Type == "" {
				t.Fatalf("record %+v of a text of %d lines", r, lines)
			}
		}
		if report.LastSeq != last || report.Records != len(records) {
			t.Fatalf("report %+v of %d records up to %d", report, len(records), last)
		}
		for _, d := range report.Damage {
			if d.Line < 1 || max(d.Line, d.Last) > lines || d.Cause == "" {
				t.Fatalf("damage %+v of a text of %d lines", d, lines)
			}
		}
		for _, u := range report.Unknown {
			if !slices.ContainsFunc(records, func(r Record) bool { return r.Seq == u.Seq && r.Type == TypeIntent }) {
				t.Fatalf("unknown intent %d is no record", u.Seq)
			}
		}
	})
}
