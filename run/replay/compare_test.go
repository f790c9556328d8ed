package replay

import (
	"encoding/json"
	"iter"
	"testing"

	"xlab/run"
	"xlab/run/record"
)

func listed(list ...run.Record) iter.Seq2[run.Record, error] {
	return func(yield func(run.Record, error) bool) {
		for i, r := range list {
			if r.File == "" {
				r.File = "journal.jsonl"
			}
			r.Line, r.Seq = i+1, uint64(i+1)
			if !yield(r, nil) {
				return
			}
		}
	}
}

func TestCompare(t *testing.T) {
	intent := run.Record{Type: run.TypeIntent, Data: json.RawMessage(`{"array":"A"}`)}
	recall := func(data string) run.Record {
		return run.Record{Type: run.TypeEvent, Kind: record.Recall, Data: json.RawMessage(data)}
	}
	one, two := recall(`{"what":"x","asked":1,"answer":1}`), recall(`{"what":"x","asked":1,"answer":2}`)
	lost, gone := recall(`{"what":"x","asked":1,"answer":null,"error":"a"}`),
		recall(`{"what":"x","asked":1,"answer":null,"error":"b"}`)
	note := run.Record{Type: run.TypeNote, Data: json.RawMessage(`"for people"`)}
	later := intent
	later.File = "journal-0002.jsonl"
	for name, c := range map[string]struct {
		recorded, now iter.Seq2[run.Record, error]
		same          int
		differs       bool
		short         bool
	}{
		"same":      {listed(intent, note, one, later), listed(note, intent, one), 2, false, false},
		"answer":    {listed(intent, one), listed(intent, two), 1, true, false},
		"less":      {listed(intent, one), listed(intent), 1, true, true},
		"more":      {listed(intent), listed(intent, one), 1, true, true},
		"broken":    {listed(intent, one), listed(intent, lost), 1, true, true},
		"repaired":  {listed(intent, lost), listed(intent, one), 1, true, false},
		"both fail": {listed(intent, lost), listed(intent, gone), 2, false, false},
		"kind":      {listed(intent), listed(one), 0, true, false},
	} {
		got, err := Compare(c.recorded, c.now)
		if err != nil || got.Same != c.same || (got.First != nil) != c.differs || got.Short != c.short {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}
