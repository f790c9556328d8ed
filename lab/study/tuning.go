package study

import (
	"context"
	"encoding/json"
	"fmt"
	"math"

	"xlab/instrument/array"
	"xlab/lab"
	"xlab/lab/procedure"
	"xlab/lab/study/shard"
	"xlab/population"
	"xlab/tuning"
)

// TuningCase is one policy, tolerance and scheme.
type TuningCase struct {
	Policy    string      `json:"policy"`
	Tolerance float64     `json:"tolerance"`
	Scheme    string      `json:"scheme"`
	Spec      tuning.Spec `json:"spec"`
}

// TuningRow is one line of `xlab study tuning`: a case over the chips.
type TuningRow struct {
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
	WorstDisturb population.Number `json:"worst_disturb"` // of any device
	BenchSeconds float64           `json:"bench_seconds"` // mean of a chip
	Overhead     float64           `json:"overhead"`      // mean of a chip
}

// tuned is one case on one chip.
type tuned struct {
	BenchSeconds float64           `json:"bench_seconds"`
	Overhead     float64           `json:"overhead"`
	Bystanders   population.Number `json:"bystanders"` // largest relative change of a device that was not asked for
	Devices      []tunedDevice     `json:"devices"`    // that were asked for
}

// tunedDevice is what a study keeps of a tuning.Record.
type tunedDevice struct {
	Cell    array.Cell        `json:"cell"`
	Pulses  int               `json:"pulses"`
	Error   population.Number `json:"error"` // null where it was not read
	Moved   population.Number `json:"moved"`
	Verdict tuning.Verdict    `json:"outcome"`
}

// tuningSettings are what a study of tuning depends on.
type tuningSettings struct {
	Array   string         `json:"array"`
	Targets tuning.Targets `json:"targets_S"` // of all cases, whose JSON leaves them out
	Cases   []TuningCase   `json:"cases"`
}

// Tuning is the study that tunes an array of the chips in every case, of which there is
// one at least; all have the same targets.
func Tuning(l *lab.Lab, name string, cases []TuningCase) *Study {
	s := &Study{Name: "tuning", lab: l, arrays: []string{name}}
	for _, k := range cases {
		s.Parts = append(s.Parts, Part{fmt.Sprintf("%s %.3g %% %s", k.Policy, 100*k.Tolerance, k.Scheme),
			func(ctx context.Context, c *Chip) (any, error) {
				j := procedure.NewTuning(name, k.Spec, c.Only())
				f, err := c.Timed(ctx, j)
				if err != nil {
					return nil, fmt.Errorf("tuning chip %d with %s: %w", c.Seed, k.Policy, err)
				}
				t := tuned{BenchSeconds: f.BenchSeconds, Overhead: f.Overhead,
					Bystanders: population.Number(j.Outcome.Bystanders)}
				for _, r := range j.Outcome.Records {
					t.Devices = append(t.Devices, tunedDevice{r.Cell, r.Pulses, population.Number(r.Error),
						population.Number(r.Moved), r.Verdict})
				}
				return t, nil
			}})
	}
	s.settings = tuningSettings{name, cases[0].Spec.Targets, cases}
	return s
}

func tuningTable(settings json.RawMessage, chips []shard.Chip) (Found, error) {
	var s tuningSettings
	if err := json.Unmarshal(settings, &s); err != nil {
		return nil, err
	}
	var rows []TuningRow
	for i, k := range s.Cases {
		list, err := results[tuned](chips, i)
		if err != nil {
			return nil, err
		}
		r := TuningRow{Policy: k.Policy, Tolerance: k.Tolerance, Scheme: k.Scheme, Chips: len(chips)}
		r.add(list)
		rows = append(rows, r)
	}
	return rows, nil
}

// add takes the outcomes of all chips into the row.
func (r *TuningRow) add(cases []tuned) {
	var pulses, errors []float64
	for _, k := range cases {
		o := tuning.Outcome{Bystanders: float64(k.Bystanders)}
		for _, d := range k.Devices {
			o.Records = append(o.Records, tuning.Record{Cell: d.Cell, Pulses: d.Pulses, Error: float64(d.Error),
				Moved: float64(d.Moved), Verdict: d.Verdict})
		}
		s := o.Summary()
		r.Devices += s.Devices
		r.InTolerance += s.InTolerance
		r.Stuck += s.Stuck
		r.Disturbed += s.Disturbed
		r.GaveUp += s.GaveUp
		r.Defective += s.Defective
		r.WorstDisturb = max(r.WorstDisturb, population.Number(s.WorstDisturb))
		r.BenchSeconds += k.BenchSeconds / float64(len(cases))
		r.Overhead += k.Overhead / float64(len(cases))
		for _, d := range o.Records {
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
