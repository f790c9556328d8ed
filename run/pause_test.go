//go:build unix

package run

import (
	"context"
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"xlab/instrument"
)

// pausing is a guard whose process stands still in name only.
func pausing(log *actions, goOn func(context.Context) error) (GuardOptions, chan os.Signal) {
	g := guarded(log)
	signals := make(chan os.Signal)
	g.Signals, g.GoOn = signals, goOn
	g.Grace = time.Second
	g.still = func() func() { return func() { log.add("stand still") } }
	return g, signals
}

// What is under way at the bench is finished first, then the bench is safe, and
// nothing is sent before the instruments have been asked.
func TestStandStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log actions
		g, signals := pausing(&log, func(context.Context) error { log.add("ask"); return nil })
		err := Guard(context.Background(), g, func(ctx context.Context) error {
			use := func(what string) error {
				return AtBench(ctx, func(ctx context.Context) error {
					log.add(what)
					time.Sleep(time.Second)
					log.add("done")
					return AtBench(ctx, func(ctx context.Context) error { return ctx.Err() })
				})
			}
			go func() { time.Sleep(time.Second / 2); signals <- syscall.SIGTSTP }()
			if err := use("first"); err != nil {
				return err
			}
			synctest.Wait()
			return use("second")
		})
		want := "first, done, safe analyzer, safe switches, stand still, ask, second, done, safe analyzer, safe switches, " +
			"journal stand still, journal safe"
		if err != nil || log.String() != want {
			t.Errorf("%v; did %q, want %q", err, &log, want)
		}
	})
}

// What takes long is broken off, as by a lost link, and the work goes on.
func TestStandStillBreaksOffWhatTakesLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log actions
		g, signals := pausing(&log, func(context.Context) error { log.add("ask"); return nil })
		err := Guard(context.Background(), g, func(ctx context.Context) error {
			began := time.Now()
			err := AtBench(ctx, func(ctx context.Context) error {
				signals <- syscall.SIGTSTP
				<-ctx.Done()
				log.add("broken off")
				return ctx.Err()
			})
			if took := time.Since(began); took != patience {
				t.Errorf("broken off after %v", took)
			}
			if instrument.KindOf(err) != instrument.KindTimeout || !errors.Is(err, errPutDown) {
				t.Errorf("%v", err)
			}
			return AtBench(ctx, func(context.Context) error { log.add("again"); return nil })
		})
		want := "broken off, safe analyzer, safe switches, stand still, ask, again, safe analyzer, safe switches, " +
			"journal stand still, journal safe"
		if err != nil || log.String() != want {
			t.Errorf("%v; did %q, want %q", err, &log, want)
		}
	})
}

// A process that waits stands still at once; where the bench is not as it was, or
// nobody can tell, the work does not go on.
func TestStandStillEndsTheWork(t *testing.T) {
	other := &instrument.Error{Op: "identify", Kind: instrument.KindIdentity, Err: errors.New("another instrument")}
	silent := &instrument.Error{Op: "b1500", Kind: instrument.KindTimeout, Err: errors.New("no answer")}
	for name, c := range map[string]struct {
		goOn func(context.Context) error
		safe func(calls int) error // of the analyzer
		exit int
		did  string
		says string
	}{
		"other instrument": {func(context.Context) error { return other }, nil, ExitUnreachable, "stand still, ",
			"after the process stood still"},
		"nobody asks": {nil, nil, ExitInterrupted, "stand still, ", "the process stood still"},
		"never safe":  {nil, func(int) error { return silent }, ExitUnsafe, "", "could not be made safe"},
		"safe later": {nil, func(calls int) error {
			if calls <= 3 {
				return silent
			}
			return nil
		}, ExitInterrupted, "", "was to stand still, and did not"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log actions
				g, signals := pausing(&log, c.goOn)
				calls := 0
				if c.safe != nil {
					g.Safers[0].Safer = box{name: "analyzer", log: &log,
						do: func(context.Context) error { calls++; return c.safe(calls) }}
				}
				err := Guard(context.Background(), g, func(ctx context.Context) error {
					signals <- syscall.SIGTSTP
					<-ctx.Done()
					return ctx.Err()
				})
				if ExitCode(err) != c.exit || !strings.Contains(err.Error(), c.says) ||
					!strings.HasPrefix(log.String(), madeSafe+", "+c.did) {
					t.Errorf("exit code %d, %v; did %q", ExitCode(err), err, &log)
				}
			})
		})
	}
}

// A stop during a stand still is heard, and ends what would make the bench ready.
func TestInterruptWhileStandingStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log actions
		g, signals := pausing(&log, func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		err := Guard(context.Background(), g, func(ctx context.Context) error {
			signals <- syscall.SIGTSTP
			synctest.Wait() // until the instruments are asked
			signals <- os.Interrupt
			signals <- syscall.SIGTERM
			return AtBench(ctx, func(context.Context) error { t.Error("the bench was used"); return nil })
		})
		if OutcomeOf(err) != OutcomeInterrupted ||
			!strings.HasSuffix(log.String(), "journal stand still, journal interrupt, journal interrupt, journal safe") {
			t.Errorf("%v; did %q", err, &log)
		}
	})
}

// A second one before the process stands still is the same; one after it was
// continued is another.
func TestStandStillAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log actions
		asked := 0
		g, signals := pausing(&log, func(context.Context) error {
			if asked++; asked == 1 {
				time.Sleep(time.Second)
			}
			return nil
		})
		err := Guard(context.Background(), g, func(ctx context.Context) error {
			err := AtBench(ctx, func(context.Context) error {
				signals <- syscall.SIGTSTP
				signals <- syscall.SIGTSTP
				return nil
			})
			synctest.Wait()
			signals <- syscall.SIGTTOU
			time.Sleep(time.Minute)
			return err
		})
		if n := strings.Count(log.String(), "switches, stand still"); err != nil || n != 2 || asked != 2 {
			t.Errorf("%v; asked %d times; did %q", err, asked, &log)
		}
	})
}

// A guard without instruments has nothing to ask.
func TestStandStillWithoutInstruments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log actions
		g, signals := pausing(&log, nil)
		g.Safers = nil
		err := Guard(context.Background(), g, func(ctx context.Context) error {
			signals <- syscall.SIGTSTP
			time.Sleep(time.Hour)
			return ctx.Err()
		})
		if err != nil || log.String() != "stand still, journal stand still, journal safe" {
			t.Errorf("%v; did %q", err, &log)
		}
	})
}

// A signal that reports a fault stops at once, and what everything was at is kept.
func TestStacksAreKept(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGQUIT, syscall.SIGABRT, syscall.SIGSEGV} {
		var log actions
		g := guarded(&log)
		signals := make(chan os.Signal)
		g.Signals = signals
		var stacks []byte
		g.Stacks = func(text []byte) error { stacks = text; log.add("stacks"); return nil }
		err := Guard(context.Background(), g, func(ctx context.Context) error {
			signals <- s
			<-ctx.Done()
			return ctx.Err()
		})
		if ExitCode(err) != ExitInterrupted || log.String() != madeSafe+", stacks, journal interrupt, journal safe" {
			t.Errorf("%v; did %q", err, &log)
		}
		if !strings.Contains(string(stacks), "TestStacksAreKept") {
			t.Errorf("stacks:\n%s", stacks)
		}
	}
}
