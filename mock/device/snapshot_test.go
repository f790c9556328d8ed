package device

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// act does something random to an array and returns a trace of what it answered.
func act(t *rapid.T, a *Array) {
	n := a.Len()
	v, i, g := make([]float64, n), make([]float64, n), make([]float64, n)
	switch rapid.IntRange(0, 4).Draw(t, "action") {
	case 0:
		a.Idle(rapid.Float64Range(0, 100).Draw(t, "idle"))
	case 1:
		a.SampleNoise(rapid.Float64Range(1e-5, 1).Draw(t, "sample"))
	case 2:
		a.ClearNoise()
	case 3:
		if err := a.SetTemperature(rapid.Float64Range(5, 125).Draw(t, "celsius")); err != nil {
			t.Fatal(err)
		}
	default:
		for k := range v {
			v[k] = rapid.Float64Range(-2.5, 3.5).Draw(t, "volts")
		}
		seconds := rapid.SampledFrom([]float64{500e-6, 1e-3, 20e-3}).Draw(t, "seconds")
		for range n + 1 {
			a.Currents(v, i, g)
			formed, used := a.Stress(v, i, seconds, 300e-12)
			if seconds -= used; formed < 0 {
				break
			}
			v[formed] = 0.1
		}
	}
}

// TestSnapshotGoesOnIdentically: a chip that is saved and restored at any moment answers and ends byte for byte like
// the one that
// was not.
func TestSnapshotGoesOnIdentically(t *testing.T) {
	for _, tech := range []*Technology{Default(), linear(t)} {
		t.Run(tech.Name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				a, err := NewArray(tech, 3, 4, rapid.Uint64Range(0, 1000).Draw(t, "seed"))
				if err != nil {
					t.Fatal(err)
				}
				step := func(a *Array) {
					if tech.MetalOxide == nil {
						v, i := make([]float64, 12), make([]float64, 12)
						v[rapid.IntRange(0, 11).Draw(t, "k")] = rapid.Float64Range(-2, 2).Draw(t, "v")
						a.Stress(v, i, 1e-3, 0)
						return
					}
					act(t, a)
				}
				for range rapid.IntRange(0, 12).Draw(t, "before") {
					step(a)
				}
				saved, err := json.Marshal(a)
				if err != nil {
					t.Fatal(err)
				}
				var b Array
				if err := json.Unmarshal(saved, &b); err != nil {
					t.Fatal(err)
				}
				again, err := json.Marshal(&b)
				if err != nil || !bytes.Equal(saved, again) {
					t.Fatalf("saving the restored chip gives something else (%v)", err)
				}
				// The same further life for both.
				seed := rapid.Uint64().Draw(t, "life")
				replay := func(a *Array) []byte {
					live(t, a, tech, seed)
					text, err := json.Marshal(a)
					if err != nil {
						t.Fatal(err)
					}
					return text
				}
				if !bytes.Equal(replay(a), replay(&b)) {
					t.Fatal("the restored chip lived another life")
				}
			})
		})
	}
}

// live applies a fixed pseudo-random life to an array.
func live(t *rapid.T, a *Array, tech *Technology, seed uint64) {
	n := a.Len()
	v, i, g := make([]float64, n), make([]float64, n), make([]float64, n)
	for step := range uint64(12) {
		d := newDraws(seed, 2000, step)
		if d.uniform(n) < 0.3 {
			a.SampleNoise(2e-3)
		}
		for k := range v {
			v[k] = 5*d.uniform(k) - 2.4
		}
		a.Currents(v, i, g)
		if formed, _ := a.Stress(v, i, 500e-6, 200e-12); formed >= 0 {
			v[formed] = 0
			a.Stress(v, i, 100e-6, 200e-12)
		}
		a.Idle(d.uniform(n + 1))
		if tech.MetalOxide != nil && d.uniform(n+2) < 0.1 {
			if err := a.SetTemperature(30); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestSameSeedSameChip: the same seed and the same calls give the same bytes; another seed another chip.
func TestSameSeedSameChip(t *testing.T) {
	chip := func(seed uint64) []byte {
		p := newProbe(t, Default(), 20, 20, seed)
		p.formAll()
		text, err := json.Marshal(p.a)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	one := chip(1)
	if !bytes.Equal(one, chip(1)) {
		t.Error("chip 1 is not reproducible")
	}
	if bytes.Equal(one, chip(2)) {
		t.Error("chips 1 and 2 are the same")
	}
	t.Logf("a formed 20 x 20 chip is saved in %d bytes", len(one))
}

// TestBrokenSnapshotsAreRefused: each is an error that says what is wrong, and the array stays what it was.
func TestBrokenSnapshotsAreRefused(t *testing.T) {
	a, err := NewArray(Default(), 2, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	a.SampleNoise(1e-3)
	good, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, old, new, want string }{
		{"format", "device array 1", "device array 9", "format"},
		{"unknown field", `"clock_s"`, `"clock"`, "clock"},
		{"size", `"rows":2`, `"rows":3`, "entries instead of"},
		{"no size", `"rows":2`, `"rows":0`, "0 x 2"},
		{"condition", `"conditions":"`, `"conditions":"?`, "conditions"},
		{"technology", "model: metal-oxide", "model: x", "model"},
		{"temperature", `"temperature_celsius":25`, `"temperature_celsius":-300`, "temperature"},
		{"conductance", `"g0_s":[`, `"g0_s":[0,`, "g0_s"},
		{"telegraph", `"up":[]`, `"up":[77]`, "telegraph"},
	} {
		text := strings.Replace(string(good), c.old, c.new, 1)
		if text == string(good) {
			t.Errorf("%s: nothing to change", c.name)
			continue
		}
		b, err := NewArray(Default(), 1, 1, 9)
		if err != nil {
			t.Fatal(err)
		}
		err = b.UnmarshalJSON([]byte(text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v does not say %q", c.name, err, c.want)
		}
		if b.Len() != 1 || b.Seed() != 9 {
			t.Errorf("%s: the array was changed by a snapshot that was refused", c.name)
		}
	}
	if err := new(Array).UnmarshalJSON(append(good, '{')); err == nil {
		t.Error("text after the snapshot accepted")
	}
}
