package replay

import (
	"bytes"
	"encoding/json"
	"fmt"

	"xlab/instrument"
)

// Difference is the first place at which an algorithm does not do what the
// record says.
type Difference struct {
	File     string `json:"file"` // segment, without directory
	Line     int    `json:"line"` // in it, from 1
	Seq      uint64 `json:"record"`
	Recorded string `json:"recorded"`
	Asked    string `json:"asked"`
}

func (d *Difference) Error() string {
	return fmt.Sprintf("%s:%d (record %d): the run goes another way than recorded\n  recorded: %s\n  now:      %s", d.File,
		d.Line, d.Seq, d.Recorded, d.Asked)
}

// differ ends the tape with a difference.
func (t *Tape) differ(e *entry, what string, data any) error {
	text, err := json.Marshal(data)
	if err != nil {
		text = []byte(err.Error())
	}
	return t.end(&instrument.Error{Op: "replay", Kind: instrument.KindUsage,
		Err: &Difference{File: e.File, Line: e.Line, Seq: e.Seq,
			Recorded: e.describe(), Asked: what + " " + shortened(text)},
		Advice: "nothing was touched; this program, or something that the run depends on, has changed since: go on " +
			"with the version of the program that began the run"})
}

// Surplus is the difference of an algorithm that ended although there is more on
// the tape; nil where there is not.
func (t *Tape) Surplus() *Difference {
	e := t.ahead[0]
	if t.live || e == nil {
		return nil
	}
	return e.against(theEnd)
}

// describe writes an entry for a person.
func (e *entry) describe() string {
	what := "a " + string(e.Type)
	if e.Of != 0 {
		what += fmt.Sprintf(" of intent %d", e.Of)
	}
	if e.Kind != "" {
		what = "an event " + e.Kind
	}
	return what + " " + shortened(e.Data)
}

// differs is differ, or an error that came before.
func (t *Tape) differs(err error, e *entry, what string, data any) error {
	if err != nil {
		return t.end(err)
	}
	return t.differ(e, what, data)
}

// shortened keeps the beginning and the end: differences are at either.
func shortened(text []byte) string {
	const most = 600
	if len(text) <= most {
		return string(text)
	}
	return string(text[:most/2]) + " ... " + string(text[len(text)-most/2:])
}

// same compares data with recorded JSON.
func (t *Tape) same(recorded json.RawMessage, data any) (bool, error) {
	text, err := json.Marshal(data)
	if err != nil {
		return false, err
	}
	return SameJSON(recorded, text), nil
}

// SameJSON compares two texts: byte by byte, which is what one program writes
// twice, and otherwise by meaning, where a key that one version of the program
// does not write is the same as an empty value.
func SameJSON(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	var x, y any
	for _, s := range []struct {
		text []byte
		into *any
	}{{a, &x}, {b, &y}} {
		d := json.NewDecoder(bytes.NewReader(s.text))
		d.UseNumber() // to the last bit
		if d.Decode(s.into) != nil {
			return false
		}
	}
	return sameValue(x, y)
}

func sameValue(x, y any) bool {
	switch x := x.(type) {
	case map[string]any:
		y, ok := y.(map[string]any)
		if !ok {
			return false
		}
		for key, v := range x {
			if w, ok := y[key]; ok && !sameValue(v, w) || !ok && !empty(v) {
				return false
			}
		}
		for key, w := range y {
			if _, ok := x[key]; !ok && !empty(w) {
				return false
			}
		}
		return true
	case []any:
		y, ok := y.([]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for i := range x {
			if !sameValue(x[i], y[i]) {
				return false
			}
		}
		return true
	}
	return x == y
}

func empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case bool:
		return !v
	case string:
		return v == ""
	case json.Number:
		return v == "0"
	case []any:
		return len(v) == 0
	case map[string]any:
		for _, w := range v {
			if !empty(w) {
				return false
			}
		}
		return true
	}
	return false
}
