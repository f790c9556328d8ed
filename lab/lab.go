package lab

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/instrument/profile"
	"xlab/lab/config"
	"xlab/lab/procedure"
	"xlab/lab/session"
	"xlab/lab/sim"
	"xlab/run"
	"xlab/run/archive/index"
	"xlab/run/replay"
)

// Lab is a laboratory's bench as a program sees it, and how runs on it are kept.
type Lab struct {
	session.Opener
	In  io.Reader // answers of the person at the bench
	Out io.Writer // what jobs say that converse with whom is at In

	Procedures procedure.Registry // that can be rebuilt from a run's header
	Steps      array.Kinds        // of steps that the records of runs may hold

	Notify []string // who is told of a run's end, beside those of the configuration
	CutOff string   // the run that was begun or taken up, for who goes on with it; "" = none

	// Of a command that is a task of a plan: the plan tells people, is told of the
	// run's ID before that has a directory, and hears of its progress.
	Quiet    bool
	Task     *run.Task
	Announce func(id string) error
	Watch    run.Observer

	recorded *replay.Tape // while a transcript is played, what no link tells

	Signals <-chan os.Signal              // interrupts; nil = those of the process
	Keep    func(run.Options) run.Options // how runs are kept otherwise, in tests; nil = no otherwise
}

// New makes a laboratory with all procedures. It needs a configuration (ReadConfig),
// and nobody hears of it until its Messages are set.
func New() *Lab {
	return &Lab{Opener: session.Opener{Messages: io.Discard}, In: strings.NewReader(""), Out: io.Discard,
		Procedures: procedure.All(), Steps: array.StepKinds()}
}

// ReadConfig reads the configuration, as config.Load says.
func (l *Lab) ReadConfig(file string, overrides []string) error {
	c, err := config.Load(file, overrides, l.Known())
	if err == nil {
		l.Config = c
	}
	return err
}

// Keys are those of the configuration.
func Keys() []string { return config.Keys() }

// Template is the name and the text of a commented configuration of a simulated bench,
// or of real instruments whose addresses have to be filled in: of arrays behind switch
// boards, or of one device without one.
func Template(hardware, device bool) (file string, text []byte) {
	return config.FileName, config.Template(hardware, device)
}

// DeviceProfile is the name of a file for a device profile, and the text of the default one.
func DeviceProfile() (file string, text []byte) { return "device.yaml", profile.Of(nil).Document() }

// logger is where it is written what happens.
func (l *Lab) logger() *slog.Logger {
	if l.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return l.Log
}

// interruptible gives a context that ends when the program is asked to stop. The
// caller releases it.
func (l *Lab) interruptible(ctx context.Context) (context.Context, context.CancelFunc) {
	if l.Signals != nil { // a test's, for the guard
		return context.WithCancel(ctx)
	}
	return run.Interruptible(ctx)
}

// Kept is how the program keeps a run: with o, unless a test has it otherwise.
func (l *Lab) Kept(o run.Options) run.Options {
	if l.Keep == nil {
		return o
	}
	return l.Keep(o)
}

// noteRun keeps the index up to date. It is a harmless observer: what goes wrong
// is told with --verbose only, and the next search finds out by itself.
func (l *Lab) noteRun(ctx context.Context, id string) {
	if err := index.Note(context.WithoutCancel(ctx), l.Config.Runs, id); err != nil {
		l.logger().Warn("the index of the runs was not brought up to date", "run", id, "error", err)
	}
}

// Settings implements procedure.Lab.
func (l *Lab) Settings() *procedure.Settings { return &l.Config.Settings }

// Chosen implements procedure.Lab.
func (l *Lab) Chosen(key string) bool { return l.Config.IsSet(key) }

// Wiring implements procedure.Lab.
func (l *Lab) Wiring(name string) (*array.Wiring, error) { return l.Config.Wiring(name) }

// Simulated implements procedure.Lab.
func (l *Lab) Simulated() bool { return l.Config.Simulated() }

// HasNeurons implements procedure.Lab.
func (l *Lab) HasNeurons() bool { return l.Config.HasNeurons() }

// Chip implements procedure.Lab.
func (l *Lab) Chip() (string, error) { return sim.ChipOf(l.Config) }

// Limits implements procedure.Lab.
func (l *Lab) Limits() instrument.Limits { return l.Config.DeviceLimits() }

// RunsDirectory implements procedure.Lab.
func (l *Lab) RunsDirectory() string { return l.Config.Runs }

// Kinds implements procedure.Lab.
func (l *Lab) Kinds() array.Kinds { return l.Steps }

// Say implements procedure.Lab.
func (l *Lab) Say(text string) { fmt.Fprintln(l.Messages, text) }

// Compute implements procedure.Lab.
func (l *Lab) Compute(ctx context.Context, label string, work func(ctx context.Context, o run.Observer) error) error {
	ctx, release := l.interruptible(ctx)
	defer release()
	progress := run.NewProgress(run.ProgressOptions{Output: l.Messages, Label: label})
	defer progress.Close()
	return work(ctx, progress)
}

var _ procedure.Lab = (*Lab)(nil)
var _ procedure.Bench = (*Run)(nil)
