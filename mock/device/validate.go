package device

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// validate checks what one key alone cannot show: that the model exists and has its section, and that bounds
// which belong together are in order.
func (t *Technology) validate() error {
	registry := models()
	entry, known := registry[t.Model]
	names := slices.Sorted(maps.Keys(registry))
	if !known {
		return fmt.Errorf("model is %q, but the models are: %s", t.Model, strings.Join(names, ", "))
	}
	for _, name := range names {
		if there := registry[name].validate(t) != nil; there != (name == t.Model) {
			return fmt.Errorf("model %q is described by the section %s and no other model section", t.Model, entry.section)
		}
	}
	n := &t.Noise
	if n.Slowest < n.Fastest*10 {
		return errors.New("noise.slowest_second must be at least ten times noise.fastest_second")
	}
	if decades := math.Log10(n.Slowest / n.Fastest); decades > 15 {
		return fmt.Errorf("noise spans %.0f decades of time; at most 15 are simulated", decades)
	}
	if t.Ledger.Bins > 64 {
		return fmt.Errorf("ledger.bins is %d; at most 64 are kept per device and sign", t.Ledger.Bins)
	}
	return entry.validate(t)()
}

// ordered is a pair of keys whose values must rise from low to high.
type ordered struct {
	lowKey, highKey string
	low, high       float64
}

func checkOrder(pairs []ordered) error {
	for _, p := range pairs {
		if !(p.low < p.high) {
			return fmt.Errorf("%s is %v and must be below %s, which is %v", p.lowKey, p.low, p.highKey, p.high)
		}
	}
	return nil
}

func (c *MetalOxideConstants) validate() error {
	err := checkOrder([]ordered{
		{"state.g0_min_siemens", "state.g0_max_siemens", c.State.Min, c.State.Max},
		{"static.temperature_low_celsius", "static.temperature_high_celsius", c.Static.TemperatureLow,
			c.Static.TemperatureHigh},
		{"subthreshold.onset_volt", "subthreshold.full_volt", c.Subthresh.Onset, c.Subthresh.Full},
		{"unformable.share_low", "unformable.share_high", c.Unformable.ShareLow, c.Unformable.ShareHigh},
		{"unformable.leaky_resistance_low_ohm", "unformable.leaky_resistance_high_ohm",
			c.Unformable.LeakyResistanceLow, c.Unformable.LeakyResistanceTop},
		{"forming.voltage_mean_volt", "overstress.pristine_positive_volt", c.Forming.VoltageMean,
			c.Overstress.PristinePositive},
	})
	if err != nil {
		return err
	}
	if t := c.Static.TemperatureStart; t < c.Static.TemperatureLow || t > c.Static.TemperatureHigh {
		return fmt.Errorf("static.temperature_start_celsius is %v and must lie between %v and %v",
			t, c.Static.TemperatureLow, c.Static.TemperatureHigh)
	}
	if len(c.Set.Ranges) == 0 || len(c.Reset.Ranges) == 0 {
		return errors.New("set.ranges and reset.ranges need at least one range each")
	}
	for i, r := range c.Set.Ranges {
		if r.Low >= r.High || i > 0 && r.Low < c.Set.Ranges[i-1].High {
			return fmt.Errorf("set.ranges[%d] must have g0_low below g0_high and lie above the range before it", i)
		}
	}
	for i, r := range c.Reset.Ranges {
		if r.Low >= r.High || i > 0 && r.Low < c.Reset.Ranges[i-1].High {
			return fmt.Errorf("reset.ranges[%d] must have g0_low below g0_high and lie above the range before it", i)
		}
	}
	// The stress limits of a device are its drawn share of the nominal ones; a share of zero or less would destroy it
	// at rest.
	if o := c.Overstress; o.SpreadFraction*o.ClipSigma >= 1 {
		return errors.New("overstress.spread_fraction times overstress.clip_sigma must stay below 1")
	}
	return nil
}

func (c *LinearMemristorConstants) validate() error {
	if c.Start < c.G0 || c.Start > c.Max {
		return fmt.Errorf("linear_memristor.g_start_siemens is %v and must lie between g0_siemens (%v) and "+
			"g_max_siemens (%v)", c.Start, c.G0, c.Max)
	}
	return nil
}
