package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"xlab/instrument/array"
	"xlab/lab/boxes"
	"xlab/lab/config"
	"xlab/lab/sim"
	"xlab/mock/device"
)

// killBench is a simulated bench in this process that the program works on from
// others, which are killed. It keeps the ledger of what was done to the devices.
type killBench struct {
	t   *testing.T
	sim *sim.Bench

	mu     sync.Mutex
	seen   []device.LedgerEntry
	stress map[array.Cell]int // pulses and sweeps that the devices have really had
	left   int                // messages until the kill; 0 = none
	way    int                // of the kill
	kill   func()             // kills the process and returns when it is gone
}

// ways in which a process is killed at a message.
const (
	whileHeard   = iota // the bench goes on with the message
	beforeHeard         // the bench never gets the message
	beforeAnswer        // the answer is lost
	afterAnswer         // with the answer on its way
	shortlyAfter        // some time later
	waysToBeKilled
)

// tappedLine is a connection of the program to the bench.
type tappedLine struct {
	net.Conn
	bench   *killBench
	message string // under way
}

func (l *tappedLine) Read(p []byte) (int, error) {
	l.bench.account(l.message)
	l.message = ""
	n, err := l.Conn.Read(p)
	if n == 0 {
		return n, err
	}
	l.message = string(p[:n])
	switch l.bench.due() {
	case whileHeard:
		l.bench.execute()
	case beforeHeard:
		l.message = ""
		l.bench.execute()
		return 0, io.EOF
	case shortlyAfter:
		kill := l.bench.armed()
		time.AfterFunc(time.Duration(rand.Int64N(int64(killedDelay))), kill)
	}
	return n, err
}

func (l *tappedLine) Write(p []byte) (int, error) {
	switch l.bench.pending() {
	case beforeAnswer:
		l.bench.execute()
	case afterAnswer:
		n, err := l.Conn.Write(p)
		l.bench.execute()
		return n, err
	}
	return l.Conn.Write(p)
}

// due counts a message and tells how to kill at it; -1 = not.
func (b *killBench) due() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.left == 0 {
		return -1
	}
	if b.left--; b.left > 0 {
		return -1
	}
	if b.way == beforeAnswer || b.way == afterAnswer {
		b.left = -1 // at the next answer
		return -1
	}
	return b.way
}

// pending tells how to kill at an answer.
func (b *killBench) pending() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.left != -1 {
		return -1
	}
	b.left = 0
	return b.way
}

func (b *killBench) execute() { b.armed()() }

func (b *killBench) armed() func() {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.kill
}

// account finds out, from the devices' own ledger, which device a message has
// stressed.
func (b *killBench) account(message string) {
	stressing := strings.Count(message, "XE")
	if stressing == 0 || !strings.Contains(message, aPulse) && !strings.Contains(message, aSweep) {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	var now []device.LedgerEntry
	b.sim.Netlist.Do(func() { now = b.sim.Netlist.Devices("A").Ledger() })
	most, cell := 0.0, array.Cell{}
	for k := range now {
		if d := now[k].Charge - b.seen[k].Charge; now[k].Pulses > b.seen[k].Pulses {
			// The selected device has the largest voltage of all.
			if v := strongest(now[k], b.seen[k]) + d; v > most {
				most, cell = v, array.Cell{Row: now[k].Row, Col: now[k].Col}
			}
		}
	}
	b.seen = now
	if most > 0 {
		b.stress[cell] += stressing
	}
}

// strongest is the amplitude bin of the strongest interval since before.
func strongest(now, before device.LedgerEntry) float64 {
	for k := len(now.Positive) - 1; k >= 0; k-- {
		if now.Positive[k] > before.Positive[k] || now.Negative[k] > before.Negative[k] {
			return float64(k + 1)
		}
	}
	return 0
}

// serveOne offers one instrument on a port.
func (b *killBench) serveOne(ctx context.Context, to boxes.Server) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.t.Fatal(err)
	}
	context.AfterFunc(ctx, func() { _ = listener.Close() })
	b.sim.Serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // closed: the end
			}
			b.sim.Serving.Go(func() {
				line := &tappedLine{Conn: conn, bench: b}
				_ = to.Serve(ctx, line) // it breaks off whenever its client is killed
			})
		}
	})
	return listener.Addr().String()
}

// newKillBench makes a bench with a small array and its description in dir.
func newKillBench(t *testing.T, seed uint64, dir string) *killBench {
	t.Helper()
	wiring := fmt.Sprintf(`array: A
rows: %d
cols: %d
board:
  name: A
  chip: adg1438
  chain: [{rows: 0-%d}, {cols: 0-%d}]
buses: {S1: F1, S2: F2, S3: H1, S4: H2, S5: GND, S6: VREAD+, S7: VREAD-, S8: NEURON}
smu: {F1: 1, F2: 2, H1: 3, H2: 4}
`, killedSide, killedSide, killedSide-1, killedSide-1)
	map8 := filepath.Join(dir, "small.yaml")
	if err := os.WriteFile(map8, []byte(wiring), 0o644); err != nil {
		t.Fatal(err)
	}
	simulated := filepath.Join(dir, "simulated.yaml")
	description := "analyzer: {address: %q}\nboards: [{name: A, address: %q, wiring: %q}]\nlimits: {min_voltage: " +
		"-2.5V, max_voltage: 3.5V, max_current: 5mA, max_width: 20ms}\n"
	if err := os.WriteFile(simulated, fmt.Appendf(nil, description, "sim", "sim", map8), 0o644); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(simulated, nil, boxes.Default())
	if err != nil {
		t.Fatal(err)
	}
	state, err := sim.NewChip(c, seed)
	if err != nil {
		t.Fatal(err)
	}
	b := &killBench{t: t, stress: make(map[array.Cell]int), kill: func() {}}
	if b.sim, err = sim.New(boxes.Default(), c, state, ""); err != nil {
		t.Fatal(err)
	}
	b.sim.Netlist.Do(func() { b.seen = b.sim.Netlist.Devices("A").Ledger() })
	ctx := b.sim.Start(t.Context())
	t.Cleanup(func() {
		if err := b.sim.Stop(); err != nil {
			t.Error(err)
		}
	})
	text := fmt.Sprintf(description, "tcp:"+b.serveOne(ctx, b.sim.Analyzer), "buspirate:tcp:"+
		b.serveOne(ctx, b.sim.Boxes["A"]), map8)
	text += fmt.Sprintf("runs: %q\nlocks: %q\ntuning: {tolerance: %g}\n", filepath.Join(dir, "runs"),
		filepath.Join(dir, "locks"), killedTolerance)
	if err := os.WriteFile(filepath.Join(dir, config.FileName), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return b
}
