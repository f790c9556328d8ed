package main

import (
	"slices"
	"strings"
	"xlab/lab/config"
	"xlab/lab/procedure"
	"xlab/mlp/insitu"
	"xlab/run"
	"xlab/run/export"
	"xlab/run/index"
	"xlab/tuning"

	"github.com/spf13/cobra"
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

// approaches are the names of the ways to train a network in software.
var approaches = []string{"oblivious", "aware"}

// schemes are the names of the bias schemes for pulses.
var schemes = []string{"v2", "v3", "floating"}

// complete tells the shell what a command's flags and arguments can be.
func (a *app) complete(c *cobra.Command) {
	tolerances := []string{"30%", "5%", "1%"}
	flags := map[string]completion{
		"array":        a.completeArrays,
		"arrays":       a.completeArrayList,
		"approach":     words(approaches...),
		"approaches":   several(approaches...),
		"command":      words(a.commandsOfRuns()...),
		"config":       files("yaml", "yml"),
		"decimal":      words("point", "comma"),
		"faults":       files("yaml", "yml"),
		"header":       words("yes", "no"),
		"network":      a.completeRuns,
		"outcome":      words(index.Outcomes()...),
		"policies":     several(tuning.Policies()...),
		"policy":       words(tuning.Policies()...),
		"reset-scheme": words(schemes...),
		"rule":         words(string(insitu.Fixed), string(insitu.Variable)),
		"scheme":       words(schemes...),
		"schemes":      several(schemes...),
		"separator":    words("comma", "semicolon", "tab", "blank"),
		"set":          a.completeKeys,
		"set-scheme":   words(schemes...),
		"table":        words(export.Tables()...),
		"tolerance":    words(tolerances...),
		"tolerances":   several(tolerances...),
		"unit":         words("S", "ohm"),
		"variants":     several("plain", "biased", "feedback"),
		"write":        words("columns", "rows", "devices"),
	}
	switch c.Name() {
	case "export":
		flags["format"] = words(export.Formats()...)
	case "read":
		flags["format"] = words("grid", "csv", "json")
	case "iv":
		flags["scheme"] = words(append(slices.Clone(schemes), "grounded")...)
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

func (a *app) completeArrays(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return a.arrayNames(), cobra.ShellCompDirectiveNoFileComp
}

func (a *app) completeArrayList(c *cobra.Command, args []string, written string) ([]string, cobra.ShellCompDirective) {
	return several(a.arrayNames()...)(c, args, written)
}

// arrayNames are the arrays of the bench, none where the configuration is faulty.
func (a *app) arrayNames() []string {
	c, err := config.Load(a.file, a.set, a.Known())
	if err != nil {
		return nil
	}
	var names []string
	for _, b := range c.Boards {
		names = append(names, b.Name)
	}
	return names
}

// newestRuns is how many runs a shell is told.
const newestRuns = 50

// completeRuns knows the newest runs, the newest first, and "last".
func (a *app) completeRuns(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	const how = cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
	c, err := config.Load(a.file, a.set, a.Known())
	if err != nil || len(args) > 0 {
		return nil, how
	}
	list, err := run.List(c.Runs)
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
	for _, key := range config.Keys() {
		list = append(list, key+"=")
	}
	return list, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}
