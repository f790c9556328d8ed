package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"xlab/instrument"
)

// box is an instrument that remembers that it was made safe.
type box struct {
	name string
	log  *actions
	do   func(ctx context.Context) error // nil = succeeds
}

func (b box) Safe(ctx context.Context) error {
	b.log.add("safe " + b.name)
	if ctx.Err() != nil {
		b.log.add(b.name + " got a dead context")
	}
	if b.do != nil {
		return b.do(ctx)
	}
	return nil
}

// actions is what happened, in order.
type actions struct {
	mu   sync.Mutex
	list []string
}

func (a *actions) add(what string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.list = append(a.list, what)
}

func (a *actions) String() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return strings.Join(a.list, ", ")
}

func (a *actions) Event(kind string, data any) error {
	a.add("journal " + kind)
	return nil
}

func guarded(log *actions) GuardOptions {
	return GuardOptions{
		Safers:  []NamedSafer{{"analyzer", box{name: "analyzer", log: log}}, {"switches", box{name: "switches", log: log}}},
		Signals: make(chan os.Signal),
		Journal: log,
		// Nothing here may depend on how busy the machine is; tests of the
		// time-outs run on the clock of a bubble and put the defaults back.
		Timeout: time.Hour,
		Grace:   time.Hour,
	}
}

const madeSafe = "safe analyzer, safe switches"

func TestGuardOnEveryWayOut(t *testing.T) {
	lost := &instrument.Error{Op: "link", Kind: instrument.KindUnreachable, Err: io.ErrUnexpectedEOF}
	for name, c := range map[string]struct {
		work    func(ctx context.Context) error
		is      error
		outcome Outcome
		exit    int
		events  string
	}{
		"return":    {func(context.Context) error { return nil }, nil, OutcomeComplete, 0, ""},
		"error":     {func(context.Context) error { return io.EOF }, io.EOF, OutcomeFailed, 1, ""},
		"lost link": {func(context.Context) error { return lost }, lost, OutcomeFailed, 4, ""},
		"partial": {func(context.Context) error { return &Ended{OutcomePartial, io.EOF} }, io.EOF, OutcomePartial, 8,
			""},
		"panic": {func(context.Context) error { panic("at the bench") }, nil, OutcomeFailed, 1, "journal panic, "},
		"runtime": {func(context.Context) error { return emptyList[len(emptyList)] }, nil, OutcomeFailed, 1,
			"journal panic, "},
		"panic nil": {func(context.Context) error { panic(nil) }, nil, OutcomeFailed, 1, "journal panic, "},
		"end of all": {func(context.Context) error { runtime.Goexit(); return nil }, nil, OutcomeFailed, 1,
			"journal panic, "},
		"cancellation": {func(context.Context) error { return context.Canceled }, context.Canceled, OutcomeInterrupted, 7,
			""},
	} {
		t.Run(name, func(t *testing.T) {
			var log actions
			err := Guard(context.Background(), guarded(&log), c.work)
			if c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("got %v, want %v in it", err, c.is)
			}
			if OutcomeOf(err) != c.outcome || ExitCode(err) != c.exit {
				t.Errorf("%v: %s, exit code %d", err, OutcomeOf(err), ExitCode(err))
			}
			if want := madeSafe + ", " + c.events + "journal safe"; log.String() != want {
				t.Errorf("did %q, want %q", &log, want)
			}
		})
	}
}

func TestPanicGoesIntoTheJournalWithItsStack(t *testing.T) {
	root := t.TempDir()
	r := mustCreate(t, root, formHeader, Options{})
	var log actions
	g := guarded(&log)
	g.Journal = r.Journal()
	g.Finish = func(err error) error { return r.End(err, nil) }
	err := Guard(context.Background(), g, func(context.Context) error { return atTheBench() })
	var p *PanicError
	if !errors.As(err, &p) || strings.Contains(err.Error(), "goroutine") ||
		!strings.Contains(err.Error(), "out of ideas") {
		t.Errorf("got %v", err)
	}
	h, err := readJournal(r.Dir())
	must(t, err)
	found := false
	for _, r := range h.Records {
		found = found || r.Kind == "panic" && strings.Contains(string(r.Data), "atTheBench")
	}
	if !found {
		t.Errorf("no stack in the journal: %+v", h.Records)
	}
	if s, err := Load(root, "last"); err != nil || s.Outcome != OutcomeFailed ||
		!strings.Contains(s.Cause, "out of ideas") {
		t.Errorf("%+v, %v", s, err)
	}
}

var emptyList []error

func atTheBench() error { panic("out of ideas") }

func TestFirstInterruptStopsAtTheNextDevice(t *testing.T) {
	var log actions
	g := guarded(&log)
	signals := make(chan os.Signal)
	g.Signals = signals
	var notes []string
	g.Notify = func(s string) { notes = append(notes, s) }
	err := Guard(context.Background(), g, func(ctx context.Context) error {
		if StopRequested(ctx) || CheckStop(ctx) != nil {
			t.Error("stopped before anybody asked")
		}
		signals <- syscall.SIGTERM
		<-Stopping(ctx)
		if ctx.Err() != nil {
			t.Error("the first interrupt cancelled the device under way")
		}
		if !StopRequested(ctx) {
			t.Error("no stop requested")
		}
		log.add("device finished")
		return CheckStop(ctx)
	})
	if OutcomeOf(err) != OutcomeInterrupted || !errors.Is(err, ErrInterrupted) ||
		!strings.Contains(err.Error(), "terminated") {
		t.Errorf("got %v", err)
	}
	if want := "device finished, " + madeSafe + ", journal interrupt, journal safe"; log.String() != want {
		t.Errorf("did %q, want %q", &log, want)
	}
	if len(notes) != 1 || !strings.Contains(notes[0], "next device") {
		t.Errorf("notes %q", notes)
	}
}

func TestSecondInterruptCancelsAtOnce(t *testing.T) {
	for _, pair := range [][2]os.Signal{{os.Interrupt, os.Interrupt}, {syscall.SIGHUP, os.Interrupt},
		{syscall.SIGTERM, syscall.SIGHUP}} {
		var log actions
		g := guarded(&log)
		signals := make(chan os.Signal)
		g.Signals = signals
		err := Guard(context.Background(), g, func(ctx context.Context) error {
			signals <- pair[0]
			<-Stopping(ctx)
			signals <- pair[1]
			<-ctx.Done() // a driver's read ends here
			if err := CheckStop(ctx); OutcomeOf(err) != OutcomeInterrupted || !strings.Contains(err.Error(), "second signal") {
				t.Errorf("CheckStop: %v", err)
			}
			return fmt.Errorf("garbled: %w", &instrument.Error{Op: "x", Kind: instrument.KindProtocol})
		})
		// What the abort did to the exchange under way is not the outcome.
		if OutcomeOf(err) != OutcomeInterrupted || ExitCode(err) != ExitInterrupted ||
			!strings.Contains(err.Error(), "garbled") {
			t.Errorf("%v: got %v", pair, err)
		}
		if want := madeSafe + ", journal interrupt, journal interrupt, journal safe"; log.String() != want {
			t.Errorf("did %q, want %q", &log, want)
		}
	}
}

// Work that was done all the same, or tripped, says so.
func TestInterruptedWorkKeepsItsOwnOutcome(t *testing.T) {
	trip := &instrument.Error{Op: "watch", Kind: instrument.KindTrip}
	for _, c := range []struct {
		result error
		want   Outcome
	}{{nil, OutcomeComplete}, {trip, OutcomeTripped}, {&Ended{OutcomePartial, nil}, OutcomePartial},
		{io.EOF, OutcomeFailed}, {context.Canceled, OutcomeInterrupted}} {
		var log actions
		g := guarded(&log)
		signals := make(chan os.Signal)
		g.Signals = signals
		err := Guard(context.Background(), g, func(ctx context.Context) error {
			signals <- os.Interrupt
			<-Stopping(ctx)
			return c.result
		})
		if OutcomeOf(err) != c.want {
			t.Errorf("%v: %s, want %s", c.result, OutcomeOf(err), c.want)
		}
	}
}

func TestCancelledContext(t *testing.T) {
	for name, make := range map[string]func() (context.Context, context.CancelFunc){
		"before": func() (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			return ctx, cancel
		},
		"deadline": func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(context.Background(), time.Millisecond)
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := make()
			defer cancel()
			var log actions
			err := Guard(ctx, guarded(&log), func(ctx context.Context) error {
				<-ctx.Done()
				return ctx.Err()
			})
			if OutcomeOf(err) != OutcomeInterrupted || log.String() != madeSafe+", journal safe" {
				t.Errorf("%v; did %q", err, &log)
			}
		})
	}
}

func TestBenchThatCannotBeMadeSafe(t *testing.T) {
	silent := &instrument.Error{Op: "b1500", Kind: instrument.KindTimeout, Err: errors.New("no answer")}
	var log actions
	g := guarded(&log)
	g.Safers = []NamedSafer{
		{"analyzer", box{name: "analyzer", log: &log, do: func(context.Context) error { return silent }}},
		{"heater", box{name: "heater", log: &log, do: func(context.Context) error { panic("bug") }}},
		{"nobody", nil},
		{"switches", box{name: "switches", log: &log}},
	}
	err := Guard(context.Background(), g, func(context.Context) error { return &Ended{OutcomePartial, io.EOF} })
	for _, want := range []error{ErrUnsafe, silent, io.EOF} {
		if !errors.Is(err, want) {
			t.Errorf("%v is hidden in %v", want, err)
		}
	}
	if instrument.KindOf(err) != instrument.KindTrip || ExitCode(err) != ExitUnsafe || OutcomeOf(err) != OutcomeTripped {
		t.Errorf("kind %s, exit code %d", instrument.KindOf(err), ExitCode(err))
	}
	text := err.Error()
	for _, part := range []string{"[analyzer]", "[heater]", "[nobody]", "panic: bug", "by hand"} {
		if !strings.Contains(text, part) {
			t.Errorf("%q does not say %q", text, part)
		}
	}
	if strings.Contains(text, "[switches]") || strings.Index(text, "made safe") > strings.Index(text, "EOF") {
		t.Errorf("%q", text)
	}
	// What does not answer is tried again; a bug or a missing instrument is not.
	want := "safe analyzer, safe heater, safe switches, safe analyzer, safe analyzer, journal unsafe"
	if log.String() != want {
		t.Errorf("did %q, want %q", &log, want)
	}
}

// An instrument that never answers must not keep the others from being made safe.
func TestSaferThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var log actions
		g := guarded(&log)
		g.Timeout, g.Grace, g.Rounds = 0, 0, 1
		g.Safers[0].Safer = box{name: "analyzer", log: &log, do: func(context.Context) error { <-release; return nil }}
		began := time.Now()
		err := Guard(context.Background(), g, func(context.Context) error { return nil })
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("took %v", took)
		}
		if !errors.Is(err, ErrUnsafe) || !strings.Contains(err.Error(), "did not return") || log.String() != madeSafe+
			", journal unsafe" {
			t.Errorf("%v; did %q", err, &log)
		}
		close(release)
	})
}

func TestSaferHasItsOwnTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log actions
		g := guarded(&log)
		g.Timeout, g.Grace, g.Rounds = 0, 0, 1
		waits := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		g.Safers[0].Safer = box{name: "analyzer", log: &log, do: waits}
		g.Safers[1].Safer = box{name: "switches", log: &log, do: waits}
		began := time.Now()
		err := Guard(context.Background(), g, func(context.Context) error { return nil })
		if took := time.Since(began); took != 2*time.Second || strings.Contains(log.String(), "dead") ||
			!errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v after %v; did %q", err, took, &log)
		}
	})
}

// An instrument behind an adapter that listens to nobody for a while is called
// again with more time, after the others have had their turn; what answered is
// left alone.
func TestSaferThatAnswersLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log actions
		g := guarded(&log)
		g.Timeout, g.Grace = time.Second, 0
		began := time.Now()
		listens := began.Add(2500 * time.Millisecond)
		g.Safers[0].Safer = box{name: "analyzer", log: &log, do: func(ctx context.Context) error {
			select {
			case <-time.After(time.Until(listens)):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}}
		if err := Guard(context.Background(), g, func(context.Context) error { return nil }); err != nil {
			t.Error(err)
		}
		if want := "safe analyzer, safe switches, safe analyzer, journal safe"; log.String() != want {
			t.Errorf("did %q, want %q", &log, want)
		}
		if took := time.Since(began); took != 2500*time.Millisecond {
			t.Errorf("took %v", took)
		}
	})
}

// Work that does not return after it was cancelled cannot keep the bench hot,
// and when it wakes up late the bench is made safe again.
func TestWorkThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, wakes := range []bool{false, true} {
			release := make(chan struct{})
			var log actions
			g := guarded(&log)
			g.Timeout, g.Grace = 0, 0
			signals := make(chan os.Signal)
			g.Signals = signals
			calls := 0
			g.Safers[1].Safer = box{name: "switches", log: &log, do: func(context.Context) error {
				if calls++; wakes && calls == 1 {
					close(release)
				}
				return nil
			}}
			began := time.Now()
			err := Guard(context.Background(), g, func(ctx context.Context) error {
				signals <- os.Interrupt
				signals <- os.Interrupt
				<-release
				return ctx.Err()
			})
			if OutcomeOf(err) != OutcomeInterrupted || errors.Is(err, errHung) == wakes {
				t.Errorf("wakes %v: %v", wakes, err)
			}
			if took := time.Since(began); took > time.Second {
				t.Errorf("took %v", took)
			}
			if want := madeSafe + ", " + madeSafe +
				", journal interrupt, journal interrupt, journal safe"; log.String() != want {
				t.Errorf("did %q, want %q", &log, want)
			}
			if !wakes {
				close(release)
			}
		}
	})
}

type brokenJournal struct{ err error }

func (b brokenJournal) Event(string, any) error { return b.err }

func TestGuardReportsABrokenJournalOnce(t *testing.T) {
	broken := errors.New("disk gone")
	for _, result := range []error{nil, io.EOF, fmt.Errorf("form: %w", broken)} {
		var log actions
		g := guarded(&log)
		g.Journal = brokenJournal{broken}
		err := Guard(context.Background(), g, func(context.Context) error { return result })
		if !errors.Is(err, broken) || result != nil && !errors.Is(err, result) ||
			strings.Count(err.Error(), "disk gone") != 1 {
			t.Errorf("%v: got %v", result, err)
		}
		if log.String() != madeSafe {
			t.Errorf("did %q", &log)
		}
	}
}

func TestFinishIsCalledOnEveryWayOut(t *testing.T) {
	replaced := errors.New("replaced")
	for name, c := range map[string]struct {
		work   error
		finish func(error) error
		want   []error
	}{
		"replaces": {io.EOF, func(err error) error { return fmt.Errorf("%w %w", replaced, err) },
			[]error{replaced, io.EOF}},
		"keeps panic": {io.EOF, func(error) error { panic("bug") }, []error{io.EOF}},
		"nil":         {nil, func(err error) error { return err }, nil},
	} {
		var log actions
		g := guarded(&log)
		called := 0
		g.Finish = func(err error) error { called++; return c.finish(err) }
		err := Guard(context.Background(), g, func(context.Context) error { return c.work })
		for _, w := range c.want {
			if !errors.Is(err, w) {
				t.Errorf("%s: got %v", name, err)
			}
		}
		if called != 1 || (err == nil) != (c.want == nil) {
			t.Errorf("%s: called %d times, %v", name, called, err)
		}
	}
}

// A person's terminal that is stopped must not stop the program.
func TestNotifyThatBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var log actions
		g := guarded(&log)
		signals := make(chan os.Signal)
		g.Signals = signals
		g.Notify = func(string) { <-release }
		err := Guard(context.Background(), g, func(ctx context.Context) error {
			signals <- os.Interrupt
			signals <- os.Interrupt
			<-ctx.Done()
			return ctx.Err()
		})
		if OutcomeOf(err) != OutcomeInterrupted || !strings.HasPrefix(log.String(), madeSafe) {
			t.Errorf("%v; did %q", err, &log)
		}
		close(release)
	})
}

func TestClosedSignalChannelIsNoSignal(t *testing.T) {
	var log actions
	g := guarded(&log)
	signals := make(chan os.Signal)
	close(signals)
	g.Signals = signals
	must(t, Guard(context.Background(), g, func(ctx context.Context) error { return CheckStop(ctx) }))
}

func TestStopWithoutGuard(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	if Stopping(ctx) != nil || StopRequested(ctx) || CheckStop(ctx) != nil {
		t.Error("asked to stop by nobody")
	}
	cancel()
	if !StopRequested(ctx) || OutcomeOf(CheckStop(ctx)) != OutcomeInterrupted {
		t.Error("the end of the context is no stop")
	}
}
