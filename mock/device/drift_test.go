package device

import (
	"math"
	"testing"
)

func driftOf(t *testing.T, celsius float64, pieces int, seconds float64) []float64 {
	t.Helper()
	a, err := NewArray(Default(), 20, 20, 1)
	if err != nil {
		t.Fatal(err)
	}
	m := allFormed(a, 50e-6)
	if err := a.SetTemperature(celsius); err != nil {
		t.Fatal(err)
	}
	for range pieces {
		a.Idle(seconds / float64(pieces))
	}
	ln := make([]float64, a.Len())
	for k := range ln {
		ln[k] = math.Log(m.state(k) / 50e-6)
	}
	return ln
}

// TestDrift: states fall with the logarithm of time, by a different exponent per device; the cutting of the time does
// not
// matter; heat makes it faster.
func TestDrift(t *testing.T) {
	day := driftOf(t, 25, 1, 86400)
	mean, sigma := meanAndSigma(day)
	decades := math.Log(86401)
	within(t, "mean drift over a day", mean, -5e-4*decades, 1e-3)
	within(t, "spread of the drift over a day", sigma, 5e-4*decades, 1e-3)
	pieces := driftOf(t, 25, 1000, 86400)
	for k := range day {
		if math.Abs(day[k]-pieces[k]) > 1e-5 {
			t.Fatalf("device %d drifted by %v in one piece and by %v in a thousand", k, day[k], pieces[k])
		}
	}
	hot, _ := meanAndSigma(driftOf(t, 85, 1, 86400))
	if !(hot < mean*1.2) {
		t.Errorf("drift over a day is %v at 85 degrees and %v at 25", hot, mean)
	}
}

// TestDriftRestarts: a real change of the state starts the age anew; a read does not.
func TestDriftRestarts(t *testing.T) {
	a, err := NewArray(Default(), 3, 3, 1)
	if err != nil {
		t.Fatal(err)
	}
	m := allFormed(a, 50e-6)
	a.Idle(1e5)
	v, i := make([]float64, 9), make([]float64, 9)
	v[4], v[5] = 1.3, 0.2
	a.Stress(v, i, 500e-6, 0)
	if age := m.clock - m.programmedAt[4]; age > 1e-3 {
		t.Errorf("age after a SET pulse is %v s", age)
	}
	if age := m.clock - m.programmedAt[5]; age < 1e5 {
		t.Errorf("age after a read is %v s", age)
	}
}
