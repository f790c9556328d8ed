package study

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"xlab/lab"
	"xlab/lab/procedure"
	"xlab/mlp"
	"xlab/run"
)

// NetworkChip is what one approach reaches on one chip.
type NetworkChip struct {
	Seed     uint64 `json:"seed"`
	Approach string `json:"approach"`
	procedure.NetworkResult
	TrainLoss float64 `json:"train_difference"` // hardware less software, points
	TestLoss  float64 `json:"test_difference"`
}

// NetworkRow is one approach over all chips. Accuracies are in percent,
// differences in points.
type NetworkRow struct {
	Approach      string    `json:"approach"`
	Chips         int       `json:"chips"`
	SoftwareTrain OverChips `json:"software_train"`
	SoftwareTest  OverChips `json:"software_test"`
	HardwareTrain OverChips `json:"hardware_train"`
	HardwareTest  OverChips `json:"hardware_test"`
	TrainLoss     OverChips `json:"train_difference"`
	TestLoss      OverChips `json:"test_difference"`
	Unharmed      int       `json:"unharmed"` // chips on which the training set lost nothing
	InTolerance   OverChips `json:"weights_in_tolerance_percent"`
	Pulses        OverChips `json:"pulses"`
	BenchSeconds  OverChips `json:"bench_seconds"` // import and classification of a chip
	Classify      OverChips `json:"classification_wall_seconds"`
	Rate          OverChips `json:"classification_patterns_per_second"`
	Published     string    `json:"published"`
}

// Network is what `xlab study mlp` finds.
type Network struct {
	Rows        []NetworkRow  `json:"rows"`
	Chips       []NetworkChip `json:"chips"`
	InSitu      []InSituRow   `json:"in_situ,omitempty"`
	InSituChips []InSituChip  `json:"in_situ_chips,omitempty"`
	Wall        float64       `json:"wall_seconds"`
}

// Networks says what is studied of networks.
type Networks struct {
	Data       *procedure.NetworkData
	Import     *procedure.ImportSpec
	Train      procedure.TrainFlags
	Approaches []string // procedure.Words("approach")
	InSitu     bool     // training on the devices too
}

// Over trains, imports and classifies on chips with the seeds 1 to n. The study is nil
// after a dry run.
func (s *Networks) Over(ctx context.Context, l *lab.Lab, chips int, dryRun bool) (*Network, *run.Batch, error) {
	began := time.Now()
	design := mlp.NewDesign(s.Data.Train.Width(), s.Train.Hidden, len(s.Data.Train.Classes))
	placement, err := procedure.PlaceOn(l, design, s.Train.Arrays)
	if err != nil {
		return nil, nil, err
	}
	approaches, _ := procedure.Words("approach")
	for _, approach := range s.Approaches {
		if !slices.Contains(approaches, approach) {
			return nil, nil, run.Usage(fmt.Errorf("--approaches: %q is neither %s", approach,
				strings.Join(approaches, " nor ")))
		}
	}
	var oblivious *procedure.Trained // the same for all chips
	if slices.Contains(s.Approaches, "oblivious") {
		if oblivious, err = s.train(ctx, l, "oblivious", nil); err != nil {
			return nil, nil, err
		}
	}
	results := make([]NetworkChip, chips*len(s.Approaches))
	inSitu := make([][]InSituChip, chips)
	var parts []Part
	for k, approach := range s.Approaches {
		parts = append(parts, Part{approach, func(ctx context.Context, c *Chip) (err error) {
			trained := oblivious
			if approach != "oblivious" {
				trained, err = s.train(ctx, l, approach, c)
			}
			if err == nil {
				results[k*chips+int(c.Seed)-1], err = s.onChip(ctx, l, c, approach, trained)
			}
			if err != nil {
				err = fmt.Errorf("chip %d, %s: %w", c.Seed, approach, err)
			}
			return err
		}})
	}
	if s.InSitu {
		parts = append(parts, Part{"in place", func(ctx context.Context, c *Chip) (err error) {
			inSitu[c.Seed-1], err = trainInPlace(ctx, l, c)
			return err
		}})
	}
	batch, err := Over(ctx, l, Seeds(chips), placement.Arrays(), parts, dryRun)
	if err != nil || dryRun {
		return nil, batch, err
	}
	study := &Network{Chips: results, InSituChips: slices.Concat(inSitu...)}
	for k, approach := range s.Approaches {
		study.Rows = append(study.Rows, networkRow(approach, results[k*chips:(k+1)*chips]))
	}
	if s.InSitu {
		study.InSitu = inSituRows(study.InSituChips)
	}
	study.Wall = time.Since(began).Seconds()
	return study, batch, nil
}

// train trains for one chip, or for nil for any.
func (s *Networks) train(ctx context.Context, l *lab.Lab, approach string, c *Chip) (*procedure.Trained, error) {
	t := s.Train
	t.Approach = approach
	if c != nil {
		t.Known = c.Defects
	}
	return t.Train(ctx, l, s.Data, nil)
}

// onChip imports a network and classifies on one chip.
func (s *Networks) onChip(ctx context.Context, l *lab.Lab, c *Chip, approach string,
	trained *procedure.Trained) (NetworkChip, error) {
	r := NetworkChip{Seed: c.Seed, Approach: approach}
	j := procedure.NewNetworkRun("mlp-run", procedure.NetworkSpec{Network: procedure.KeptNetwork{File: trained.File},
		Placement: trained.File.Placement, Train: procedure.KeepSet(s.Data.Train), Test: procedure.KeepSet(s.Data.Test),
		Defects: c.Defects, Import: s.Import, Classify: true, Trim: true, Lines: l.Settings().Tuning.Lines})
	end, err := c.Timed(ctx, j)
	if err != nil {
		return r, err
	}
	end.Overhead = 0 // it is not told of chips
	j.Summary(nil, end)
	r.NetworkResult = j.Result
	less := func(hardware, software *float64) float64 {
		if hardware == nil || software == nil {
			return 0
		}
		return *hardware - *software
	}
	r.TrainLoss, r.TestLoss = less(r.Hardware.Train, r.Software.Train), less(r.Hardware.Test, r.Software.Test)
	return r, nil
}

func networkRow(approach string, chips []NetworkChip) NetworkRow {
	r := NetworkRow{Approach: approach, Chips: len(chips)}
	if train, test, known := procedure.PublishedLoss(chips[0].NetworkResult.Approach); known {
		r.Published = fmt.Sprintf("%g / %g", train, test)
	}
	collect := func(of func(c NetworkChip) *float64) OverChips {
		var values []float64
		for _, c := range chips {
			if v := of(c); v != nil {
				values = append(values, *v)
			}
		}
		return overChipsOf(values)
	}
	r.SoftwareTrain = collect(func(c NetworkChip) *float64 { return c.Software.Train })
	r.SoftwareTest = collect(func(c NetworkChip) *float64 { return c.Software.Test })
	r.HardwareTrain = collect(func(c NetworkChip) *float64 { return c.Hardware.Train })
	r.HardwareTest = collect(func(c NetworkChip) *float64 { return c.Hardware.Test })
	r.TrainLoss = collect(func(c NetworkChip) *float64 { return &c.TrainLoss })
	r.TestLoss = collect(func(c NetworkChip) *float64 { return &c.TestLoss })
	r.InTolerance = collect(func(c NetworkChip) *float64 {
		x := 100 * float64(*c.NetworkResult.InTolerance) / float64(c.Weights)
		return &x
	})
	r.Pulses = collect(func(c NetworkChip) *float64 { x := float64(c.NetworkResult.Pulses); return &x })
	r.BenchSeconds = collect(func(c NetworkChip) *float64 { return &c.BenchSeconds })
	r.Classify = collect(func(c NetworkChip) *float64 { return &c.NetworkResult.Classify })
	r.Rate = collect(func(c NetworkChip) *float64 {
		if c.NetworkResult.Classify <= 0 {
			return nil
		}
		x := float64(c.Patterns) / c.NetworkResult.Classify
		return &x
	})
	for _, c := range chips {
		if c.TrainLoss >= 0 {
			r.Unharmed++
		}
	}
	return r
}
