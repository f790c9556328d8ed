package procedure

import (
	"context"
	"errors"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"xlab/mlp"
	"xlab/mlp/dataset"
	"xlab/mlp/transfer"
	"xlab/run"
)

// played is a classifier that computes with a network and then changes what
// comes out.
type played struct {
	network *mlp.Network
	change  func(out *mat.Dense)
	err     error
	trims   int
}

func (p *played) Trim(context.Context) error { p.trims++; return nil }

func (p *played) Outputs(_ context.Context, features *mat.Dense) (*mat.Dense, error) {
	if p.err != nil {
		return nil, p.err
	}
	out, err := p.network.Classify(features)
	if err == nil && p.change != nil {
		p.change(out)
	}
	return out, err
}

// unrecorded is a bench that keeps nothing.
type unrecorded struct{ Bench }

func (unrecorded) Recall(_ string, _, _ any, do func() error) error { return do() }

func (unrecorded) Publish(run.Event) {}

// letterRun is a classification of the letters with any network.
func letterRun(t *testing.T) *NetworkRun {
	t.Helper()
	n, err := mlp.New(mlp.LetterDesign())
	if err != nil {
		t.Fatal(err)
	}
	for l := range n.G {
		n.G[l].Apply(func(r, c int, x float64) float64 { return x + 1e-6*float64((r*7+c*5)%13) }, n.G[l])
	}
	w := NewNetworkRun("", NetworkSpec{Network: KeptNetwork{File: &mlp.File{Network: n}},
		Train: KeepSet(dataset.Letters()), Classify: true, Trim: true, Warnings: []string{"before"}})
	if err := w.prepare(); err != nil {
		t.Fatal(err)
	}
	return w
}

func TestClassificationResult(t *testing.T) {
	w := letterRun(t)
	c := &played{network: w.spec.Network.Network}
	if err := w.classify(context.Background(), c, unrecorded{}); err != nil {
		t.Fatal(err)
	}
	r := w.result(Figures{Run: "x"})
	if c.trims != 1 || r.Patterns != 40 || *r.Hardware.Train != *r.Software.Train || r.Hardware.Test != nil ||
		r.InTolerance != nil || r.Weights != 214 {
		t.Errorf("%d trims, result %+v", c.trims, r)
	}
	if f := r.Fidelity["train"]; f.Agreement != 100 || f.RMS != 0 {
		t.Errorf("fidelity %+v of equal outputs", f)
	}
	if len(r.Warnings) != 1 || r.Warnings[0] != "before" {
		t.Errorf("warnings %q", r.Warnings)
	}
	if w.verdict() != nil {
		t.Error("a classification has a verdict")
	}
}

func TestClassificationOddities(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(out *mat.Dense)
		want   string
	}{
		{"two at the rail", func(out *mat.Dense) { out.Set(3, 0, 10); out.Set(3, 1, 10) }, "letters: 1 pattern undecided"},
		{"dead output", func(out *mat.Dense) { out.SetCol(2, make([]float64, 40)) }, "output 2 (V) is 0 V for every pattern"},
		{"output at its rail", func(out *mat.Dense) {
			for i := range 40 {
				out.Set(i, 1, -10)
			}
		}, "output 1 (T) is -10 V for every pattern, at its supply rail"},
		{"other weights", func(out *mat.Dense) { out.Scale(-1, out) }, "letters: the hardware decides like the software " +
			"for only 0.0 % of the patterns"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := letterRun(t)
			if err := w.classify(context.Background(), &played{network: w.spec.Network.Network, change: c.change},
				unrecorded{}); err != nil {
				t.Fatal(err)
			}
			if all := strings.Join(w.warnings, "\n"); !strings.Contains(all, c.want) {
				t.Errorf("warnings %q, want %q", all, c.want)
			}
		})
	}
	w, lost := letterRun(t), errors.New("the neuron board is gone")
	if err := w.classify(context.Background(), &played{err: lost}, unrecorded{}); !errors.Is(err, lost) ||
		w.patterns != 0 {
		t.Errorf("error %v after %d patterns", err, w.patterns)
	}
}

// Too many weights out of tolerance end a run as outside of limits.
func TestImportVerdict(t *testing.T) {
	w := letterRun(t)
	w.spec.Import = &ImportSpec{Weights: transfer.DefaultSpec()}
	w.Imported = &transfer.Outcome{Weights: make([]transfer.Weight, 100)}
	for i := range 97 {
		w.Imported.Weights[i].InTolerance = true
	}
	if err := w.verdict(); err != nil {
		t.Errorf("97 of 100: %v", err)
	}
	w.Imported.Weights[0].InTolerance = false
	if err := w.verdict(); run.ExitCode(err) != run.ExitOutside || !strings.Contains(err.Error(), "96 of 100 weights "+
		"are within 30 %, and 97 % of them should be") {
		t.Errorf("96 of 100: %v", err)
	}
}
