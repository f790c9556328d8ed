package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"xlab/instrument"
	"xlab/run"
	"xlab/run/plan"
)

// taskEstimate is what one task of a plan does and costs, at most unless it says
// otherwise.
type taskEstimate struct {
	Task        string             `json:"task"`
	Command     []string           `json:"command"`
	Devices     int                `json:"devices,omitempty"`
	Sweeps      int                `json:"sweeps"`
	Pulses      int                `json:"pulses"`
	TypicalTime instrument.Seconds `json:"typical_time"` // instrument time, as a rule
	LongestTime instrument.Seconds `json:"longest_time"`
	MinVoltage  instrument.Volts   `json:"min_voltage"`
	MaxVoltage  instrument.Volts   `json:"max_voltage"`
	MaxCurrent  instrument.Amps    `json:"max_current"`
	Bytes       int64              `json:"bytes"` // on disk
	Known       bool               `json:"known"` // whether the command can tell beforehand
	Condition   string             `json:"condition,omitempty"`
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
// is refused here, before anything is opened.
func (a *app) estimatePlan(p *plan.Plan) ([]taskEstimate, error) {
	var list []taskEstimate
	var faults []error
	for _, t := range p.Tasks() {
		e, err := a.estimateTask(t)
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %s: %w", t.Step.Place, t.Name(), err))
		}
		list = append(list, e)
	}
	return list, errors.Join(faults...)
}

func (a *app) estimateTask(t plan.Task) (taskEstimate, error) {
	e := taskEstimate{Task: t.Name(), Command: t.Arguments(), Bytes: bytesPerRun, Condition: conditionText(t.Step.If)}
	var out, messages bytes.Buffer
	child := a.child(&out)
	child.err = &messages
	root := child.root()
	command, _, err := root.Find(t.Arguments())
	if err != nil {
		return e, err
	}
	if command.Flags().Lookup("dry-run") == nil {
		return e, nil // it only reads, and does not tell how much
	}
	args := append(a.shared(), append(t.Arguments(), "--dry-run", "--json")...)
	child.arguments = args
	root.SetArgs(args)
	root.SetOut(&out)
	root.SetErr(&messages)
	if err := root.ExecuteContext(context.Background()); err != nil {
		return e, err
	}
	if err := json.Unmarshal(out.Bytes(), &e); err != nil {
		return e, fmt.Errorf("its estimate cannot be read: %w", err)
	}
	e.Known = true
	e.Bytes += int64(e.Pulses)*bytesPerPulse + int64(e.Sweeps)*bytesPerSweep + int64(e.Devices)*bytesPerDevice
	return e, nil
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
	for _, key := range sortedKeys(c.Where) {
		text += fmt.Sprintf(" and its %s %v", key, c.Where[key])
	}
	return text
}

// printEstimates shows a plan without doing it.
func (a *app) printEstimates(c *Config, p *plan.Plan, list []taskEstimate) error {
	if a.json {
		return a.writeJSON(struct {
			Plan  *plan.Plan     `json:"plan"`
			Tasks []taskEstimate `json:"tasks"`
		}{p, list})
	}
	fmt.Fprintf(a.out, "plan %s: %s; nothing is touched by a dry run\n", p.Name, plural(len(list), "task"))
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "TASK\tPULSES\tSWEEPS\tTIME\tAT MOST\tVOLTAGE\tCURRENT\tON DISK\tCONDITION")
	var sum taskEstimate
	for _, e := range list {
		if !e.Known {
			fmt.Fprintf(w, "%s\t-\t-\tnot known\t-\t-\t-\t%s\t%s\n", e.Task, size(e.Bytes), cmp.Or(e.Condition, "-"))
			sum.Bytes += e.Bytes
			continue
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%s\t%s\t%v to %v\t%v\t%s\t%s\n", e.Task, e.Pulses, e.Sweeps, run.FormatDuration(e.TypicalTime), run.FormatDuration(e.LongestTime),
			e.MinVoltage, e.MaxVoltage, e.MaxCurrent, size(e.Bytes), cmp.Or(e.Condition, "-"))
		sum.Pulses += e.Pulses
		sum.Sweeps += e.Sweeps
		sum.TypicalTime += e.TypicalTime
		sum.LongestTime += e.LongestTime
		sum.Bytes += e.Bytes
		sum.MinVoltage, sum.MaxVoltage = min(sum.MinVoltage, e.MinVoltage), max(sum.MaxVoltage, e.MaxVoltage)
		sum.MaxCurrent = max(sum.MaxCurrent, e.MaxCurrent)
	}
	fmt.Fprintf(w, "all\t%d\t%d\t%s\t%s\t%v to %v\t%v\t%s\t-\n", sum.Pulses, sum.Sweeps, run.FormatDuration(sum.TypicalTime), run.FormatDuration(sum.LongestTime),
		sum.MinVoltage, sum.MaxVoltage, sum.MaxCurrent, size(sum.Bytes))
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(a.out, "pulses, sweeps and bytes are at most; the bench's limits are %s\n", limitsText(c.limits()))
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
