package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"xlab/run"
)

// released is the date of the release, which manual pages bear where nothing says
// which state of the source the program is of.
const released = "2026-11-30T00:00:00Z"

func (a *app) manCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "man DIR",
		Short: "Write the manual pages of all commands into a directory",
		Long: `Writes a manual page for every command into DIR, which is made where it is not
there. The same program writes the same bytes: the date is that of its source.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return run.Usage(err)
			}
			date, err := sourceDate()
			if err != nil {
				return err
			}
			root := c.Root()
			root.DisableAutoGenTag = true
			header := &doc.GenManHeader{Section: "1", Date: &date, Source: "xlab " + run.Release, Manual: "xlab"}
			if err := doc.GenManTree(root, header, args[0]); err != nil {
				return err
			}
			_, err = fmt.Fprintf(a.out, "man %s\n", filepath.Join(args[0], "xlab.1"))
			return err
		},
	}
}

// sourceDate is when the source that the program was built from was committed.
func sourceDate() (time.Time, error) {
	date := released
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.time" {
				date = s.Value
			}
		}
	}
	t, err := time.Parse(time.RFC3339, date)
	return t.UTC(), err
}
