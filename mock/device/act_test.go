package device

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestActsAreTheWholeLife: the acts that a witness heard of, done again to the array as it was when the witness came,
// lead
// to the same state byte for byte, through JSON as well.
func TestActsAreTheWholeLife(t *testing.T) {
	for _, tech := range []*Technology{Default(), linear(t)} {
		t.Run(tech.Name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				a, err := NewArray(tech, 3, 4, rapid.Uint64Range(0, 1000).Draw(t, "seed"))
				if err != nil {
					t.Fatal(err)
				}
				save := func(a *Array) []byte {
					text, err := json.Marshal(a)
					if err != nil {
						t.Fatal(err)
					}
					return text
				}
				if rapid.Bool().Draw(t, "used before") {
					live(t, a, tech, rapid.Uint64().Draw(t, "former life"))
				}
				var b Array
				if err := json.Unmarshal(save(a), &b); err != nil {
					t.Fatal(err)
				}
				var acts []Act
				a.Witness(func(act Act) {
					act.Volts, act.Amps = slices.Clone(act.Volts), slices.Clone(act.Amps)
					acts = append(acts, act)
				})
				for range rapid.IntRange(0, 8).Draw(t, "acts") {
					if rapid.Bool().Draw(t, "bias") {
						v := make([]float64, a.Len())
						v[rapid.IntRange(0, a.Len()-1).Draw(t, "device")] = rapid.Float64Range(-2.5, 3).Draw(t, "volts")
						a.Bias(v, 1e-3, 150e-12)
						continue
					}
					if tech.MetalOxide != nil {
						act(t, a)
					} else {
						live(t, a, tech, rapid.Uint64().Draw(t, "life"))
					}
				}
				b.Witness(func(Act) { t.Error("the witness heard of a repetition") })
				for _, act := range acts {
					if err := b.Repeat(act); err != nil {
						t.Fatal(err)
					}
				}
				if !bytes.Equal(save(a), save(&b)) {
					t.Fatalf("%d acts done again lead elsewhere", len(acts))
				}
			})
		})
	}
}

// TestImpossibleActsAreRefused: an act from a damaged record is an error, not a panic, and changes nothing.
func TestImpossibleActsAreRefused(t *testing.T) {
	a, err := NewArray(Default(), 1, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	before, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	two := []float64{1, 0}
	for _, c := range []struct {
		act  Act
		want string
	}{
		{Act{}, "kind 0"},
		{Act{Kind: 99}, "kind 99"},
		{Act{Kind: ActIdle, Value: -1}, "-1"},
		{Act{Kind: ActSample, Value: math.NaN()}, "NaN"},
		{Act{Kind: ActTemperature, Value: -300}, "temperature"},
		{Act{Kind: ActStress, Value: 1, Volts: two}, "0 devices (A)"},
		{Act{Kind: ActBias, Value: 1, Volts: []float64{1}}, "1 devices (V)"},
		{Act{Kind: ActStress, Value: 1, Volts: two, Amps: []float64{0, math.Inf(1)}}, "device 1"},
		{Act{Kind: ActStress, Value: 1, Farads: -1, Volts: two, Amps: two}, "capacitance"},
	} {
		if err := a.Repeat(c.act); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: error %v does not say %q", c.act, err, c.want)
		}
	}
	if after, err := json.Marshal(a); err != nil || !bytes.Equal(before, after) {
		t.Errorf("a refused act changed the array (%v)", err)
	}
}
