package instrumenttest

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"

	"xlab/instrument"
)

// neuronModel is a correct board of three hidden and two output neurons with a
// chain of four chips, unless it has a fault.
type neuronModel struct {
	fault           string
	hidden, outputs []instrument.Volts
	overRange       int // output, -1 = none
	played          [][]byte
	breakAfter      int // frames, -1 = intact
	stall           chan struct{}
	late            []instrument.Volts // an answer that nobody has waited for
}

func (m *neuronModel) Neurons() (hidden, outputs int) {
	if m.fault == "counts its neurons wrongly" {
		return 2, 3
	}
	return 3, 2
}

func (m *neuronModel) ready(ctx context.Context) error {
	if err := ctx.Err(); err != nil && m.fault != "neurons ignore an ended context" {
		return &instrument.Error{Op: "model", Kind: instrument.KindOf(err), Err: err}
	}
	return nil
}

func (m *neuronModel) read(ctx context.Context, from []instrument.Volts) ([]instrument.Volts, error) {
	if err := m.ready(ctx); err != nil {
		return nil, err
	}
	values := slices.Clone(from)
	if m.fault == "takes neurons in the wrong order" {
		slices.Reverse(values)
	}
	if m.fault == "takes a late answer" && m.late != nil && len(m.late) == len(values) {
		values, m.late = m.late, nil
	}
	if m.stall != nil {
		select {
		case <-m.stall:
		case <-ctx.Done():
			m.late = values
			return nil, &instrument.Error{Op: "model", Kind: instrument.KindCancelled, Err: ctx.Err()}
		}
	}
	return values, nil
}

func (m *neuronModel) Hidden(ctx context.Context) ([]instrument.Volts, error) {
	return m.read(ctx, m.hidden)
}

func (m *neuronModel) Outputs(ctx context.Context) ([]instrument.Volts, error) {
	values, err := m.read(ctx, m.outputs)
	if err == nil && m.overRange >= 0 {
		if m.fault == "over range is a value" {
			values[m.overRange] = 9.9e37
			return values, nil
		}
		return nil, &instrument.Error{Op: "model", Kind: instrument.KindInstrument, Err: errors.New("over range")}
	}
	return values, err
}

func (m *neuronModel) Trim(ctx context.Context) (hidden, outputs []instrument.Volts, err error) {
	if err := m.ready(ctx); err != nil {
		return nil, nil, err
	}
	hidden, outputs = make([]instrument.Volts, 3), make([]instrument.Volts, 2)
	if m.fault == "trims one neuron too few" {
		outputs[1] = 0.5
	}
	return hidden, outputs, nil
}

func (m *neuronModel) Burst(ctx context.Context, frames [][]byte, hidden bool) (rows [][]instrument.Volts, err error) {
	if err := m.ready(ctx); err != nil {
		return nil, err
	}
	for _, f := range frames {
		if len(f) != 4 && m.fault != "takes frames of any length" {
			return nil, &instrument.Error{Op: "model", Kind: instrument.KindUsage, Err: errors.New("length")}
		}
	}
	for i, f := range frames {
		if m.fault == "forgets the second part of a burst" && i >= 1024 {
			break
		}
		if m.breakAfter == 0 && m.fault != "does not notice a broken pattern chain" {
			return rows, &instrument.Error{Op: "model", Kind: instrument.KindChain, Err: errors.New("read-back")}
		}
		m.breakAfter--
		sent := bytes.Clone(f)
		if m.fault == "sends frames backwards" {
			slices.Reverse(sent)
		}
		m.played = append(m.played, sent)
		from := m.outputs
		if hidden && m.fault != "bursts know outputs only" {
			from = m.hidden
		}
		rows = append(rows, slices.Clone(from))
	}
	return rows, nil
}

// runNeurons runs the suite over the model with a fault.
func runNeurons(t *testing.T, fault string) {
	TestNeurons(t, NeuronsFixture{
		Open: func(t *testing.T) NeuronBoard {
			m := &neuronModel{fault: fault, hidden: make([]instrument.Volts, 3), outputs: make([]instrument.Volts, 2),
				overRange: -1, breakAfter: -1}
			return NeuronBoard{
				Neurons: m,
				Show: func(hidden, outputs []instrument.Volts) {
					m.hidden, m.outputs = slices.Clone(hidden), slices.Clone(outputs)
				},
				OverRange: func(output int) func() {
					m.overRange = output
					return func() { m.overRange = -1 }
				},
				Stall: func() func() {
					m.stall = make(chan struct{})
					return func() { close(m.stall) }
				},
				Played: func() [][]byte { return m.played },
				Break: func(after int) func() {
					m.breakAfter = after
					return func() { m.breakAfter = -1 }
				},
			}
		},
		Hidden: 3, Outputs: 2, Chips: 4,
	})
}

// neuronFaults are what the suite finds, and where.
func neuronFaults() map[string]string {
	const suite = "TestModels/Neurons/"
	return map[string]string{
		"counts its neurons wrongly":             suite + "Count",
		"neurons ignore an ended context":        suite + "EndedContext",
		"takes neurons in the wrong order":       suite + "Values",
		"over range is a value":                  suite + "OverRange",
		"takes a late answer":                    suite + "LateAnswer",
		"trims one neuron too few":               suite + "Trim",
		"takes frames of any length":             suite + "BurstOfBadFrames",
		"forgets the second part of a burst":     suite + "Burst",
		"sends frames backwards":                 suite + "Burst",
		"bursts know outputs only":               suite + "Burst",
		"does not notice a broken pattern chain": suite + "BurstOverABrokenChain",
	}
}
