package main

import (
	"context"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"xlab/lab"
	"xlab/lab/sim"
	"xlab/mlp"
	mock "xlab/mock/fault"
)

// What can be done to the simulated neuron board shows in what is measured, and
// ends when it is undone.
func TestNeuronBoardFaults(t *testing.T) {
	r, s := networkRig(t, "neurons.address=sim")
	board, known := r.sim.Devices()[sim.NeuronLink]
	if !known || !board.Link {
		t.Fatalf("faults on %q are not possible: %+v", sim.NeuronLink, board)
	}
	c, err := s.Classifier(mlp.LetterDesign(), mlp.DefaultPlacement("A", "B"), nil)
	if err != nil {
		t.Fatal(err)
	}
	measure := func() (hidden, output float64) {
		t.Helper()
		h, o, err := c.Layers(t.Context(), letterFeatures(1))
		if err != nil {
			t.Fatal(err)
		}
		return h.At(0, 3), o.At(0, 2)
	}
	act := func(name string, undo bool, with mock.Parameters) {
		t.Helper()
		a, f := board.Acts[name], mock.Fault{What: name, With: with}
		if a.Valid != nil {
			if err := a.Valid(f); err != nil {
				t.Fatal(err)
			}
		}
		var err error
		r.sim.Netlist.Do(func() {
			if undo {
				err = a.Undo(f)
			} else {
				err = a.Do(f)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	hidden, output := measure()
	act("saturate", false, mock.Parameters{Slot: 4, High: true})
	act("saturate", false, mock.Parameters{Slot: 13})
	if h, o := measure(); math.Abs(h-0.2) > 1e-4 || math.Abs(o+10) > 1e-2 {
		t.Errorf("saturated neurons at %g V and %g V", h, o)
	}
	act("saturate", true, mock.Parameters{Slot: 4})
	act("saturate", true, mock.Parameters{Slot: 13})
	if h, o := measure(); math.Abs(h-hidden) > 0.02 || math.Abs(o-output) > 0.5 {
		t.Errorf("%g V and %g V before, %g V and %g V afterwards", hidden, output, h, o)
	}
	if err := board.Acts["saturate"].Valid(mock.Fault{With: mock.Parameters{Slot: 15}}); err == nil {
		t.Error("a fifteenth neuron can be saturated")
	}
	act("error", false, mock.Parameters{Code: -310})
	if _, _, err := c.Layers(t.Context(), letterFeatures(1)); err == nil || !strings.Contains(err.Error(), "-310") {
		t.Errorf("an error of the board became %v", err)
	}
}

// `xlab sim serve` offers the neuron board like every other instrument.
func TestServeNeurons(t *testing.T) {
	stderr := newOutput()
	ctx, cancel := context.WithCancel(t.Context())
	t.Chdir(t.TempDir())
	a := newApp(strings.NewReader(""), io.Discard, stderr)
	if err := a.ReadConfig("", []string{"neurons.address=sim", "simulation.chip=chip.json"}); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	var offered []lab.Endpoint
	go func() {
		ended <- a.Serve(ctx, "127.0.0.1", func(e lab.Endpoint) error {
			if e.Instrument == "neurons" && e.Transport == "tcp" {
				offered = append(offered, e)
			}
			return nil
		})
	}()
	stderr.await(t, "serving until interrupted")
	cancel()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("serving does not end")
	}
	if len(offered) != 1 {
		t.Errorf("the neuron board is offered %d times: %+v", len(offered), offered)
	}
}
