package session

import (
	"fmt"
	"slices"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/lab/boxes"
	"xlab/lab/config"
	"xlab/mlp"
	"xlab/mlp/hardware"
	"xlab/run"
)

// nowhere is a switch board for costing: it has lines and is never routed.
type nowhere struct {
	instrument.Router
	lines int
}

func (n nowhere) Lines() int { return n.lines }

// Cost gives the instrument time of steps on a cell, which messages name, and refuses
// those out of limits, by the same code as a run, with drivers that are connected to
// nothing. The neuron board's time is not in it.
func (o *Opener) Cost(w *array.Wiring, cell array.Cell, steps ...array.Step) (instrument.Seconds, error) {
	var router instrument.Router = nowhere{lines: w.Lines()}
	if w.ByHand() {
		router = nil
	}
	bar, err := array.New(w, nil, router, o.Config.DeviceLimits())
	if err != nil {
		return 0, err
	}
	bar.Suppose(o.Config.Settings.Profile)
	var performer hardware.Passive = bar
	if o.Config.HasNeurons() && slices.ContainsFunc(steps, hardware.ForPairs) {
		lines, err := o.Config.NeuronWiring()
		if err != nil {
			return 0, err
		}
		performer = withNeurons(o.Config, bar, hardware.Board{Wiring: w, Router: router}, nil, lines)
	}
	instructions, err := performer.Instructions(cell, steps...)
	if err != nil {
		return 0, err
	}
	analyzer, err := o.Known().Analyzer(o.Config)
	if err != nil {
		return 0, err
	}
	return analyzer.Cost(o.Config, boxes.AnalyzerOptions{Limits: o.Config.SourceLimits(), Channels: w.Channels()},
		instructions...)
}

// UnopenedBoards are the switch boards of a placement without their links.
func UnopenedBoards(c *config.Config, p mlp.Placement) (map[string]hardware.Board, error) {
	boards := make(map[string]hardware.Board)
	for _, name := range p.Arrays() {
		w, err := c.Wiring(name)
		if err != nil {
			return nil, err
		}
		if w.ByHand() {
			return nil, run.Usage(fmt.Errorf("array %s has no switch board, and a network needs the switches that connect "+
				"lines to neurons", name))
		}
		boards[name] = hardware.Board{Wiring: w, Router: nowhere{lines: w.Lines()}}
	}
	return boards, nil
}
