package boxes

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"time"

	"xlab/instrument"
	"xlab/lab/config"
	"xlab/mock/bench"
)

// Analyzer is a parameter analyzer that a bench can have.
type Analyzer struct {
	Type       string              // as the configuration names it
	Instrument string              // as the simulated bench names its line
	Keys       []string            // of the section analyzer that it has, beside its type and its address
	Extremes   instrument.Extremes // what it can give at most

	// Check tells what is wrong with its keys, each fault with its place; nil = nothing can be.
	Check func(c *config.Config) []error

	// Connect opens what is in front of the analyzer. It blocks until that answers.
	// The analyzer itself is sent nothing.
	Connect func(ctx context.Context, c *config.Config, line Line, o AnalyzerOptions) (instrument.Analyzer, Link, error)

	// Cost gives the instrument time of steps and refuses what is beyond the limits,
	// by the same code as a run, connected to nothing.
	Cost func(c *config.Config, o AnalyzerOptions, steps ...instrument.Step) (instrument.Seconds, error)

	// Units says how many of the simulated bench's terminals the simulated one needs.
	Units func(c *config.Config) (int, error)
	// Simulate puts it on a simulated bench with as many.
	Simulate func(c *config.Config, b *bench.Bench) (Simulated, error)
}

// Has tells whether a key of the section analyzer is its.
func (a Analyzer) Has(key string) bool { return slices.Contains(a.Keys, key) }

// AnalyzerOptions are what a bench asks of its analyzer's driver.
type AnalyzerOptions struct {
	Limits   instrument.Limits    // of every source
	Channels []instrument.Channel // that are wired

	Margin        time.Duration // by which an answer may take longer than the analyzer itself needs
	AnswerTimeout time.Duration // of an answer that it gives at once; 0 = as its driver finds right
	ReadTimeout   time.Duration // for which an adapter waits for an answer; 0 = the longest that it can

	// Claim is asked once the analyzer has said who it is: an error says that it is
	// somebody else's.
	Claim func(ctx context.Context, i instrument.Identity) error
	// Quiet is for how long nothing of another process may come before an analyzer
	// counts as taken over, 0 = not asked; Leftover is told what came.
	Quiet    time.Duration
	Leftover func(met error)
	Retries  int          // how often one thing that may be repeated is
	Logger   *slog.Logger // nil = silent
}

// Link is what is between a line and an analyzer.
type Link interface {
	io.Closer                         // with the line, whatever that is by then
	Reopen(ctx context.Context) error // has the next exchange open the line again, before which it is given up
}
