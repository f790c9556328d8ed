package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"xlab/instrument"
	"xlab/lab/plan"
	"xlab/lab/procedure"
	"xlab/run"
	"xlab/run/screen"

	"github.com/spf13/cobra"
)

// taskEstimate is what one task of a plan does and costs, at most unless it says
// otherwise.
type taskEstimate struct {
	Task    string   `json:"task"`
	Command []string `json:"command"`
	Devices int      `json:"devices,omitempty"`
	Sweeps  int      `json:"sweeps"`
	Pulses  int      `json:"pulses"`
	// instrument time, as a rule; 0 = the command tells only the longest
	TypicalTime instrument.Seconds `json:"typical_time"`
	LongestTime instrument.Seconds `json:"longest_time"`
	MinVoltage  instrument.Volts   `json:"min_voltage"`
	MaxVoltage  instrument.Volts   `json:"max_voltage"`
	MaxCurrent  instrument.Amps    `json:"max_current"`
	Bytes       int64              `json:"bytes"` // on disk
	Known       bool               `json:"known"` // whether the command can tell beforehand
	Condition   string             `json:"condition,omitempty"`
	// what an earlier task makes first, so that this one cannot tell
	Needs string `json:"needs,omitempty"`
}

// makes tells what tasks of a plan leave behind for later ones.
type makes struct {
	formed  []string // arrays
	trained bool
}

// add notes a task.
func (m *makes) add(t plan.Task, command *cobra.Command) {
	switch t.Step.Command[0] {
	case "form":
		if flag := command.Flags().Lookup("array"); flag != nil {
			m.formed = append(m.formed, flag.Value.String())
		}
	case "mlp":
		m.trained = m.trained || slices.Contains([]string{"train", "run", "insitu"}, command.Name())
	}
}

// cover tells whether what a command lacks will have been made, and what it is.
func (m *makes) cover(lacks procedure.NotMade) (what string, made bool) {
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

// Bytes on disk, by what a run journals: measured on runs of all kinds on the
// simulated bench, rounded up. Pulses come with their verifying read. The rest is
// figures and tables.
const (
	bytesPerPulse  = 700
	bytesPerSweep  = 6000
	bytesPerDevice = 1200
	bytesPerRun    = 400_000
)

// estimatePlan lets every task tell what it would do. What is beyond the limits
// is refused here, before anything is opened. What a task lacks and an earlier one
// makes is no fault: a plan may begin with a pristine chip.
func (a *app) estimatePlan(p *plan.Plan) ([]taskEstimate, error) {
	var list []taskEstimate
	var faults []error
	var before makes
	for _, t := range p.Tasks() {
		e, err := a.estimateTask(t, &before)
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %s: %w", t.Step.Place, t.Name(), err))
		}
		list = append(list, e)
	}
	return list, errors.Join(faults...)
}

// estimateTask lets a task tell what it would do after those before it.
func (a *app) estimateTask(t plan.Task, before *makes) (taskEstimate, error) {
	e := taskEstimate{Task: t.Name(), Command: t.Arguments(), Bytes: bytesPerRun, Condition: conditionText(t.Step.If)}
	command, rest, err := a.child(io.Discard).root().Find(t.Arguments())
	if err != nil {
		return e, err
	}
	if err := command.ParseFlags(rest); err != nil {
		return e, err
	}
	defer before.add(t, command)
	if command.Flags().Lookup("dry-run") == nil {
		return e, nil // it only reads, and does not tell how much
	}
	err = a.dryRun(t, &e)
	var lacks procedure.NotMade
	if !errors.As(err, &lacks) {
		return e, err
	}
	what, made := before.cover(lacks)
	if !made {
		return e, err
	}
	// Without the map the task is told for all devices, and its voltages are
	// checked, which is the point of asking beforehand.
	var flags []string
	for _, flag := range [][2]string{{"defects", "none"}, {"approach", "oblivious"}} {
		if command.Flags().Lookup(flag[0]) != nil && t.Step.With[flag[0]] == nil {
			flags = append(flags, "--"+flag[0]+"="+flag[1])
		}
	}
	e.Needs = what
	if err = a.dryRun(t, &e, flags...); errors.As(err, &lacks) {
		if what, made = before.cover(lacks); made {
			e.Needs, err = what, nil
		}
	}
	return e, err
}

// dryRun fills in what a task would do, with flags more than its own.
func (a *app) dryRun(t plan.Task, e *taskEstimate, flags ...string) error {
	var out, messages bytes.Buffer
	child := a.child(&out)
	child.Messages = &messages
	args := slices.Concat(a.shared(), t.Arguments(), flags, []string{"--dry-run", "--json"})
	child.Arguments = args
	root := child.root()
	root.SetArgs(args)
	root.SetOut(&out)
	root.SetErr(&messages)
	if err := root.ExecuteContext(context.Background()); err != nil {
		return err
	}
	var more struct {
		Time        instrument.Seconds `json:"time"`         // at most, of commands that give one time only
		StartPulses int                `json:"start_pulses"` // before the pulses proper
	}
	if err := errors.Join(json.Unmarshal(out.Bytes(), e), json.Unmarshal(out.Bytes(), &more)); err != nil {
		return fmt.Errorf("its estimate cannot be read: %w", err)
	}
	e.LongestTime = max(e.LongestTime, more.Time)
	e.Pulses += more.StartPulses
	e.Known = true
	e.Bytes += int64(e.Pulses)*bytesPerPulse + int64(e.Sweeps)*bytesPerSweep + int64(e.Devices)*bytesPerDevice
	return nil
}

func conditionText(c *plan.Condition) string {
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

// printEstimates shows a plan without doing it.
func (a *app) printEstimates(p *plan.Plan, list []taskEstimate) error {
	if a.json {
		return a.writeJSON(struct {
			Plan  *plan.Plan     `json:"plan"`
			Tasks []taskEstimate `json:"tasks"`
		}{p, list})
	}
	fmt.Fprintf(a.out, "plan %s: %s; nothing is touched by a dry run\n", screen.Line(p.Name), screen.Count(len(list), "task"))
	w := screen.NewTable(a.out, screen.Left)
	fmt.Fprintln(w, "TASK\tPULSES\tSWEEPS\tTIME\tAT MOST\tVOLTAGE\tCURRENT\tON DISK\tCONDITION")
	var sum taskEstimate
	untold := false // whether the sum of the times is too short
	for _, e := range list {
		e.Task = screen.Line(e.Task)
		if e.Needs != "" {
			e.Condition = strings.TrimPrefix(e.Condition+"; with "+e.Needs, "; ")
		}
		if !e.Known {
			fmt.Fprintf(w, "%s\t-\t-\tnot known\t-\t-\t-\t%s\t%s\n", e.Task, size(e.Bytes), cmp.Or(e.Condition, "-"))
			sum.Bytes += e.Bytes
			untold = true
			continue
		}
		typical := "-"
		if e.TypicalTime > 0 {
			typical = run.FormatDuration(e.TypicalTime)
		}
		untold = untold || e.TypicalTime == 0
		fmt.Fprintf(w, "%s\t%d\t%d\t%s\t%s\t%v to %v\t%v\t%s\t%s\n", e.Task, e.Pulses, e.Sweeps, typical,
			run.FormatDuration(e.LongestTime),
			e.MinVoltage, e.MaxVoltage, e.MaxCurrent, size(e.Bytes), cmp.Or(e.Condition, "-"))
		sum.Pulses += e.Pulses
		sum.Sweeps += e.Sweeps
		sum.TypicalTime += e.TypicalTime
		sum.LongestTime += e.LongestTime
		sum.Bytes += e.Bytes
		sum.MinVoltage, sum.MaxVoltage = min(sum.MinVoltage, e.MinVoltage), max(sum.MaxVoltage, e.MaxVoltage)
		sum.MaxCurrent = max(sum.MaxCurrent, e.MaxCurrent)
	}
	typical := run.FormatDuration(sum.TypicalTime)
	if untold {
		typical = "> " + typical
	}
	fmt.Fprintf(w, "all\t%d\t%d\t%s\t%s\t%v to %v\t%v\t%s\t-\n", sum.Pulses, sum.Sweeps, typical,
		run.FormatDuration(sum.LongestTime),
		sum.MinVoltage, sum.MaxVoltage, sum.MaxCurrent, size(sum.Bytes))
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(a.out, "pulses, sweeps and bytes are at most; the bench's limits are %s\n",
		limitsText(a.Config.DeviceLimits()))
	return err
}

// size is a number of bytes for a person.
func size(n int64) string {
	switch {
	case n >= 10_000_000_000:
		return fmt.Sprintf("%.0f GB", float64(n)/1e9)
	case n >= 10_000_000:
		return fmt.Sprintf("%.0f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1e6)
}

func limitsText(l instrument.Limits) string {
	return fmt.Sprintf("%v to %v, %v, %v (%s)", l.MinVoltage, l.MaxVoltage, l.MaxCurrent, l.MaxWidth, l.Origin)
}
