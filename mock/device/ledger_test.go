package device

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// TestLedger compares the ledger with a record kept beside it.
func TestLedger(t *testing.T) {
	tech := Default()
	rapid.Check(t, func(t *rapid.T) {
		a, err := NewArray(tech, 2, 3, 1)
		if err != nil {
			t.Fatal(err)
		}
		want := make([]LedgerEntry, 6)
		for k := range want {
			want[k].Positive, want[k].Negative = make([]uint32, 16), make([]uint32, 16)
		}
		v, i := make([]float64, 6), make([]float64, 6)
		for range rapid.IntRange(0, 20).Draw(t, "intervals") {
			for k := range v {
				v[k] = rapid.Float64Range(-5, 5).Draw(t, "v")
				i[k] = math.Copysign(rapid.Float64Range(0, 3e-3).Draw(t, "i"), v[k])
			}
			_, used := a.Stress(v, i, 1e-3, 1e-10)
			for k, w := range want {
				w.MaxAbsV = math.Max(w.MaxAbsV, math.Abs(v[k]))
				w.MaxAbsI = math.Max(w.MaxAbsI, math.Abs(i[k]))
				w.MaxV, w.MinV = math.Max(w.MaxV, v[k]), math.Min(w.MinV, v[k])
				w.Charge += math.Abs(i[k]) * used
				w.NetCharge += i[k] * used
				if abs := math.Abs(v[k]); abs >= 0.05 {
					bin := min(int(abs/0.25), 15)
					if v[k] > 0 {
						w.Positive[bin]++
					} else {
						w.Negative[bin]++
					}
					w.Pulses++
				}
				want[k] = w
			}
		}
		for k, got := range a.Ledger() {
			w := want[k]
			if got.Row != k/3 || got.Col != k%3 || got.MaxAbsV != w.MaxAbsV || got.MaxAbsI != w.MaxAbsI || got.MaxV != w.MaxV ||
				got.MinV != w.MinV || got.Charge != w.Charge || got.NetCharge != w.NetCharge || got.Pulses != w.Pulses {
				t.Fatalf("device %d: ledger %+v, want %+v", k, got, w)
			}
			for b := range w.Positive {
				if got.Positive[b] != w.Positive[b] || got.Negative[b] != w.Negative[b] {
					t.Fatalf("device %d, class %d: %d and %d, want %d and %d", k, b, got.Positive[b], got.Negative[b], w.Positive[b],
						w.Negative[b])
				}
			}
		}
	})
}
