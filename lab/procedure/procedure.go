package procedure

import (
	"context"
	"io"
	"strings"

	"github.com/spf13/pflag"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/mlp"
	"xlab/run"
)

// Procedure is something that can be done with a bench.
type Procedure struct {
	Name   string // the command's words: "characterize thresholds"
	Takes  string // words that go behind them, which Args of the flags gives: "VOLTAGE WIDTH"
	Short  string // what it does, on one line
	Long   string // the same with all that its user has to know
	DryRun string // what the flag --dry-run says it does; "" = nothing is told beforehand

	// Converses says that its steps come from the Conversation of its bench, which a
	// person or another program holds: it is no step of a plan.
	Converses bool

	Makes Product // what it leaves behind for others

	// Flags registers the procedure's flags and gives what reads them once they
	// are set.
	Flags func(f *pflag.FlagSet) Parse

	// Rebuild makes the job of a run again from its header; nil = its runs cannot be
	// taken up.
	Rebuild func(l Lab, h *run.Header) (Job, error)
}

// Product is something that one procedure makes and others need.
type Product int

// Products.
const (
	Nothing   Product = iota
	DefectMap         // of its array
	Network           // in a file of its run
)

// Parse makes a request of flags and configuration. What cannot be done and what
// is beyond the limits is refused, before anything is opened. Long computations end
// with ctx.
type Parse func(ctx context.Context, l Lab) (*Request, error)

// Request is a job that has been checked and not begun.
type Request struct {
	Job      Job
	Estimate Estimate // of what it does and costs; nil = nothing is told beforehand
	Notes    []string // for the person, before it begins
}

// Estimate is what a job does and costs. As JSON it is all that is known.
type Estimate interface {
	Print(w io.Writer) error
	Cost() run.Cost
}

// Command is what the headers of the procedure's runs call it.
func (p Procedure) Command() string { return strings.ReplaceAll(p.Name, " ", "-") }

// Lab is the laboratory as far as a procedure is prepared with it: nothing of it is
// opened.
type Lab interface {
	Settings() *Settings                              // of the configuration
	Chosen(key string) bool                           // whether anybody has set a key of the configuration
	Wiring(array string) (*array.Wiring, error)       // under the name that the bench has for the array
	Simulated() bool                                  // whether the bench is
	HasNeurons() bool                                 // whether it has a neuron board
	Classifiable(d mlp.Design, p mlp.Placement) error // why its neuron board cannot pass patterns through a network
	Chip() (string, error)                            // names the chip on the bench; "" = nobody knows
	RunsDirectory() string                            // where runs are kept
	Limits() instrument.Limits                        // of what a device may see
	Kinds() array.Kinds                               // of steps
	Say(text string)                                  // tells the person
	// Compute does what takes long and touches nothing. The person sees by the label how
	// far it is; an interrupt ends its context.
	Compute(ctx context.Context, label string, work func(ctx context.Context, o run.Observer) error) error
	// Cost gives the instrument time of steps on a cell and refuses those out of
	// limits, by the same code as a run.
	Cost(w *array.Wiring, cell array.Cell, steps ...array.Step) (instrument.Seconds, error)
}
