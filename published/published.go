// Package published holds values from the literature that measured ones are set
// beside, each with its source. What the program assumes is not in here.
package published

// Sources, as figures and tables name them.
const (
	Arrays = "Merrikh Bayat et al. 2018"    // Nature Communications 9:2331
	Model  = "calculated, Nili et al. 2020" // IEEE Transactions on Nanotechnology, compact model of the stack
)

// Spread is a mean with its standard deviation.
type Spread struct{ Mean, Sigma float64 }

// Threshold is the voltage of a sign, in V, at which the arrays' devices change
// their resistance by more than 5 % under 500 us pulses, edge devices left out
// (Arrays).
func Threshold(positive bool) Spread {
	if positive {
		return Spread{1.0, 0.13}
	}
	return Spread{-1.2, 0.15}
}

// What the two-layer perceptron in two arrays recognised, in percent of letters
// other than this project's (Arrays).
const (
	SoftwareTrain, SoftwareTest = 100, 82.34
	// Training patterns of three classes after training in place with pulses of one amplitude.
	InPlace = 70
)

// Delay is the time, in s, that an output of that network takes at most (Arrays).
const Delay = 5e-6

// Transfer is what was lost by writing the trained weights into the arrays, in
// points: with the defects known in training or not.
func Transfer(aware bool) (train, test float64) {
	if aware {
		return 0, -0.9
	}
	return -5, -3.3
}
