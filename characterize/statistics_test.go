package characterize_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"xlab/characterize"
	"xlab/instrument"
	"xlab/instrument/array"
)

// some are results of each measurement with so many devices, without measuring.
func some(n int) map[string]characterize.Measurement {
	iv := &characterize.IV{Spec: characterize.DefaultIVSpec(nil, nil)}
	retention := &characterize.Retention{Spec: characterize.DefaultRetentionSpec(nil, nil)}
	endurance := &characterize.Endurance{Spec: characterize.DefaultEnduranceSpec(nil, nil)}
	temperatures := &characterize.Temperatures{Spec: characterize.DefaultTemperatureSpec(nil, nil)}
	thresholds := make(map[uint64]*characterize.Thresholds)
	for i := range n {
		cell, g := array.Cell{Row: 3, Col: 3 + i}, instrument.Siemens(10e-6*(1+0.1*float64(i)))
		iv.Devices = append(iv.Devices, characterize.Curve{Cell: cell, On: 5 * g, Off: g,
			Static: []array.Level{{Voltage: 0.2, Current: 1e-6}, {Voltage: 0.4, Current: instrument.Amps(0.25 * float64(g))}}})
		retention.Devices = append(retention.Devices, characterize.Retained{Cell: cell, State: retention.Spec.States[0],
			Reads: []characterize.Aged{{Age: 10, Conductance: g}, {Age: 100, Conductance: g * 1.01},
				{Age: 1000, Conductance: g * instrument.Siemens(1.02+0.01*float64(i))}}})
		endurance.Devices = append(endurance.Devices, characterize.Endured{Cell: cell,
			Cycles: []characterize.Cycle{{N: 1, On: g * instrument.Siemens(6+i), Off: g, Pulses: 8 + i}}})
		h := characterize.Heated{Cell: cell, State: temperatures.Spec.States[0]}
		for k, at := range temperatures.Spec.Temperatures {
			h.Reads = append(h.Reads, characterize.Warm{Temperature: at, Read: g,
				Conductance: g * instrument.Siemens(1+0.1*float64(k*(i+1)))})
		}
		temperatures.Devices = append(temperatures.Devices, h)
		thresholds[uint64(i+1)] = &characterize.Thresholds{Devices: []characterize.DeviceThresholds{{Cell: cell,
			Set:   characterize.Threshold{Found: true, Voltage: instrument.Volts(1 + 0.1*float64(i))},
			Reset: characterize.Threshold{Found: true, Voltage: instrument.Volts(-1 - 0.1*float64(i))}}}}
	}
	return map[string]characterize.Measurement{"iv": iv, "retention": retention, "endurance": endurance,
		"temperature": temperatures, "thresholds": characterize.Pool(thresholds)}
}

var zero = regexp.MustCompile(`^[+-]?0(\.0*)?( |$)`)

// Of no device nothing is said, of one no spread, of two a spread, in the table and
// in JSON.
func TestStatisticsOfFewDevices(t *testing.T) {
	for n := range 3 {
		for name, m := range some(n) {
			spreads := 0
			for _, c := range m.Comparison() {
				spread := strings.Contains(c.What, "sigma")
				value := c.Measured
				if _, sigma, found := strings.Cut(value, "sigma "); found {
					spread, value = true, sigma
				}
				if spread && value != "-" {
					spreads++
				}
				if n == 0 && value != "-" || zero.MatchString(value) && !strings.Contains(value, " of ") {
					t.Errorf("%s of %d devices: %s: %q", name, n, c.What, c.Measured)
				}
			}
			if (spreads > 0) != (n > 1) {
				t.Errorf("%s of %d devices has %d spreads: %+v", name, n, spreads, m.Comparison())
			}
		}
		text, err := json.Marshal(some(n)["thresholds"].(*characterize.Thresholds).Set.All)
		if want := []string{`{"n":0,"mean":null,"sigma":null}`, `{"n":1,"mean":1,"sigma":null}`,
			`{"n":2,"mean":1.05,"sigma":0.07`}[n]; err != nil || !strings.HasPrefix(string(text), want) {
			t.Errorf("%d devices: %s, %v", n, text, err)
		}
	}
}
