package study

import (
	"context"
	"fmt"
	"math"

	"xlab/lab"
	"xlab/lab/procedure"
	"xlab/population"
	"xlab/run"
	"xlab/tuning"
)

// TuningRow is one line of `xlab study tuning`: the mean over the chips of one
// policy, tolerance and scheme.
type TuningRow struct {
	Spec tuning.Spec `json:"-"`

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

// tuned is one combination on one chip.
type tuned struct {
	job     *procedure.Tuning
	figures procedure.Figures
}

// Tuning tunes an array of chips with the seeds 1 to n by the specification of every
// row, and fills the rows in.
func Tuning(ctx context.Context, l *lab.Lab, name string, chips int, rows []TuningRow,
	dryRun bool) (*run.Batch, error) {
	cases := make([]tuned, chips*len(rows))
	var parts []Part
	for row, r := range rows {
		parts = append(parts, Part{fmt.Sprintf("%s %.3g %% %s", r.Policy, 100*r.Tolerance, r.Scheme),
			func(ctx context.Context, c *Chip) (err error) {
				k := &cases[row*chips+int(c.Seed)-1]
				k.job = procedure.NewTuning(name, r.Spec, c.Only())
				if k.figures, err = c.Timed(ctx, k.job); err != nil {
					err = fmt.Errorf("tuning chip %d with %s: %w", c.Seed, r.Policy, err)
				}
				return err
			}})
	}
	batch, err := Over(ctx, l, Seeds(chips), []string{name}, parts, dryRun)
	if err != nil || dryRun {
		return batch, err
	}
	for i := range rows {
		rows[i].add(cases[i*chips : (i+1)*chips])
	}
	return batch, nil
}

// add takes the outcomes of all chips into the row.
func (r *TuningRow) add(cases []tuned) {
	var pulses, errors []float64
	for _, k := range cases {
		s := k.job.Outcome.Summary()
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
		for _, d := range k.job.Outcome.Records {
			if d.Verdict.Dead() {
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
