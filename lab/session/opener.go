package session

import (
	"io"
	"log/slog"
	"time"

	"xlab/lab/boxes"
	"xlab/lab/config"
	"xlab/lab/sim"
	"xlab/lab/transcript"
)

// Opener opens a bench.
type Opener struct {
	Config    *config.Config
	Messages  io.Writer     // for the person: what is waited for, warnings, progress
	Log       *slog.Logger  // what happens; nil = silent
	Wait      time.Duration // for a bench that is in use
	Arguments []string      // of the command, for who waits and for the record

	// Silence is for how long an analyzer that is taken over must have no error; 0 = 250 ms
	// where another process may have used it, and one that is simulated in this process
	// is not asked.
	Silence time.Duration

	Transcript *transcript.Recorder // keeps what is said on the links; nil = nobody does
	Played     *transcript.Player   // stands for all instruments, of which none is touched then; nil = they are there

	Boxes *boxes.Registry // that the bench can have; nil = boxes.Default()

	NewBench func(*config.Config) (*sim.Bench, bool, error) // makes the simulated bench; nil = sim.Open
}

// Known are the boxes that the bench can have.
func (o *Opener) Known() *boxes.Registry {
	if o.Boxes == nil {
		return boxes.Default()
	}
	return o.Boxes
}
