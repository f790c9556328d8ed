package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"xlab/input"
	"xlab/run"
	"xlab/run/screen"
)

// explain gives all commands their help, their examples and what a shell can
// complete.
func (a *app) explain(root *cobra.Command) {
	root.SetHelpFunc(func(c *cobra.Command, _ []string) {
		// There is nobody to tell that nobody can be told.
		_ = a.help(c)
	})
	root.SetHelpCommand(a.helpCommand(root))
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, c := range allCommands(root) {
		c.InitDefaultHelpFlag()
		c.Example = strings.Trim(examples[c.CommandPath()], "\n")
		c.Flags().VisitAll(ownDefault)
		c.PersistentFlags().VisitAll(ownDefault)
		a.complete(c)
	}
}

// ownDefault leaves the default of a flag to its text where that tells it.
func ownDefault(f *pflag.Flag) {
	if strings.Contains(f.Usage, "(default") {
		f.DefValue = ""
		if f.Value.Type() == "stringSlice" {
			f.DefValue = "[]" // the library's word for none
		}
	}
}

// help explains a command on the page, as wide as that is.
func (a *app) help(c *cobra.Command) error {
	page := a.page()
	width := page.Width()
	var b strings.Builder
	text := c.Long
	if text == "" {
		text = c.Short
	}
	// Texts are written for 80 columns and more.
	fill := width
	if fill >= 82 {
		fill = 0
	}
	b.WriteString(page.Reflow(strings.TrimSpace(text), fill) + "\n\nUsage:\n")
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "  %s COMMAND\n", c.CommandPath())
	}
	if c.Runnable() && (!c.HasAvailableSubCommands() || hasFlags(c)) {
		fmt.Fprintf(&b, "  %s\n", c.UseLine())
	}
	if c.Example != "" {
		fmt.Fprintf(&b, "\nExamples:\n%s\n", c.Example)
	}
	if _, err := fmt.Fprint(page, b.String()); err != nil {
		return err
	}
	if c.HasAvailableSubCommands() {
		fmt.Fprint(page, "\nCommands:\n")
		t := screen.NewTable(page, screen.Left)
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() {
				fmt.Fprintf(t, "  %s\t%s\n", sub.Name(), sub.Short)
			}
		}
		if err := t.Flush(); err != nil {
			return err
		}
	}
	for _, part := range []struct {
		title string
		flags *pflag.FlagSet
	}{{"Flags", c.LocalFlags()}, {"Flags of every command", c.InheritedFlags()}} {
		if part.flags.HasAvailableFlags() {
			if err := page.Styled("\n" + part.title + ":\n" + flagUsages(part.flags, width)); err != nil {
				return err
			}
		}
	}
	if !c.HasAvailableSubCommands() {
		return nil
	}
	_, err := fmt.Fprintf(page, "\n`%s COMMAND --help` explains a command.\n", c.CommandPath())
	return err
}

// hasFlags tells whether a command has flags that say what it does.
func hasFlags(c *cobra.Command) bool {
	has := false
	c.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) { has = has || f.Name != "help" && f.Name != "version" })
	return has
}

// flagUsages are the flags' texts. A flag that may be given several times says so.
func flagUsages(flags *pflag.FlagSet, width int) string {
	return strings.ReplaceAll(flags.FlagUsagesWrapped(width), " stringArray", " string ... ")
}

// helpCommand is `xlab help`, which knows what it does not know.
func (a *app) helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Explain a command",
		Long:  "Explains a command, as its flag --help does.",
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			c, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			var names []string
			for _, sub := range c.Commands() {
				if sub.IsAvailableCommand() {
					names = append(names, cobra.CompletionWithDesc(sub.Name(), sub.Short))
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			c := root
			for _, word := range args {
				sub := subCommand(c, word)
				if sub == nil {
					return unknownCommand(c, word)
				}
				c = sub
			}
			return a.help(c)
		},
	}
}

func subCommand(c *cobra.Command, name string) *cobra.Command {
	for _, sub := range c.Commands() {
		if sub.Name() == name || sub.HasAlias(name) {
			return sub
		}
	}
	return nil
}

// unknownCommand is the error of a word that is no command below c.
func unknownCommand(c *cobra.Command, word string) error {
	names := make(map[string]bool)
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			names[sub.Name()] = true
		}
	}
	return run.Usage(fmt.Errorf("unknown command %q for %q%s; see `%s --help`", word, c.CommandPath(),
		input.Nearest(word, names), c.CommandPath()))
}

// argumentError is the error of too few or too many words after a command, by its
// line of use.
func argumentError(c *cobra.Command, args []string) error {
	_, takes, _ := strings.Cut(c.Use, " ")
	var what string
	switch {
	case c.HasSubCommands():
		return unknownCommand(c, args[0])
	case takes == "":
		what = fmt.Sprintf("%q belongs to no flag: %s takes flags only", strings.TrimSpace(args[0]), c.CommandPath())
	case len(args) < len(strings.Fields(takes)):
		what = strings.Join(strings.Fields(takes)[len(args):], " ") + " is missing"
	default:
		what = fmt.Sprintf("%q is one argument too many: give one %s", strings.TrimSpace(args[len(strings.Fields(takes))]),
			strings.Trim(takes, "[]"))
	}
	return run.Usage(fmt.Errorf("%s; see `%s --help`", what, c.CommandPath()))
}

// emptyFlag refuses a flag that is given without a value, as by a shell's variable
// that is not set: --devices "" would be the whole array.
func emptyFlag(c *cobra.Command) error {
	var err error
	c.Flags().Visit(func(f *pflag.Flag) {
		if f.Value.String() == "" && err == nil {
			err = run.Usage(fmt.Errorf("--%s is empty: give a value, or leave the flag out; see `%s --help`", f.Name,
				c.CommandPath()))
		}
	})
	return err
}
