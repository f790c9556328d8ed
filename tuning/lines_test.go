package tuning

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"xlab/instrument/array"
)

// drawArray gives an array of formed devices with some pristine ones.
func drawArray(t *rapid.T) (l *lines, g []float64) {
	rows, cols := rapid.IntRange(1, 10).Draw(t, "rows"), rapid.IntRange(1, 10).Draw(t, "cols")
	l = newLines(usual, rows, cols, 200e-6)
	for range rows * cols {
		g = append(g, rapid.OneOf(rapid.Float64Range(8e-6, 120e-6), rapid.Float64Range(8e-6, 120e-6),
			rapid.Float64Range(1e-10, 1e-8)).Draw(t, "g"))
	}
	l.assume(g)
	return l, g
}

// At the solution of the array the formula is exact, for pristine devices too.
func TestFormulaIsExactAtTheSolution(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, g := drawArray(t)
		for k, read := range usual.Reads(l.rows, l.cols, g) {
			if got := l.device(k, read); math.Abs(got-g[k]) > 1e-6*g[k]+1e-13 {
				t.Fatalf("device %d of %v is taken for %v", k, g[k], got)
			}
		}
	})
}

// Between two solutions the formula follows one device well, and it never gives
// less than nothing.
func TestFormulaFollowsADevice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, g := drawArray(t)
		k := rapid.IntRange(0, len(g)-1).Draw(t, "device")
		within := 0.02
		if g[k] < 1e-7 {
			within = 0.15 // nothing was known of its path
		}
		g[k] = rapid.Float64Range(10e-6, 100e-6).Draw(t, "new g")
		read := usual.Reads(l.rows, l.cols, g)[k]
		got := l.device(k, read)
		if math.Abs(got/g[k]-1) > within {
			t.Fatalf("device %d of %v is taken for %v", k, g[k], got)
		}
		l.set(k, got)
		if none := l.device(k, rapid.Float64Range(-1e-4, 0).Draw(t, "read")); none < 0 || none > 1e-15 {
			t.Fatalf("a read below zero gives %v", none)
		}
		if most := l.device(k, 1); math.IsInf(most, 0) || most <= got {
			t.Fatalf("a read of more than the lines let through gives %v", most)
		}
	})
}

func TestSetKeepsTheSums(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, g := drawArray(t)
		for range 5 {
			k := rapid.IntRange(0, len(g)-1).Draw(t, "device")
			g[k] = rapid.Float64Range(0, 100e-6).Draw(t, "new g")
			l.set(k, g[k])
		}
		fresh := newLines(usual, l.rows, l.cols, 200e-6)
		fresh.assume(g)
		for r, sum := range fresh.rowSum {
			if math.Abs(l.rowSum[r]-sum) > 1e-15 {
				t.Fatalf("row %d sums up to %v, want %v", r, l.rowSum[r], sum)
			}
		}
		for c, sum := range fresh.colSum {
			if math.Abs(l.colSum[c]-sum) > 1e-15 {
				t.Fatalf("column %d sums up to %v, want %v", c, l.colSum[c], sum)
			}
		}
	})
}

func TestSag(t *testing.T) {
	l := newLines(usual, 10, 10, 200e-6)
	g := make([]float64, 100)
	l.assume(g)
	if sag := l.sag(0, array.HalfVoltage); sag != 0 {
		t.Errorf("an array that does not conduct takes %v", sag)
	}
	for k := range g {
		g[k] = 50e-6
	}
	l.assume(g)
	half, third, grounded := l.sag(33, array.HalfVoltage), l.sag(33, array.ThirdVoltage), l.sag(33, array.Grounded)
	if !(0 < third && third < half && half < 1) || !(third < grounded) {
		t.Errorf("half %v, third %v, grounded %v", half, third, grounded)
	}
	// Row and column each carry the device's own current and half of nine others'.
	x := 2 * (200 + 2*11.0/2) * 50e-6 * (1 + 9.0/2)
	if want := x / (1 + x); math.Abs(half/want-1) > 1e-9 {
		t.Errorf("half-voltage sag %v, want %v", half, want)
	}
	if ideal := newLines(array.Resistance{}, 10, 10, 200e-6); ideal.sag(33, array.HalfVoltage) != 0 {
		t.Error("ideal lines take something")
	}
}
