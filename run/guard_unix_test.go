//go:build linux || darwin

package run

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// The process's own signals, sent by itself.
func TestRealSignals(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(s.String(), func(t *testing.T) {
			if signal.Ignored(s) {
				t.Skip("the tests were started with this signal ignored")
			}
			var log actions
			g := guarded(&log)
			g.Signals = nil
			err := Guard(context.Background(), g, func(ctx context.Context) error {
				must(t, syscall.Kill(os.Getpid(), s))
				<-Stopping(ctx)
				must(t, syscall.Kill(os.Getpid(), s))
				<-ctx.Done()
				return ctx.Err()
			})
			if OutcomeOf(err) != OutcomeInterrupted || !strings.HasPrefix(log.String(), madeSafe) {
				t.Errorf("%v; did %q", err, &log)
			}
		})
	}
}

// Started by nohup, a run goes on when its terminal is closed.
func TestIgnoredHangUpStaysIgnored(t *testing.T) {
	signal.Ignore(syscall.SIGHUP)
	defer func() { // Reset would leave it marked as ignored
		c := make(chan os.Signal, 1)
		signal.Notify(c, syscall.SIGHUP)
		signal.Stop(c)
	}()
	a := attend(false)
	defer a.release()
	must(t, syscall.Kill(os.Getpid(), syscall.SIGHUP))
	must(t, syscall.Kill(os.Getpid(), syscall.SIGTERM))
	if s := <-a.signals; s != syscall.SIGTERM {
		t.Errorf("caught %s", s)
	}
}

// TestPipeProcess is the process that TestClosedPipe starts.
func TestPipeProcess(t *testing.T) {
	mark := os.Getenv("XLAB_TEST_PIPE")
	if mark == "" {
		t.Skip("only as the other process of TestClosedPipe")
	}
	safer := box{name: "analyzer", log: new(actions),
		do: func(context.Context) error { return os.WriteFile(mark, nil, 0o644) }}
	err := Guard(context.Background(), GuardOptions{Safers: []NamedSafer{{"analyzer", safer}}},
		func(context.Context) error {
			_, err := os.Stdout.WriteString("progress\n")
			return err
		})
	if !errors.Is(err, syscall.EPIPE) {
		t.Fatalf("writing to a closed pipe: %v", err)
	}
}

// Whoever reads the output going away must not leave the bench hot.
func TestClosedPipe(t *testing.T) {
	mark := filepath.Join(t.TempDir(), "safe")
	r, w, err := os.Pipe()
	must(t, err)
	must(t, r.Close())
	cmd := exec.Command(os.Args[0], "-test.run=^TestPipeProcess$")
	cmd.Env = append(os.Environ(), "XLAB_TEST_PIPE="+mark)
	cmd.Stdout = w
	err = cmd.Run()
	must(t, w.Close())
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) { // the test framework itself may fail to print
		t.Fatal(err)
	}
	if _, err := os.Stat(mark); err != nil {
		t.Errorf("the bench was not made safe: %v", err)
	}
}
