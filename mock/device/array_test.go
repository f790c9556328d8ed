package device

import (
	"fmt"
	"math"
	"testing"
)

func TestArraySizes(t *testing.T) {
	for _, c := range []struct {
		rows, cols int
		ok         bool
	}{{1, 1, true}, {1, 20, true}, {20, 20, true}, {64, 3, true}, {256, 256, true}, {0, 1, false}, {1, -1, false},
		{1 << 20, 1 << 20, false}} {
		a, err := NewArray(Default(), c.rows, c.cols, 1)
		if (err == nil) != c.ok {
			t.Errorf("%d x %d: %v", c.rows, c.cols, err)
		}
		if err != nil {
			continue
		}
		n := a.Len()
		v, i, g := make([]float64, n), make([]float64, n), make([]float64, n)
		v[n-1] = 0.2
		a.SampleNoise(1e-3)
		a.Currents(v, i, g)
		if formed, used := a.Stress(v, i, 1e-3, 0); formed != -1 || used != 1e-3 {
			t.Errorf("%d x %d: a read formed device %d after %v s", c.rows, c.cols, formed, used)
		}
		a.Idle(1)
		if truth := a.Truth(); len(truth.Conductance) != n || a.Clock() != 1.001 {
			t.Errorf("%d x %d: %d conductances, clock %v", c.rows, c.cols, len(truth.Conductance), a.Clock())
		}
	}
	if _, err := NewArray(nil, 2, 2, 1); err == nil {
		t.Error("an array without a technology")
	}
}

// TestMisuseIsNoticed: what would spoil a chip for good is stopped where it happens.
func TestMisuseIsNoticed(t *testing.T) {
	a, err := NewArray(Default(), 2, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	ok := make([]float64, 4)
	for name, misuse := range map[string]func(){
		"short slice":      func() { a.Currents(ok[:3], ok, ok) },
		"short stress":     func() { a.Stress(ok, ok[:3], 1, 0) },
		"negative time":    func() { a.Stress(ok, ok, -1, 0) },
		"time not finite":  func() { a.Idle(math.NaN()) },
		"negative C":       func() { a.Stress(ok, ok, 1, -1) },
		"voltage NaN":      func() { a.Stress([]float64{0, math.NaN(), 0, 0}, ok, 1, 0) },
		"current infinite": func() { a.Stress(ok, []float64{0, 0, 0, math.Inf(1)}, 1, 0) },
		"read at zero":     func() { a.Conductance(0, 0) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s was accepted", name)
				}
			}()
			misuse()
		}()
	}
	if a.Clock() != 0 || a.LedgerOf(1).MaxAbsV != 0 {
		t.Error("a refused call left traces")
	}
	if formed, used := a.Stress(ok, ok, 0, 0); formed != -1 || used != 0 {
		t.Error("an interval of no time did something")
	}
}

func TestLinearMemristor(t *testing.T) {
	a, err := NewArray(linear(t), 2, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	v, i, g := make([]float64, 4), make([]float64, 4), make([]float64, 4)
	v[0], v[1] = 0.5, -100
	a.Stress(v, i, 0.1, 0)
	a.Currents(v, i, g)
	within(t, "10 uS + 180 uS/(V s) x 0.05 V s", g[0], 19e-6, 1e-12)
	within(t, "floor", g[1], 1e-6, 1e-15)
	within(t, "current", i[0], 9.5e-6, 1e-12)
	if a.Truth().Conductance[2] != 10e-6 {
		t.Error("a device without bias moved")
	}
	if err := a.SetTemperature(85); err == nil || a.SetTemperature(25) != nil {
		t.Error("the linear memristor has no law of temperature")
	}
}

// One device of a chip is formed, reset and set again, with an ideal source at its pads.
func ExampleArray() {
	chip, err := NewArray(Default(), 20, 20, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	const device = 5*20 + 7 // row 5, column 7
	n := chip.Len()
	v, i, g := make([]float64, n), make([]float64, n), make([]float64, n)
	pulse := func(volts, seconds float64) {
		v[device] = volts
		chip.Currents(v, i, g)
		if formed, used := chip.Stress(v, i, seconds, 200e-12); formed >= 0 {
			fmt.Printf("%.2f V: formed\n", volts)
			v[formed] = 0 // the source's compliance takes the voltage away
			chip.Stress(v, i, seconds-used, 200e-12)
		}
	}
	show := func(what string) { fmt.Printf("%-8s %.3g uS\n", what, 1e6*chip.Conductance(device, 0.2)) }

	show("pristine")
	for volts := 1.0; chip.Condition(device) == Pristine; volts += 0.05 {
		pulse(volts, 1e-3)
	}
	show("formed")
	for range 6 {
		pulse(-1.8, 10e-3)
	}
	show("reset")
	pulse(1.4, 500e-6)
	show("set")
	fmt.Printf("the largest voltage it has seen: %.1f V\n", chip.LedgerOf(device).MaxAbsV)
	// Output:
	// pristine 0.00761 uS
	// 1.85 V: formed
	// formed   198 uS
	// reset    38.4 uS
	// set      46.7 uS
	// the largest voltage it has seen: 1.9 V
}
