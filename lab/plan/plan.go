package plan

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"xlab/run"
)

// Action is what follows from an outcome.
type Action string

const (
	Continue  Action = "continue"   // with the next task
	Stop      Action = "stop"       // the plan ends with this outcome
	Suspend   Action = "suspend"    // the plan ends as interrupted and can be taken up again
	SkipArray Action = "skip-array" // what is left to be done on this array is skipped
)

// actions lists the valid ones.
func actions() []Action { return []Action{Continue, Stop, Suspend, SkipArray} }

// Reactions are the actions by outcome.
type Reactions map[run.Outcome]Action

// outcomes are those that a task can end with.
var outcomes = []run.Outcome{run.OutcomeComplete, run.OutcomePartial, run.OutcomeOutside, run.OutcomeTripped,
	run.OutcomeInterrupted, run.OutcomeFailed}

// defaultReactions go on after a partial result and stop at everything worse.
func defaultReactions() Reactions {
	return Reactions{run.OutcomeComplete: Continue, run.OutcomePartial: Continue, run.OutcomeOutside: Stop,
		run.OutcomeTripped: Stop, run.OutcomeInterrupted: Suspend, run.OutcomeFailed: Stop}
}

// Plan is a plan that has been read and checked as far as it can be without
// knowing the program's commands and the bench.
type Plan struct {
	Name  string    `json:"plan"`
	On    Reactions `json:"on"`
	Steps []Step    `json:"steps"`
	Place string    `json:"place"` // file it was read from
}

// Step is one step.
type Step struct {
	Name    string                `json:"step"`
	Command []string              `json:"run"` // words of the command
	Arrays  []string              `json:"arrays,omitempty"`
	With    map[string][]string   `json:"with,omitempty"` // values by flag
	Set     map[string]string     `json:"set,omitempty"`  // values by configuration key
	If      *Condition            `json:"if,omitempty"`
	Require map[string]Comparison `json:"require,omitempty"` // by key figure
	On      Reactions             `json:"on"`                // complete: every outcome has an action
	Place   string                `json:"place"`             // file and line
}

// Condition is what must hold of an earlier step.
type Condition struct {
	Step  string                `json:"step"`
	Is    []run.Outcome         `json:"is"`
	Where map[string]Comparison `json:"where,omitempty"`
}

// Task is a step on one array, or on none.
type Task struct {
	Index int // in the plan's order, from 0
	Step  *Step
	Array string // "" where the step names none
}

// Name is the task's name for people.
func (t Task) Name() string {
	if t.Array == "" {
		return t.Step.Name
	}
	return t.Step.Name + " " + t.Array
}

// Arguments is the command line that carries the task out, without flags that
// are the same for the whole plan. flags that the task fixes come first, keys of
// the configuration after them, each in the order of the names.
func (t Task) Arguments() []string {
	args := slices.Clone(t.Step.Command)
	if t.Array != "" {
		args = append(args, "--array="+t.Array)
	}
	for _, flag := range slices.Sorted(maps.Keys(t.Step.With)) {
		for _, value := range t.Step.With[flag] {
			args = append(args, "--"+flag+"="+value)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(t.Step.Set)) {
		args = append(args, "--set="+key+"="+t.Step.Set[key])
	}
	return args
}

// Tasks lists the plan's tasks in order.
func (p *Plan) Tasks() []Task {
	var list []Task
	for i := range p.Steps {
		s := &p.Steps[i]
		if len(s.Arrays) == 0 {
			list = append(list, Task{Index: len(list), Step: s})
		}
		for _, array := range s.Arrays {
			list = append(list, Task{Index: len(list), Step: s, Array: array})
		}
	}
	return list
}

func (p *Plan) step(name string) *Step {
	for i := range p.Steps {
		if strings.EqualFold(p.Steps[i].Name, name) {
			return &p.Steps[i]
		}
	}
	return nil
}

// same tells whether two plans do the same. Where they were read from does not
// matter.
func (p *Plan) same(as *Plan) bool {
	text := func(p *Plan) string {
		other := *p
		other.Place = ""
		other.Steps = slices.Clone(p.Steps)
		for i := range other.Steps {
			other.Steps[i].Place = ""
		}
		b, err := json.Marshal(other)
		if err != nil {
			return err.Error()
		}
		return string(b)
	}
	return text(p) == text(as)
}
