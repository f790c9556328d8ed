package study

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"xlab/lab"
	"xlab/lab/procedure"
	"xlab/lab/study/shard"
	"xlab/mlp"
	"xlab/mlp/dataset"
	"xlab/run"
)

// NetworkChip is what one approach reaches on one chip.
type NetworkChip struct {
	Seed     uint64 `json:"seed"`
	Approach string `json:"approach"`
	procedure.NetworkResult
	TrainLoss float64 `json:"train_difference"` // hardware less software, points
	TestLoss  float64 `json:"test_difference"`

	// They hide fields of the result: what the wall's clock says is not the chip's.
	NoWall     struct{} `json:"wall_seconds,omitzero"`
	NoClassify struct{} `json:"classification_wall_seconds,omitzero"`
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
	Published     string    `json:"published"`
}

// Network is what `xlab study mlp` finds.
type Network struct {
	Rows        []NetworkRow  `json:"rows"`
	Chips       []NetworkChip `json:"chips"`
	InSitu      []InSituRow   `json:"in_situ,omitempty"`
	InSituChips []InSituChip  `json:"in_situ_chips,omitempty"`
}

// Networks says what is studied of networks.
type Networks struct {
	Data       *procedure.NetworkData
	Import     *procedure.ImportSpec
	Train      procedure.TrainFlags
	Approaches []string // procedure.Words("approach")
	InSitu     bool     // training on the devices too
}

// networkSettings are what a study of networks depends on.
type networkSettings struct {
	Placement  mlp.Placement         `json:"placement"`
	Training   any                   `json:"training"`
	Import     *procedure.ImportSpec `json:"import"`
	Sets       []string              `json:"sets"` // checksums of the training and the test set
	Approaches []string              `json:"approaches"`
	InSitu     bool                  `json:"in_situ"`
}

// Study is the study that trains, imports and classifies on the chips.
func (s *Networks) Study(l *lab.Lab) (*Study, error) {
	design := procedure.NewDesign(l, s.Data.Train.Width(), s.Train.Hidden, len(s.Data.Train.Classes))
	placement, err := procedure.PlaceOn(l, design, s.Train.Arrays)
	if err != nil {
		return nil, err
	}
	approaches, _ := procedure.Words("approach")
	for _, approach := range s.Approaches {
		if !slices.Contains(approaches, approach) {
			return nil, run.Usage(fmt.Errorf("--approaches: %q is neither %s", approach,
				strings.Join(approaches, " nor ")))
		}
	}
	settings := networkSettings{Placement: placement, Training: s.Train.Deciding(s.Data.Train), Import: s.Import,
		Approaches: s.Approaches, InSitu: s.InSitu}
	for _, set := range []*dataset.Set{s.Data.Train, s.Data.Test} {
		text, err := json.Marshal(procedure.KeepSet(set))
		if err != nil {
			return nil, err
		}
		settings.Sets = append(settings.Sets, fmt.Sprintf("sha256:%x", sha256.Sum256(text)))
	}
	study := &Study{Name: "mlp", lab: l, arrays: placement.Arrays(), settings: settings}
	var oblivious *procedure.Trained // the same for all chips
	if slices.Contains(s.Approaches, "oblivious") {
		study.prepare = func(ctx context.Context) (err error) {
			oblivious, err = s.train(ctx, l, "oblivious", nil)
			return err
		}
	}
	for _, approach := range s.Approaches {
		study.Parts = append(study.Parts, Part{approach, func(ctx context.Context, c *Chip) (found any, err error) {
			trained := oblivious
			if approach != "oblivious" {
				trained, err = s.train(ctx, l, approach, c)
			}
			if err == nil {
				found, err = s.onChip(ctx, l, c, approach, trained)
			}
			if err != nil {
				err = fmt.Errorf("chip %d, %s: %w", c.Seed, approach, err)
			}
			return found, err
		}})
	}
	if s.InSitu {
		study.Parts = append(study.Parts, Part{"in place", func(ctx context.Context, c *Chip) (any, error) {
			return trainInPlace(ctx, l, c)
		}})
	}
	return study, nil
}

func networkTable(settings json.RawMessage, chips []shard.Chip) (Found, error) {
	var s networkSettings
	if err := json.Unmarshal(settings, &s); err != nil {
		return nil, err
	}
	study := new(Network)
	for k, approach := range s.Approaches {
		list, err := results[NetworkChip](chips, k)
		if err != nil {
			return nil, err
		}
		study.Chips = append(study.Chips, list...)
		study.Rows = append(study.Rows, networkRow(approach, list))
	}
	if s.InSitu {
		list, err := results[[]InSituChip](chips, len(s.Approaches))
		if err != nil {
			return nil, err
		}
		study.InSituChips = slices.Concat(list...)
		study.InSitu = inSituRows(study.InSituChips)
	}
	return study, nil
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
	if train, test, known := procedure.PublishedLoss(mlp.Approach("hardware-" + approach)); known {
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
	for _, c := range chips {
		if c.TrainLoss >= 0 {
			r.Unharmed++
		}
	}
	return r
}
