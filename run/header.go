package run

import (
	"encoding/json"
	"time"

	"xlab/instrument"
)

// Header says what a run is: who started what on which bench. It is the first
// line of every segment of the journal. Its arguments are as given, without the
// program's name and what gives access to others (RedactArguments).
type Header struct {
	ID          string                         `json:"run"`                 // filled in by Create
	Command     string                         `json:"command"`             // "form"
	Arguments   []string                       `json:"arguments,omitempty"` // RedactArguments
	Array       string                         `json:"array,omitempty"`     // "A"; "" where a run is not about one array
	Program     string                         `json:"program,omitempty"`   // version of the program
	Bench       string                         `json:"bench,omitempty"`     // what the bench is, in words
	Simulated   bool                           `json:"simulated"`
	Instruments map[string]instrument.Identity `json:"instruments,omitempty"` // by configured name
	Limits      instrument.Limits              `json:"limits"`
	Chip        string                         `json:"chip,omitempty"`
	// what was believed of the devices, see profile.String; "" = the default, as the version has it
	Profile string        `json:"device_profile,omitempty"`
	Seed    uint64        `json:"seed"`
	Arrays  []ArrayHeader `json:"arrays,omitempty"`  // what the run works on, "Array" among them
	Started time.Time     `json:"started"`           // wall clock; zero = now
	Resumed *time.Time    `json:"resumed,omitempty"` // wall clock at the beginning of a later segment
	Task    *Task         `json:"task,omitempty"`    // that the run carries out; nil = none
	// specification as given, any JSON; json.RawMessage when read back
	Spec any `json:"spec"`
}

// ArrayHeader says what an array was when the run began.
type ArrayHeader struct {
	Name   string `json:"name"`
	Rows   int    `json:"rows"`
	Cols   int    `json:"cols"`
	Wiring string `json:"wiring,omitempty"` // checksum of its line map: another one is another array
}

// Task says of which plan a run carries out a task. The plan's journal names the
// run: the two are found from either side.
type Task struct {
	Plan  string `json:"plan"`  // ID of the plan's run
	Index int    `json:"index"` // in the plan's order, from 0
	Name  string `json:"name"`
}

// UnmarshalJSON leaves the specification as raw JSON for who knows its type, and
// redacts it and the arguments.
func (h *Header) UnmarshalJSON(b []byte) error {
	type plain Header
	var spec json.RawMessage
	p := plain{Spec: &spec}
	if err := json.Unmarshal(b, &p); err != nil {
		return err
	}
	*h = Header(p)
	h.Spec = RedactSpec(spec) // versions up to 0.2.0 kept both as given
	h.Arguments = RedactArguments(h.Arguments)
	return nil
}

// Result is what result.json holds.
type Result struct {
	Version  int                 `json:"version"`
	ID       string              `json:"run"`
	Command  string              `json:"command"`
	Array    string              `json:"array,omitempty"`
	Started  time.Time           `json:"started"`
	Finished time.Time           `json:"finished"`
	Outcome  Outcome             `json:"outcome"`
	Cause    string              `json:"cause,omitempty"` // of every outcome but complete
	Kind     instrument.Kind     `json:"kind,omitempty"`  // of the cause
	Exit     int                 `json:"exit_code"`
	Bench    *instrument.Seconds `json:"bench_seconds"` // of all segments; null where the bench's time was not told
	Wall     float64             `json:"wall_seconds"`  // of all segments
	Segments int                 `json:"segments"`      // processes that worked on it
	Summary  json.RawMessage     `json:"summary"`       // key figures, by command
}
