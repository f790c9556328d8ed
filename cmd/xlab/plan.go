package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"xlab/input"
	"xlab/lab"
	"xlab/lab/config"
	"xlab/lab/plan"
	"xlab/lab/sim"
	"xlab/run"
	"xlab/run/screen"

	"github.com/spf13/cobra"
)

func (a *app) planCommand() *cobra.Command {
	var dryRun, goOn bool
	c := &cobra.Command{
		Use:   "run PLAN",
		Short: "Carry out a plan: a file that chains steps over arrays",
		Long: `Carries out the steps of a plan one after the other: form, tune, characterize,
mlp and others, over several arrays, with conditions, requirements and what is to
follow from a result that is not complete. Every step is a run of its own; the
plan is one too, and "xlab resume" goes on with it in the middle of a step.

--dry-run checks the plan and prints every step with pulses, instrument time, peak
voltage and current, and bytes on disk. --continue is for a service (scripts/systemd).
hwdocs/plans.md has the file's form.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			// A pipe is empty when the second task reads it, and an empty
			// configuration is the simulated bench.
			if info, err := os.Stat(a.file); err == nil && !info.Mode().IsRegular() {
				return run.Usage(fmt.Errorf("--config %s can be read once, and every task of a plan reads the configuration: "+
					"put it into a file", a.file))
			}
			if err := a.load(); err != nil {
				return err
			}
			c := a.Config
			p, err := a.readPlan(args[0])
			if err != nil {
				return err
			}
			estimates, err := a.estimatePlan(p)
			if err != nil {
				return err
			}
			if dryRun {
				return a.printEstimates(p, estimates)
			}
			if err := a.CheckNotify(); err != nil {
				return err
			}
			if goOn {
				if taken, err := a.continuePlan(cmd.Context(), p); taken || err != nil {
					return err
				}
			}
			spec := plan.Spec{Plan: p, Set: a.set}
			if a.file != "" {
				if spec.Config, err = filepath.Abs(a.file); err != nil {
					return err
				}
			}
			h := run.Header{Command: plan.Command, Arguments: a.Arguments, Program: run.Program(),
				Bench:     fmt.Sprintf("%s (%s)", c.Bench, c.Analyzer.Address),
				Simulated: c.Simulated(), Limits: c.DeviceLimits(), Spec: spec}
			if h.Chip, err = sim.ChipOf(c); err != nil {
				return err
			}
			r, err := run.CreateWith(c.Runs, h, a.Kept(run.Options{}))
			if err != nil {
				return err
			}
			return a.carryOutPlan(cmd.Context(), r, spec, nil)
		},
	}
	c.Flags().BoolVar(&goOn, "continue", false, "go on with this plan's newest run if it was cut off, and do nothing "+
		"if it has ended: for a service that is started again")
	c.Flags().BoolVar(&dryRun, "dry-run", false, "check the plan, print what it would do and cost, and touch nothing")
	return c
}

// readPlan reads a plan and checks what only the program can: commands, flags,
// arrays and keys.
func (a *app) readPlan(file string) (*plan.Plan, error) {
	text, err := input.ReadYAML(file)
	if err != nil {
		return nil, run.Usage(fmt.Errorf("plan: %w", err))
	}
	p, err := plan.Read(text, file)
	if err != nil {
		return nil, run.Usage(err)
	}
	var faults []error
	for i := range p.Steps {
		s := &p.Steps[i]
		if err := a.checkStep(s); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", s.Place, err))
		}
	}
	if len(faults) > 0 {
		return nil, run.Usage(errors.Join(faults...))
	}
	return p, nil
}

// planned are the first words of commands that a plan may carry out: those that
// are runs.
var planned = []string{"characterize", "form", "iv", "mlp", "read", "tune"}

func (a *app) checkStep(s *plan.Step) error {
	if !slices.Contains(planned, s.Command[0]) {
		return fmt.Errorf("%q cannot be a step; steps are %s", strings.Join(s.Command, " "), strings.Join(planned, ", "))
	}
	for i, name := range s.Arrays {
		board, err := a.Config.Board(name)
		if err != nil {
			return err
		}
		s.Arrays[i] = board.Name
	}
	for _, flag := range []string{"json", "config", "verbose", "dry-run", "notify", "wait", "help"} {
		if s.With[flag] != nil {
			return fmt.Errorf("with: %s cannot be given to a single step", flag)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(s.Set)) {
		if err := config.CheckKey(key); err != nil {
			return err
		}
		if strings.HasPrefix(key, "notify.") {
			return fmt.Errorf("set: %s cannot be given to a single step: the plan tells people, "+
				"by notify in bench.yaml or --notify", key)
		}
	}
	task := plan.Task{Step: s}
	if len(s.Arrays) > 0 {
		task.Array = s.Arrays[0]
	}
	root := a.child(io.Discard).root()
	command, rest, err := root.Find(task.Arguments())
	if err == nil && (command.HasSubCommands() || command == root) {
		err = fmt.Errorf("%q is not a whole command", strings.Join(s.Command, " "))
	}
	if err == nil {
		err = command.ParseFlags(rest)
	}
	if err == nil {
		err = command.ValidateArgs(command.Flags().Args())
	}
	if err != nil {
		return fmt.Errorf("%s: %w", strings.Join(s.Command, " "), err)
	}
	return a.checkLimits(s)
}

// checkLimits refuses a step that widens the bench's limits: they are not for a
// plan to change, only to tighten.
func (a *app) checkLimits(s *plan.Step) error {
	overrides := slices.Clone(a.set)
	for _, key := range slices.Sorted(maps.Keys(s.Set)) {
		overrides = append(overrides, key+"="+s.Set[key])
	}
	own, err := config.Load(a.file, overrides, a.Known())
	if err != nil {
		return err
	}
	l, bench := own.DeviceLimits(), a.Config.DeviceLimits()
	for _, x := range []struct {
		key   string
		wider bool
		has   fmt.Stringer
		may   fmt.Stringer
	}{
		{"max_voltage", l.MaxVoltage > bench.MaxVoltage, l.MaxVoltage, bench.MaxVoltage},
		{"min_voltage", l.MinVoltage < bench.MinVoltage, l.MinVoltage, bench.MinVoltage},
		{"max_current", l.MaxCurrent > bench.MaxCurrent, l.MaxCurrent, bench.MaxCurrent},
		{"max_width", l.MaxWidth > bench.MaxWidth, l.MaxWidth, bench.MaxWidth},
	} {
		if x.wider {
			return fmt.Errorf("limits: %s of %v is beyond the bench's %v (%s); a plan can only tighten limits", x.key, x.has,
				x.may, bench.Origin)
		}
	}
	return nil
}

// child is an app that carries out a command for this one.
func (a *app) child(out io.Writer) *app {
	child := newApp(a.In, out, a.Messages)
	child.Boxes, child.NewBench, child.Signals, child.Keep, child.Quiet = a.Boxes, a.NewBench, a.Signals, a.Keep, true
	return child
}

// shared are the flags that hold for all tasks.
func (a *app) shared() []string {
	var list []string
	if a.file != "" {
		list = append(list, "--config="+a.file)
	}
	for _, text := range a.set {
		list = append(list, "--set="+text)
	}
	if a.verbose {
		list = append(list, "--verbose")
	}
	if a.Wait > 0 {
		list = append(list, "--wait="+a.Wait.String())
	}
	return list
}

// carryOutPlan does what is left of a plan and ends its run.
func (a *app) carryOutPlan(ctx context.Context, r *run.Run, spec plan.Spec, past []plan.Entry) error {
	a.CutOff = r.ID()
	show := run.NewProgress(run.ProgressOptions{Output: a.Messages, Label: "plan " + spec.Plan.Name})
	alarm, err := a.NewAlarm(r.Header(), r.Dir(), show.Message)
	if err != nil {
		return errors.Join(err, r.End(err, nil))
	}
	e, err := plan.Begin(spec.Plan, past, plan.Recorder(r.Journal()))
	if err != nil {
		return r.End(err, nil)
	}
	tasks := len(spec.Plan.Tasks())
	// A guard without instruments: every task leaves the bench safe by itself,
	// and an interrupt between two of them ends the plan as well.
	return run.Guard(ctx, run.GuardOptions{Journal: r.Journal(), Signals: a.Signals, Notify: show.Message, Grace: forever,
		Stacks: func(text []byte) error { return r.WriteFile(lab.StacksFile, text) },
		Finish: func(err error) error {
			show.Close()
			summary := planResult{Run: r.ID(), Plan: spec.Plan.Name, Tasks: e.Entries(), Total: tasks}
			err = r.End(err, summary)
			alarm.End(err, summary)
			if printErr := a.printPlan(summary); err == nil {
				err = printErr
			}
			return err
		},
	}, func(ctx context.Context) error {
		return e.Run(ctx, planRunner{a, a.Config, r.ID(), alarm}, func(t plan.Task, x plan.Entry) {
			alarm.Vigil.Observe(run.Event{Kind: "task", Done: e.Done(), Total: tasks})
			show.Message(taskLine(x, e.Done(), tasks))
		})
	})
}

// forever is how long a task may take to make its bench safe after a second
// interrupt: the task's own guard has the deadlines.
const forever = 24 * time.Hour

// taskLine tells of a task; done of all tasks are over.
func taskLine(x plan.Entry, done, all int) string {
	name := screen.Line(x.Name)
	switch x.State {
	case plan.Begun:
		return fmt.Sprintf("%s: begins, task %d of %d", name, done+1, all)
	case plan.Skipped:
		return name + ": skipped, " + x.Reason
	}
	line := fmt.Sprintf("%s: %s", name, x.Outcome)
	if x.Reason != "" {
		line += ", " + x.Reason
	}
	return line
}

// planResult is the key figures of a plan's run.
type planResult struct {
	Run   string       `json:"run"`
	Plan  string       `json:"plan"`
	Total int          `json:"tasks_planned"`
	Tasks []plan.Entry `json:"tasks"`
}

func (a *app) printPlan(result planResult) error {
	if a.json {
		return a.writeJSON(result)
	}
	w := screen.NewTable(a.out, screen.Left)
	fmt.Fprintln(w, "TASK\tOUTCOME\tRUN\tREASON")
	for _, x := range result.Tasks {
		outcome := string(x.Outcome)
		if x.State == plan.Skipped {
			outcome = "skipped"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", screen.Line(x.Name), outcome, cmp.Or(x.Run, "-"),
			cmp.Or(screen.Line(x.Reason), "-"))
	}
	if left := result.Total - len(result.Tasks); left > 0 {
		fmt.Fprintf(w, "%s not begun\t-\t-\t-\n", screen.Count(left, "task"))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(a.out, "run %s\n", filepath.Join(a.Config.Runs, result.Run))
	return err
}

// planRunner carries out tasks as commands of the program.
type planRunner struct {
	app    *app
	config *config.Config
	id     string // of the plan's run
	alarm  *lab.Alarm
}

// Run carries out a task.
func (p planRunner) Run(ctx context.Context, t plan.Task, begun func(id string) error) (plan.Report, error) {
	return p.command(ctx, t, append(p.app.shared(), t.Arguments()...), "", begun)
}

// Resume takes up a task's run.
func (p planRunner) Resume(ctx context.Context, t plan.Task, id string,
	begun func(id string) error) (plan.Report, error) {
	if ok, err := run.Begun(p.config.Runs, id); err != nil {
		return plan.Report{}, err
	} else if !ok {
		return p.Run(ctx, t, begun)
	}
	s, err := run.Load(p.config.Runs, id)
	if err != nil {
		return plan.Report{}, err
	}
	if s.Result != nil && !s.Resumable() {
		return reportOf(s), nil // it ended before the plan could note it
	}
	if err := lab.RefuseToResume(s); err != nil {
		return plan.Report{}, err
	}
	args := append(p.app.shared(), "resume", id)
	for _, key := range slices.Sorted(maps.Keys(t.Step.Set)) {
		args = append(args, "--set="+key+"="+t.Step.Set[key])
	}
	if p.app.Accept {
		args = append(args, "--accept")
	}
	return p.command(ctx, t, args, id, nil)
}

// reportOf reads how a run ended.
func reportOf(s *run.Stored) plan.Report {
	return plan.Report{Outcome: s.Outcome, Cause: s.Cause, Figures: s.Summary.Summary}
}

// command carries a command out for a task; id is its run where there is one.
func (p planRunner) command(ctx context.Context, t plan.Task, args []string, id string,
	begun func(id string) error) (plan.Report, error) {
	child := p.app.child(io.Discard)
	child.Arguments = args
	child.Task = &run.Task{Plan: p.id, Index: t.Index, Name: t.Name()}
	child.Announce = func(run string) error {
		id = run
		return begun(run)
	}
	child.Watch = p.alarm.Vigil
	root := child.root()
	root.SetArgs(args)
	root.SetOut(io.Discard)
	root.SetErr(p.app.Messages)
	err := root.ExecuteContext(ctx)
	if errors.Is(err, run.ErrUnsafe) {
		return plan.Report{}, err // nothing more may be done on this bench
	}
	if id != "" {
		if s, loadErr := run.Load(p.config.Runs, id); loadErr == nil && s.Result != nil {
			return reportOf(s), nil
		}
	}
	r := plan.Report{Outcome: run.OutcomeOf(err)}
	if err != nil {
		r.Cause = lab.Cause(err)
	}
	return r, nil
}

// resumePlan goes on with a plan.
func (a *app) resumePlan(ctx context.Context, dir string, accept bool) error {
	if err := a.CheckNotify(); err != nil {
		return err
	}
	var past plan.Record
	claim, err := run.NewClaim(dir, past.See)
	if err != nil {
		return err
	}
	if err := a.CheckRecord(dir, &claim.Report, accept); err != nil {
		return errors.Join(err, claim.Release())
	}
	a.AskWhomToTell(&claim.Header)
	spec, err := plan.SpecOf(&claim.Header)
	var all []*run.Stored
	if err == nil {
		all, err = run.All(a.Config.Runs)
	}
	if err != nil {
		return errors.Join(err, claim.Release())
	}
	past.Adopt(claim.Header.ID, all)
	h := claim.Header
	now := time.Now().UTC().Round(0)
	h.Resumed, h.Program, h.Arguments = &now, run.Program(), a.Arguments
	r, err := claim.Continue(h, a.Kept(run.Options{}))
	if err != nil {
		return errors.Join(err, claim.Release())
	}
	// What held for the plan holds for what is left of it.
	a.Accept = accept
	if a.file == "" {
		a.file = spec.Config
	}
	a.set = append(slices.Clone(spec.Set), a.set...)
	return a.carryOutPlan(ctx, r, spec, past.Entries)
}

// continuePlan looks for earlier runs of a plan on this bench and goes on with the
// newest one. taken is true where nothing is left to be begun.
func (a *app) continuePlan(ctx context.Context, p *plan.Plan) (taken bool, err error) {
	all, err := run.All(a.Config.Runs)
	if err != nil {
		return false, err
	}
	chip, err := sim.ChipOf(a.Config)
	if err != nil {
		return false, err
	}
	for _, s := range slices.Backward(all) {
		if s.Header.Command != plan.Command {
			continue
		}
		spec, err := plan.SpecOf(&s.Header)
		if err != nil || spec.Plan.Name != p.Name || s.Header.Chip != chip {
			continue // another plan, or one that cannot be read
		}
		if !s.Resumable() {
			fmt.Fprintf(a.Messages, "plan %s is %s (run %s): nothing is begun; without --continue it begins anew\n", p.Name,
				s.Outcome, s.ID)
			return true, nil
		}
		if !samePlan(p, spec.Plan) {
			return false, run.Usage(fmt.Errorf("run %s of plan %s was cut off, and the file has changed since: `xlab resume "+
				"%s` goes on with the plan as it was, without --continue the changed plan begins anew", s.ID, p.Name, s.ID))
		}
		return true, a.resumePlan(ctx, s.Dir, false)
	}
	return false, nil
}

// samePlan tells whether two plans do the same. Where they were read from does
// not matter.
func samePlan(a, b *plan.Plan) bool {
	text := func(p *plan.Plan) string {
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
	return text(a) == text(b)
}

var _ plan.Runner = planRunner{}
