package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"xlab/run"
	"xlab/run/archive/export"
)

func (a *app) exportCommand() *cobra.Command {
	var format, table, output string
	var partial, force bool
	c := &cobra.Command{
		Use:   "export RUN",
		Short: "Write a run's measurements for other programs",
		Long: `Writes a table of a run as CSV, JSON, NumPy's npz, Parquet or NetCDF, with units
and with where the numbers come from: bench, instruments, chip, limits, program,
seed, arguments and outcome. RUN may be shortened as long as it is unique, or be
"last".

  readings   one row per step on a device, and of a sweep one per level
  devices    one row per device: what is known of it at the end

The format is that of the file's name unless --format is given. hwdocs/store.md
describes the tables and how other programs read them.`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := a.configure(); err != nil {
				return err
			}
			if format == "" {
				if format = export.FormatOfFile(output); format == "" && output != "" && output != "-" {
					return run.Usage(fmt.Errorf("--output %s: the name does not tell the format; add --format %s", output,
						strings.Join(export.Formats(), "|")))
				}
				if format == "" {
					format = "csv"
				}
			}
			format = strings.ToLower(format)
			write, err := export.FormatNamed(format)
			if err != nil {
				return run.Usage(fmt.Errorf("--format: %w", err))
			}
			s, err := run.Load(a.Config.Runs, args[0])
			if err != nil {
				return run.Usage(err)
			}
			source, err := export.Open(s.Dir, partial)
			if err != nil {
				if _, other := export.Open(s.Dir, true); other == nil && !partial {
					err = fmt.Errorf("%w; --partial exports what is there", err)
				}
				return err
			}
			t, err := source.Table(table)
			if err != nil {
				return run.Usage(fmt.Errorf("--table: %w", err))
			}
			for _, p := range source.Problems {
				fmt.Fprintf(a.Messages, "exported in parts: %v\n", p)
			}
			for _, d := range source.Damage {
				fmt.Fprintf(a.Messages, "not exported: %v\n", d)
			}
			to := func(w io.Writer) error { return write(w, t, source.Provenance) }
			if output != "" && output != "-" {
				if err := run.WriteOutput(output, force, to); err != nil {
					return err
				}
				if a.json {
					return a.writeJSON(map[string]string{"run": s.ID, "table": table, "format": format, "file": output})
				}
				_, err = fmt.Fprintln(a.data(), output)
				return err
			}
			if export.Binary(format) && a.page().Terminal() {
				return run.Usage(fmt.Errorf("%s is a binary format, not for a terminal: name a file with -o", format))
			}
			return to(a.data())
		},
	}
	f := c.Flags()
	f.StringVar(&format, "format", "", strings.Join(export.Formats(), ", ")+
		" (default: by the file's name, csv on stdout)")
	f.StringVar(&table, "table", "readings", strings.Join(export.Tables(), " or "))
	f.StringVarP(&output, "output", "o", "", "file to write (default: stdout)")
	f.BoolVar(&partial, "partial", false, "export what can be read of a run whose record is damaged")
	f.BoolVar(&force, "force", false, "replace a file that is there")
	return c
}
