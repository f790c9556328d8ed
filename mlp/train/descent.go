package train

import "math"

// descent takes steps against a gradient, each weight with a step length of
// its own from the running mean and mean square of its gradient (Kingma and Ba,
// "Adam", ICLR 2015). The length does not depend on the gradient's scale, so
// that the rate is a conductance whatever the loss and the layer. It falls
// along half a cosine towards the last epoch, which lets the weights settle
// among the perturbed copies.
type descent struct {
	rate, epochs float64
	steps        float64
	mean, square [][]float64
}

const (
	meanMemory   = 0.9
	squareMemory = 0.99
	lastRate     = 0.05 // share of the rate that is left at the end
)

func newDescent(w [][]float64, rate float64, epochs int) *descent {
	d := &descent{rate: rate, epochs: float64(epochs)}
	for _, layer := range w {
		d.mean = append(d.mean, make([]float64, len(layer)))
		d.square = append(d.square, make([]float64, len(layer)))
	}
	return d
}

// step changes w in place and clips it to the bounds of its pairs.
func (d *descent) step(w, gradient [][]float64, p *pairs) {
	rate := d.rate * (lastRate + (1-lastRate)*(1+math.Cos(math.Pi*d.steps/d.epochs))/2)
	d.steps++
	// The running means start at 0; these undo that.
	fullMean, fullSquare := 1-math.Pow(meanMemory, d.steps), 1-math.Pow(squareMemory, d.steps)
	for l := range w {
		mean, square := d.mean[l], d.square[l]
		for i, g := range gradient[l] {
			mean[i] = meanMemory*mean[i] + (1-meanMemory)*g
			square[i] = squareMemory*square[i] + (1-squareMemory)*g*g
			if square[i] == 0 {
				continue // nothing has ever depended on this weight
			}
			q := &p.layers[l][i]
			next := w[l][i] - rate*(mean[i]/fullMean)/math.Sqrt(square[i]/fullSquare)
			w[l][i] = min(max(next, q.low), q.high)
		}
	}
}
