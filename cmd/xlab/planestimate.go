package main

import (
	"cmp"
	"fmt"
	"strings"

	"xlab/instrument"
	"xlab/lab/plan"
	"xlab/run"
	"xlab/run/screen"
)

// printEstimates shows a plan without doing it.
func (a *app) printEstimates(p *plan.Plan, list []plan.Estimate) error {
	if a.json {
		return a.writeJSON(struct {
			Plan  *plan.Plan      `json:"plan"`
			Tasks []plan.Estimate `json:"tasks"`
		}{p, list})
	}
	fmt.Fprintf(a.out, "plan %s: %s; nothing is touched by a dry run\n", screen.Line(p.Name),
		screen.Count(len(list), "task"))
	w := screen.NewTable(a.out, screen.Left)
	fmt.Fprintln(w, "TASK\tPULSES\tSWEEPS\tTIME\tAT MOST\tVOLTAGE\tCURRENT\tON DISK\tCONDITION")
	var sum plan.Estimate
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
