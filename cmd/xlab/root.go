package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"xlab/run"
	"xlab/run/screen"
)

// Main runs the program and gives its exit code.
func Main(args []string, in io.Reader, out, errw io.Writer) int {
	return newApp(in, out, errw).execute(args)
}

// execute carries out one command line and gives the exit code.
func (a *app) execute(args []string) int {
	a.Arguments = args
	a.out, a.Messages = a.page(), screen.New(a.Messages, screen.Options{})
	a.Out = a.data()
	root := a.root()
	root.SetArgs(numbers(args))
	root.SetIn(a.In)
	root.SetOut(a.out)
	root.SetErr(a.Messages)
	defer a.alone()()
	err := root.ExecuteContext(context.Background())
	if err == nil || outputGone(err) {
		return 0
	}
	fmt.Fprintln(a.Messages, "xlab: "+strings.TrimSpace(err.Error()))
	code := run.ExitCode(err)
	switch {
	case code == run.ExitUnsafe:
		fmt.Fprintln(a.Messages, run.UnsafeLine(err))
	case code == run.ExitInterrupted && a.CutOff != "":
		fmt.Fprintln(a.Messages, "go on with: "+a.resumeLine())
	}
	return code
}

// resumeLine is the command that goes on with the run that was cut off.
func (a *app) resumeLine() string {
	words := []string{"xlab", "resume", a.CutOff}
	if a.file != "" {
		words = append(words, "--config", a.file)
	}
	for _, text := range a.set {
		words = append(words, "--set", text)
	}
	return screen.ShellLine(words...)
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "xlab",
		Short: "Control a bench with passive memristor crossbars, real or simulated",
		Long: `xlab controls a bench with passive memristor crossbars: a parameter analyzer
sources and measures, switch boards route, and a simulated bench behind the
same bytes stands in when there is no hardware.

Rows and columns count from 0. Data goes to stdout, messages to stderr.
Exit codes: 0 done, 1 internal, 2 usage or configuration, 3 result outside
limits, 4 instrument unreachable, 5 safety trip (the bench is safe), 6 bench busy,
7 interrupted and resumable, 8 partial, 9 THE BENCH COULD NOT BE MADE SAFE: switch
the sources off by hand.`,
		Version:       run.Program(),
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		var value *pflag.InvalidValueError
		var unknown *pflag.NotExistError
		switch {
		case errors.As(err, &value):
			err = fmt.Errorf("--%s: %w", value.GetFlag().Name, value.Unwrap())
		case errors.As(err, &unknown) && len(unknown.GetSpecifiedName()) > 1:
			err = fmt.Errorf("%w%s", err, nearestFlag(c, unknown.GetSpecifiedName()))
		}
		return run.Usage(fmt.Errorf("%w; see `%s --help`", err, c.CommandPath()))
	})
	flags := root.PersistentFlags()
	flags.StringVar(&a.file, "config", "", "bench description (default: ./bench.yaml, then the user's)")
	flags.StringArrayVar(&a.set, "set", nil, "override one configuration key, as in --set limits.max_voltage=3V; "+
		"may be given several times")
	flags.BoolVar(&a.json, "json", false, "write the result as JSON")
	flags.BoolVarP(&a.verbose, "verbose", "v", false, "log what happens to stderr")
	flags.StringArrayVar(&a.Notify, "notify", nil, "send a message at the run's end, trips and stalls: "+
		"to a URL that accepts JSON, or with a command (in addition to notify in bench.yaml); may be given several times")
	flags.DurationVar(&a.Wait, "wait", 0, "wait up to this long while the bench is in use, such as 30m, "+
		"12h or 2d (default: not at all)")
	a.procedures(root)
	root.AddCommand(a.initCommand(), a.doctorCommand(), a.studyCommand(), a.reportCommand(), a.replayCommand(),
		a.resumeCommand(), a.planCommand(), a.runsCommand(), a.exportCommand(), a.simCommand(), a.manCommand(),
		a.versionCommand())
	a.explain(root)
	for _, c := range allCommands(root) {
		c.Flags().VisitAll(plainNumber)
		c.PersistentFlags().VisitAll(plainNumber)
		if check := c.Args; check != nil {
			c.Args = func(c *cobra.Command, args []string) error {
				if check(c, args) != nil {
					return argumentError(c, args)
				}
				return emptyFlag(c)
			}
		}
		if c.HasSubCommands() && c.RunE == nil {
			c.RunE = func(c *cobra.Command, args []string) error {
				if len(args) > 0 {
					return unknownCommand(c, args[0])
				}
				return c.Help()
			}
			c.Args = cobra.ArbitraryArgs
		}
	}
	return root
}

func allCommands(c *cobra.Command) []*cobra.Command {
	list := []*cobra.Command{c}
	for _, sub := range c.Commands() {
		list = append(list, allCommands(sub)...)
	}
	return list
}

// stored finds the run of an ID, which may be shortened, or "last".
func (a *app) stored(id string) (*run.Stored, error) {
	if err := a.configure(); err != nil {
		return nil, err
	}
	s, err := run.Load(a.Config.Runs, id)
	if err != nil {
		return nil, run.Usage(err)
	}
	return s, nil
}
