package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"xlab/run"
)

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the program's version",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if a.json {
				return a.writeJSON(map[string]string{"version": run.Program(), "go": runtime.Version(),
					"platform": runtime.GOOS + "/" + runtime.GOARCH})
			}
			_, err := fmt.Fprintf(a.out, "xlab %s, %s, %s/%s\n", run.Program(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}
