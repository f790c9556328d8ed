package conformance_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	analyzer "xlab/driver/b1500"
	"xlab/driver/prologix"
	"xlab/driver/transport"
	"xlab/instrument"
	"xlab/mock/bench"
	box "xlab/mock/wire/b1500"
	adapter "xlab/mock/wire/prologix"
)

// stressed is a resistor that keeps the largest voltage that stood at a unit.
type stressed struct {
	resistor
	most float64
}

func (s *stressed) SetOutputs(change map[int]bench.Output) {
	s.resistor.SetOutputs(change)
	for _, o := range change {
		s.most = max(s.most, math.Abs(o.Level))
	}
}

// overtaken is an adapter with two connections. It gets what the living process
// sends line by line, and at one of them first what comes by the dead one's.
type overtaken struct {
	io.ReadWriteCloser
	box  *adapter.Adapter
	rest []byte   // that has not reached the adapter yet
	seen []string // that has
	at   int      // the line before which the dead process's bytes come, from 0
	late string
	ever bool // before each *IDN?
}

// remains is a connection whose client is dead: what it had sent, and the end.
type remains struct{ io.Reader }

func (remains) Write(p []byte) (int, error) { return len(p), nil }
func (remains) Close() error                { return nil }

func (o *overtaken) Read(p []byte) (int, error) {
	if len(o.rest) == 0 {
		n, err := o.ReadWriteCloser.Read(p)
		if err != nil {
			return n, err
		}
		o.rest = bytes.Clone(p[:n])
	}
	line, _, _ := bytes.Cut(o.rest, []byte{'\n'})
	n := copy(p, o.rest[:min(len(line)+1, len(o.rest))])
	o.rest = o.rest[n:]
	if len(o.seen) == o.at || o.ever && string(p[:n]) == "*IDN?\n" {
		_ = o.box.Serve(context.Background(), remains{strings.NewReader(o.late)}) // whose answers nobody reads
	}
	o.seen = append(o.seen, string(p[:n]))
	return n, nil
}

// twoProcesses leaves a bench in the middle of a pulse of a process that is then
// dead, and has another one take it over. before gives what has been executed of the
// dead process's conversation; late is the rest, which comes at line at of the other.
func twoProcesses(t *testing.T, before, late string, at int) (load *stressed, wire *overtaken,
	d *analyzer.Device, met *[]error) {
	t.Helper()
	load = &stressed{}
	simulated, err := box.New(load, box.DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	gpib, err := adapter.New(load, adapter.DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	if err := gpib.Attach(17, simulated); err != nil {
		t.Fatal(err)
	}
	if err := gpib.Serve(t.Context(), remains{strings.NewReader(before)}); err != nil {
		t.Fatal(err)
	}
	near, far := transport.Pipe()
	wire = &overtaken{ReadWriteCloser: far, box: gpib, at: -1, late: late}
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := gpib.Serve(t.Context(), wire); err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("serving: %v", err)
		}
	})
	host, err := prologix.Open(t.Context(), near, prologix.Options{AnswerTimeout: 200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := host.Close(); err != nil {
			t.Error(err)
		}
		serving.Wait()
	})
	load.Do(func() { wire.seen, wire.at = nil, at })
	met = new([]error)
	d = analyzer.New(host.Device(17), analyzer.Options{Limits: sourceLimits, Margin: 300 * time.Millisecond,
		Hello: 200 * time.Millisecond, Channels: []instrument.Channel{1, 2, 3, 4}, Quiet: 2 * time.Millisecond,
		Leftover: func(err error) { *met = append(*met, err) }})
	return load, wire, d, met
}

// dead is a process that was killed behind the writing of a pulse and of the spot
// that reads it.
const dead = "++addr 17\n*RST\nFMT 21,0\nCN 1,2,3,4\n" +
	"MM 3,1\nPT 0,0.001,0.01\nPV 1,20,0,1.5,0.001\nDV 2,20,0,0.001\nXE\n++read eoi\n" +
	"MM 1,1,2\nDV 1,20,0.2,0.001\nDV 2,20,0,0.001\nXE\n++read eoi\nDV 1,20,0,0.001\nERRX?\n++read eoi\n"

// What a dead process had sent comes, by its own connection, anywhere in the take-over
// by the next one. Behind the receipt for CL it stresses nothing, and the analyzer is
// taken over all the same; the rest of the opening finds it ready.
func TestLeftoversWhileTakingOver(t *testing.T) {
	t.Parallel()
	_, wire, d, _ := twoProcesses(t, "", "", -1)
	if err := d.TakeOver(t.Context()); err != nil {
		t.Fatal(err)
	}
	undisturbed := wire.seen
	off := slices.Index(undisturbed, "CL\n")
	if queue := slices.Index(undisturbed, "ERRX?\n"); off < 0 || queue < off {
		t.Fatalf("the take-over was %q", undisturbed)
	}
	lines := strings.SplitAfter(strings.TrimSuffix(dead, "\n"), "\n")
	begun := slices.Index(lines, "MM 3,1\n")
	stresses, rounds := new(sharedMost), new(sharedMost)
	t.Run("at", func(t *testing.T) {
		for at := range undisturbed {
			for from := begun; from < len(lines); from++ {
				t.Run(fmt.Sprint(at, " ", from), func(t *testing.T) {
					t.Parallel()
					late := lines[0] + strings.Join(lines[from:], "") + "\n"
					load, wire, d, met := twoProcesses(t, strings.Join(lines[:from], ""), late, at)
					load.Do(func() { load.most = 0 })
					if err := d.TakeOver(t.Context()); err != nil {
						t.Fatalf("%v, sent %q", err, wire.seen)
					}
					if !load.off() {
						t.Error("an output is on")
					}
					load.Do(func() {
						if stresses.add(load.most); at > off && load.most != 0 {
							t.Errorf("%g V behind CL", load.most)
						}
					})
					rounds.add(float64(len(*met)))
					if err := errors.Join(d.Open(t.Context()), d.Check(t.Context())); err != nil {
						t.Error(err)
					}
				})
			}
		}
	})
	if stresses.most != 1.5 || rounds.most < 1 || rounds.most >= 9 {
		t.Errorf("before CL the dead process's pulse makes %g V; at most %g more rounds", stresses.most, rounds.most)
	}
}

// sharedMost is the largest of what several tests have seen.
type sharedMost struct {
	mu   sync.Mutex
	most float64
}

func (s *sharedMost) add(x float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.most = max(s.most, x)
}

// An analyzer that never gets quiet is not taken over, and its outputs are off.
func TestNeverQuiet(t *testing.T) {
	t.Parallel()
	load, wire, d, met := twoProcesses(t, dead, "XE\n", -1)
	load.Do(func() { wire.ever = true })
	err := d.TakeOver(t.Context())
	if instrument.KindOf(err) != instrument.KindInstrument || !strings.Contains(err.Error(), "analyzer error 217") {
		t.Errorf("%v", err)
	}
	if !load.off() || len(*met) != 9 {
		t.Errorf("outputs off: %v; met %v", load.off(), *met)
	}
}
