package plan_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"xlab/lab/plan"
	"xlab/run"
)

const night = `
plan: friday night
on: {tripped: suspend}
steps:
  - step: forming
    run: form
    arrays: [A, B]
    with: {devices: "r0-3c*"}
    set: {forming.vmax: 2.4V}
    limits: {max_voltage: 3V}
    require: {formed: ">= 380"}
    on: {outside: skip-array}
  - run: tune
    arrays: [A, B]
    with: {target: face, tolerance: 5%}
    if: {step: forming, is: [complete, partial], where: {defective: "<= 2"}}
  - run: characterize iv
    array: A
`

func TestRead(t *testing.T) {
	p, err := plan.Read([]byte(night), "night.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, task := range p.Tasks() {
		lines = append(lines, task.Name()+": "+strings.Join(task.Arguments(), " "))
	}
	want := []string{
		"forming A: form --array=A --devices=r0-3c* --set=forming.vmax=2.4V --set=limits.max_voltage=3V",
		"forming B: form --array=B --devices=r0-3c* --set=forming.vmax=2.4V --set=limits.max_voltage=3V",
		"tune A: tune --array=A --target=face --tolerance=5%",
		"tune B: tune --array=B --target=face --tolerance=5%",
		"characterize iv A: characterize iv --array=A",
	}
	if !reflect.DeepEqual(lines, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
	if s := p.Steps[0]; s.On[run.OutcomeTripped] != plan.Suspend || s.On[run.OutcomeOutside] != plan.SkipArray ||
		s.On[run.OutcomePartial] != plan.Continue {
		t.Errorf("reactions of the first step: %v", s.On)
	}
	if s := p.Steps[1]; s.On[run.OutcomeOutside] != plan.Stop || s.Place != "night.yaml:13" {
		t.Errorf("second step: %+v", s)
	}
}

// TestPlanSurvivesItsJSON: a plan is kept in its run's header.
func TestPlanSurvivesItsJSON(t *testing.T) {
	p, err := plan.Read([]byte(night), "night.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var back plan.Plan
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(&back)
	if err != nil || string(again) != string(text) {
		t.Errorf("%v\n%s\n%s", err, text, again)
	}
}

func TestWhatIsWrongWithAPlan(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"nothing", "", []string{"the plan is empty"}},
		{"no mapping", "- a\n- b\n", []string{"a plan must be a mapping"}},
		{"not YAML", "plan: [\n", []string{"p.yaml:"}},
		{"no name", "steps: [{run: form}]", []string{"no name"}},
		{"no steps", "plan: x\nsteps: []", []string{"at least one step"}},
		{"unknown keys", "plan: x\nstpes: 3\nsteps:\n  - run: form\n    arays: [A]\n",
			[]string{`p.yaml:2: "stpes" is not a key of a plan`, `p.yaml:5: "arays" is not a key of a step`}},
		{"nothing to run", "plan: x\nsteps:\n  - step: a\n", []string{"p.yaml:3: the step does not say what to run"}},
		{"same names", "plan: x\nsteps:\n  - {step: a, run: form}\n  - {step: A, run: tune}\n",
			[]string{`p.yaml:4: there is another step "A"`}},
		{"same arrays", "plan: x\nsteps:\n  - {run: form, arrays: [A, a]}\n", []string{"array a is listed twice"}},
		{"key twice", "plan: x\nsteps:\n  - run: form\n    with: {devices: a, devices: b}\n", []string{"p.yaml:4:", "twice"}},
		{"later step", "plan: x\nsteps:\n  - run: form\n    if: {step: tuning}\n  - {step: tuning, run: tune}\n",
			[]string{`p.yaml:4: if: no step before this one is called "tuning"`}},
		{"condition without a step", "plan: x\nsteps:\n  - run: form\n    if: {is: complete}\n",
			[]string{"must name an earlier step"}},
		{"no outcome", "plan: x\nsteps:\n  - run: form\n    on: {perfect: stop, partial: explode}\n",
			[]string{`"perfect" is not an outcome`, `"explode" is not an action`}},
		{"no comparison", "plan: x\nsteps:\n  - run: form\n    require: {formed: many, other: \">= \", third: \"< inf\"}\n",
			[]string{`formed: "many" is not a comparison`, "other", "third"}},
		{"array as a flag", "plan: x\nsteps:\n  - run: form\n    with: {array: A, --devices: all}\n",
			[]string{"arrays and set are keys of the step", "without dashes"}},
		{"mapping for a value", "plan: x\nsteps:\n  - run: form\n    set: {forming: {vmax: 3}}\n",
			[]string{"set: forming must be a single value"}},
		{"nothing for a value", "plan: x\nsteps:\n  - run: form\n    with: {devices: }\n",
			[]string{"must be a single value"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := plan.Read([]byte(c.text), "p.yaml")
			if err == nil {
				t.Fatal("accepted")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is missing in\n%v", want, err)
				}
			}
		})
	}
}

// player ends tasks as it is told.
type player struct {
	outcomes map[string]run.Outcome // by task; complete where nothing is said
	figures  string
	log      []string
	die      string // task at which the process dies: before its run has ended
}

func (p *player) end(t plan.Task) (plan.Report, error) {
	if p.die == t.Name() {
		return plan.Report{}, errors.New("killed")
	}
	o := p.outcomes[t.Name()]
	if o == "" {
		o = run.OutcomeComplete
	}
	r := plan.Report{Outcome: o, Figures: json.RawMessage(p.figures)}
	if o != run.OutcomeComplete {
		r.Cause = "as told"
	}
	return r, nil
}

func (p *player) Run(_ context.Context, t plan.Task, created func(string) error) (plan.Report, error) {
	p.log = append(p.log, "run "+t.Name())
	if err := created("id-" + t.Name()); err != nil {
		return plan.Report{}, err
	}
	return p.end(t)
}

func (p *player) Resume(_ context.Context, t plan.Task, id string, _ func(string) error) (plan.Report, error) {
	p.log = append(p.log, "resume "+t.Name()+" "+id)
	return p.end(t)
}

// attempt carries a plan out over the entries of earlier attempts.
func attempt(t testing.TB, p *plan.Plan, player *player, entries *[]plan.Entry) error {
	t.Helper()
	e, err := plan.Begin(p, *entries, func(x plan.Entry) error { *entries = append(*entries, x); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return e.Run(context.Background(), player, func(plan.Task, plan.Entry) {})
}

const ok = `{"formed":395,"defective":[[1,2]]}`

func TestExecution(t *testing.T) {
	p, err := plan.Read([]byte(night), "night.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name     string
		outcomes map[string]run.Outcome
		figures  string
		log      string
		outcome  run.Outcome
		cause    string
	}{
		{"all well", nil, ok, "run forming A, run forming B, run tune A, run tune B, run characterize iv A",
			run.OutcomeComplete, ""},
		{"partial goes on", map[string]run.Outcome{"forming A": "partial"}, ok,
			"run forming A, run forming B, run tune A, run tune B, run characterize iv A", run.OutcomePartial,
			"forming A is partial: as told"},
		{"too few formed", nil, `{"formed":379,"defective":[]}`, "run forming A, run forming B", run.OutcomePartial,
			"required: formed is 379, not >= 380"},
		{"too many defects", nil, `{"formed":390,"defective":[1,2,3]}`, "run forming A, run forming B, run characterize iv A",
			run.OutcomeComplete, ""},
		{"figure missing", nil, `{}`, "run forming A, run forming B", run.OutcomePartial, "there is no key figure formed"},
		{"trip suspends", map[string]run.Outcome{"forming B": "tripped"}, ok, "run forming A, run forming B",
			run.OutcomeInterrupted, "suspended after forming B"},
		{"failure stops", map[string]run.Outcome{"tune A": "failed"}, ok, "run forming A, run forming B, run tune A",
			run.OutcomeFailed, "stopped after tune A: as told"},
		{"interrupted", map[string]run.Outcome{"tune B": "interrupted"}, ok, "run forming A, run forming B, run tune A, " +
			"run tune B", run.OutcomeInterrupted, "tune B"},
		{"outside skips its array only", map[string]run.Outcome{"forming A": "outside"}, ok,
			"run forming A, run forming B, run tune B", run.OutcomePartial, "forming A is outside"},
	} {
		t.Run(c.name, func(t *testing.T) {
			player := &player{outcomes: c.outcomes, figures: c.figures}
			var entries []plan.Entry
			err := attempt(t, p, player, &entries)
			if got := run.OutcomeOf(err); got != c.outcome {
				t.Errorf("outcome %s (%v), want %s", got, err, c.outcome)
			}
			if c.cause != "" && (err == nil || !strings.Contains(err.Error(), c.cause)) {
				t.Errorf("cause %v, want %q", err, c.cause)
			}
			if got := strings.Join(player.log, ", "); got != c.log {
				t.Errorf("done: %s\nwant:  %s", got, c.log)
			}
		})
	}
}

// TestResumedPlan: the task that ended the plan is taken up again, with the same
// run; what was over is not touched.
func TestResumedPlan(t *testing.T) {
	p, err := plan.Read([]byte(night), "night.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, first := range []*player{
		{outcomes: map[string]run.Outcome{"tune A": run.OutcomeInterrupted}, figures: ok},
		{outcomes: map[string]run.Outcome{"tune A": run.OutcomeTripped}, figures: ok},
		{outcomes: map[string]run.Outcome{"tune A": run.OutcomeFailed}, figures: ok},
		{die: "tune A", figures: ok},
	} {
		var entries []plan.Entry
		if err := attempt(t, p, first, &entries); err == nil {
			t.Fatal("the first attempt was to end early")
		}
		second := &player{figures: ok}
		if err := attempt(t, p, second, &entries); err != nil {
			t.Error(err)
		}
		if got, want := strings.Join(second.log, ", "),
			"resume tune A id-tune A, run tune B, run characterize iv A"; got != want {
			t.Errorf("done: %s\nwant:  %s", got, want)
		}
	}
}

// TestEveryTaskOnce: whenever the process dies, in the end every task was begun
// once, and taken up where it had begun.
func TestEveryTaskOnce(t *testing.T) {
	p, err := plan.Read([]byte(night), "night.yaml")
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		var entries []plan.Entry
		runs := make(map[string]int)
		for attempt := range 8 {
			left := 1000 // the last attempt lives
			if attempt < 7 {
				left = rapid.IntRange(0, 12).Draw(t, "entries written")
			}
			player := &player{figures: ok}
			e, err := plan.Begin(p, entries, func(x plan.Entry) error {
				if left--; left < 0 {
					return errors.New("killed")
				}
				entries = append(entries, x)
				if x.State == plan.Begun {
					runs[x.Name]++
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if e.Run(context.Background(), player, func(plan.Task, plan.Entry) {}) == nil {
				for _, task := range p.Tasks() {
					if runs[task.Name()] != 1 {
						t.Fatalf("%s has had %d runs", task.Name(), runs[task.Name()])
					}
				}
				return
			}
		}
		t.Fatal("the plan never ends")
	})
}

func TestRecordOfAnotherPlan(t *testing.T) {
	p, err := plan.Read([]byte(night), "night.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []plan.Entry{{Task: 9, Name: "x"}, {Task: -1}, {Task: 0, Name: "tune A"}} {
		if _, err := plan.Begin(p, []plan.Entry{x}, nil); err == nil {
			t.Errorf("%+v is accepted", x)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(night)
	f.Add("plan: x\nsteps:\n  - {step: a, run: form}\n  - {run: tune, if: {step: a, is: partial, where: {x.y: '!= " +
		"3'}}, on: {failed: continue}}\n")
	f.Add("plan: &a [*a]\nsteps: *a\n")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := plan.Read([]byte(text), "p.yaml")
		if err != nil {
			if !strings.Contains(err.Error(), "p.yaml") {
				t.Errorf("the error names no file: %v", err)
			}
			return
		}
		if p.Name == "" || len(p.Tasks()) == 0 {
			t.Errorf("accepted: %+v", p)
		}
		for _, task := range p.Tasks() {
			if len(task.Arguments()) == 0 || task.Name() == "" {
				t.Errorf("task %+v", task)
			}
		}
		if _, err := json.Marshal(p); err != nil {
			t.Error(err)
		}
		_ = fmt.Sprint(p)
	})
}
