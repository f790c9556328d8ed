package network

import (
	"math"
	"math/rand/v2"
	"time"

	"xlab/lab/config"
	"xlab/lab/procedure"
	"xlab/mlp"
	"xlab/mlp/dataset"
	"xlab/mock/inference"
)

// Evaluation is how fast and how well the network classifies by the fast evaluation
// path (transfer matrices with line resistance, corrected for the devices' curvature).
type Evaluation struct {
	Patterns int     `json:"patterns"`
	Seconds  float64 `json:"seconds"`
	Rate     float64 `json:"patterns_per_second"` // on one core
	Compared int     `json:"compared"`            // with the full solution
	Worst    float64 `json:"worst_error"`         // of any output, as a part of full scale
	RMS      float64 `json:"rms_error"`
	Scale    float64 `json:"full_scale_v"`
	Train    float64 `json:"train"` // %, of the letters
	Test     float64 `json:"test"`
	Held
}

// Evaluate classifies count random patterns of the seed on one core and compares some
// of them with the full nodal solution of both arrays. name is the network that the
// arrays should hold: a file, a run, or "" for the newest of the runs.
func Evaluate(l procedure.Lab, c *config.Config, name string, count, compared int, seed uint64) (*Evaluation, error) {
	if err := described(c); err != nil {
		return nil, err
	}
	n, err := load(l, c)
	if err != nil {
		return nil, err
	}
	if err := n.connect(); err != nil {
		return nil, err
	}
	fast := n.fast
	full, err := inference.NewReference(float64(n.design.InputLevel), n.layers...)
	if err != nil {
		return nil, err
	}
	r := &Evaluation{Patterns: count, Scale: float64(n.design.Output.Limit)}

	random := rand.New(rand.NewPCG(seed, 0))
	inputs := n.design.Sizes[0]
	patterns := make([][]uint8, min(count, 1<<16))
	for i := range patterns {
		patterns[i] = make([]uint8, fast.PatternBytes())
		for m := range inputs {
			patterns[i][m/8] |= uint8(random.IntN(2)) << (m % 8)
		}
	}
	out := make([]float64, fast.Outputs())
	began := time.Now()
	for i := range count {
		fast.Classify(patterns[i%len(patterns)], out)
	}
	r.Seconds = time.Since(began).Seconds()
	r.Rate = float64(count) / r.Seconds

	r.Compared = min(compared, len(patterns))
	for i := range r.Compared {
		all, err := full.Classify(patterns[i])
		if err != nil {
			return nil, err
		}
		want := all[len(all)-1]
		fast.Classify(patterns[i], out)
		for j, v := range out {
			e := math.Abs(v-want[j]) / r.Scale
			r.Worst = max(r.Worst, e)
			r.RMS += e * e / float64(r.Compared*len(out))
		}
	}
	r.RMS = math.Sqrt(r.RMS)
	letters := dataset.Letters()
	flipped, err := dataset.Flip(letters)
	if err != nil {
		return nil, err
	}
	for _, part := range []struct {
		set  *dataset.Set
		into *float64
	}{{letters, &r.Train}, {flipped, &r.Test}} {
		e, err := mlp.Evaluate(n.answers(part.set), part.set.Labels)
		if err != nil {
			return nil, err
		}
		*part.into = e.Accuracy
	}
	r.Held, err = n.held(name)
	return r, err
}
