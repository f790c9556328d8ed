package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"xlab/instrument/array"
	"xlab/lab"
	"xlab/lab/procedure"
	"xlab/lab/study/cluster"
	"xlab/run"
	"xlab/run/archive/export"
	"xlab/run/archive/index"
)

// completion gives what can stand in a place; it sees what is written of it.
type completion = func(c *cobra.Command, args []string, written string) ([]string, cobra.ShellCompDirective)

// words completes to one of the words.
func words(list ...string) completion {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return list, cobra.ShellCompDirectiveNoFileComp
	}
}

// several completes a list of words with commas.
func several(list ...string) completion {
	return func(_ *cobra.Command, _ []string, written string) ([]string, cobra.ShellCompDirective) {
		before := written[:strings.LastIndex(written, ",")+1]
		var rest []string
		for _, word := range list {
			if !slices.Contains(strings.Split(before, ","), word) {
				rest = append(rest, before+word)
			}
		}
		return rest, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
}

// files completes to files with one of the extensions.
func files(extensions ...string) completion {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return extensions, cobra.ShellCompDirectiveFilterFileExt
	}
}

// complete tells the shell what a command's flags and arguments can be.
func (a *app) complete(c *cobra.Command) {
	flags := map[string]completion{
		"array":   a.completeArrays,
		"arrays":  a.completeArrayList,
		"command": words(a.commandsOfRuns()...),
		"config":  files("yaml", "yml"),
		"faults":  files("yaml", "yml"),
		"network": a.completeRuns,
		"outcome": words(index.Outcomes()...),
		"print":   words(cluster.Kinds()...),
		"set":     a.completeKeys,
		"table":   words(export.Tables()...),
	}
	c.LocalFlags().VisitAll(func(f *pflag.Flag) {
		switch list, many := procedure.Words(f.Name); {
		case strings.HasSuffix(f.Name, "scheme"), f.Name == "schemes":
			if c.Name() == "iv" {
				list = append(list, "grounded")
			}
			flags[f.Name] = a.completeSchemes(list, many)
		case many:
			flags[f.Name] = several(list...)
		case list != nil:
			flags[f.Name] = words(list...)
		}
	})
	switch c.Name() {
	case "export":
		flags["format"] = words(export.Formats()...)
	case "read":
		flags["format"] = words("grid", "csv", "json")
	}
	for name, f := range flags {
		if c.LocalFlags().Lookup(name) == nil {
			continue
		}
		// It has been registered for a command that has the flag from above.
		_ = c.RegisterFlagCompletionFunc(name, f)
	}
	if c.ValidArgsFunction != nil {
		return
	}
	switch _, argument, _ := strings.Cut(c.Use, " "); {
	case strings.HasPrefix(argument, "RUN"), strings.HasPrefix(argument, "[RUN]"), strings.HasPrefix(argument, "ID"):
		c.ValidArgsFunction = a.completeRuns
	case strings.HasPrefix(argument, "PLAN"):
		c.ValidArgsFunction = files("yaml", "yml", "json")
	case strings.HasPrefix(argument, "CASE"):
		c.ValidArgsFunction = files("json")
	case argument == "" && !c.HasSubCommands():
		c.ValidArgsFunction = cobra.NoFileCompletions
	}
}

// commandsOfRuns are the commands that keep runs which can be taken up.
func (a *app) commandsOfRuns() []string {
	var list []string
	for _, p := range procedure.All() {
		if p.Rebuild != nil {
			list = append(list, p.Command())
		}
	}
	slices.Sort(list)
	return list
}

// completeSchemes leaves out the schemes that the bench cannot do, where it is known.
func (a *app) completeSchemes(list []string, many bool) completion {
	return func(c *cobra.Command, args []string, written string) ([]string, cobra.ShellCompDirective) {
		if f := c.Flags().Lookup("array"); f != nil && a.ReadConfig(a.file, a.set) == nil {
			if w, err := a.Config.Wiring(f.Value.String()); err == nil {
				list = slices.DeleteFunc(slices.Clone(list), func(s string) bool { return w.Can(array.Scheme(s)) != nil })
			}
		}
		if many {
			return several(list...)(c, args, written)
		}
		return list, cobra.ShellCompDirectiveNoFileComp
	}
}

func (a *app) completeArrays(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return a.arrayNames(), cobra.ShellCompDirectiveNoFileComp
}

func (a *app) completeArrayList(c *cobra.Command, args []string, written string) ([]string, cobra.ShellCompDirective) {
	return several(a.arrayNames()...)(c, args, written)
}

// arrayNames are the arrays of the bench, none where the configuration is faulty.
func (a *app) arrayNames() []string {
	if a.ReadConfig(a.file, a.set) != nil {
		return nil
	}
	var names []string
	for _, b := range a.Config.Boards {
		names = append(names, b.Name)
	}
	return names
}

// newestRuns is how many runs a shell is told.
const newestRuns = 50

// completeRuns knows the newest runs, the newest first, and "last".
func (a *app) completeRuns(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	const how = cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
	if len(args) > 0 || a.ReadConfig(a.file, a.set) != nil {
		return nil, how
	}
	list, err := run.List(a.Config.Runs)
	if err != nil || len(list) == 0 {
		return nil, how
	}
	names := []string{"last"}
	for _, s := range slices.Backward(list) {
		names = append(names, cobra.CompletionWithDesc(s.ID, strings.TrimSpace(s.Command+" "+s.Array)+", "+string(s.Outcome)))
		if len(names) > newestRuns {
			break
		}
	}
	return names, how
}

// completeKeys knows the configuration's keys.
func (a *app) completeKeys(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	var list []string
	for _, key := range lab.Keys() {
		list = append(list, key+"=")
	}
	return list, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}
