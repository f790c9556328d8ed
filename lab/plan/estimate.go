package plan

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"xlab/lab/procedure"
	"xlab/run"
)

// Estimate is what one task of a plan does and costs, at most unless it says
// otherwise.
type Estimate struct {
	Task    string   `json:"task"`
	Command []string `json:"command"`
	run.Cost
	Bytes     int64  `json:"bytes"` // on disk
	Known     bool   `json:"known"` // whether the procedure can tell beforehand
	Condition string `json:"condition,omitempty"`
	Needs     string `json:"needs,omitempty"` // what an earlier task makes first, so that this one cannot tell
}

// made is what tasks leave behind for later ones.
type made struct {
	formed  []string // arrays
	trained bool
}

// cover tells whether what a procedure lacks will have been made, and what it is.
func (m *made) cover(lacks procedure.NotMade) (what string, covered bool) {
	if len(lacks.Arrays) == 0 {
		return "a network", m.trained
	}
	for _, array := range lacks.Arrays {
		if !slices.ContainsFunc(m.formed, func(name string) bool { return strings.EqualFold(name, array) }) {
			return "", false
		}
	}
	return "the defect map of array " + strings.Join(lacks.Arrays, " and "), true
}

// Estimate lets every task of a plan tell what it would do. What is beyond the
// limits is refused here, before anything is opened. What a task lacks and an earlier
// one makes is no fault: a plan may begin with a pristine chip.
func (p Program) Estimate(of *Plan) ([]Estimate, error) {
	var list []Estimate
	var faults []error
	var before made
	for _, t := range of.Tasks() {
		e, err := p.estimate(t, &before)
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %s: %w", t.Step.Place, t.Name(), err))
		}
		list = append(list, e)
	}
	return list, errors.Join(faults...)
}

// estimate lets a task tell what it would do after those before it.
func (p Program) estimate(t Task, before *made) (Estimate, error) {
	e := Estimate{Task: t.Name(), Command: t.Arguments(), Bytes: run.Cost{}.Bytes(), Condition: t.Step.If.text()}
	what, flags, err := p.Commands.Flags(t.Arguments())
	if err != nil {
		return e, err
	}
	defer func() {
		switch what.Makes {
		case procedure.DefectMap:
			before.formed = append(before.formed, flags.Lookup("array").Value.String())
		case procedure.Network:
			before.trained = true
		}
	}()
	if what.DryRun == "" {
		return e, nil // it only reads, and does not tell how much
	}
	err = p.cost(t, &e)
	var lacks procedure.NotMade
	if !errors.As(err, &lacks) {
		return e, err
	}
	needs, covered := before.cover(lacks)
	if !covered {
		return e, err
	}
	// Without the map the task is told for all devices, and its voltages are
	// checked, which is the point of asking beforehand.
	var more []string
	for _, flag := range [][2]string{{"defects", "none"}, {"approach", "oblivious"}} {
		if flags.Lookup(flag[0]) != nil && t.Step.With[flag[0]] == nil {
			more = append(more, "--"+flag[0]+"="+flag[1])
		}
	}
	e.Needs = needs
	if err = p.cost(t, &e, more...); errors.As(err, &lacks) {
		if needs, covered = before.cover(lacks); covered {
			e.Needs, err = needs, nil
		}
	}
	return e, err
}

// cost fills in what a task would do, with flags more than its own.
func (p Program) cost(t Task, e *Estimate, flags ...string) error {
	_, r, err := p.Commands.Request(context.Background(), io.Discard, slices.Concat(t.Arguments(), flags))
	if err != nil {
		return err
	}
	if r.Estimate != nil {
		e.Cost, e.Known = r.Estimate.Cost(), true
		e.Bytes = e.Cost.Bytes()
	}
	return nil
}

// text is a condition for a person; "" for none.
func (c *Condition) text() string {
	if c == nil {
		return ""
	}
	words := make([]string, 0, len(c.Is))
	for _, o := range c.Is {
		words = append(words, string(o))
	}
	text := fmt.Sprintf("if %s is %s", c.Step, strings.Join(words, " or "))
	for _, key := range slices.Sorted(maps.Keys(c.Where)) {
		text += fmt.Sprintf(" and its %s %v", key, c.Where[key])
	}
	return text
}
