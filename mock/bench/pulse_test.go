package bench_test

import (
	"math"
	"testing"

	"xlab/mock/bench"
	"xlab/mock/device"
)

// Every pulse acts on every device with the voltage that it has, and the
// ledgers show it: the selected one, the half-selected ones and the rest.
func TestPulsesActOnEveryDevice(t *testing.T) {
	const v = 1.2
	for _, c := range []struct {
		name       string
		rows, cols float64 // potentials of the other lines
		half, rest float64 // what devices see
	}{
		{"V/2", 0, 0, v / 2, 0},
		{"V/3", -v / 6, v / 6, v / 3, -v / 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			// Hardly any wire, so that the nominal voltages are the real ones.
			r := newRig(t, 20, 20, bench.Wires{RowSegment: 1e-3, ColSegment: 1e-3, SwitchOn: 1e-3})
			formAll(r.devices)
			before, truth := r.devices.Ledger(), r.devices.Truth()
			nominal, current, slope := make([]float64, 400), make([]float64, 400), make([]float64, 400)
			for k := range nominal {
				nominal[k] = c.rest
				switch row, col := k/20, k%20; {
				case row == 3 && col == 7:
					nominal[k] = v
				case row == 3 || col == 7:
					nominal[k] = c.half
				}
			}
			r.devices.Currents(nominal, current, slope)
			r.select1(3, 7)
			r.outputs(volts(v/2, 0.1), volts(-v/2, 0.1), volts(c.rows, 0.1), volts(c.cols, 0.1))
			r.bench.Hold(500e-6)
			after := r.devices.Ledger()
			moved := 0
			for k := range after {
				// The charge of the one interval tells the current, the current the
				// voltage that the device really had.
				got := (after[k].NetCharge - before[k].NetCharge) / 500e-6
				if math.Abs(got-current[k]) > 2e-3*math.Abs(current[k])+5e-8 {
					t.Errorf("device %d at %v V carries %v A, want %v A", k, nominal[k], got, current[k])
				}
				if pulses := after[k].Pulses - before[k].Pulses; (nominal[k] != 0) != (pulses == 1) || pulses > 1 {
					t.Errorf("device %d at %v V counted %d pulses", k, nominal[k], pulses)
				}
				if r.devices.Conductance(k, 0.1) != truth.Conductance[k] {
					moved++
				}
			}
			if moved == 0 {
				t.Error("nothing moved")
			}
		})
	}
}

// Floating lines take what the array gives them; their devices are stressed
// with that too.
func TestFloatingLinesAreStressed(t *testing.T) {
	r := newRig(t, 4, 4, bench.DefaultWires())
	formAll(r.devices)
	before := r.devices.Ledger()
	r.set(func(isRow bool, line int) uint8 {
		switch {
		case isRow && line == 0:
			return toF1
		case !isRow && line == 0:
			return toF2
		}
		return allOpen
	})
	r.outputs(volts(0.75, 5e-3), volts(-0.75, 5e-3))
	s := r.sample(t)
	if math.Abs(s[0].Current+s[1].Current) > 1e-10 || s[0].Current <= 0 {
		t.Errorf("row %v A, column %v A", s[0].Current, s[1].Current)
	}
	// Charge in = charge out at every floating line.
	after := r.devices.Ledger()
	charge := func(row, col int) float64 { return after[row*4+col].NetCharge - before[row*4+col].NetCharge }
	for line := 1; line < 4; line++ {
		inRow, inCol, scale := 0.0, 0.0, 0.0
		for k := range 4 {
			inRow += charge(line, k)
			inCol += charge(k, line)
			scale += math.Abs(charge(line, k))
		}
		if math.Abs(inRow) > 1e-6*scale || math.Abs(inCol) > 1e-6*scale || scale == 0 {
			t.Errorf("line %d: %v C into the row, %v C out of the column, of %v C", line, inRow, inCol, scale)
		}
	}
}

// A device that forms in the middle of an interval changes the network, so the
// interval is cut there; the time is kept.
func TestFormingCutsTheInterval(t *testing.T) {
	r := newRig(t, 1, 1, bench.DefaultWires())
	if r.devices.Condition(0) != device.Pristine {
		t.Fatal("this seed's device is not pristine")
	}
	r.set(func(isRow bool, _ int) uint8 {
		if isRow {
			return toF1
		}
		return toF2
	})
	r.outputs(volts(1.1, 200e-6), volts(-1.1, 5e-3))
	r.bench.Hold(20e-3)
	e := r.devices.LedgerOf(0)
	if r.devices.Condition(0) != device.Formed || e.Pulses != 2 || e.DischargeCharge <= 0 {
		t.Fatalf("%v, ledger %+v", r.devices.Condition(0), e)
	}
	if !near(r.devices.Clock(), 20e-3, 1e-12) || r.bench.Now() != 20e-3 {
		t.Errorf("the device's clock is at %v s, the bench's at %v s", r.devices.Clock(), r.bench.Now())
	}
	// Before, microamperes flowed; after, the compliance: the charge tells that
	// each had its share of the time.
	if e.MaxAbsI < 190e-6 || e.MaxAbsI > 200.1e-6 || e.Charge > 200e-6*20e-3 || e.Charge < 1e-6*20e-3 {
		t.Errorf("ledger %+v", e)
	}
	if s := r.sample(t); !s[0].InCompliance || !near(s[0].Current, 200e-6, 1e-8) {
		t.Errorf("%+v", s[0])
	}
}

// Several devices that form in one interval form one after the other.
func TestSeveralFormInOneInterval(t *testing.T) {
	r := newRig(t, 2, 2, bench.DefaultWires())
	r.set(func(isRow bool, _ int) uint8 {
		if isRow {
			return toF1
		}
		return toF2
	})
	r.outputs(volts(1.1, 50e-3), volts(-1.1, 50e-3))
	r.bench.Hold(20e-3)
	for k := range 4 {
		if c := r.devices.Condition(k); c == device.Pristine {
			t.Errorf("device %d is still %v", k, c)
		}
	}
	if !near(r.devices.Clock(), 20e-3, 1e-12) {
		t.Errorf("the devices' clock is at %v s", r.devices.Clock())
	}
}
