package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"xlab/forming"
	"xlab/instrument/array"
	"xlab/lab/config"
	"xlab/lab/procedure"
	"xlab/lab/session"
	"xlab/lab/sim"
	"xlab/mlp"
	"xlab/mock/chip"
	"xlab/population"
	"xlab/run"
	"xlab/run/guarded"
	"xlab/run/screen"

	"github.com/spf13/cobra"
)

// networkChip is a chip's state after forming all arrays of a network, to start
// from again and again.
type networkChip struct {
	seed    uint64
	state   []byte // JSON of chip.Chip
	defects map[string]*array.DefectMap
}

// mlpStudyChip is what one approach reaches on one chip.
type mlpStudyChip struct {
	Seed     uint64 `json:"seed"`
	Approach string `json:"approach"`
	procedure.NetworkResult
	TrainLoss float64 `json:"train_difference"` // hardware less software, points
	TestLoss  float64 `json:"test_difference"`
}

// overChips is a mean over chips with its standard deviation and its ends.
type overChips struct {
	population.Population
	Min population.Number `json:"min"`
	Max population.Number `json:"max"`
}

func overChipsOf(values []float64) overChips {
	return overChips{population.Of(values), population.Quantile(values, 0), population.Quantile(values, 1)}
}

// String writes mean and standard deviation, as far as there are any.
func (s overChips) String() string {
	show := population.Format("%.2f", 1)
	if !s.Sigma.Known() {
		return s.Mean.Text(show)
	}
	return s.Mean.Text(show) + " ± " + s.Sigma.Text(show)
}

// mlpStudyRow is one approach over all chips. Accuracies are in percent,
// differences in points.
type mlpStudyRow struct {
	Approach      string    `json:"approach"`
	Chips         int       `json:"chips"`
	SoftwareTrain overChips `json:"software_train"`
	SoftwareTest  overChips `json:"software_test"`
	HardwareTrain overChips `json:"hardware_train"`
	HardwareTest  overChips `json:"hardware_test"`
	TrainLoss     overChips `json:"train_difference"`
	TestLoss      overChips `json:"test_difference"`
	Unharmed      int       `json:"unharmed"` // chips on which the training set lost nothing
	InTolerance   overChips `json:"weights_in_tolerance_percent"`
	Pulses        overChips `json:"pulses"`
	BenchSeconds  overChips `json:"bench_seconds"` // import and classification of a chip
	Classify      overChips `json:"classification_wall_seconds"`
	Rate          overChips `json:"classification_patterns_per_second"`
	Published     string    `json:"published"`
}

// mlpStudy is what `xlab study mlp --json` prints.
type mlpStudy struct {
	Rows        []mlpStudyRow   `json:"rows"`
	Chips       []mlpStudyChip  `json:"chips"`
	InSitu      []insituRow     `json:"in_situ,omitempty"`
	InSituChips []insituStudied `json:"in_situ_chips,omitempty"`
	Wall        float64         `json:"wall_seconds"`
}

func (a *app) studyMLPCommand() *cobra.Command {
	var chips int
	var approaches string
	var t procedure.TrainFlags
	var w procedure.WeightFlags
	var d procedure.DataFlags
	inSitu, dryRun := false, false
	c := &cobra.Command{
		Use:   "mlp",
		Short: "Train, import and classify on many simulated chips",
		Long: `Forms both arrays of simulated chips with seeds 1 to N, trains the network for each
of them, imports it, and classifies the training and the test set through the
whole bench with its neuron board, on all cores. The result does not depend on
the number of cores. Nothing is kept: no run directories, no chip file.

--insitu adds training on the devices themselves, which takes longer.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.loadSimulated(); err != nil {
				return err
			}
			c := a.Config
			if chips < 1 {
				return run.Usage(fmt.Errorf("--chips %d must be at least 1", chips))
			}
			if !c.HasNeurons() {
				return run.Usage(errors.New("the simulated bench of this configuration has no neuron board: add a section " +
					"neurons with the address sim"))
			}
			data, err := d.Load(nil)
			if err != nil {
				return err
			}
			how, err := w.Spec(at(c))
			if err != nil {
				return err
			}
			s := &mlpStudying{app: a, config: c, data: data, how: how, train: t, approaches: strings.Split(approaches, ",")}
			study, err := s.run(cmd.Context(), chips, inSitu, dryRun)
			if err != nil || dryRun {
				return err
			}
			if a.json {
				return a.writeJSON(study)
			}
			return a.printMLPStudy(study)
		},
	}
	f := c.Flags()
	f.IntVar(&chips, "chips", 20, "number of chips; their seeds count from 1")
	f.StringVar(&approaches, "approaches", "oblivious,aware", "approaches, separated by commas")
	f.BoolVar(&inSitu, "insitu", false, "train on the devices too")
	t.Register(f)
	for _, name := range []string{"approach", "defects"} {
		// The study chooses these itself.
		if err := f.MarkHidden(name); err != nil {
			panic(err)
		}
	}
	w.Register(f)
	f.BoolVar(&dryRun, "dry-run", false, studyDryRun)
	d.Register(f)
	return c
}

// mlpStudying is a study under way.
type mlpStudying struct {
	app        *app
	config     *config.Config
	data       *procedure.NetworkData
	how        *procedure.ImportSpec
	train      procedure.TrainFlags
	approaches []string
	oblivious  *procedure.Trained // the same for all chips
}

func (s *mlpStudying) run(ctx context.Context, chips int, inPlace, dryRun bool) (*mlpStudy, error) {
	began := time.Now()
	design := mlp.NewDesign(s.data.Train.Width(), s.train.Hidden, len(s.data.Train.Classes))
	placement, err := procedure.PlaceOn(at(s.config), design, s.train.Arrays)
	if err != nil {
		return nil, err
	}
	for k, name := range s.approaches {
		if s.approaches[k] = strings.TrimSpace(name); !slices.Contains(approaches, s.approaches[k]) {
			return nil, run.Usage(fmt.Errorf("--approaches: %q is neither %s", name, strings.Join(approaches, " nor ")))
		}
		if s.approaches[k] == "oblivious" && s.oblivious == nil {
			if s.oblivious, err = s.trainFor(ctx, "oblivious", networkChip{}); err != nil {
				return nil, err
			}
		}
	}
	results := make([]mlpStudyChip, chips*len(s.approaches))
	inSitu := make([][]insituStudied, chips)
	formed := make([]networkChip, chips)
	parts := append([]string{"forming"}, s.approaches...)
	if inPlace {
		parts = append(parts, "in place")
	}
	batch := run.NewBatch(chips, func(ctx context.Context, i, part int) (err error) {
		switch k := part - 1; {
		case part == 0:
			formed[i], err = s.app.formNetworkChip(ctx, placement.Arrays(), uint64(i+1))
		case k < len(s.approaches):
			if results[k*chips+i], err = s.onChip(ctx, formed[i], s.approaches[k]); err != nil {
				err = fmt.Errorf("chip %d, %s: %w", formed[i].seed, s.approaches[k], err)
			}
		default:
			inSitu[i], err = s.app.studyInsitu(ctx, formed[i])
		}
		return err
	}, parts...)
	if over, err := s.app.carryOutStudy(ctx, batch, dryRun); over || err != nil {
		return nil, err
	}
	study := &mlpStudy{Chips: results}
	for k, approach := range s.approaches {
		study.Rows = append(study.Rows, mlpRow(approach, results[k*chips:(k+1)*chips]))
	}
	for _, list := range inSitu {
		study.InSituChips = append(study.InSituChips, list...)
	}
	if inPlace {
		study.InSitu = insituRows(study.InSituChips)
	}
	study.Wall = time.Since(began).Seconds()
	return study, nil
}

// trainFor trains for one chip.
func (s *mlpStudying) trainFor(ctx context.Context, approach string, f networkChip) (*procedure.Trained, error) {
	t := s.train
	t.Approach, t.Known = approach, f.defects
	return t.Train(ctx, at(s.config), s.data, nil)
}

// onChip trains, imports and classifies on one chip.
func (s *mlpStudying) onChip(ctx context.Context, f networkChip, approach string) (mlpStudyChip, error) {
	r := mlpStudyChip{Seed: f.seed, Approach: approach}
	out := s.oblivious
	if approach != "oblivious" {
		var err error
		if out, err = s.trainFor(ctx, approach, f); err != nil {
			return r, err
		}
	}
	spec := procedure.NetworkSpec{Network: procedure.KeptNetwork{File: out.File}, Placement: out.File.Placement,
		Train: procedure.KeepSet(s.data.Train), Test: procedure.KeepSet(s.data.Test),
		Defects: f.defects, Import: s.how, Classify: true, Trim: true, Lines: s.config.Tuning.Lines}
	j := procedure.NewNetworkRun("mlp-run", spec)
	var state chip.Chip
	if err := json.Unmarshal(f.state, &state); err != nil {
		return r, err
	}
	end, err := s.app.TimedInMemory(ctx, &state, j)
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

// formNetworkChip makes a chip and forms arrays of it in memory.
func (a *app) formNetworkChip(ctx context.Context, arrays []string, seed uint64) (networkChip, error) {
	f := networkChip{seed: seed, defects: make(map[string]*array.DefectMap)}
	state, err := sim.NewChip(a.Config, seed)
	if err != nil {
		return f, err
	}
	err = a.onNetwork(ctx, state, arrays, func(ctx context.Context, _ *session.Session,
		stack *guarded.Stack) error {
		for _, name := range arrays {
			outcome, err := forming.Run(ctx, stack.Crossbar(name), name, a.Config.Forming, forming.Options{})
			if err != nil {
				return err
			}
			outcome.Defects.Chip = sim.Identity("", seed)
			f.defects[name] = outcome.Defects
		}
		return nil
	})
	if err != nil {
		return f, fmt.Errorf("forming chip %d: %w", seed, err)
	}
	f.state, err = json.Marshal(state)
	return f, err
}

// onNetworkChip does work on several arrays of a chip that starts from a state.
func (a *app) onNetworkChip(ctx context.Context, from []byte, arrays []string,
	work func(ctx context.Context, s *session.Session, stack *guarded.Stack) error) error {
	var state chip.Chip
	if err := json.Unmarshal(from, &state); err != nil {
		return err
	}
	return a.onNetwork(ctx, &state, arrays, work)
}

// onNetwork opens a session around a chip in memory and does work on several of
// its arrays.
func (a *app) onNetwork(ctx context.Context, state *chip.Chip, arrays []string,
	work func(ctx context.Context, s *session.Session, stack *guarded.Stack) error) (err error) {
	sim, err := sim.New(a.Known(), a.Config, state, "")
	if err != nil {
		return err
	}
	s, err := a.OpenOn(ctx, sim, arrays...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return work(ctx, s, guarded.New(guarded.Options{Turns: &s.Turns}))
}

func mlpRow(approach string, chips []mlpStudyChip) mlpStudyRow {
	r := mlpStudyRow{Approach: approach, Chips: len(chips)}
	if train, test, known := procedure.PublishedLoss(chips[0].NetworkResult.Approach); known {
		r.Published = fmt.Sprintf("%g / %g", train, test)
	}
	collect := func(of func(c mlpStudyChip) *float64) overChips {
		var values []float64
		for _, c := range chips {
			if v := of(c); v != nil {
				values = append(values, *v)
			}
		}
		return overChipsOf(values)
	}
	r.SoftwareTrain = collect(func(c mlpStudyChip) *float64 { return c.Software.Train })
	r.SoftwareTest = collect(func(c mlpStudyChip) *float64 { return c.Software.Test })
	r.HardwareTrain = collect(func(c mlpStudyChip) *float64 { return c.Hardware.Train })
	r.HardwareTest = collect(func(c mlpStudyChip) *float64 { return c.Hardware.Test })
	r.TrainLoss = collect(func(c mlpStudyChip) *float64 { return &c.TrainLoss })
	r.TestLoss = collect(func(c mlpStudyChip) *float64 { return &c.TestLoss })
	r.InTolerance = collect(func(c mlpStudyChip) *float64 {
		x := 100 * float64(*c.NetworkResult.InTolerance) / float64(c.Weights)
		return &x
	})
	r.Pulses = collect(func(c mlpStudyChip) *float64 { x := float64(c.NetworkResult.Pulses); return &x })
	r.BenchSeconds = collect(func(c mlpStudyChip) *float64 { return &c.BenchSeconds })
	r.Classify = collect(func(c mlpStudyChip) *float64 { return &c.NetworkResult.Classify })
	r.Rate = collect(func(c mlpStudyChip) *float64 {
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

func (a *app) printMLPStudy(s *mlpStudy) error {
	w := screen.NewTable(a.out, screen.Right)
	fmt.Fprintln(w, "approach\tchip\tsoftware train\ttest\thardware train\ttest\tdifference train\ttest\tweights in "+
		"tolerance\tpulses\tbench time\t")
	show := func(p *float64) string {
		if p == nil {
			return "-"
		}
		return fmt.Sprintf("%.2f %%", *p)
	}
	for _, c := range s.Chips {
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\t%+.2f\t%+.2f\t%d of %d\t%d\t%.0f s\t\n", c.Approach, c.Seed,
			show(c.Software.Train), show(c.Software.Test), show(c.Hardware.Train), show(c.Hardware.Test), c.TrainLoss,
			c.TestLoss, *c.InTolerance, c.Weights, c.Pulses, c.BenchSeconds)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(a.out)
	fmt.Fprintln(w, "approach\tsoftware train\ttest\thardware train\ttest\tdifference train\ttest\tpublished\tno loss "+
		"in training\tweights in tolerance\tbench time\tclassification\t")
	for _, r := range s.Rows {
		fmt.Fprintf(w, "%s\t%v\t%v\t%v\t%v\t%v\t%v\t%s\t%d of %d\t%v %%\t%.0f s\t%.2f s, %.0f/s\t\n", r.Approach,
			r.SoftwareTrain, r.SoftwareTest, r.HardwareTrain, r.HardwareTest,
			r.TrainLoss, r.TestLoss, r.Published, r.Unharmed, r.Chips, r.InTolerance, r.BenchSeconds.Mean, r.Classify.Mean,
			r.Rate.Mean)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if len(s.InSitu) > 0 {
		fmt.Fprintln(a.out)
		if err := a.printInsituRows(s.InSitu); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(a.out, "accuracies in percent, differences (hardware less software) in points, mean ± "+
		"standard deviation over %s; classification: wall time and patterns per second of a chip's %s, with the other "+
		"chips on the other cores; %.0f s of wall time for all\n",
		screen.Count(s.Rows[0].Chips, "chip"), screen.Count(s.Chips[0].Patterns, "pattern"), s.Wall)
	return err
}
