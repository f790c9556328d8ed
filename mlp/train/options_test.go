package train

import (
	"testing"

	"gonum.org/v1/gonum/mat"

	"xlab/mlp/dataset"
)

func TestSuggested(t *testing.T) {
	if o := Suggested(dataset.Letters()); o != Defaults() {
		t.Errorf("letters are suggested %+v", o)
	}
	o := Suggested(&dataset.Set{X: mat.NewDense(1, 2, []float64{1, 0.5})})
	if o.Rate >= Defaults().Rate || o.Target >= Defaults().Target || o.Scatter.Relative >= Defaults().Scatter.Relative ||
		o.Validate() != nil {
		t.Errorf("features between black and white are suggested %+v", o)
	}
}
