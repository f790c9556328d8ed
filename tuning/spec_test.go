package tuning

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"xlab/instrument"
	"xlab/instrument/array"
)

func TestSpecValidate(t *testing.T) {
	if err := testSpec(3, 3).Validate(3, 3); err != nil {
		t.Fatal(err)
	}
	nan := math.NaN()
	for name, spoil := range map[string]func(s *Spec){
		"tolerance":      func(s *Spec) { s.Tolerance = 1 },
		"tolerance: NaN": func(s *Spec) { s.Tolerance = nan },
		"policy":         func(s *Spec) { s.Policy = "guess" },
		"vset_min":       func(s *Spec) { s.SetMin = 1.6 },
		"vset_max":       func(s *Spec) { s.SetMin, s.SetMax = 0, 0 },
		"vreset_min":     func(s *Spec) { s.ResetMax = -0.5 },
		"vreset_max":     func(s *Spec) { s.ResetMin = 0.8 },
		"width":          func(s *Spec) { s.Width = 0 },
		"set_scheme":     func(s *Spec) { s.ResetScheme = "" },
		"device_budget":  func(s *Spec) { s.DeviceBudget, s.PassBudget = 5, 6 },
		"pass_budget":    func(s *Spec) { s.PassBudget = -1 },
		"passes":         func(s *Spec) { s.Passes = -1 },
		"accept":         func(s *Spec) { s.Accept = 1.1 },
		"coarse":         func(s *Spec) { s.Coarse = 1 },
		"slow_step":      func(s *Spec) { s.SlowStep = 0 },
		"near":           func(s *Spec) { s.Near = -0.1 },
		"read:":          func(s *Spec) { s.Read = 0.21 },
		"not 0 V":        func(s *Spec) { s.Read = 0 },
		"aperture":       func(s *Spec) { s.Aperture = 0 },
		"read_noise":     func(s *Spec) { s.ReadNoise = s.Tolerance / 2 },
		"compliance":     func(s *Spec) { s.Compliance = 0 },
		"range_min":      func(s *Spec) { s.RangeMin = s.RangeMax },
		"contact":        func(s *Spec) { s.Lines.Contact = -1 },
		"3 x 4":          func(s *Spec) { s.Targets = NewTargets(3, 4) },
		"no device":      func(s *Spec) { s.Targets = NewTargets(3, 3) },
	} {
		s := testSpec(3, 3)
		spoil(&s)
		word, _, _ := strings.Cut(name, ": NaN")
		if err := s.Validate(3, 3); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%s: %v", name, err)
		}
	}
	s := testSpec(3, 3)
	s.Tolerance, s.Width, s.Compliance = 0, 0, 0
	if err := s.Validate(3, 3); err == nil || strings.Count(err.Error(), "\n") < 2 {
		t.Errorf("not all faults are named: %v", err)
	}
}

// The band leaves room for the noise, and an intent covers what a visit may do.
func TestBandAndBudgets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := testSpec(2, 2)
		s.Tolerance, s.Accept, s.ReadNoise = rapid.Float64Range(0.01, 0.5).Draw(t, "tolerance"),
			rapid.Float64Range(0.1, 1).Draw(t, "accept"), rapid.Float64Range(1e-4, 0.003).Draw(t, "noise")
		s.Policy = rapid.SampledFrom(Policies()).Draw(t, "policy")
		s.DeviceBudget, s.PassBudget = rapid.IntRange(0, 50).Draw(t, "device"), rapid.IntRange(0, 50).Draw(t, "pass")
		if s.Validate(2, 2) != nil {
			t.Skip("not a specification")
		}
		if b := s.band(); !(b > 0 && b <= s.Accept*s.Tolerance && b <= s.Tolerance-2.5*s.ReadNoise) {
			t.Fatalf("band %v", b)
		}
		perDevice, perPass := s.budgets()
		if perPass < 1 || perPass > perDevice || s.DeviceBudget > 0 && perDevice != s.DeviceBudget || s.PassBudget > 0 &&
			perPass != s.PassBudget {
			t.Fatalf("%d pulses per device, %d per pass", perDevice, perPass)
		}
		b := s.bounds(perPass)
		if b.Steps < perPass+without || b.MaxVoltage != s.SetMax || b.MinVoltage != s.ResetMax ||
			b.MaxCurrent != s.Compliance {
			t.Fatalf("%+v", b)
		}
	})
	s := testSpec(2, 2)
	if up, down := s.Pulse(1), s.Pulse(-1); up.Scheme != s.SetScheme || down.Scheme != s.ResetScheme ||
		up.Width != s.Width || up.Compliance != s.Compliance {
		t.Errorf("%+v, %+v", up, down)
	}
	if !s.strongest(s.SetMax) || !s.strongest(s.ResetMax) || s.strongest(s.SetMin) || s.strongest(s.ResetMin) {
		t.Error("the strongest pulses are not those")
	}
}

func TestEstimate(t *testing.T) {
	s := testSpec(3, 3)
	s.Targets[1][1] = instrument.Siemens(math.NaN())
	s.Targets[0][0], s.Targets[2][2] = 6e-6, 190e-6
	var seen []array.Step
	e, err := s.Estimate(3, 3, func(steps ...array.Step) (instrument.Seconds, error) {
		seen = append(seen, steps...)
		return instrument.Seconds(len(steps)), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	budget, _ := s.budgets()
	if e.Devices != 8 || e.Pulses != 8*budget || e.Lowest != 6e-6 || e.Highest != 190e-6 || e.MaxVoltage != 1.5 ||
		e.MinVoltage != -1.8 {
		t.Errorf("%+v", e)
	}
	// A write and its read take two seconds here, a read one.
	if e.TypicalTime != 8*typicalPulses*2+typicalReads*9 ||
		e.LongestTime != instrument.Seconds(8*budget*2+(s.Passes+3)*9) {
		t.Errorf("typical %v, longest %v", e.TypicalTime, e.LongestTime)
	}
	strongest := map[instrument.Volts]bool{}
	for _, step := range seen {
		if p, ok := step.(array.Pulse); ok {
			strongest[p.Voltage] = true
		}
	}
	if !strongest[s.SetMax] || !strongest[s.ResetMax] {
		t.Errorf("the strongest pulses were not checked: %v", strongest)
	}
	var text strings.Builder
	if err := e.Print(&text); err != nil || !strings.Contains(text.String(),
		"8 devices to conductances from 6.00 µS to 190 µS") {
		t.Errorf("%v: %s", err, text.String())
	}
	limit := &instrument.Error{Kind: instrument.KindLimit}
	if _, err := s.Estimate(3, 3, func(...array.Step) (instrument.Seconds, error) {
		return 0,
			limit
	}); instrument.KindOf(err) != instrument.KindLimit {
		t.Errorf("beyond the limits: %v", err)
	}
}
