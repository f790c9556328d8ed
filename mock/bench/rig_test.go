package bench_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"xlab/mock/bench"
	"xlab/mock/device"
)

// Switch settings of the rig's boards.
const (
	toF1    = 1 << 0
	toF2    = 1 << 1
	toH1    = 1 << 2
	toH2    = 1 << 3
	toGND   = 1 << 4
	toRead  = 1 << 5
	toDead  = 1 << 6 // a bus that leads nowhere
	allOpen = 0
)

// rig is a bench with one array behind a board, rows first in its chain.
type rig struct {
	bench      *bench.Bench
	devices    *device.Array
	rows, cols int
	wires      bench.Wires
}

const seed = 7

func newRig(t testing.TB, rows, cols int, w bench.Wires) *rig {
	t.Helper()
	return newRigOf(t, device.Default(), rows, cols, w)
}

func newRigOf(t testing.TB, technology *device.Technology, rows, cols int, w bench.Wires) *rig {
	t.Helper()
	b, err := bench.New(bench.Config{Units: 4, Wires: w, Meter: bench.Meter{}, Seed: seed})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{bench: b, rows: rows, cols: cols, wires: w}
	r.devices = attach(t, b, "A", technology, rows, cols, seed)
	return r
}

// linear is the technology of the linearised memristor.
func linear(t testing.TB) *device.Technology {
	t.Helper()
	f, err := os.Open("../device/linear-memristor.yaml")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	technology, err := device.LoadTechnology(f, f.Name())
	if err != nil {
		t.Fatal(err)
	}
	return technology
}

// attach adds an array and its board of the same name to the bench.
func attach(t testing.TB, b *bench.Bench, name string, technology *device.Technology, rows, cols int,
	seed uint64) *device.Array {
	t.Helper()
	board, err := bench.LoadBoard(strings.NewReader(wiringText(name, rows, cols)), name, 0.2)
	if err != nil {
		t.Fatal(err)
	}
	devices, err := device.NewArray(technology, rows, cols, seed)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Attach(board, devices); err != nil {
		t.Fatal(err)
	}
	return devices
}

func wiringText(name string, rows, cols int) string {
	return fmt.Sprintf(`array: %s
rows: %d
cols: %d
board:
  name: %s
  chip: adg1438
  chain: [{rows: 0-%d}, {cols: 0-%d}]
buses: {S1: F1, S2: F2, S3: H1, S4: H2, S5: GND, S6: VREAD+, S7: SPARE, S8: NEURON}
smu: {F1: 1, F2: 2, H1: 3, H2: 4}
`, name, rows, cols, name, rows-1, cols-1)
}

// select1 puts one row on F1, one column on F2 and the others on H1 and H2.
func (r *rig) select1(row, col int) {
	r.set(func(isRow bool, line int) uint8 {
		switch {
		case isRow && line == row:
			return toF1
		case isRow:
			return toH1
		case line == col:
			return toF2
		}
		return toH2
	})
}

// set chooses the closed switches of every line.
func (r *rig) set(of func(isRow bool, line int) uint8) { r.setBoard("A", of) }

func (r *rig) setBoard(board string, of func(isRow bool, line int) uint8) {
	closed := make([]uint8, r.rows+r.cols)
	for i := range closed {
		if i < r.rows {
			closed[i] = of(true, i)
		} else {
			closed[i] = of(false, i-r.rows)
		}
	}
	r.bench.Switch(board, closed)
}

func volts(v, compliance float64) bench.Output {
	return bench.Output{Mode: bench.ForceVoltage, Level: v, Compliance: compliance}
}

func amps(i, compliance float64) bench.Output {
	return bench.Output{Mode: bench.ForceCurrent, Level: i, Compliance: compliance}
}

func (r *rig) outputs(list ...bench.Output) {
	change := make(map[int]bench.Output)
	for u, o := range list {
		change[u+1] = o
	}
	r.bench.SetOutputs(change)
}
