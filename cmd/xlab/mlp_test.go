package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"xlab/lab/procedure"
	"xlab/mlp"
	"xlab/mlp/dataset"
	"xlab/mlp/transfer"
	"xlab/run"

	"gonum.org/v1/gonum/mat"
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

// letterRun is a classification of the letters with any network.
func letterRun(t *testing.T) *networkRun {
	t.Helper()
	n, err := mlp.New(mlp.LetterDesign())
	if err != nil {
		t.Fatal(err)
	}
	for l := range n.G {
		n.G[l].Apply(func(r, c int, x float64) float64 { return x + 1e-6*float64((r*7+c*5)%13) }, n.G[l])
	}
	w := &networkRun{spec: mlpSpec{Network: procedure.KeptNetwork{File: &mlp.File{Network: n}}, Train: keepSet(dataset.Letters()),
		Classify: true, Trim: true, Warnings: []string{"before"}}}
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
	r := w.result(procedure.Figures{Run: "x"})
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
	w.spec.Import = &importSpec{Weights: transfer.DefaultSpec()}
	w.imported = &transfer.Outcome{Weights: make([]transfer.Weight, 100)}
	for i := range 97 {
		w.imported.Weights[i].InTolerance = true
	}
	if err := w.verdict(); err != nil {
		t.Errorf("97 of 100: %v", err)
	}
	w.imported.Weights[0].InTolerance = false
	if err := w.verdict(); run.ExitCode(err) != run.ExitOutside || !strings.Contains(err.Error(), "96 of 100 weights "+
		"are within 30 %, and 97 % of them should be") {
		t.Errorf("96 of 100: %v", err)
	}
}

// A set survives being kept in a run's specification.
func TestKeptSet(t *testing.T) {
	letters := dataset.Letters()
	again, err := keepSet(letters).set()
	if err != nil || again.Digest() != letters.Digest() || again.Image != letters.Image {
		t.Errorf("the letters came back as %+v, %v", again, err)
	}
	broken := keepSet(letters)
	broken.X[5] = broken.X[5][:3]
	if _, err := broken.set(); err == nil || !strings.Contains(err.Error(), "sample 5 has 3 features") {
		t.Errorf("a row too short: %v", err)
	}
}

func TestDataFlags(t *testing.T) {
	file := filepath.Join(t.TempDir(), "points.csv")
	if err := os.WriteFile(file, []byte("x,y,side\n0,0,a\n10,4,a\n5,2,b\n4,8,b\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	d := &dataFlags{file: file}
	data, err := d.load(nil)
	if err != nil {
		t.Fatal(err)
	}
	if data.test != nil || data.scaling == nil || data.train.X.At(1, 0) != 1 || data.train.X.At(2, 0) != 0 ||
		data.train.X.At(0, 1) != -1 {
		t.Errorf("scaled to %v", mat.Formatted(data.train.X))
	}
	// With the scaling of another training, values beyond it are limited and told.
	known := &dataset.Scaling{Offset: []float64{2, 2}, Scale: []float64{0.5, 0.5}}
	if data, err = d.load(known); err != nil || !strings.Contains(strings.Join(data.warnings, "\n"),
		"3 values lie beyond what the scaling was fitted to") {
		t.Errorf("warnings %q, %v", data.warnings, err)
	}
	d.ternary = true
	if data, err = d.load(nil); err != nil || data.train.X.At(3, 0) != 0 {
		t.Errorf("rounded to %v, %v", mat.Formatted(data.train.X), err)
	}
	// A network that tells three letters apart is given those, not all.
	three := &mlp.File{Provenance: mlp.Provenance{Data: mlp.Data{Classes: []string{"A", "T", "X"}}}}
	if letters, err := (&dataFlags{}).loadFor(three); err != nil || letters.train.Len() != 30 ||
		letters.test.Len() != 480 || len(letters.test.Classes) != 3 {
		t.Errorf("three letters: %+v, %v", letters, err)
	}
	if letters, err := (&dataFlags{classes: []string{"V", "A"}}).loadFor(three); err != nil || letters.train.Len() != 20 ||
		letters.train.Classes[0] != "V" {
		t.Errorf("two letters asked for: %+v, %v", letters, err)
	}
	// The class is the one column that holds no numbers, wherever it is.
	if err := os.WriteFile(file, []byte("side,x\na,0\nb,1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	sides, err := (&dataFlags{file: file}).load(nil)
	if err != nil || !slices.Equal(sides.train.Classes, []string{"a", "b"}) {
		t.Errorf("the class in the first column: %v", err)
	}
	n, err := mlp.New(mlp.LetterDesign())
	if err != nil {
		t.Fatal(err)
	}
	if err := data.fits(&mlp.File{Network: n}); err == nil || !strings.Contains(err.Error(),
		"has 2 features, the network 16-10-4 has 16 inputs") {
		t.Errorf("width: %v", err)
	}
}
