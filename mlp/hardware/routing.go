package hardware

import (
	"fmt"
	"math"
	"strings"

	"gonum.org/v1/gonum/mat"

	"xlab/instrument"
	"xlab/instrument/array"
)

// lines is the setting of one array's switches for a pattern. With no pattern
// all inputs are grounded, the bias and the second layer's among them, for
// trimming.
func (c *Classifier) lines(name string, pattern []int8) ([]instrument.Switches, error) {
	r := c.boards[name].Wiring.NewRouting()
	for l, b := range c.placement {
		if b.Array != name {
			continue
		}
		rows, columns := c.design.Block(l)
		for i := range rows {
			if err := r.Row(b.Row+i, array.BusNeuron); err != nil {
				return nil, err
			}
		}
		for i := range columns {
			if err := r.Col(b.Column+i, c.column(l, i, pattern)); err != nil {
				return nil, err
			}
		}
	}
	if err := r.Others(array.BusGround); err != nil {
		return nil, err
	}
	return r.Lines(), nil
}

// column is what column i of layer l is connected to.
func (c *Classifier) column(l, i int, pattern []int8) array.Bus {
	switch {
	case pattern == nil:
		return array.BusGround
	case i == c.design.Sizes[l]:
		return c.bias
	case l > 0:
		return array.BusNeuron
	case pattern[i] > 0:
		return array.BusReadPlus
	case pattern[i] < 0:
		return array.BusReadMinus
	}
	return array.BusGround
}

// patterns turns features into signs.
func (c *Classifier) patterns(features *mat.Dense) ([][]int8, error) {
	samples, width := features.Dims()
	if width != c.design.Sizes[0] {
		return nil, refused(fmt.Errorf("the data set has %d features, the network has %d inputs", width, c.design.Sizes[0]),
			"")
	}
	list := make([][]int8, samples)
	for s := range samples {
		list[s] = make([]int8, width)
		for i, x := range features.RawRowView(s) {
			sign := math.Round(x)
			// The slack is for values that were scaled to the interval.
			if !(math.Abs(x-sign) <= 1e-9 && math.Abs(sign) <= 1) {
				return nil, refused(fmt.Errorf("sample %d, feature %d is %g: on the bench an input is +%s, 0 V or -%[4]s, for "+
					"features of +1, 0 and -1",
					s, i, x, c.design.InputLevel), "make the data set's features black and white, or classify in software")
			}
			list[s][i] = int8(sign)
		}
	}
	return list, nil
}

// text writes a pattern for the record, one character per feature: +, 0 or -.
func text(pattern []int8) string {
	var b strings.Builder
	for _, x := range pattern {
		b.WriteByte("-0+"[x+1])
	}
	return b.String()
}
