package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"xlab/input"
	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/lab/config"
	"xlab/lab/procedure"
	"xlab/population"
	"xlab/run"
	"xlab/run/keyfigure"
	"xlab/run/screen"
	"xlab/tuning"

	"github.com/spf13/cobra"
)

// tuneResult is what `xlab tune --json` prints.
type tuneResult struct {
	tuning.Summary
	procedure.Figures
}

func (a *app) tuneCommand() *cobra.Command {
	var name, scheme, defectMap string
	var t targetFlags
	var tolerance procedure.Percentage
	var policy string
	var dryRun bool
	c := &cobra.Command{
		Use:   "tune",
		Short: "Write conductances into an array by write-and-verify",
		Long: `Sets devices to target conductances with write pulses and verifying reads, in
passes over the array, and ends with a read of all devices.

--target is "face" (a 10-level pattern between 7 kΩ and 96.6 kΩ), a value such as
20uS or 50kΩ for the devices named by --devices, or a file: a table with one line
per row (CSV in any dialect), or PNG with the grey level between the bounds of the range.

The parameters are keys of the section "tuning" in bench.yaml; --set
tuning.passes=3 overrides one. See hwdocs/tuning.md.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.load()
			if err != nil {
				return err
			}
			w, err := c.Wiring(name)
			if err != nil {
				return err
			}
			spec := c.Tuning
			if tolerance > 0 {
				spec.Tolerance = float64(tolerance)
			}
			if policy != "" {
				spec.Policy = policy
			}
			if scheme != "" {
				s, err := array.ParseScheme(scheme)
				if err != nil {
					return run.Usage(fmt.Errorf("--scheme: %w", err))
				}
				spec.SetScheme, spec.ResetScheme = s, s
			}
			var understood string
			if spec.Targets, understood, err = t.read(w, spec); err != nil {
				return run.Usage(fmt.Errorf("--target: %w", err))
			}
			if understood != "" {
				fmt.Fprintln(a.Messages, understood)
			}
			if err := spec.Validate(w.Rows, w.Cols); err != nil {
				return run.Usage(err)
			}
			// What cannot be tuned and what is beyond the limits is refused here, before
			// anything is opened.
			defects, err := procedure.DefectsOf(at(c), name, defectMap)
			if err != nil {
				return err
			}
			if err := tunable(spec.Targets.Cells(), defects); err != nil {
				return procedure.Lacking(err, name)
			}
			estimate, err := spec.Estimate(w.Rows, w.Cols,
				func(steps ...array.Step) (instrument.Seconds, error) { return a.Cost(w, array.Cell{}, steps...) })
			if err != nil {
				return err
			}
			switch {
			case dryRun && a.json:
				return a.writeJSON(estimate)
			case dryRun:
				return estimate.Print(a.out)
			}
			if defects == nil {
				fmt.Fprintln(a.Messages, "no defect map: devices that cannot be tuned have to be found by trying (`xlab form` makes one)")
			}
			return a.perform(cmd.Context(), a.tuneJob(c, name, spec, defects))
		},
	}
	f := c.Flags()
	f.StringVarP(&name, "array", "a", "A", "array to tune")
	f.StringVarP(&t.target, "target", "t", "face", "face, a conductance or resistance, or a table or PNG file")
	f.StringVarP(&t.devices, "devices", "d", "",
		`devices that get the value of --target, such as "r3c7, r0-4c2" (default: all)`)
	f.StringVar(&t.unit, "unit", "S", "unit of bare numbers in a table: S or ohm")
	t.table.Register(f)
	f.StringVar(&t.at, "at", "", "device at which the first row and column of a smaller target go, such as r2c3")
	f.Var(&tolerance, "tolerance", "relative error that is still right, such as 5% (default: tuning.tolerance)")
	f.StringVar(&policy, "policy", "", "how pulses are chosen: "+strings.Join(tuning.Policies(), ", ")+
		" (default: tuning.policy)")
	f.StringVar(&scheme, "scheme", "", "other lines during pulses of either sign: v2, v3 or floating (default: "+
		"tuning.set_scheme and tuning.reset_scheme)")
	f.StringVar(&defectMap, "defects", "", `defect map file, or "none" (default: of the newest forming of this array)`)
	f.BoolVar(&dryRun, "dry-run", false, "print what would be done and what it costs, and touch nothing")
	return c
}

// targetFlags say which conductances are asked for of which devices.
type targetFlags struct {
	target, devices, unit, at string
	table                     procedure.TableFlags
}

// read gives the targets, and how they were understood if they are a table.
func (t *targetFlags) read(w *array.Wiring, spec tuning.Spec) (targets tuning.Targets, understood string, err error) {
	value, err := tuning.ParseTarget(t.target)
	if err == nil && t.at != "" {
		return nil, "", fmt.Errorf("--at places a table or picture; the devices that get %s are named with --devices %s",
			t.target, t.at)
	}
	if t.target == "face" {
		face, err := tuning.Face(w.Rows, w.Cols)
		if err != nil {
			return nil, "", err
		}
		targets, err = t.place(face, w)
		return targets, "", err
	}
	if err == nil {
		cells, err := array.ParseCells(t.devices, w.Rows, w.Cols)
		if err != nil {
			return nil, "", fmt.Errorf("--devices: %w", err)
		}
		targets, err = tuning.Uniform(w.Rows, w.Cols, cells, value)
		return targets, "", err
	}
	f, openErr := input.Open(t.target, input.Text)
	if errors.Is(openErr, fs.ErrNotExist) && filepath.Ext(t.target) == "" {
		return nil, "", fmt.Errorf("%q is neither \"face\", a value (%w) nor a file", t.target, err)
	}
	if openErr != nil {
		return nil, "", openErr
	}
	targets, understood, err = t.file(f, spec)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, "", err
	}
	targets, err = t.place(targets, w)
	return targets, understood, err
}

// file reads targets from a picture or a table.
func (t *targetFlags) file(r io.Reader, spec tuning.Spec) (tuning.Targets, string, error) {
	b := bufio.NewReader(r)
	if magic, _ := b.Peek(4); string(magic) == "\x89PNG" {
		targets, err := tuning.ReadPNG(b, t.target, spec.RangeMin, spec.RangeMax)
		return targets, "", err
	}
	o, err := t.table.Options(t.target)
	if err != nil {
		return nil, "", err
	}
	targets, dialect, err := tuning.ReadTable(b, o, t.unit)
	if err != nil {
		return nil, "", err
	}
	return targets, fmt.Sprintf("%s: %s, %s", t.target, screen.Count(len(targets), "row"), dialect), nil
}

// place puts targets where --at says.
func (t *targetFlags) place(targets tuning.Targets, w *array.Wiring) (tuning.Targets, error) {
	if t.devices != "" {
		return nil, fmt.Errorf("--devices names the devices that get one value; %s has a value for each, "+
			"and --at places it", t.target)
	}
	if t.at == "" {
		targets = targets.Trim(w.Rows, w.Cols)
		if rows, cols := targets.Size(); rows < w.Rows || cols < w.Cols {
			return nil, fmt.Errorf("%s has %d x %d values and the array %d x %d devices: "+
				"say with --at where its first one goes, such as --at r0c0", t.target, rows, cols, w.Rows, w.Cols)
		}
		return targets, nil
	}
	cells, err := array.ParseCells(t.at, w.Rows, w.Cols)
	if err != nil || len(cells) != 1 {
		return nil, errors.Join(fmt.Errorf("--at %q must name one device, such as r2c3", t.at), err)
	}
	return targets.Trim(w.Rows-cells[0].Row, w.Cols-cells[0].Col).Place(w.Rows, w.Cols, cells[0])
}

// tunable refuses, as a result outside limits, what the defect map says cannot be
// tuned at all. nil where at least one of the devices switches, or nothing is known.
func tunable(cells []array.Cell, m *array.DefectMap) error {
	if m == nil {
		return nil
	}
	var reasons []string
	for _, cell := range cells {
		if cell.Row >= m.Rows || cell.Col >= m.Cols || m.Usable(cell) {
			return nil // a map of another size is refused by name
		}
		if state := m.At(cell); len(reasons) < 3 {
			reasons = append(reasons, fmt.Sprintf("%s is %s", cell, state))
		}
	}
	if more := len(cells) - len(reasons); more > 0 {
		reasons = append(reasons, fmt.Sprintf("%d more", more))
	}
	return &run.Ended{Outcome: run.OutcomeOutside, Err: fmt.Errorf("nothing was touched: no device asked for can be "+
		"tuned by the defect map of run %s: %s; form them (`xlab form -d ...`), or tune without the map (--defects none)",
		m.Run, strings.Join(reasons, ", "))}
}

// tuneJob is the work of `xlab tune`.
func (a *app) tuneJob(c *config.Config, name string, spec tuning.Spec, defects *array.DefectMap) job {
	var outcome *tuning.Outcome
	var result tuneResult
	j := job{command: "tune", arrays: []string{name}, spec: tuneSpec{spec, spec.Targets, defects}}
	j.work = func(ctx context.Context, r procedure.Bench) (err error) {
		outcome, err = tuning.Tune(ctx, r.Crossbar(name), r.Header().Array, spec, defects,
			tuning.Options{Observe: func(e tuning.Event) {
				r.Publish(run.Event{Kind: "device", Phase: string(e.Phase), Done: e.Done, Total: e.Total,
					Note: passNote(e.Pass), Ahead: e.Ahead})
			}})
		if err == nil {
			err = verdict(outcome.Summary())
		}
		return err
	}
	j.summarise = func(r procedure.Bench, f procedure.Figures) any {
		result = tuneResult{Figures: f}
		if outcome == nil {
			return result
		}
		result.Summary = outcome.Summary()
		return struct {
			tuneResult
			Comparison []keyfigure.Comparison `json:"comparison"`
		}{result, compareTuning(spec, result.Summary)}
	}
	j.files = func(r procedure.Bench) error {
		if outcome == nil {
			return nil
		}
		return tuneFiles(r, spec, outcome, result)
	}
	j.show = func(_ error) error {
		if outcome == nil {
			return nil
		}
		return a.printTuned(spec, outcome, result)
	}
	return j
}

// passNote says in which pass over the devices a run is; "" before the first.
func passNote(pass int) string {
	if pass == 0 {
		return ""
	}
	return fmt.Sprintf("pass %d", pass)
}

func (a *app) rebuildTune(c *config.Config, h *run.Header) (procedure.Job, error) {
	s, err := procedure.SpecOf[tuneSpec](h)
	s.Spec.Targets = s.Targets
	return a.tuneJob(c, h.Array, s.Spec, s.Defects), err
}

// tuneSpec keeps the targets with the specification, null where none is asked
// for, and the defect map that was used.
type tuneSpec struct {
	tuning.Spec
	Targets tuning.Targets   `json:"targets_S"`
	Defects *array.DefectMap `json:"defects"`
}

// verdict is the run's end: partial when devices that work were not brought
// into tolerance.
func verdict(s tuning.Summary) error {
	if missed := s.Disturbed + s.GaveUp; missed > 0 {
		return &run.Ended{Outcome: run.OutcomePartial, Err: fmt.Errorf("%d of %d devices are out of tolerance (%d "+
			"disturbed, %d gave up); %d more are stuck and %d defective", missed, s.Devices, s.Disturbed, s.GaveUp, s.Stuck,
			s.Defective)}
	}
	return nil
}

func (a *app) printTuned(spec tuning.Spec, o *tuning.Outcome, result tuneResult) error {
	if a.json {
		return a.writeJSON(result)
	}
	rows, cols := spec.Targets.Size()
	g := grid{title: "conductance at " + spec.Read.String() + " after tuning", unit: "µS", scale: 1e6, rows: rows,
		cols: cols, values: o.Reads, marks: make(map[[2]int]string)}
	for _, r := range o.Records {
		if r.Verdict == tuning.Stuck || r.Verdict == tuning.Defective {
			g.marks[[2]int{r.Cell.Row, r.Cell.Col}] = "x"
		}
	}
	if err := g.print(a.page()); err != nil {
		return err
	}
	s := result.Summary
	fmt.Fprintf(a.out, "\n%d of %s within %.3g %%", s.InTolerance, screen.Count(s.Devices, "device"), 100*spec.Tolerance)
	if s.MeanError.Known() {
		fmt.Fprintf(a.out, ", mean error %.2f %%, pulses per device: median %.0f, 90th percentile %.0f", 100*s.MeanError,
			s.MedianPulses, s.P90Pulses)
	}
	fmt.Fprintln(a.out)
	for _, r := range o.Records {
		if r.Verdict != tuning.InTolerance {
			read := ""
			if r.Known() {
				read = fmt.Sprintf(", read %v", r.Final)
			}
			fmt.Fprintf(a.out, "  %-7s %s, target %v%s: %s\n", r.Cell, r.Verdict, r.Target, read, r.Reason)
		}
	}
	fmt.Fprint(a.out, result.OverheadLine())
	_, err := fmt.Fprintf(a.out, "run %s\n", filepath.Join(a.Config.Runs, result.Run))
	return err
}

// rampPulses are the median numbers of pulses calculated for a single device of
// the published model under the ramp of Alibart et al. 2012 with steps of 10 mV
// and 50 mV, by tolerance.
var rampPulses = map[float64]string{0.3: "16 and 8", 0.05: "28 and 11", 0.01: "34 and 19"}

// rampSource says of which procedure they are.
const rampSource = "ramp of Alibart et al. 2012 with steps of 10 mV and 50 mV"

// compareTuning sets the key figures beside published ones.
func compareTuning(spec tuning.Spec, s tuning.Summary) []keyfigure.Comparison {
	working := s.Devices - s.Defective - s.Stuck
	if working == 0 {
		return nil // nothing is said of no device
	}
	list := []keyfigure.Comparison{
		{What: fmt.Sprintf("devices within %.3g %%, of those that switch", 100*spec.Tolerance),
			Measured:  fmt.Sprintf("%d of %d", s.InTolerance, working),
			Published: "nominal 5 %, with visible exceptions", Source: "Merrikh Bayat et al. 2018"},
		{What: "mean error", Measured: s.MeanError.Text(population.Format("%.2f %%", 100)),
			Published: "below 4 % on 4096 devices", Source: "Kim et al. 2021"},
	}
	if published, known := rampPulses[spec.Tolerance]; known {
		c := keyfigure.Comparison{What: "median pulses per device",
			Measured:  s.MedianPulses.Text(population.Format("%.0f", 1)),
			Published: published, Source: "calculated for one device, " + rampSource}
		if spec.Policy != tuning.PolicyRamp {
			c.What += " by the project's own policy, " + spec.Policy
		}
		list = append(list, c)
	}
	return list
}
