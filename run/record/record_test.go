package record_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"xlab/run"
	"xlab/run/record"
)

func TestOf(t *testing.T) {
	const done = `{"array":"A","cell":[3,7],"steps":[{"op":"read","v":0.2,"comp":1,"aperture":1}],"results":[{}]}`
	for _, c := range []struct {
		kind run.Type
		of   string // of events
		data string
		want string // type of what is read, or part of the error
	}{
		{run.TypeHeader, "", `{"id":"x"}`, "run.Header"},
		{run.TypeIntent, "", `{"array":"A","cell":[3,7],"steps":[]}`, "record.Intent"},
		{run.TypePart, "", done, "*record.Done"},
		{run.TypeResult, "", done, "*record.Done"},
		{run.TypeResult, "", `{"cell":[3,7],"state":"formed"}`, "<nil>"},
		{run.TypeResult, "", `{"array":"A","cell":[3,7]}`, "<nil>"},
		{run.TypePart, "", `{"array":"A","cell":[3,7]}`, "journal.jsonl:4 (record 7) cannot be understood: the steps"},
		{run.TypeEvent, "read", done, "*record.Done"},
		{run.TypeEvent, record.Resolve, done, "*record.Done"},
		{run.TypeEvent, record.Recall, `{"what":"wait","asked":1,"answer":1}`, "record.Answer"},
		{run.TypeEvent, record.Recall, `[]`, "cannot be understood: json"},
		{run.TypeEvent, record.Resume, `{"used":3}`, "record.Resumed"},
		{run.TypeEvent, record.Task, `{"task":1}`, "json.RawMessage"},
		{run.TypeEvent, "stand still", `{}`, "<nil>"},
		{run.TypeEvent, "magic", `{}`, `event "magic" is of no kind that this program knows`},
		{run.TypeEnd, "", `{}`, "<nil>"},
		{"omen", "", `{}`, "is of no kind"},
	} {
		value, err := record.Of(run.Record{Type: c.kind, Kind: c.of, Seq: 7, File: "journal.jsonl", Line: 4,
			Data: json.RawMessage(c.data)})
		got := fmt.Sprintf("%T", value)
		if err != nil {
			got = err.Error()
		}
		if err == nil && got != c.want || err != nil && !strings.Contains(got, c.want) {
			t.Errorf("%s %q %s: %s, want %s", c.kind, c.of, c.data, got, c.want)
		}
	}
}
