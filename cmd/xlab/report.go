package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"github.com/spf13/cobra"

	"xlab/input"
	"xlab/instrument"
	"xlab/run"
	"xlab/run/atomicfile"
	"xlab/run/report"
	"xlab/tuning/characterize"
)

// reportFile is the page's name in the run directory.
const reportFile = "report.html"

func (a *app) reportCommand() *cobra.Command {
	var output string
	var partial bool
	c := &cobra.Command{
		Use:   "report ID",
		Short: "Put a run on one self-contained HTML page",
		Long: `Writes one HTML page with the run's key figures, its comparison with published
values, its figures and its data. The page needs no network. ID may be shortened
as long as it is unique, or be "last".`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			c, err := loadConfig(a.config, a.set)
			if err != nil {
				return usageError(err)
			}
			s, err := run.Load(c.runsDir(), args[0])
			if err != nil {
				return usageError(err)
			}
			record, err := run.ScanJournal(s.Dir, func(run.Record) error { return nil })
			if err == nil {
				err = run.Check(s.Dir, record)
			}
			if err != nil && !partial {
				return fmt.Errorf("%w; --partial reports what is there", err)
			} else if err != nil {
				s.Problems = append(s.Problems, err.Error())
			}
			page, err := runReport(s)
			if err != nil {
				return err
			}
			perm := atomicfile.Shared
			if output == "" {
				output, perm = filepath.Join(s.Dir, reportFile), atomicfile.Private
			}
			var b bytes.Buffer
			if err := report.Write(&b, page); err != nil {
				return err
			}
			if err := atomicfile.WriteFile(output, perm, b.Bytes()); err != nil {
				return usageError(err)
			}
			if a.json {
				return a.writeJSON(map[string]string{"run": s.ID, "file": output})
			}
			_, err = fmt.Fprintln(a.out, output)
			return err
		},
	}
	c.Flags().BoolVar(&partial, "partial", false, "report what is there of a run whose record is damaged")
	c.Flags().StringVarP(&output, "output", "o", "", "file to write (default: "+reportFile+" in the run directory)")
	return c
}

// runReport makes a page of whatever a run directory holds.
func runReport(s *run.Stored) (report.Report, error) {
	bench := "not told"
	if s.Bench != nil {
		bench = run.FormatDuration(*s.Bench)
	}
	page := report.Report{
		Title:    fmt.Sprintf("%s %s", s.Command, s.Array),
		Subtitle: s.ID,
		Facts:    []report.Fact{{Name: "outcome", Value: string(s.Outcome)}, {Name: "started", Value: s.Started.UTC().Format("2006-01-02 15:04:05 UTC")}, {Name: "bench time", Value: bench}, {Name: "wall time", Value: fmt.Sprintf("%.1f s", s.Wall)}},
	}
	if s.Cause != "" {
		page.Facts = append(page.Facts, report.Fact{Name: "cause", Value: s.Cause})
	}
	for _, p := range s.Problems {
		page.Facts = append(page.Facts, report.Fact{Name: "problem", Value: p})
	}
	facts, comparison := summaryFacts(s.Summary.Summary)
	page.Facts = append(page.Facts, facts...)
	if len(comparison) > 0 {
		page.Sections = append(page.Sections, report.Section{Title: "Published and measured", Comparisons: []report.Comparison{{Rows: comparison}}})
	}
	figures, tables, err := runFiles(s.Dir)
	if err != nil {
		return page, err
	}
	if len(figures) > 0 {
		page.Sections = append(page.Sections, report.Section{Title: "Figures", Figures: figures})
	}
	if len(tables) > 0 {
		page.Sections = append(page.Sections, report.Section{Title: "Data", Tables: tables})
	}
	page.Provenance = provenance(s)
	return page, nil
}

// summaryFacts takes the plain figures out of a run's summary, and the
// comparison if it has one.
func summaryFacts(summary json.RawMessage) ([]report.Fact, []report.Compared) {
	var values map[string]json.RawMessage
	if json.Unmarshal(summary, &values) != nil {
		return nil, nil // a run that ended before it had any
	}
	var facts []report.Fact
	for name, raw := range values {
		var number float64
		var list []json.RawMessage
		var parts map[string]*float64 // such as the accuracies on the training and the test set
		switch {
		case name == "bench_seconds" || name == "wall_seconds" || name == "run" || string(raw) == "null":
		case json.Unmarshal(raw, &number) == nil:
			facts = append(facts, report.Fact{Name: strings.ReplaceAll(name, "_", " "), Value: fmt.Sprintf("%.4g", number)})
		case name == "comparison":
		case json.Unmarshal(raw, &parts) == nil:
			for part, x := range parts {
				if x != nil {
					facts = append(facts, report.Fact{Name: strings.ReplaceAll(name+" "+part, "_", " "), Value: fmt.Sprintf("%.4g", *x)})
				}
			}
		case json.Unmarshal(raw, &list) == nil:
			facts = append(facts, report.Fact{Name: strings.ReplaceAll(name, "_", " "), Value: fmt.Sprint(len(list))})
		}
	}
	sort.Slice(facts, func(i, j int) bool { return facts[i].Name < facts[j].Name })
	var compared []characterize.Comparison
	if json.Unmarshal(values["comparison"], &compared) != nil {
		return facts, nil
	}
	rows := make([]report.Compared, len(compared))
	for i, c := range compared {
		rows[i] = report.Compared{Quantity: c.What, Published: c.Published, Measured: c.Measured, Note: c.Source}
	}
	return facts, rows
}

// runFiles takes a run directory's figures and tables, in the order of their names.
func runFiles(dir string) ([]report.Figure, []report.Table, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, err
	}
	var figures []report.Figure
	var tables []report.Table
	for _, e := range entries {
		extension := filepath.Ext(e.Name())
		if extension != ".svg" && extension != ".csv" {
			continue
		}
		text, err := input.ReadFile(filepath.Join(dir, e.Name()), input.Record)
		if err != nil {
			return nil, nil, err
		}
		if extension == ".svg" {
			figures = append(figures, report.Figure{Caption: strings.TrimSuffix(e.Name(), extension), SVG: text})
			continue
		}
		t, err := tableOf(e.Name(), text)
		if err != nil {
			return nil, nil, err
		}
		if t != nil {
			tables = append(tables, *t)
		}
	}
	return figures, tables, nil
}

// tableLimit is the number of lines of a table beyond which the page only
// names the file: a browser is no place for a hundred thousand lines.
const tableLimit = 1000

// tableOf makes a folded table of a CSV file that has a heading; nil for one
// that has none, such as a map in siemens.
func tableOf(name string, text []byte) (*report.Table, error) {
	r := csv.NewReader(bytes.NewReader(text))
	r.FieldsPerRecord = -1
	records, err := r.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(records) < 2 || !strings.ContainsAny(strings.Join(records[0], ""), "abcdfghijklmnopqrstuvwxyz") {
		return nil, nil
	}
	t := &report.Table{Caption: fmt.Sprintf("%s, %d lines", name, len(records)-1), Folded: true}
	shown := records[1:]
	if len(shown) > tableLimit {
		shown = shown[:tableLimit]
		t.Caption += fmt.Sprintf(", the first %d of them", tableLimit)
	}
	for i, head := range records[0] {
		text := slices.ContainsFunc(shown, func(record []string) bool {
			return i < len(record) && strings.ContainsAny(record[i], "ghijklmnopqrstuvwxyz")
		})
		t.Columns = append(t.Columns, report.Column{Name: head, Text: text})
	}
	for _, record := range shown {
		t.Rows = append(t.Rows, append(record, make([]string, max(0, len(t.Columns)-len(record)))...)[:len(t.Columns)])
	}
	return t, nil
}

func provenance(s *run.Stored) report.Provenance {
	h := s.Header
	p := report.Provenance{
		Facts: []report.Fact{{Name: "run", Value: s.ID}, {Name: "command", Value: "xlab " + strings.Join(h.Arguments, " ")}, {Name: "program", Value: h.Program}, {Name: "bench", Value: h.Bench}},
		Spec:  s.Spec,
		Limits: []report.Fact{
			{Name: "voltage", Value: fmt.Sprintf("%v to %v", h.Limits.MinVoltage, h.Limits.MaxVoltage)},
			{Name: "current", Value: h.Limits.MaxCurrent.String()}, {Name: "width", Value: h.Limits.MaxWidth.String()}, {Name: "set in", Value: h.Limits.Origin},
		},
	}
	if h.Simulated {
		p.Facts = append(p.Facts, report.Fact{Name: "chip", Value: h.Chip}, report.Fact{Name: "seed", Value: fmt.Sprint(h.Seed)})
	}
	for name, id := range h.Instruments {
		p.Instruments = append(p.Instruments, report.Instrument{Name: name, Identity: identityText(id)})
	}
	sort.Slice(p.Instruments, func(i, j int) bool { return p.Instruments[i].Name < p.Instruments[j].Name })
	return p
}

func identityText(id instrument.Identity) string {
	return fmt.Sprintf("%s %s, serial %s, firmware %s", id.Vendor, id.Model, id.Serial, id.Firmware)
}
