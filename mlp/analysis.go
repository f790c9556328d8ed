package mlp

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

// Undecided is the decision of outputs whose largest value is not unique, such
// as two at the same supply rail.
const Undecided = -1

// Decide is the class of the largest output, or Undecided.
func Decide(outputs []float64) int {
	best, tie := 0, false
	for c, v := range outputs[1:] {
		switch {
		case v > outputs[best]:
			best, tie = c+1, false
		case v == outputs[best]:
			tie = true
		}
	}
	if tie {
		return Undecided
	}
	return best
}

// Evaluation is how a set of outputs classifies labelled samples.
type Evaluation struct {
	Samples  int     `json:"samples"`
	Correct  int     `json:"correct"`
	Accuracy float64 `json:"accuracy_percent"`
	// Confusion counts samples by true class (row) and decision (column); the
	// last column is of the undecided.
	Confusion [][]int `json:"confusion"`
	// Margins is, for every sample, the output of its class less the largest
	// of the others, in V. A sample is correct when its margin is positive.
	Margins []float64 `json:"-"`
}

// Evaluate compares outputs (samples x outputs, V) with labels, which count
// classes from 0. A network with one output cannot be evaluated: there is
// nothing to compare it with.
func Evaluate(out *mat.Dense, labels []int) (*Evaluation, error) {
	samples, classes := out.Dims()
	if samples != len(labels) {
		return nil, fmt.Errorf("outputs of %d samples cannot be compared with %d labels", samples, len(labels))
	}
	if classes < 2 {
		return nil, fmt.Errorf("%d output decides nothing: classification needs 2 at least", classes)
	}
	e := &Evaluation{Samples: samples, Confusion: make([][]int, classes), Margins: make([]float64, samples)}
	for c := range e.Confusion {
		e.Confusion[c] = make([]int, classes+1)
	}
	for s, y := range labels {
		if y < 0 || y >= classes {
			return nil, fmt.Errorf("sample %d has label %d, the network has %d outputs", s, y, classes)
		}
		row := out.RawRowView(s)
		rival := math.Inf(-1)
		for c, v := range row {
			if math.IsNaN(v) {
				return nil, fmt.Errorf("sample %d, output %d is not a number", s, c)
			}
			if c != y {
				rival = max(rival, v)
			}
		}
		e.Margins[s] = row[y] - rival
		switch decision := Decide(row); decision {
		case Undecided:
			e.Confusion[y][classes]++
		case y:
			e.Correct++
			fallthrough
		default:
			e.Confusion[y][decision]++
		}
	}
	e.Accuracy = 100 * float64(e.Correct) / float64(samples)
	return e, nil
}

// Table is the confusion matrix as text, true classes down and decisions
// across, with the share of every class that was recognised at the end of its
// row. classes are the names, one per output.
func (e *Evaluation) Table(classes []string) (string, error) {
	if len(classes) != len(e.Confusion) {
		return "", fmt.Errorf("%d class names were given for %d outputs", len(classes), len(e.Confusion))
	}
	heads := append(append([]string(nil), classes...), "undecided")
	first := len("true class")
	for _, c := range classes {
		first = max(first, utf8.RuneCountInString(c))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%-*s", first, "true class")
	for _, h := range heads {
		fmt.Fprintf(&b, " %*s", max(5, utf8.RuneCountInString(h)), h)
	}
	b.WriteString("  recall\n")
	for y, row := range e.Confusion {
		fmt.Fprintf(&b, "%-*s", first, classes[y])
		total := 0
		for c, n := range row {
			fmt.Fprintf(&b, " %*d", max(5, utf8.RuneCountInString(heads[c])), n)
			total += n
		}
		if total == 0 {
			b.WriteString("       -\n") // no sample of this class, no recall
			continue
		}
		fmt.Fprintf(&b, " %6.2f%%\n", 100*float64(row[y])/float64(total))
	}
	return b.String(), nil
}

// Fidelity is how closely one set of outputs follows another, typically the
// hardware's the software's.
type Fidelity struct {
	Agreement   float64 `json:"agreement_percent"` // samples with the same decision
	RMS         float64 `json:"rms_v"`             // root mean square of the differences
	Largest     float64 `json:"largest_v"`         // largest |difference|
	Correlation float64 `json:"correlation"`       // of all outputs; 0 when one of the sets is constant
}

// Compare measures the fidelity of outputs to a reference of the same size,
// both samples x outputs in V.
func Compare(out, reference *mat.Dense) (Fidelity, error) {
	samples, classes := out.Dims()
	if s, c := reference.Dims(); s != samples || c != classes {
		return Fidelity{}, fmt.Errorf("outputs of %d x %d cannot be compared with %d x %d", samples, classes, s, c)
	}
	var f Fidelity
	agree := 0
	for s := range samples {
		if Decide(out.RawRowView(s)) == Decide(reference.RawRowView(s)) {
			agree++
		}
	}
	// Copies lie close in memory whatever the matrices were cut from.
	x, y := mat.DenseCopyOf(out).RawMatrix().Data, mat.DenseCopyOf(reference).RawMatrix().Data
	if floats.HasNaN(x) || floats.HasNaN(y) {
		return Fidelity{}, errors.New("outputs to compare hold a value that is not a number")
	}
	f.Agreement = 100 * float64(agree) / float64(samples)
	f.RMS = floats.Distance(x, y, 2) / math.Sqrt(float64(len(x)))
	f.Largest = floats.Distance(x, y, math.Inf(1))
	if c := stat.Correlation(x, y, nil); !math.IsNaN(c) {
		f.Correlation = c
	}
	return f, nil
}
