package plan

import (
	"encoding/json"
	"fmt"

	"xlab/run"
	"xlab/run/record"
)

// Command is the command in the header of a plan's own run.
const Command = "plan"

// Recorder keeps entries in the journal of the plan's run. Each is on disk when it
// returns.
func Recorder(j *run.Journal) func(Entry) error {
	return func(x Entry) error {
		if err := j.Event(record.Task, x); err != nil {
			return err
		}
		return j.Flush()
	}
}

// Record reads entries back, one record after the other.
type Record struct{ Entries []Entry }

// See takes in a record of the plan's run.
func (p *Record) See(r run.Record) error {
	value, err := record.Of(r)
	text, isTask := value.(json.RawMessage)
	if err != nil || !isTask {
		return err
	}
	var x Entry
	if err := json.Unmarshal(text, &x); err != nil {
		return fmt.Errorf("%s:%d: the record of the plan's tasks: %w", r.File, r.Line, err)
	}
	p.Entries = append(p.Entries, x)
	return nil
}

// Adopt adds the runs that say that they carry out tasks of the plan with an ID,
// of which the plan's own record knows nothing.
func (p *Record) Adopt(id string, runs []*run.Stored) {
	known := make(map[int]bool)
	for _, x := range p.Entries {
		known[x.Task] = known[x.Task] || x.Run != ""
	}
	for _, s := range runs {
		if t := s.Header.Task; t != nil && t.Plan == id && !known[t.Index] {
			p.Entries = append(p.Entries, Entry{Task: t.Index, Name: t.Name, State: Begun, Run: s.ID})
		}
	}
}

// Owners finds the plans' runs that others belong to, by ID: those that their own
// headers name, and those whose records name them as far as these can be read.
func Owners(runs []*run.Stored) map[string]*run.Stored {
	plans, owners := make(map[string]*run.Stored), make(map[string]*run.Stored)
	for _, s := range runs {
		if s.Header.Command != Command {
			continue
		}
		plans[s.ID] = s
		var record Record
		_, _ = run.ScanJournal(s.Dir, record.See) // who takes the plan up is told what is wrong with it
		for _, x := range record.Entries {
			if x.Run != "" {
				owners[x.Run] = s
			}
		}
	}
	for _, s := range runs {
		if t := s.Header.Task; t != nil && plans[t.Plan] != nil {
			owners[s.ID] = plans[t.Plan]
		}
	}
	return owners
}
