package procedure

import (
	"context"
	"io"

	"xlab/figure"
	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/mlp"
	"xlab/mlp/hardware"
	"xlab/run"
)

// Job is the work of one run, as a command starts it and `xlab resume` takes it up
// again.
type Job interface {
	Command() string  // as in the run's header; names who rebuilds the job
	Arrays() []string // boards it works on; the first names the run
	Spec() any        // everything the work depends on, as JSON: from the header alone the job can be rebuilt

	// Work must be deterministic given the results it gets: a run is taken up again
	// by running it once more over the recorded results. Whatever it measures goes
	// through the crossbars of b or through b.Recall; random numbers have their seed
	// in the specification; nothing depends on the wall clock or on the order of a map.
	Work(ctx context.Context, b Bench) error

	// Summary gives the key figures that are kept, Files writes the data files, both
	// with the bench safe, on every way out but one: of work that hangs nothing can
	// be told.
	Summary(b Bench, f Figures) any
	Files(b Bench) error
}

// Bench is the bench under a run, with the run's record in front of it: what was
// recorded is answered from there, and in a replay there is nothing behind it.
type Bench interface {
	Header() run.Header // says what the run is

	// Crossbar is the journaled crossbar of one of the job's arrays. Any other name
	// is a bug.
	Crossbar(name string) *array.Journaled
	// Classifier is the network of a design and placement on the neuron board.
	Classifier(design mlp.Design, placement mlp.Placement) (*hardware.Classifier, error)
	// ScaleDifference multiplies the gain of the neurons' difference stages, on
	// a simulated board; any other stays as it is.
	ScaleDifference(by float64) error

	Clock() instrument.Clock   // in s since the run began, with the time between two segments
	Waiter() instrument.Waiter // lets time pass
	// Thermostat brings the chip to temperatures; restore brings a simulated one
	// back to the configured temperature.
	Thermostat() (t instrument.Thermostat, restore func() error)

	// Recall journals what was asked and answered; when the run is taken up again,
	// it fills answer, a pointer, from the record and does not call do.
	Recall(kind string, asked, answer any, do func() error) error
	// Conversation is what a job of a procedure that Converses reads, and where it
	// answers. Where a run is done again there is nobody: in is nil.
	Conversation() (in io.Reader, out io.Writer)
	Publish(e run.Event) // tells observers how far the run is

	Write(name string, write func(w io.Writer) error) error // puts a data file into the run's directory
	Draw(list ...figure.Figure) error                       // writes figures there
	Formats() figure.Formats                                // in which figures are written
}
