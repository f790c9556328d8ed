package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"xlab/lab"
	"xlab/lab/boxes"
	"xlab/lab/config"
	"xlab/mock/bench"
	"xlab/mock/device"
	"xlab/run"
)

// What has to become of a run when a signal comes, by number. Those that are not
// among them it goes on under.
var (
	stopping = []syscall.Signal{1, 2, 15, 24, 30}
	faulted  = []syscall.Signal{3, 4, 5, 6, 7, 8, 11, 16, 31} // stopping at once, and leaves its stacks
	stilling = []syscall.Signal{20, 21, 22}
	never    = []syscall.Signal{9, 19, 32, 34} // no program sees them
)

// servedBench is a simulated bench behind sockets, of which the test can ask what
// its instruments do, with a proxy in front of the analyzer.
type servedBench struct {
	t      *testing.T
	rig    *rig
	dir    string
	config string
	gate   *sweepGate
	n      int // devices looked at
}

func newServedBench(t *testing.T) *servedBench {
	t.Helper()
	b := &servedBench{t: t, rig: newRig(t, 1), dir: t.TempDir()}
	c, err := config.Load("", nil, boxes.Default())
	if err != nil {
		t.Fatal(err)
	}
	b.rig.app.Config = c
	ctx, end := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	addresses := map[string]string{}
	go func() {
		ended <- b.rig.app.Serve(ctx, "127.0.0.1", func(e lab.Endpoint) error {
			if e.Transport == "tcp" {
				addresses[e.Instrument+e.Board] = e.Address
			}
			return nil
		})
	}()
	t.Cleanup(func() {
		end()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	b.rig.err.await(t, "serving until")
	b.gate = newSweepGate(t, addresses["b1500a"])
	b.config = writeBench(t, b.dir, "tcp:"+b.gate.address, "buspirate:tcp:"+addresses["adg1438A"],
		fmt.Sprintf("  - {name: B, address: %q, wiring: array-b.yaml}\nlocks: %q\nruns: %q",
			"buspirate:tcp:"+addresses["adg1438B"], filepath.Join(b.dir, "locks"), filepath.Join(b.dir, "runs")))
	form := b.start(false, "form", "--devices", "r0c0")
	form.ends(run.ExitDone, "form A 1/1")
	b.n++
	return b
}

// used tells what the instruments do: whether any output is on at another level
// than 0 V, and whether nothing at all is connected.
func (b *servedBench) used() (biased, safe bool) {
	b.rig.sim.Netlist.Do(func() {
		off := true
		for _, o := range b.rig.sim.Netlist.Outputs() {
			off = off && o.Mode == bench.Off
			biased = biased || o.Mode != bench.Off && o.Level != 0
		}
		safe = off && b.rig.sim.Netlist.ClosedSwitches() == 0
	})
	return biased, safe
}

// client is a process that works on the bench.
type client struct {
	bench *servedBench
	*exec.Cmd
	in   io.WriteCloser
	errs *output
}

func (b *servedBench) start(nohup bool, args ...string) *client {
	b.t.Helper()
	words := append([]string{"xlab"}, append(args, "--config", b.config)...)
	if nohup {
		words = append([]string{"sh", "-c", `trap "" HUP; exec "$@"`, "sh"}, words...)
	}
	p := &client{bench: b, Cmd: exec.Command(words[0], words[1:]...), errs: newOutput()}
	p.Stderr = p.errs
	var err error
	if p.in, err = p.StdinPipe(); err == nil {
		err = p.Start()
	}
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = p.Process.Kill() })
	return p
}

// atRest is a run that has the bench and waits for a person.
func (b *servedBench) atRest(nohup bool) *client {
	b.gate.let(true)
	p := b.start(nohup, "characterize", "temperature", "--devices", "r0c0", "--defects", "none")
	p.errs.await(b.t, "Enter")
	return p
}

// inSweep is a run that forms devices which nobody has formed, at a sweep that is
// under way.
func (b *servedBench) inSweep(nohup bool, devices int) *client {
	b.gate.let(false)
	var cells []string
	b.rig.sim.Netlist.Do(func() {
		for a := b.rig.sim.Chip.Arrays["A"]; len(cells) < devices; b.n++ {
			if a.Condition(b.n) == device.Pristine {
				cells = append(cells, fmt.Sprintf("r%dc%d", b.n/20, b.n%20))
			}
		}
	})
	p := b.start(nohup, "form", "--devices", strings.Join(cells, ","))
	p.awaitBias()
	return p
}

func (p *client) awaitBias() {
	p.bench.t.Helper()
	p.bench.gate.await(p)
	if biased, _ := p.bench.used(); !biased {
		p.bench.t.Errorf("nothing is under bias in the sweep: the test shows nothing")
	}
}

func (p *client) send(s syscall.Signal) {
	p.bench.t.Helper()
	if err := p.Process.Signal(s); err != nil {
		p.bench.t.Fatalf("signal %d: %v:\n%s", s, err, p.errs)
	}
}

// ends checks that the process ends with a code, and that the bench is safe then.
func (p *client) ends(code int, last string) {
	t := p.bench.t
	t.Helper()
	if err := p.Wait(); p.ProcessState == nil || p.ProcessState.ExitCode() != code {
		t.Errorf("ended with %v, want exit code %d:\n%s", err, code, p.errs)
	}
	if _, safe := p.bench.used(); !safe {
		t.Errorf("the bench is not safe:\n%s", p.errs)
	}
	said := strings.TrimSpace(p.errs.String())
	if line := said[strings.LastIndex(said, "\n")+1:]; !strings.HasPrefix(line, last) {
		t.Errorf("the last line is %q, want %q", line, last)
	}
}

// standsStill checks that the process stands still with the bench safe, and
// continues it.
func (p *client) standsStill() {
	t := p.bench.t
	t.Helper()
	var status syscall.WaitStatus
	for deadline := time.Now().Add(patient); ; time.Sleep(5 * time.Millisecond) {
		pid, err := syscall.Wait4(p.Process.Pid, &status, syscall.WUNTRACED|syscall.WNOHANG, nil)
		if pid == p.Process.Pid {
			break
		}
		if err != nil && !errors.Is(err, syscall.EINTR) || time.Now().After(deadline) {
			t.Fatalf("it goes on (%v):\n%s", err, p.errs)
		}
	}
	if !status.Stopped() {
		t.Fatalf("it does not stand still, but ended with %v:\n%s", status, p.errs)
	}
	if _, safe := p.bench.used(); !safe {
		t.Errorf("it stands still, and the bench is not safe:\n%s", p.errs)
	}
	p.send(syscall.SIGCONT)
}

// livesThrough sends signals and blocks until the process has got them.
func (p *client) livesThrough(signals []syscall.Signal) {
	t := p.bench.t
	t.Helper()
	for _, s := range signals {
		p.send(s)
	}
	for deadline := time.Now().Add(patient); ; time.Sleep(time.Millisecond) {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Process.Pid))
		if err != nil {
			t.Fatalf("%v:\n%s", err, p.errs)
		}
		if bytes.Contains(status, []byte("\nShdPnd:\t0000000000000000\n")) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("signals are pending:\n%s", status)
		}
	}
}

const goOnWith = "go on with: xlab resume "

// TestSignals sends every signal that a program can see to a run on a bench, at
// rest and in the middle of a sweep, under nohup and not: the run goes on, or the
// bench is safe, which the instruments are asked.
func TestSignals(t *testing.T) {
	t.Parallel()
	for _, nohup := range []bool{false, true} {
		t.Run(map[bool]string{false: "plain", true: "nohup"}[nohup], func(t *testing.T) {
			t.Parallel()
			checkSignals(t, nohup)
		})
	}
}

func checkSignals(t *testing.T, nohup bool) {
	b := newServedBench(t)
	ignored := func(s syscall.Signal) bool { return nohup && s == syscall.SIGHUP }
	stopping := slices.DeleteFunc(slices.Clone(stopping), ignored)
	var lived []syscall.Signal
	for s := syscall.Signal(1); s <= 64; s++ {
		if !slices.Contains(slices.Concat(stopping, faulted, stilling, never), s) {
			lived = append(lived, s)
		}
	}

	rest := b.atRest(nohup)
	rest.livesThrough(lived)
	for _, s := range stilling {
		rest.send(s)
		rest.standsStill()
	}
	rest.send(syscall.SIGTERM)
	rest.ends(run.ExitInterrupted, goOnWith)

	sweep := b.inSweep(nohup, 1)
	sweep.livesThrough(lived)
	b.gate.let(true)
	sweep.ends(run.ExitDone, "form A 1/1")
	for i, s := range stilling {
		sweep := b.inSweep(nohup, 1)
		sweep.send(s)
		sweep.errs.await(t, "the sources go to 0 V")
		if i > 0 {
			b.gate.let(true) // the first one is broken off
		}
		sweep.standsStill()
		b.gate.let(true)
		sweep.ends(run.ExitDone, "form A 1/1")
	}

	for _, s := range stopping {
		rest := b.atRest(nohup)
		rest.send(s)
		rest.ends(run.ExitInterrupted, goOnWith)
		sweep := b.inSweep(nohup, 2)
		sweep.send(s)
		sweep.errs.await(t, "stopping at the next device")
		b.gate.let(true)
		sweep.ends(run.ExitInterrupted, goOnWith)
	}
	for _, s := range faulted {
		rest := b.atRest(nohup)
		rest.send(s)
		rest.ends(run.ExitInterrupted, goOnWith)
		sweep := b.inSweep(nohup, 1)
		sweep.send(s)
		sweep.ends(run.ExitInterrupted, goOnWith)
		stored, err := run.Load(filepath.Join(b.dir, "runs"), "last")
		if err != nil {
			t.Fatal(err)
		}
		stacks, err := os.ReadFile(filepath.Join(stored.Dir, lab.StacksFile))
		if err != nil || !bytes.Contains(stacks, []byte("goroutine 1 ")) {
			t.Errorf("signal %d: no stacks in the run's directory: %v", s, err)
		}
	}
}

// sweepGate is in front of an analyzer. While it is shut it ends the line behind
// the start of a sweep and keeps the rest back, so that the sources stay at the
// level that the sweep leaves them at; whatever the host sends next opens it.
type sweepGate struct {
	address string
	target  string

	mu   sync.Mutex
	cond *sync.Cond
	open bool
	held bool
}

func newSweepGate(t *testing.T, target string) *sweepGate {
	t.Helper()
	g := &sweepGate{target: target, open: true}
	g.cond = sync.NewCond(&g.mu)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g.address = l.Addr().String()
	var served sync.WaitGroup
	served.Go(func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			served.Go(func() { g.serve(near) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		g.let(true)
		served.Wait()
	})
	return g
}

func (g *sweepGate) serve(near net.Conn) {
	far, err := net.Dial("tcp", g.target)
	if err != nil {
		_ = near.Close()
		return
	}
	var both sync.WaitGroup
	both.Go(func() {
		_, _ = io.Copy(near, far)
		_ = near.Close()
	})
	pieces := make(chan []byte)
	both.Go(func() {
		defer close(pieces)
		for {
			piece := make([]byte, 1<<16)
			n, err := near.Read(piece)
			if n > 0 {
				pieces <- piece[:n]
			}
			if err != nil {
				return
			}
		}
	})
	for piece := range pieces {
		start, rest, found := bytes.Cut(piece, []byte(";XE"))
		if found && bytes.Contains(start, []byte(aSweep)) && g.shut() {
			_, _ = far.Write(append(bytes.Clone(start), ";XE\n"...))
			next := g.wait(pieces)
			piece = append(bytes.Clone(rest[1:]), next...) // without what ended the command
		}
		if _, err := far.Write(piece); err != nil {
			break
		}
	}
	_ = far.Close()
	for range pieces {
	}
	both.Wait()
}

func (g *sweepGate) shut() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return !g.open
}

// wait tells that a sweep is held and blocks until it is let go, or until the host
// sends something else.
func (g *sweepGate) wait(pieces <-chan []byte) (next []byte) {
	opened := make(chan struct{})
	go func() {
		defer close(opened)
		g.mu.Lock()
		defer g.mu.Unlock()
		g.held = true
		g.cond.Broadcast()
		for g.held && !g.open {
			g.cond.Wait()
		}
	}()
	select {
	case next = <-pieces:
	case <-opened:
	}
	g.mu.Lock()
	g.held = false
	g.cond.Broadcast()
	g.mu.Unlock()
	<-opened
	return next
}

// let lets sweeps pass, or holds them from now on.
func (g *sweepGate) let(pass bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open = pass
	g.cond.Broadcast()
}

// await blocks until a sweep is held, and its start has reached the instruments.
func (g *sweepGate) await(p *client) {
	deadline := time.AfterFunc(patient, func() { p.bench.t.Errorf("no sweep came:\n%s", p.errs); g.let(true) })
	defer deadline.Stop()
	g.mu.Lock()
	for !g.held && !g.open {
		g.cond.Wait()
	}
	g.mu.Unlock()
	for range 1000 {
		if biased, _ := p.bench.used(); biased {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}
