// Package record says what the records of a run's journal hold. Whoever reads a
// journal asks it: a kind that it does not know is an error, never passed over.
package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"xlab/instrument/array"
	"xlab/run"
)

// Kinds of events.
const (
	Recall  = "recall"  // something measured without a crossbar
	Resume  = "resume"  // a later segment goes live
	Resolve = "resolve" // a read that stands for stress of which it is not known whether it happened

	Check    = "check"    // how the bench was found before a run was taken up
	Leakage  = "leakage"  // of an array, as measured
	Recovery = "recovery" // what happened to the link
	Task     = "task"     // what became of a task of a plan
	Trip     = "trip"     // a condition that was not met
)

// others are the kinds of events that are there for people alone, those of run.Guard
// among them.
var others = []string{Check, Leakage, Recovery, Trip, "interrupt", "panic", "safe", "stand still", "unsafe"}

// Done is what came of steps on a device.
type Done struct {
	Array   string          `json:"array"`
	Cell    array.Cell      `json:"cell"`
	Steps   json.RawMessage `json:"steps"` // see List
	Results []array.Result  `json:"results"`
	Error   string          `json:"error"`
}

// List are the steps, of kinds that are known.
func (d *Done) List(kinds array.Kinds) ([]array.Step, error) {
	var texts []json.RawMessage
	if err := json.Unmarshal(d.Steps, &texts); err != nil {
		return nil, err
	}
	steps := make([]array.Step, len(texts))
	for i, text := range texts {
		var err error
		if steps[i], err = kinds.Step(text); err != nil {
			return nil, err
		}
	}
	return steps, nil
}

// Intent is something that is about to be done to a device.
type Intent struct {
	Array string     `json:"array"` // "" = it is not about a single device
	Cell  array.Cell `json:"cell"`
}

// Answer is what was asked without a crossbar, and answered.
type Answer struct {
	What   string          `json:"what"`
	Asked  json.RawMessage `json:"asked"`
	Answer json.RawMessage `json:"answer"`
	Error  string          `json:"error,omitempty"`
}

// Resumed is where a later segment has gone live.
type Resumed struct {
	Used uint64 `json:"used"` // the last record that was used; those between it and this event were not
}

// Of reads a record: a run.Header, an Intent, a *Done, an Answer, a Resumed, a
// json.RawMessage of a plan's task, or nil for what is there for people or in the words
// of the algorithm alone.
func Of(r run.Record) (any, error) {
	switch r.Type {
	case run.TypeHeader:
		return read[run.Header](r)
	case run.TypeIntent:
		return read[Intent](r)
	case run.TypePart, run.TypeResult:
		return done(r)
	case run.TypeNote, run.TypeEnd:
		return nil, nil
	case run.TypeEvent:
		switch {
		case r.Kind == array.EventRead, r.Kind == Resolve:
			return done(r)
		case r.Kind == Recall:
			return read[Answer](r)
		case r.Kind == Resume:
			return read[Resumed](r)
		case r.Kind == Task:
			return r.Data, nil
		case slices.Contains(others, r.Kind):
			return nil, nil
		}
	}
	return nil, place(r, fmt.Errorf("%s %q is of no kind that this program knows", r.Type, r.Kind))
}

func read[T any](r run.Record) (any, error) {
	var v T
	if err := json.Unmarshal(r.Data, &v); err != nil {
		return nil, place(r, err)
	}
	return v, nil
}

var errNoSteps = errors.New("they are none")

// done is nil for what became of a device in the words of the algorithm, with which
// it may close a group.
func done(r run.Record) (any, error) {
	if !bytes.HasPrefix(r.Data, []byte(`{"array":`)) {
		return nil, nil
	}
	var d Done
	switch err := json.Unmarshal(r.Data, &d); {
	case err == nil && d.Steps != nil:
		return &d, nil
	case r.Type == run.TypeResult:
		return nil, nil
	default:
		return nil, place(r, fmt.Errorf("the steps: %w", errors.Join(err, errNoSteps)))
	}
}

// place says which record cannot be understood.
func place(r run.Record, err error) error {
	return fmt.Errorf("%s:%d (record %d) cannot be understood: %w", r.File, r.Line, r.Seq, err)
}
