package device

import (
	"fmt"
	"math"
)

// maxDevices bounds the size of an array: 4096 x 4096 devices would already take some gigabytes.
const maxDevices = 1 << 24

// Array is the population of memristors of one crossbar: rows x cols devices, row-major. It is not safe for
// concurrent use. The slices handed to its methods have one element per device; another length is a
// programming error and panics.
type Array struct {
	technology *Technology
	rows, cols int
	seed       uint64

	model     model
	noise     *noise
	ledger    *ledger
	clock     float64 // s since fabrication
	intervals uint64
	witness   func(Act) // hears of every change; nil = nobody

	amps, slope []float64 // scratch of Bias
}

// NewArray fabricates the chip of the given seed: rows x cols devices as they leave the fabrication.
func NewArray(t *Technology, rows, cols int, seed uint64) (*Array, error) {
	if rows < 1 || cols < 1 || rows > maxDevices/cols {
		return nil, fmt.Errorf("an array of %d x %d devices cannot be simulated: rows and columns must be 1 or more and "+
			"at most %d devices in all",
			rows, cols, maxDevices)
	}
	if t == nil || t.source == nil {
		return nil, fmt.Errorf("an array needs a technology from LoadTechnology or Default")
	}
	a := &Array{
		technology: t, rows: rows, cols: cols, seed: seed,
		noise:  newNoise(&t.Noise, rows*cols, seed),
		ledger: newLedger(&t.Ledger, rows*cols),
	}
	a.model = models()[t.Model].build(population{technology: t, rows: rows, cols: cols, seed: seed, noise: a.noise})
	return a, nil
}

// Technology returns the constants the array was made from.
func (a *Array) Technology() *Technology { return a.technology }

// Rows returns the number of rows (word lines, top electrodes).
func (a *Array) Rows() int { return a.rows }

// Cols returns the number of columns (bit lines, bottom electrodes).
func (a *Array) Cols() int { return a.cols }

// Len returns the number of devices.
func (a *Array) Len() int { return a.rows * a.cols }

// Seed returns the chip's seed.
func (a *Array) Seed() uint64 { return a.seed }

// Clock returns the time (s) that has passed for the array under Stress and Idle together.
func (a *Array) Clock() float64 { return a.clock }

// Temperature returns the present temperature in degrees Celsius.
func (a *Array) Temperature() float64 { return a.model.temperature() }

// SetTemperature sets the temperature of the whole array, in degrees Celsius. It changes the static currents and the
// pace of drift at once. A temperature outside the technology's range is refused and changes nothing.
func (a *Array) SetTemperature(celsius float64) error {
	if err := a.model.setTemperature(celsius); err != nil {
		return err
	}
	a.tell(Act{Kind: ActTemperature, Value: celsius})
	return nil
}

// Currents writes the static current i (A) and its slope g = dI/dV (S) of every device at the voltages v (V),
// including the present noise sample. Every curve is continuous, passes through zero and rises strictly, at any
// voltage.
// Nothing is changed by asking.
func (a *Array) Currents(v, i, g []float64) {
	if len(v) != a.Len() || len(i) != len(v) || len(g) != len(v) {
		panic(fmt.Sprintf("device: Currents of %d devices called with %d voltages, %d currents and %d slopes",
			a.Len(), len(v), len(i), len(g)))
	}
	a.model.currents(v, i, g)
	if a.noise.active {
		for k, f := range a.noise.factor {
			i[k] *= f
			g[k] *= f
		}
	}
}

// SampleNoise draws the read noise of the coming interval of the given duration (s): the relative fluctuation of each
// device's conductance, averaged over the interval. Currents includes it until the next SampleNoise or
// ClearNoise. Fluctuations slower than the interval carry over from sample to sample as bench time passes.
func (a *Array) SampleNoise(seconds float64) {
	mustBeTime("SampleNoise", seconds)
	if seconds > 0 {
		a.tell(Act{Kind: ActSample, Value: seconds})
		a.noise.sample(a.clock, seconds)
	}
}

// ClearNoise takes the noise out of Currents until the next SampleNoise.
func (a *Array) ClearNoise() {
	if a.noise.active {
		a.tell(Act{Kind: ActClear})
	}
	a.noise.active = false
}

// Stress applies one interval of constant bias: v[k] volts across device k, and for the ledger and the limits i[k]
// amperes through it, for the given time in seconds. What the interval does counts as one pulse for every
// device, because the law of change is published for single pulses and two halves of a pulse do not add up to
// the whole.
//
// When pristine devices reach their forming condition in the interval, the first of them (the most overdriven)
// forms and the interval ends there: formed is its index and used the time that passed, which has been
// applied to all devices. The caller solves the network again and continues with the rest. Otherwise formed
// is -1 and used the whole time. lineCapacitance (F) is what discharges through a device that forms. Devices stressed
// beyond their limits are destroyed at the end of the interval; Truth tells.
func (a *Array) Stress(v, i []float64, seconds, lineCapacitance float64) (formed int, used float64) {
	return a.stress(v, i, seconds, lineCapacitance, Act{Kind: ActStress, Value: seconds, Farads: lineCapacitance, Volts: v,
		Amps: i})
}

func (a *Array) stress(v, i []float64, seconds, lineCapacitance float64, act Act) (formed int, used float64) {
	if len(v) != a.Len() || len(i) != len(v) {
		panic(fmt.Sprintf("device: Stress of %d devices called with %d voltages and %d currents", a.Len(), len(v), len(i)))
	}
	mustBeTime("Stress", seconds)
	if !(lineCapacitance >= 0) || math.IsInf(lineCapacitance, 1) {
		panic(fmt.Sprintf("device: Stress called with a line capacitance of %v farad", lineCapacitance))
	}
	mustBeFinite(v, i)
	if seconds == 0 {
		return -1, 0
	}
	a.tell(act)
	a.intervals++
	formed, used, discharged := a.model.pulse(v, i, seconds, lineCapacitance, a.intervals)
	a.ledger.record(v, i, used)
	if formed >= 0 {
		a.ledger.discharge[formed] += discharged
	}
	a.clock += used
	a.model.idle(used) // drift does not stop under bias
	return formed, used
}

// Bias is Stress with the currents that Currents gives at the voltages v.
func (a *Array) Bias(v []float64, seconds, lineCapacitance float64) (formed int, used float64) {
	if len(a.amps) != a.Len() {
		a.amps, a.slope = make([]float64, a.Len()), make([]float64, a.Len())
	}
	a.Currents(v, a.amps, a.slope)
	return a.stress(v, a.amps, seconds, lineCapacitance, Act{Kind: ActBias, Value: seconds, Farads: lineCapacitance,
		Volts: v})
}

// Idle lets the given time (s) pass without bias: the written states drift slowly.
func (a *Array) Idle(seconds float64) {
	mustBeTime("Idle", seconds)
	a.tell(Act{Kind: ActIdle, Value: seconds})
	a.clock += seconds
	a.model.idle(seconds)
}

// Conductance returns the noise-free conductance I/V (S) of device k as it would be read at the given voltage (V).
func (a *Array) Conductance(k int, volts float64) float64 {
	if volts == 0 || math.IsNaN(volts) || math.IsInf(volts, 0) {
		panic(fmt.Sprintf("device: conductance read at %v volt", volts))
	}
	return a.model.conductance(k, volts)
}

// Ledger returns the stress record of every device.
func (a *Array) Ledger() []LedgerEntry {
	entries := make([]LedgerEntry, a.Len())
	for k := range entries {
		entries[k] = a.ledger.entry(k, a.cols)
	}
	return entries
}

// LedgerOf returns the stress record of device k.
func (a *Array) LedgerOf(k int) LedgerEntry { return a.ledger.entry(k, a.cols) }

func mustBeTime(method string, seconds float64) {
	if !(seconds >= 0) || math.IsInf(seconds, 1) {
		panic(fmt.Sprintf("device: %s called with a time of %v seconds", method, seconds))
	}
}

// mustBeFinite panics on a voltage or current that is not a number or infinite: it would enter the chip's state and
// ledger for good, far from the solver that lost it. Two sums keep the check off the critical path.
func mustBeFinite(v, i []float64) {
	var sv, si float64
	for k := range v {
		sv += v[k] - v[k]
		si += i[k] - i[k]
	}
	if sv != 0 || si != 0 {
		panic("device: Stress called with a voltage or current that is not finite")
	}
}
