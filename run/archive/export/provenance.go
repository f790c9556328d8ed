package export

import (
	"bytes"
	"encoding/json"
	"fmt"

	"xlab/instrument"
	"xlab/run"
)

// Field is one fact of a provenance.
type Field struct {
	Name  string
	Value any // fit for JSON
}

// Provenance says where numbers come from, in order.
type Provenance []Field

// provenance collects what is known about a run.
func provenance(s *run.Stored, report *run.Report) Provenance {
	h := s.Header
	damage := []string{}
	for _, d := range report.Damage {
		damage = append(damage, d.String())
	}
	return Provenance{
		{"run", s.ID}, {"command", h.Command}, {"arguments", h.Arguments}, {"array", h.Array},
		{"started", h.Started}, {"outcome", s.Outcome}, {"cause", s.Cause}, {"summary", s.Summary.Summary},
		{"bench", h.Bench}, {"simulated", h.Simulated}, {"chip", h.Chip}, {"seed", h.Seed},
		{"instruments", h.Instruments}, {"limits", h.Limits}, {"program", "xlab " + h.Program},
		{"segments", report.Segments}, {"records", report.Records},
		{"unknown_intents", len(report.Unknown)}, // stress that may or may not have happened
		{"damage", damage}, {"problems", s.Problems}, {"specification", h.Spec},
	}
}

// of adds what a table is to its provenance.
func (t *Table) of(p Provenance) Provenance {
	type column struct {
		Name        string `json:"name"`
		Unit        string `json:"unit"`
		Description string `json:"description"`
	}
	var columns []column
	for _, c := range t.Columns {
		columns = append(columns, column{c.Name, c.Unit, c.Description})
	}
	return append(Provenance{{"table", t.Name}, {"title", t.Title}, {"columns", columns}}, p...)
}

// MarshalJSON writes the fields as an object, in order.
func (p Provenance) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, f := range p {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := marshal(f.Name)
		if err != nil {
			return nil, err
		}
		value, err := marshal(f.Value)
		if err != nil {
			return nil, fmt.Errorf("provenance %s: %w", f.Name, err)
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// text is a fact on one line: a text as it is, anything else as JSON.
func (f Field) text() (string, error) {
	value, err := marshal(f.Value)
	if err != nil {
		return "", fmt.Errorf("provenance %s: %w", f.Name, err)
	}
	var s string
	if json.Unmarshal(value, &s) == nil {
		return s, nil
	}
	return string(value), nil
}

// marshal writes JSON that is easy to read for people too.
func marshal(v any) ([]byte, error) {
	if raw, ok := v.(json.RawMessage); ok && len(raw) == 0 {
		return []byte("null"), nil
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return instrument.ShortenJSON(bytes.TrimSuffix(b.Bytes(), []byte("\n"))), nil
}
