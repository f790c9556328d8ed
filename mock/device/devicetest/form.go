// Package devicetest prepares arrays of devices for the tests of what stands on
// them.
package devicetest

import "xlab/mock/device"

// Form brings every device of an array to life by the same strong pulse, behind
// the back of any netlist, and then resets each with pulses of its own voltage
// (V, negative). Devices that cannot be formed stay as they are.
func Form(a *device.Array, reset func(k int) float64) {
	v, i := make([]float64, a.Len()), make([]float64, a.Len())
	for k := range v {
		v[k], i[k] = 2.2, 1e-5
	}
	for left := 10e-3; left > 0; {
		// What has formed would be driven on by the rest of the pulse.
		formed, used := a.Stress(v, i, left, 150e-12)
		if formed < 0 {
			break
		}
		v[formed], i[formed] = 0, 0
		left -= used
	}
	for k := range v {
		v[k], i[k] = reset(k), -1e-5
	}
	for range 4 {
		a.Stress(v, i, 10e-3, 0)
	}
}
