package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
	"xlab/forming"
	"xlab/instrument/array"
	"xlab/lab/procedure"
	"xlab/lab/session"
	"xlab/lab/sim"
	"xlab/mock/chip"
	"xlab/population"
	"xlab/run"
	"xlab/run/guarded"
	"xlab/run/screen"
	"xlab/tuning"

	"github.com/spf13/cobra"
)

func (a *app) studyCommand() *cobra.Command {
	c := &cobra.Command{Use: "study", Short: "Compare procedures over many simulated chips"}
	c.AddCommand(a.studyTuningCommand(), a.studyMLPCommand())
	return c
}

// studyDryRun is the text of every study's flag.
const studyDryRun = "say how long it takes, by what the first chip takes, and end there"

// studyRow is one line of `xlab study tuning`: the mean over the chips of one
// policy, tolerance and scheme.
type studyRow struct {
	Policy       string            `json:"policy"`
	Tolerance    float64           `json:"tolerance"`
	Scheme       string            `json:"scheme"`
	Chips        int               `json:"chips"`
	Devices      int               `json:"devices"`      // over all chips, the defective ones included
	InTolerance  int               `json:"in_tolerance"` // over all chips
	Share        population.Number `json:"share"`        // in tolerance, of the devices that are not defective
	MeanError    population.Number `json:"mean_error"`
	MedianPulses population.Number `json:"median_pulses"` // over the devices of all chips
	P90Pulses    population.Number `json:"p90_pulses"`
	Stuck        int               `json:"stuck"`
	Disturbed    int               `json:"disturbed"`
	GaveUp       int               `json:"gave_up"`
	Defective    int               `json:"defective"`
	WorstDisturb float64           `json:"worst_disturb"` // of any device
	BenchSeconds float64           `json:"bench_seconds"` // mean of a chip
	Overhead     float64           `json:"overhead"`      // mean of a chip
	WallSeconds  float64           `json:"wall_seconds"`  // mean of a chip, on one core among busy others
}

// studyCase is one combination on one chip.
type studyCase struct {
	chip    int // index
	row     int // index
	spec    tuning.Spec
	outcome *tuning.Outcome
	figures procedure.Figures
}

func (a *app) studyTuningCommand() *cobra.Command {
	var chips int
	var policies, tolerances, schemes, target, name string
	var dryRun bool
	c := &cobra.Command{
		Use:   "tuning",
		Short: "Tune the same seeded chips with several policies, tolerances and schemes",
		Long: `Forms simulated chips with seeds 1 to N, tunes each of them from the same state
with every combination, through the same drivers and bytes as a single run, on
all cores, and prints one line per combination. The result does not depend on
the number of cores. Nothing is kept: no run directories, no chip file.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.simulatedConfig()
			if err != nil {
				return err
			}
			if chips < 1 {
				return run.Usage(fmt.Errorf("--chips %d must be at least 1", chips))
			}
			w, err := c.Wiring(name)
			if err != nil {
				return err
			}
			var rows []studyRow
			var specs []tuning.Spec
			for _, policy := range strings.Split(policies, ",") {
				for _, text := range strings.Split(tolerances, ",") {
					for _, schemeName := range strings.Split(schemes, ",") {
						spec := c.Tuning
						spec.Policy = strings.TrimSpace(policy)
						var tolerance procedure.Percentage
						if err := tolerance.Set(text); err != nil {
							return run.Usage(fmt.Errorf("--tolerances: %w", err))
						}
						spec.Tolerance = float64(tolerance)
						if schemeName = strings.TrimSpace(schemeName); schemeName != "default" {
							s, err := array.ParseScheme(schemeName)
							if err != nil {
								return run.Usage(fmt.Errorf("--schemes: %w", err))
							}
							spec.SetScheme, spec.ResetScheme = s, s
						}
						if spec.Targets, err = procedure.ParseTargets(target, w, spec); err != nil {
							return run.Usage(fmt.Errorf("--target: %w", err))
						}
						if err := spec.Validate(w.Rows, w.Cols); err != nil {
							return run.Usage(err)
						}
						rows = append(rows, studyRow{Policy: spec.Policy, Tolerance: spec.Tolerance, Scheme: schemeName, Chips: chips})
						specs = append(specs, spec)
					}
				}
			}
			if err := a.studyTuning(cmd.Context(), name, chips, specs, rows, dryRun); err != nil || dryRun {
				return err
			}
			if a.json {
				return a.writeJSON(rows)
			}
			return printStudy(a, rows)
		},
	}
	f := c.Flags()
	f.IntVar(&chips, "chips", 20, "number of chips; their seeds count from 1")
	f.StringVar(&policies, "policies", strings.Join(tuning.Policies(), ","), "policies, separated by commas")
	f.StringVar(&tolerances, "tolerances", "30%,5%,1%", "tolerances, separated by commas")
	f.StringVar(&schemes, "schemes", "default", "bias schemes for pulses of either sign, separated by commas; default "+
		"= as configured per sign")
	f.StringVarP(&target, "target", "t", "face", "as of xlab tune")
	f.StringVarP(&name, "array", "a", "A", "array")
	f.BoolVar(&dryRun, "dry-run", false, studyDryRun)
	return c
}

// studyTuning carries all combinations out and fills in the rows.
func (a *app) studyTuning(ctx context.Context, name string, chips int, specs []tuning.Spec,
	rows []studyRow, dryRun bool) error {
	formed := make([]formedChip, chips)
	cases := make([]*studyCase, chips*len(specs))
	parts := []string{"forming"}
	for _, r := range rows {
		parts = append(parts, fmt.Sprintf("%s %.3g %% %s", r.Policy, 100*r.Tolerance, r.Scheme))
	}
	batch := run.NewBatch(chips, func(ctx context.Context, i, part int) (err error) {
		if part == 0 {
			formed[i], err = a.formInMemory(ctx, name, uint64(i+1))
			return err
		}
		k := &studyCase{chip: i, row: part - 1, spec: specs[part-1]}
		cases[k.row*chips+i] = k
		k.outcome, k.figures, err = a.tuneInMemory(ctx, name, formed[i], k.spec)
		return err
	}, parts...)
	if over, err := a.carryOutStudy(ctx, batch, dryRun); over || err != nil {
		return err
	}
	for i := range rows {
		rows[i].add(cases[i*chips : (i+1)*chips])
	}
	return nil
}

// carryOutStudy does a study's work: first one chip, by which it tells how long all
// of them take, then the others. over is true for a dry run, which ends there.
func (a *app) carryOutStudy(ctx context.Context, b *run.Batch, dryRun bool) (over bool, err error) {
	fmt.Fprintln(a.Messages, "the first chip tells how long the study takes")
	first := run.NewProgress(run.ProgressOptions{Output: a.Messages, Label: "first chip"})
	err = b.First(ctx, first.Observe)
	first.Close()
	if err != nil {
		return false, err
	}
	if dryRun {
		if a.json {
			return true, a.writeJSON(b)
		}
		_, err := fmt.Fprintf(a.out, "%s; a study touches no bench and keeps nothing\n", b)
		return true, err
	}
	fmt.Fprintln(a.Messages, b)
	progress := run.NewProgress(run.ProgressOptions{Output: a.Messages, Label: "study"})
	defer progress.Close()
	return false, b.Rest(ctx, progress.Observe)
}

// formedChip is a chip's state after forming, to start from again and again.
type formedChip struct {
	state   []byte // JSON of chip.Chip
	defects *array.DefectMap
}

// onChip opens a session around a chip in memory and does work on one array.
func (a *app) onChip(ctx context.Context, name string, state *chip.Chip,
	work func(ctx context.Context, s *session.Session, bar *array.Journaled) error) (err error) {
	board, err := a.Config.Board(name)
	if err != nil {
		return err
	}
	sim, err := sim.New(a.Known(), a.Config, state, "")
	if err != nil {
		return err
	}
	s, err := a.OpenOn(ctx, sim, board.Name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return work(ctx, s, guarded.New(guarded.Options{Turns: &s.Turns}).Crossbar(board.Name))
}

func (a *app) formInMemory(ctx context.Context, name string, seed uint64) (formedChip, error) {
	state, err := sim.NewChip(a.Config, seed)
	if err != nil {
		return formedChip{}, err
	}
	var f formedChip
	err = a.onChip(ctx, name, state, func(ctx context.Context, s *session.Session, bar *array.Journaled) error {
		outcome, err := forming.Run(ctx, bar, name, a.Config.Forming, forming.Options{})
		if err == nil {
			f.defects = outcome.Defects
		}
		return err
	})
	if err != nil {
		return f, fmt.Errorf("forming chip %d: %w", seed, err)
	}
	f.state, err = json.Marshal(state)
	return f, err
}

func (a *app) tuneInMemory(ctx context.Context, name string, from formedChip,
	spec tuning.Spec) (o *tuning.Outcome, f procedure.Figures, err error) {
	var state chip.Chip
	if err := json.Unmarshal(from.state, &state); err != nil {
		return nil, f, err
	}
	began := time.Now()
	err = a.onChip(ctx, name, &state, func(ctx context.Context, s *session.Session, bar *array.Journaled) (err error) {
		start, err := s.Analyzer.BenchTime(ctx)
		if err != nil {
			return err
		}
		if o, err = tuning.Tune(ctx, bar, name, spec, from.defects, tuning.Options{}); err != nil {
			return err
		}
		end, err := s.Analyzer.BenchTime(ctx)
		f.BenchSeconds, f.BusySeconds = float64(end-start), float64(bar.Busy())
		return err
	})
	f.WallSeconds = time.Since(began).Seconds()
	if f.BusySeconds > 0 {
		f.Overhead = f.BenchSeconds / f.BusySeconds
	}
	if err != nil {
		err = fmt.Errorf("tuning chip %d with %s: %w", state.Seed, spec.Policy, err)
	}
	return o, f, err
}

// add takes the outcomes of all chips into the row.
func (r *studyRow) add(cases []*studyCase) {
	var pulses, errors []float64
	for _, k := range cases {
		s := k.outcome.Summary()
		r.Devices += s.Devices
		r.InTolerance += s.InTolerance
		r.Stuck += s.Stuck
		r.Disturbed += s.Disturbed
		r.GaveUp += s.GaveUp
		r.Defective += s.Defective
		r.WorstDisturb = max(r.WorstDisturb, s.WorstDisturb)
		r.BenchSeconds += k.figures.BenchSeconds / float64(len(cases))
		r.WallSeconds += k.figures.WallSeconds / float64(len(cases))
		r.Overhead += k.figures.Overhead / float64(len(cases))
		for _, d := range k.outcome.Records {
			if d.Verdict == tuning.Defective || d.Verdict == tuning.Stuck {
				continue
			}
			pulses = append(pulses, float64(d.Pulses))
			errors = append(errors, math.Abs(d.Error))
		}
	}
	r.MeanError, r.MedianPulses, r.P90Pulses = population.Of(errors).Mean, population.Quantile(pulses, 0.5),
		population.Quantile(pulses, 0.9)
	r.Share = population.Number(float64(r.InTolerance) / float64(r.Devices-r.Defective)) // of nothing it is not defined
}

func printStudy(a *app, rows []studyRow) error {
	w := screen.NewTable(a.out, screen.Right)
	fmt.Fprintln(w, "policy\ttolerance\tscheme\tin tolerance\tmean error\tmedian pulses\t90 %\tstuck\tdisturbed\tgave "+
		"up\tdefective\tworst disturb\tbench time\toverhead\t")
	percent, whole := population.Format("%.2f %%", 100), population.Format("%.0f", 1)
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%.3g %%\t%s\t%s\t%s\t%s\t%s\t%d\t%d\t%d\t%d\t%.2f %%\t%.0f s\t%.3f\t\n",
			r.Policy, 100*r.Tolerance, r.Scheme, r.Share.Text(percent), r.MeanError.Text(percent), r.MedianPulses.Text(whole),
			r.P90Pulses.Text(whole), r.Stuck, r.Disturbed, r.GaveUp, r.Defective, 100*r.WorstDisturb, r.BenchSeconds, r.Overhead)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(a.out, "%s; in tolerance is of the devices that are not known to be defective, by a last "+
		"read of the whole array\n", screen.Count(rows[0].Chips, "chip"))
	return err
}
