package lab_test

import (
	"context"
	"fmt"
	"os"

	"xlab/instrument/array"
	"xlab/lab"
	"xlab/lab/procedure"
	"xlab/tuning"
)

// A program forms four devices of a simulated chip, tunes one of them and reads it.
func Example() {
	dir := must(os.MkdirTemp("", "bench"))
	defer os.RemoveAll(dir)
	ctx, l := context.Background(), lab.New()
	if err := l.ReadConfig("", []string{"analyzer.address=sim", "simulation.chip=" + dir + "/chip.json",
		"simulation.seed=1", "runs=" + dir}); err != nil {
		panic(err)
	}
	form, tune := l.Settings().Forming, l.Settings().Tuning
	form.Devices = []array.Cell{{Row: 4, Col: 4}, {Row: 4, Col: 5}, {Row: 5, Col: 4}, {Row: 5, Col: 5}}
	forming := must(procedure.Form(l, "A", form))
	must(l.CarryOut(ctx, forming))
	tune.Targets = must(tuning.Uniform(20, 20, form.Devices[:1], 50e-6)) // S
	must(l.CarryOut(ctx, must(procedure.Tune(l, "A", tune, ""))))
	reading := must(procedure.Read(l, "A", form.Devices[:1], l.Settings().Read.Step()))
	must(l.CarryOut(ctx, reading))
	fmt.Printf("%d of 4 formed, one of them tuned to %.0f µS\n", forming.Result.Formed, 1e6*reading.Values[4*20+4])
	// Output: 4 of 4 formed, one of them tuned to 49 µS
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
