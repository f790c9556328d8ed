package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"xlab/figure"
	"xlab/input"
	"xlab/instrument"
	"xlab/run"
	"xlab/run/keyfigure"
)

// File is the page's name in a run's directory.
const File = "report.html"

// sentences say how a run ended, before its cause.
var sentences = map[run.Outcome]string{
	run.OutcomeComplete:    "Everything was done",
	run.OutcomePartial:     "Not everything was reached",
	run.OutcomeOutside:     "The result is outside of its limits",
	run.OutcomeTripped:     "A watched condition ended the run",
	run.OutcomeInterrupted: "The run was interrupted and can be taken up again",
	run.OutcomeFailed:      "The run failed",
	run.OutcomeRunning:     "The run is going on",
	run.OutcomeUnknown:     "The run ended without a word, as after a power cut; it can be taken up again",
	run.OutcomeBroken:      "The run's directory cannot be understood",
}

// outcome is a sentence about the end of a run.
func outcome(o run.Outcome, cause string) string {
	cause = strings.TrimPrefix(cause, "the run is "+string(o)+": ")
	if cause = strings.TrimRight(strings.TrimSpace(cause), ".:"); cause == "" {
		return sentences[o] + "."
	}
	return sentences[o] + ": " + cause + "."
}

// OfRun makes the page of whatever a run's directory holds. The runs are below
// root; at is the directory that the page is for, from which a plan's page links to
// those of its tasks.
func OfRun(s *run.Stored, root, at string) (Report, error) {
	found := keyfigure.Of(s.Summary.Summary)
	page := Report{
		Title:    strings.ReplaceAll(s.Command, "-", " "),
		Subtitle: s.ID + ", begun " + s.Started.UTC().Format("2006-01-02 15:04 UTC"),
		Lead:     []string{outcome(s.Outcome, s.Cause)},
	}
	if s.Array != "" {
		page.Title += ", array " + s.Array
	}
	for _, p := range s.Problems {
		page.Lead = append(page.Lead, "Problem: "+p+".")
	}
	for _, f := range found.Result {
		if f.Name == "plan" {
			page.Title += " " + f.Value
			continue
		}
		page.Facts = append(page.Facts, Fact(f))
	}
	tasks, err := planSections(s, root, at)
	if err != nil {
		return page, err
	}
	page.Sections = tasks
	figures, err := runFigures(s.Dir)
	if err != nil {
		return page, err
	}
	page.add(Section{Title: "Figures", Figures: figures}, len(figures))
	page.add(Section{Title: "Measured and published",
		Comparisons: []Comparison{{Rows: found.Comparisons}}}, len(found.Comparisons))
	page.add(Section{Title: "Remarks", Text: found.Remarks}, len(found.Remarks))
	tables, err := runTables(s.Dir)
	if err != nil {
		return page, err
	}
	page.add(Section{Title: "Data", Tables: tables}, len(tables))
	page.Provenance = provenance(s, found.Bookkeeping)
	return page, nil
}

// add adds a section that has something in it.
func (r *Report) add(s Section, parts int) {
	if parts > 0 {
		r.Sections = append(r.Sections, s)
	}
}

// planSections are a plan's tasks: all of them in a table, and each with what it
// found, its first figure and a link to its own page.
func planSections(s *run.Stored, root, at string) ([]Section, error) {
	tasks := entries(s)
	if len(tasks) == 0 {
		return nil, nil
	}
	table := Table{Caption: "Tasks in their order",
		Columns: []Column{{Name: "task", Text: true}, {Name: "outcome", Text: true}, {Name: "reason", Text: true}}}
	list := []Section{{Title: "Tasks"}}
	for _, x := range tasks {
		state := string(x.Outcome)
		if x.State == "skipped" {
			state = x.State
		}
		table.Rows = append(table.Rows, []string{x.Name, state, x.Reason})
		if x.Run == "" {
			continue
		}
		found := keyfigure.Of(x.Figures)
		section := Section{Title: x.Name, Text: []string{outcome(x.Outcome, x.Reason)}}
		if line := found.Line(); line != "" {
			section.Text = append(section.Text, strings.ToUpper(line[:1])+line[1:]+".")
		}
		dir := filepath.Join(root, x.Run)
		figures, err := runFigures(dir)
		if err != nil {
			return nil, fmt.Errorf("task %s: %w", x.Name, err)
		}
		section.Figures = figures[:min(1, len(figures))]
		if link, err := filepath.Rel(at, filepath.Join(dir, File)); err == nil {
			section.Links = []Link{{"all of " + x.Run, filepath.ToSlash(link)}}
		}
		list = append(list, section)
	}
	list[0].Tables = []Table{table}
	return list, nil
}

// task is a task of a plan, as the result of the plan's run tells it.
type task struct {
	Name, State, Run, Reason string
	Outcome                  run.Outcome
	Figures                  json.RawMessage
}

// entries are the tasks of a plan; none of another run, and of a plan that ended
// before it had any.
func entries(s *run.Stored) []task {
	var summary struct{ Tasks []task }
	if json.Unmarshal(s.Summary.Summary, &summary) != nil {
		return nil
	}
	return summary.Tasks
}

// Tasks are the runs of a plan that a page of it links to.
func Tasks(s *run.Stored) []string {
	var list []string
	for _, x := range entries(s) {
		if x.Run != "" {
			list = append(list, x.Run)
		}
	}
	return list
}

// runFigures takes a run's figures: those it lists, in that order, or, of earlier
// programs, those that are there, maps first.
func runFigures(dir string) ([]Figure, error) {
	var listed []figure.Listed
	text, err := input.ReadFile(filepath.Join(dir, figure.ListFile), input.Record)
	switch {
	case err == nil:
		if err := json.Unmarshal(text, &listed); err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Join(dir, figure.ListFile), err)
		}
	case errors.Is(err, fs.ErrNotExist):
		files, err := filepath.Glob(filepath.Join(dir, "*.svg"))
		if err != nil {
			return nil, err
		}
		var maps, others []figure.Listed
		for _, file := range files {
			name := strings.TrimSuffix(filepath.Base(file), ".svg")
			if strings.Contains(name, "map") {
				maps = append(maps, figure.Listed{Name: name})
			} else {
				others = append(others, figure.Listed{Name: name})
			}
		}
		listed = append(maps, others...)
	default:
		return nil, err
	}
	var figures []Figure
	for _, l := range listed {
		svg, err := input.ReadFile(filepath.Join(dir, filepath.Base(l.Name)+".svg"), input.Record)
		if err != nil {
			return nil, err
		}
		if l.Caption == "" {
			l.Caption = svgTitle(svg)
		}
		figures = append(figures, Figure{Caption: l.Caption, SVG: svg})
	}
	return figures, nil
}

func provenance(s *run.Stored, bookkeeping []keyfigure.Figure) Provenance {
	h := s.Header
	p := Provenance{
		Facts: []Fact{{"run", s.ID}, {"command", "xlab " + strings.Join(h.Arguments, " ")}, {"program", h.Program},
			{"bench", h.Bench}, {"outcome", string(s.Outcome)}},
		Spec: s.Spec,
	}
	if l := h.Limits; l != (instrument.Limits{}) { // software has none
		p.Limits = []Fact{{"voltage", fmt.Sprintf("%v to %v", l.MinVoltage, l.MaxVoltage)},
			{"current", l.MaxCurrent.String()}, {"width", l.MaxWidth.String()}, {"set in", l.Origin}}
	}
	for _, f := range bookkeeping {
		p.Facts = append(p.Facts, Fact(f))
	}
	if h.Simulated {
		p.Facts = append(p.Facts, Fact{"chip", h.Chip}, Fact{"seed", fmt.Sprint(h.Seed)})
	}
	for _, name := range slices.Sorted(maps.Keys(h.Instruments)) {
		p.Instruments = append(p.Instruments, Instrument{Name: name, Identity: identityText(h.Instruments[name])})
	}
	return p
}

func identityText(id instrument.Identity) string {
	return fmt.Sprintf("%s %s, serial %s, firmware %s", id.Vendor, id.Model, id.Serial, id.Firmware)
}
