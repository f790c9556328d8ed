package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"xlab/lab/procedure"
	"xlab/run"
)

func (a *app) mlpDataCommand() *cobra.Command {
	var d procedure.DataFlags
	var output string
	var test bool
	c := &cobra.Command{
		Use:   "data",
		Short: "Show the patterns that a network learns and is tested with",
		Long: `Shows the training patterns as text: # is black and . is white. --test shows
the test patterns, --output draws a figure. --file reads other data: a table with
one sample per line and one column with the class, or IDX images (with --labels).

Tables are read as spreadsheets and programs write them: commas, semicolons, tabs or
blanks, decimal comma, with or without a heading, UTF-8 or UTF-16. What was understood
is printed; where there is a doubt, a flag settles it.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			data, err := d.Load(nil)
			if err != nil {
				return err
			}
			shown := data.Train
			if test {
				if shown = data.Test; shown == nil {
					return run.Usage(errors.New("there is no test set: --test-share or --test-file makes one"))
				}
			}
			for _, w := range data.Warnings {
				fmt.Fprintln(a.Messages, "warning: "+w)
			}
			if output != "" {
				sheet, err := procedure.DrawPatterns(shown)
				if err == nil {
					err = writeDrawing(sheet, output)
				}
				if err != nil {
					return err
				}
			}
			if a.json {
				warnings := append([]string{}, data.Warnings...)
				return a.writeJSON(map[string]any{"train": procedure.DescribeSet(data.Train),
					"test": procedure.DescribeSet(data.Test), "table": data.Reading, "warnings": warnings})
			}
			return data.Print(a.out, shown)
		},
	}
	d.Register(c.Flags())
	c.Flags().StringVarP(&output, "output", "o", "", "draw the patterns into this .svg or .png file")
	c.Flags().BoolVar(&test, "test", false, "show the test patterns")
	return c
}

// writeDrawing writes a figure into the file that --output names.
func writeDrawing(d interface {
	WriteSVG(w io.Writer) error
	WritePNG(w io.Writer) error
}, file string) error {
	write := d.WriteSVG
	switch strings.ToLower(filepath.Ext(file)) {
	case ".svg":
	case ".png":
		write = d.WritePNG
	case ".pdf":
		p, ok := d.(interface{ WritePDF(w io.Writer) error })
		if !ok {
			return run.Usage(fmt.Errorf("--output %s: this figure is written as .svg or .png", file))
		}
		write = p.WritePDF
	default:
		return run.Usage(fmt.Errorf("--output %s: figures are written as .svg, .png or .pdf", file))
	}
	if err := run.WriteOutput(file, true, write); err != nil {
		return run.Usage(err)
	}
	return nil
}
