//go:build unix

package prologix_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// TestIndependentDriver lets pymeasure's B1500 driver talk to the simulated
// instruments through its Prologix adapter and a pseudo-terminal. It knows the
// protocol from elsewhere, so what it understands was not invented here.
func TestIndependentDriver(t *testing.T) {
	const python = "/usr/bin/python3"
	if err := exec.Command(python, "-c", "import pymeasure, serial, pandas").Run(); err != nil {
		t.Skipf("%s has no pymeasure with pyserial and pandas (Debian: python3-pymeasure): %v", python, err)
	}
	opened, slave, err := pty.Open()
	if err != nil {
		t.Skipf("no pseudo-terminal: %v", err)
	}
	defer opened.Close()
	defer slave.Close() // open until the end, or the other side sees a hang-up
	// The library leaves the terminal in blocking mode, in which closing does
	// not wake a reader. A second descriptor of it goes through the poller.
	fd, err := unix.Dup(int(opened.Fd()))
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		t.Fatal(err)
	}
	master := os.NewFile(uintptr(fd), opened.Name())
	_, adapter := newBench(t)
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- adapter.Serve(ctx, master) }()

	limited, stop := context.WithTimeout(ctx, time.Minute)
	defer stop()
	witness := exec.CommandContext(limited, python, "-W", "ignore", "testdata/witness.py", slave.Name())
	var out, complaint bytes.Buffer
	witness.Stdout, witness.Stderr = &out, &complaint
	err = witness.Run()
	cancel()
	if e := <-served; !errors.Is(e, context.Canceled) {
		t.Errorf("serving ended with %v", e)
	}
	if err != nil {
		t.Fatalf("witness: %v\n%s", err, complaint.String())
	}
	lines := bytes.Split(bytes.TrimSpace(out.Bytes()), []byte{'\n'})
	var got, want map[string]any
	if err := json.Unmarshal(lines[len(lines)-1], &got); err != nil {
		t.Fatalf("%v in %s", err, out.String())
	}
	text, err := os.ReadFile("testdata/witness.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	near := cmp.Comparer(func(a, b float64) bool { return a == b || math.Abs(a-b) < 1e-9*math.Abs(b) })
	if diff := cmp.Diff(want, got, near); diff != "" {
		t.Errorf("the driver saw something else (-want +got):\n%s", diff)
	}
}
