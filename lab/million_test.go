package lab_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"xlab/lab"
	"xlab/run"
)

var long = flag.Bool("long", false, "run what takes minutes too")

// TestLongRun: the memory that a run needs and its speed do not depend on how
// long it has been going on. It cycles the devices of a small array and compares
// the second fifth of the run with the last one. Speeds are the process's own
// time per pulse, not the wall's, so that a busy machine does not matter.
func TestLongRun(t *testing.T) {
	if !*long {
		t.Skip("a million pulses take minutes; -long runs it")
	}
	const pulses = 1_000_000
	const devices = 8
	l, dir := lab.New(), t.TempDir()
	wiring := filepath.Join(dir, "small.yaml")
	if err := os.WriteFile(wiring, []byte(smallWiring(4, 4)), 0o644); err != nil {
		t.Fatal(err)
	}
	bench := filepath.Join(dir, "bench.yaml")
	if err := os.WriteFile(bench, fmt.Appendf(nil, `bench: small
analyzer: {type: b1500, address: sim, gpib: 17}
boards: [{name: A, address: sim, wiring: %s}]
limits: {min_voltage: -2.5V, max_voltage: 3.5V, max_current: 5mA, max_width: 20ms}
runs: %s
simulation: {chip: %s}
`, wiring, dir, filepath.Join(dir, "chip.json")), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := l.ReadConfig(bench, nil); err != nil {
		t.Fatal(err)
	}
	if err := carryOut(t, l, "form", "--devices", "r0-1c*"); err != nil {
		t.Fatal(err)
	}

	cycling, err := parse(t, l, "characterize-endurance", "--devices", "r0-1c*", "--fixed", "--min-ratio", "1.0000001",
		"--cycles", fmt.Sprint(pulses/2/devices), "--per-decade", "10")
	if err != nil {
		t.Fatal(err)
	}

	type sample struct {
		bytes int // of the journal: the pulses done
		cpu   time.Duration
		heap  uint64
	}
	var samples []sample
	done := make(chan struct{})
	go func() {
		defer close(done)
		if _, err := l.CarryOut(t.Context(), cycling.Job); err != nil && run.ExitCode(err) != run.ExitPartial {
			t.Error(err)
		}
	}()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for going := true; going; {
		select {
		case <-done:
			going = false
		case <-tick.C:
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			samples = append(samples, sample{bytes: journaledBytes(t, dir), cpu: processTime(t), heap: m.HeapAlloc})
		}
	}
	if len(samples) < 20 {
		t.Fatalf("only %d samples: ask for more pulses", len(samples))
	}
	part := func(from, to float64) (perByte float64, heap uint64) {
		a, b := samples[int(from*float64(len(samples)-1))], samples[int(to*float64(len(samples)-1))]
		// The smallest: what is under way at the moment of a sample comes and goes.
		heap = a.heap
		for _, s := range samples[int(from*float64(len(samples)-1)):int(to*float64(len(samples)-1))] {
			heap = min(heap, s.heap)
		}
		return float64(b.cpu-a.cpu) / float64(b.bytes-a.bytes), heap
	}
	for i := 0; i < len(samples); i += max(1, len(samples)/20) {
		t.Logf("after %d s: %.2f MB", i, float64(samples[i].heap)/1e6)
	}
	early, heapEarly := part(0.2, 0.4)
	late, heapLate := part(0.75, 0.95)
	t.Logf("%d pulses in %d s: time per journaled byte %.1f ns, at the end %.1f ns; heap %.1f MB, at the end %.1f MB",
		pulses, len(samples), early, late, float64(heapEarly)/1e6, float64(heapLate)/1e6)
	if late > 1.1*early {
		t.Errorf("slower at the end: %.1f ns per journaled byte after %.1f", late, early)
	}
	if float64(heapLate) > 1.1*float64(heapEarly) {
		t.Errorf("more memory at the end: %d bytes after %d", heapLate, heapEarly)
	}
}

func journaledBytes(t *testing.T, runs string) (n int) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(runs, "*-characterize*", "journal*.jsonl"))
	if err != nil {
		t.Error(err)
	}
	for _, f := range files {
		if info, err := os.Stat(f); err == nil {
			n += int(info.Size())
		}
	}
	return n
}

// smallWiring is the wiring map of a small array A.
func smallWiring(rows, cols int) string {
	return fmt.Sprintf(`array: A
rows: %[1]d
cols: %[2]d
board:
  name: A
  chip: adg1438
  chain: [{rows: 0-%[3]d}, {cols: 0-%[4]d}]
buses: {S1: F1, S2: F2, S3: H1, S4: H2, S5: GND, S6: VREAD+, S7: VREAD-, S8: NEURON}
smu: {F1: 1, F2: 2, H1: 3, H2: 4}
`, rows, cols, rows-1, cols-1)
}
