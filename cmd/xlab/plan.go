package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"xlab/lab"
	"xlab/lab/plan"
	"xlab/lab/procedure"
	"xlab/run"
	"xlab/run/screen"
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
			program := a.program()
			p, err := program.Load(args[0])
			if err != nil {
				return err
			}
			estimates, err := program.Estimate(p)
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
				if result, taken, err := program.Continue(cmd.Context(), p); taken || err != nil {
					return a.showPlan(result, err)
				}
			}
			spec := plan.Spec{Plan: p, Set: a.set}
			if a.file != "" {
				if spec.Config, err = filepath.Abs(a.file); err != nil {
					return err
				}
			}
			result, err := program.Begin(cmd.Context(), spec)
			return a.showPlan(result, err)
		},
	}
	c.Flags().BoolVar(&goOn, "continue", false, "go on with this plan's newest run if it was cut off, and do nothing "+
		"if it has ended: for a service that is started again")
	c.Flags().BoolVar(&dryRun, "dry-run", false, "check the plan, print what it would do and cost, and touch nothing")
	return c
}

// showPlan prints what came of a plan's run, if one was begun; err is how it ended.
func (a *app) showPlan(result *plan.Result, err error) error {
	if result == nil {
		return err
	}
	if printErr := a.printPlan(result); err == nil {
		err = printErr
	}
	return err
}

func (a *app) printPlan(result *plan.Result) error {
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

// program carries plans out: every step is a command line of this program.
func (a *app) program() plan.Program { return plan.Program{Lab: &a.Lab, Commands: commands{a}} }

// commands reads the command lines of plans.
type commands struct{ app *app }

var _ plan.Commands = commands{}

func (c commands) Flags(arguments []string) (p procedure.Procedure, flags *pflag.FlagSet, err error) {
	root := c.app.child(io.Discard).root()
	command, rest, err := root.Find(numbers(arguments))
	if err == nil && (command.HasSubCommands() || command == root) {
		err = fmt.Errorf("%q is not a whole command", strings.Join(arguments, " "))
	}
	if err == nil {
		err = command.ParseFlags(rest)
	}
	if err == nil {
		err = command.ValidateArgs(command.Flags().Args())
	}
	if err != nil {
		return p, nil, err
	}
	p, known := c.app.Procedures.Of(strings.Join(strings.Fields(command.CommandPath())[1:], "-"))
	if !known {
		err = errors.New("it keeps no run")
	}
	return p, command.Flags(), err
}

func (c commands) Request(ctx context.Context, messages io.Writer,
	arguments []string) (*lab.Lab, *procedure.Request, error) {
	child := c.app.child(io.Discard)
	child.Messages, child.Arguments = messages, append(c.app.shared(), arguments...)
	var request *procedure.Request
	child.take = func(r *procedure.Request) error {
		request = r
		return nil
	}
	root := child.root()
	root.SetArgs(numbers(child.Arguments))
	root.SetOut(io.Discard)
	root.SetErr(messages)
	err := root.ExecuteContext(ctx)
	if err == nil && request == nil {
		err = run.Usage(fmt.Errorf("%q keeps no run", strings.Join(arguments, " ")))
	}
	return &child.Lab, request, err
}

func (c commands) Lab(arguments, overrides []string) (*lab.Lab, error) {
	child := c.app.child(io.Discard)
	child.Arguments = append(c.app.shared(), arguments...)
	child.file, child.verbose, child.Wait = c.app.file, c.app.verbose, c.app.Wait
	child.set = slices.Concat(c.app.set, overrides)
	err := child.configure()
	return &child.Lab, err
}

func (c commands) Hold(s plan.Spec) {
	if c.app.file == "" {
		c.app.file = s.Config
	}
	c.app.set = append(slices.Clone(s.Set), c.app.set...)
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
