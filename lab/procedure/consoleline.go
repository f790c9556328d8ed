package procedure

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"xlab/input"
	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/run"
)

// longestLine bounds a console's line, in bytes.
const longestLine = 1 << 20

// endsTogether is how long the end of the input is not believed: of a program that was
// killed the other end is closed by then, so that it is not told that all is done.
const endsTogether = 50 * time.Millisecond

// line is a line that a console was given, in a form that does not depend on blanks
// between its words.
type line struct {
	Text string `json:"line,omitempty"`
	Size int    `json:"size,omitempty"` // in bytes, of a line that is too long: Text is its beginning
	End  bool   `json:"end,omitempty"`  // of the input

	err error // why there is none
}

func (l line) same(as line) bool { return l.Text == as.Text && l.Size == as.Size && l.End == as.End }

// String shows a line to a person.
func (l line) String() string {
	const most = 600
	switch {
	case l.End:
		return "the end of the input"
	case len(l.Text) > most:
		return strings.ToValidUTF8(l.Text[:most], "") + " ..."
	}
	return l.Text
}

// lines reads lines until the input ends or done is closed. Empty ones are none.
func lines(in io.Reader, done <-chan struct{}) <-chan line {
	to := make(chan line)
	go func() {
		for r := bufio.NewReader(in); ; {
			l := readLine(r)
			if l.End {
				time.Sleep(endsTogether)
			}
			if l.Text == "" && l.err == nil && !l.End {
				continue
			}
			select {
			case to <- l:
			case <-done:
				return
			}
			if l.End || l.err != nil {
				return
			}
		}
	}()
	return to
}

// cutOff ends a console's run as one that can be taken up.
func cutOff(err error) error { return &run.Ended{Outcome: run.OutcomeInterrupted, Err: err} }

// readLine reads a line of any length into bounded memory.
func readLine(r *bufio.Reader) line {
	var text []byte
	size, cut := 0, false
	for {
		part, err := r.ReadSlice('\n')
		size += len(part)
		text = append(text, part[:min(len(part), longestLine+1-len(text))]...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil && !errors.Is(err, io.EOF):
			return line{err: cutOff(fmt.Errorf("reading the lines: %w", err))}
		case err != nil && size == 0:
			return line{End: true}
		}
		cut = err != nil
		break
	}
	if len(text) > longestLine {
		const shown = 200
		return line{Text: strings.ToValidUTF8(string(text[:shown]), "\ufffd"), Size: size}
	}
	text = bytes.TrimSpace(bytes.TrimPrefix(text, []byte("\ufeff")))
	var compact bytes.Buffer
	l := line{Text: strings.ToValidUTF8(string(text), "\ufffd")}
	switch {
	case utf8.Valid(text) && json.Compact(&compact, text) == nil:
		l.Text = compact.String()
	case cut && len(text) > 0: // by the end of who wrote it, who may write the whole of it yet
		l.err = cutOff(fmt.Errorf("the input ends in the middle of a line: %s", l))
	}
	return l
}

// lineReader makes steps of lines, on an array of so many rows and columns.
type lineReader struct {
	kinds      array.Kinds
	defaults   stepDefaults
	rows, cols int
}

// stepDefaults are the values of keys that a step leaves out, by its kind and key.
// Those of a kind behind downward come first where its voltage is negative.
type stepDefaults map[string]map[string]json.RawMessage

const downward = "-"

// defaultsOf are those of the configuration.
func defaultsOf(s *Settings) (stepDefaults, error) {
	up, down, look := s.Tuning.Pulse(1), s.Tuning.Pulse(-1), s.Read.Step()
	pulse := map[string]any{"scheme": up.Scheme, "comp": up.Compliance}
	downwards := map[string]any{"scheme": down.Scheme}
	multiply := map[string]any{"comp": look.Compliance, "settle": look.Settle, "aperture": look.Aperture}
	read := maps.Clone(multiply)
	read["v"] = look.Voltage
	values := map[string]map[string]any{
		"read": read, "multiply": multiply,
		"pulse": pulse, "parallel": pulse, downward + "pulse": downwards, downward + "parallel": downwards,
		"sweep": {"sweep": instrument.SweepVoltage, "scheme": up.Scheme, "comp": up.Compliance, "comp_col": up.Compliance,
			"delay": levelDelay, "aperture": levelAperture, "stop_comp": true},
	}
	text, err := json.Marshal(values)
	if err != nil {
		return nil, err
	}
	var d stepDefaults
	return d, json.Unmarshal(text, &d)
}

// steps reads the steps of a line, which are all on one device or all with whole
// lines. Limits are not looked at.
func (p lineReader) steps(l line) (cell array.Cell, steps []array.Step, err error) {
	defer func() {
		if err != nil {
			err = &instrument.Error{Op: "console", Kind: instrument.KindUsage, Err: err,
				Advice: "nothing was done; `xlab console --help` shows the form of a line"}
		}
	}()
	if l.Size > 0 {
		return cell, nil, fmt.Errorf("a line has at most %d bytes, not %d", longestLine, l.Size)
	}
	texts := []json.RawMessage{json.RawMessage(l.Text)}
	if strings.HasPrefix(l.Text, "[") {
		if err := json.Unmarshal(texts[0], &texts); err != nil {
			return cell, nil, jsonError(err, []byte(l.Text))
		}
	}
	if len(texts) == 0 {
		return cell, nil, errors.New("the list has no steps")
	}
	cell = array.Whole
	for i, text := range texts {
		step, place, err := p.step(text)
		at := cell
		if err == nil && place != nil {
			at, err = p.place(place)
		}
		if err == nil && i > 0 && at != cell {
			err = fmt.Errorf("the steps of a line are performed on one device, and not on %s and %s", cell, at)
		}
		if err != nil && len(texts) > 1 {
			err = fmt.Errorf("step %d: %w", i+1, err)
		}
		if err != nil {
			return cell, nil, err
		}
		cell, steps = at, append(steps, step)
	}
	return cell, steps, nil
}

// step reads a step, and where it is to be performed if it says so.
func (p lineReader) step(text json.RawMessage) (step array.Step, place json.RawMessage, err error) {
	var given map[string]json.RawMessage
	if err := json.Unmarshal(text, &given); err != nil {
		return nil, nil, jsonError(err, text)
	}
	maps.DeleteFunc(given, func(_ string, value json.RawMessage) bool { return string(value) == "null" })
	place = given["cell"]
	delete(given, "cell")
	var op string
	_ = json.Unmarshal(given["op"], &op) // what is no text is no kind of step, which is said below
	var v instrument.Volts
	var kinds []string
	if json.Unmarshal(given["v"], &v) == nil && v < 0 {
		kinds = append(kinds, downward+op)
	}
	whole := maps.Clone(given)
	for _, kind := range append(kinds, op) {
		for key, value := range p.defaults[kind] {
			if whole[key] == nil {
				whole[key] = value
			}
		}
	}
	if op == "sweep" {
		if err := plainSweep(whole); err != nil {
			return nil, nil, err
		}
	}
	if text, err = json.Marshal(whole); err != nil {
		return nil, nil, err
	}
	if step, err = p.kinds.Step(text); err != nil {
		if kind, is := errors.AsType[*json.UnmarshalTypeError](err); is && kind.Field != "" {
			err = fmt.Errorf("step %s: %w", op, input.JSONError(kind, nil)) // with no place: text is not the line
		}
		return nil, nil, err
	}
	return step, place, checkKeys(step, whole)
}

// jsonError is input.JSONError of a text that is one line, whose number is that of the
// answer.
func jsonError(err error, text []byte) error {
	return errors.New(strings.TrimPrefix(input.JSONError(err, text).Error(), "line 1, "))
}

// plainSweep makes numbers of the quantities of a sweep, of which its kind says what
// they are.
func plainSweep(whole map[string]json.RawMessage) error {
	var kind instrument.SweepKind
	_ = json.Unmarshal(whole["sweep"], &kind) // another kind is refused when the step is read
	for _, key := range []string{"start", "stop", "comp"} {
		if !bytes.HasPrefix(whole[key], []byte(`"`)) {
			continue
		}
		var v instrument.Volts
		var i instrument.Amps
		var err error
		if (kind == instrument.SweepCurrent) == (key == "comp") {
			err = json.Unmarshal(whole[key], &v)
		} else {
			err = json.Unmarshal(whole[key], &i)
		}
		if err != nil {
			return fmt.Errorf("%q: %w", key, err)
		}
		if whole[key], err = json.Marshal(float64(v) + float64(i)); err != nil { // one of them is 0
			return err
		}
	}
	return nil
}

// checkKeys refuses keys that a step does not have, and a step without those that
// say what it does.
func checkKeys(step array.Step, whole map[string]json.RawMessage) error {
	rest := maps.Clone(whole)
	delete(rest, "op")
	missing := ""
	kind := reflect.TypeOf(step)
	if kind.Kind() != reflect.Struct {
		return nil // a kind with keys of its own, which it reads itself
	}
	for _, field := range reflect.VisibleFields(kind) {
		key, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if whole[key] == nil && key != "" && key != "-" && options == "" {
			missing = cmp.Or(missing, key)
		}
		delete(rest, key)
	}
	switch {
	case len(rest) > 0:
		return fmt.Errorf("%q is no key of such a step", slices.Sorted(maps.Keys(rest))[0])
	case missing != "":
		return fmt.Errorf("%q is missing", missing)
	}
	return nil
}

// place reads a device, written like r3c7 or [3,7].
func (p lineReader) place(text json.RawMessage) (array.Cell, error) {
	var cell array.Cell
	var name string
	if json.Unmarshal(text, &name) != nil {
		if err := json.Unmarshal(text, &cell); err != nil {
			return cell, err
		}
		return cell, cell.Within(p.rows, p.cols)
	}
	cells, err := array.ParseCells(name, p.rows, p.cols)
	if err == nil && len(cells) != 1 {
		err = fmt.Errorf("%q is not one device, such as r3c7", name)
	}
	if err != nil {
		return cell, err
	}
	return cells[0], nil
}
