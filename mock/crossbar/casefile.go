package crossbar

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"xlab/input"
	"xlab/input/table"
)

// Reading of case files, strict in what encoding/json is lenient about: names in another case, names given twice, names
// left out, null for a number, anything after the end.

// object is a JSON object with its members' places in the file.
type object struct {
	member  // the object itself
	members map[string]member
	order   []string
}

// member is a value in a case file.
type member struct {
	data []byte // the whole file
	at   int    // where the value begins
	path string // its name, "" for the whole
	raw  json.RawMessage
}

// errorf returns an error that begins with the member's place.
func (m member) errorf(format string, args ...any) error {
	before := m.data[:min(m.at, len(m.data))]
	line := 1 + bytes.Count(before, []byte("\n"))
	column := len(before) - bytes.LastIndexByte(before, '\n')
	msg := fmt.Sprintf(format, args...)
	if m.path != "" {
		msg = m.path + ": " + msg
	}
	return fmt.Errorf("case: line %d, column %d: %s", line, column, msg)
}

// parseObject parses a whole case file.
func parseObject(data []byte) (*object, error) {
	m := member{data: data, raw: data}
	if err := json.Unmarshal(data, new(json.RawMessage)); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			m.at = max(0, int(syntax.Offset)-1) // the offset is that behind the offending byte
		}
		return nil, m.errorf("not a JSON object: %v", err)
	}
	return m.object()
}

// object takes the member apart. The file is known to be JSON.
func (m member) object() (*object, error) {
	d := json.NewDecoder(bytes.NewReader(m.raw))
	t, err := d.Token()
	if err != nil {
		return nil, m.errorf("not a JSON object: %v", err)
	}
	if t != json.Delim('{') {
		return nil, m.errorf("a JSON object {...} is needed here")
	}
	o := &object{member: m, members: map[string]member{}}
	for d.More() {
		t, err := d.Token()
		name, _ := t.(string)
		v := member{data: m.data, path: name}
		if m.path != "" {
			v.path = m.path + "." + name
		}
		if err := errors.Join(err, d.Decode(&v.raw)); err != nil {
			return nil, m.errorf("not a JSON object: %v", err)
		}
		v.at = m.at + int(d.InputOffset()) - len(v.raw)
		if _, twice := o.members[name]; twice {
			return nil, v.errorf("given twice; keep one")
		}
		o.members[name] = v
		o.order = append(o.order, name)
	}
	return o, nil
}

// want is a member an object must have and what to do with it.
type want struct {
	name string
	read func(member) error
}

// take reads all wanted members and reports unknown and missing ones.
func (o *object) take(wants ...want) error {
	read := map[string]func(member) error{}
	for _, w := range wants {
		read[w.name] = w.read
	}
	for _, name := range o.order {
		f, ok := read[name]
		if !ok {
			return o.members[name].errorf("unknown field; did you mean %s?", nearest(name, wants))
		}
		if err := f(o.members[name]); err != nil {
			return err
		}
	}
	for _, w := range wants {
		if _, ok := o.members[w.name]; !ok {
			hint := ""
			if strings.HasPrefix(w.name, "r_") {
				hint = "; write 0 where there is no resistance"
			}
			return o.errorf("the field %s is missing%s", w.name, hint)
		}
	}
	return nil
}

// nearest returns the wanted name with the smallest edit distance.
func nearest(name string, wants []want) string {
	best, least := "", math.MaxInt
	for _, w := range wants {
		if d := input.EditDistance(strings.ToLower(name), w.name); d < least {
			best, least = w.name, d
		}
	}
	return best
}

// null reports whether the value is null.
func (m member) null() bool { return string(m.raw) == "null" }

// text reads a string that is not empty.
func (m member) text(s *string, what string) error {
	if m.null() || json.Unmarshal(m.raw, s) != nil || *s == "" {
		return m.errorf("%s: give %s", m.raw, what)
	}
	return nil
}

// number reads a finite number, least or more.
func (m member) number(x *float64, least float64, what string) error {
	if m.null() || json.Unmarshal(m.raw, x) != nil || *x < least {
		return m.errorf("%s: give %s", m.raw, what)
	}
	return nil
}

func (m member) ohms(x *float64) error { return m.number(x, 0, "a resistance in ohm, 0 or more") }

func (m member) positiveVolts(x *float64) error {
	return m.number(x, math.SmallestNonzeroFloat64, "a voltage in V above 0")
}

// lines reads a list of voltages, null for a floating line.
func (m member) lines(l *[]Line) error {
	var raw []json.RawMessage
	if m.null() || json.Unmarshal(m.raw, &raw) != nil {
		return m.errorf("give a list with one voltage in V per line, null for a floating one")
	}
	*l = make([]Line, len(raw))
	at := m.at
	for k, r := range raw {
		// The elements follow one another; look for each behind the one before.
		at += bytes.Index(m.data[at:], r)
		e := member{data: m.data, at: at, path: fmt.Sprintf("%s[%d]", m.path, k), raw: r}
		at += len(r)
		if e.null() {
			continue
		}
		(*l)[k].Kind = Voltage
		if err := e.number(&(*l)[k].Value, math.Inf(-1), "a voltage in V, or null for a floating line"); err != nil {
			return err
		}
	}
	return nil
}

// parseConductances reads a table of conductances in S.
func parseConductances(r io.Reader, o table.Options) (g []float64, rows, cols int, err error) {
	t, err := table.NewReader(r, o)
	if err != nil {
		return nil, 0, 0, err
	}
	for ; ; rows++ {
		cells, err := t.Next()
		if errors.Is(err, io.EOF) && rows > 0 {
			return g, rows, t.Width, nil
		}
		if errors.Is(err, io.EOF) {
			return nil, 0, 0, fmt.Errorf("%s: there is nothing below the heading: give one line of conductances per row", o.Name)
		}
		if err != nil {
			return nil, 0, 0, err
		}
		for k, cell := range cells {
			x, err := t.Number(cell)
			if err == nil && x < 0 {
				err = fmt.Errorf("a conductance of %g S: give a finite value of 0 or more", x)
			}
			if err != nil {
				return nil, 0, 0, fmt.Errorf("%s:%d:%d: %w", o.Name, t.Line, t.Column(k), err)
			}
			g = append(g, x)
		}
	}
}
