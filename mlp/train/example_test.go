package train_test

import (
	"context"
	"fmt"

	"xlab/mlp"
	"xlab/mlp/dataset"
	"xlab/mlp/train"
)

// The letters on a chip with two stuck devices: the network is trained around
// them and keeps its accuracy when every other device is up to 30 % off.
func ExampleTrain() {
	design := mlp.LetterDesign()
	placement := mlp.DefaultPlacement("A", "B")
	held, err := placement.Constraints(design, []mlp.Fault{
		{Kind: mlp.Stuck, Device: mlp.Device{Array: "A"}, Conductance: 88e-6},
		{Kind: mlp.Stuck, Device: mlp.Device{Array: "B"}, Conductance: 4e-6},
	})
	if err != nil {
		panic(err)
	}
	letters := dataset.Letters()
	result, err := train.Train(context.Background(), train.Task{Design: design, Set: letters, Constraints: held},
		train.Defaults())
	if err != nil {
		panic(err)
	}
	imported, err := result.Network.Survive(context.Background(), letters.X, letters.Labels, mlp.Tolerance(0.3), held, 20,
		1)
	if err != nil {
		panic(err)
	}
	fmt.Printf("software %.0f %%, with 30 %% error %.0f %%\n", result.Accuracy, imported.Mean)
	for _, k := range held {
		pair := result.Network.Pair(k.Site.Layer, k.Site.Neuron(), k.Site.Col)
		fmt.Printf("%s stays at %s\n", k.Site, pair.Plus)
	}
	// Output:
	// software 100 %, with 30 % error 100 %
	// layer 0, neuron 0, input 0, plus device stays at 88.0 µS
	// layer 1, neuron 0, input 0, plus device stays at 4.00 µS
}
