package device

import "math"

// ledger is the independent witness of what every device has really been exposed to. It records what Stress was
// told, before the model decides what that does, so that a test can hold it against a procedure's limits.
type ledger struct {
	floor, perVolt float64
	bins           int

	maxV, minV []float64
	maxAbsI    []float64
	charge     []float64 // integral of |i| dt
	net        []float64 // integral of i dt
	discharge  []float64
	positive   []uint32 // [device*bins + bin]
	negative   []uint32
}

func newLedger(c *LedgerConstants, devices int) *ledger {
	return &ledger{
		floor: c.Floor, perVolt: 1 / c.BinWidth, bins: c.Bins,
		maxV: make([]float64, devices), minV: make([]float64, devices), maxAbsI: make([]float64, devices),
		charge: make([]float64, devices), net: make([]float64, devices), discharge: make([]float64, devices),
		positive: make([]uint32, devices*c.Bins), negative: make([]uint32, devices*c.Bins),
	}
}

// record adds one interval.
func (l *ledger) record(v, i []float64, seconds float64) {
	// Reslicing to one length lets the compiler drop the bounds checks in the loop every interval runs through.
	n := len(v)
	i, maxV, minV, maxI := i[:n], l.maxV[:n], l.minV[:n], l.maxAbsI[:n]
	charge, net := l.charge[:n], l.net[:n]
	for k, vk := range v {
		ik := i[k]
		if vk > maxV[k] {
			maxV[k] = vk
		}
		if vk < minV[k] {
			minV[k] = vk
		}
		abs := math.Abs(ik)
		if abs > maxI[k] {
			maxI[k] = abs
		}
		charge[k] += abs * seconds
		net[k] += ik * seconds
		if vk >= l.floor {
			l.positive[k*l.bins+l.bin(vk)]++
		} else if vk <= -l.floor {
			l.negative[k*l.bins+l.bin(-vk)]++
		}
	}
}

// bin returns the amplitude bin of a voltage not below zero; the last bin is open to the top.
func (l *ledger) bin(volts float64) int {
	return int(min(volts*l.perVolt, float64(l.bins-1)))
}

// LedgerEntry is the stress one device has seen in its life.
type LedgerEntry struct {
	Row int `json:"row"`
	Col int `json:"col"`
	// MaxAbsV is the largest |V| (volts) and MaxAbsI the largest |I| (amperes) of any interval. The current is
	// that of the circuit's operating point; the short spike of a line discharging into a forming device is in
	// DischargeCharge instead.
	MaxAbsV float64 `json:"max_abs_v"`
	MaxAbsI float64 `json:"max_abs_i"`
	// MaxV and MinV are the most positive and the most negative voltage.
	MaxV float64 `json:"max_v"`
	MinV float64 `json:"min_v"`
	// Charge is the integral of |I| dt, NetCharge that of I dt, in coulombs.
	Charge    float64 `json:"charge_c"`
	NetCharge float64 `json:"net_charge_c"`
	// DischargeCharge is the charge (coulombs) that its line discharged through the device when it formed.
	DischargeCharge float64 `json:"discharge_charge_c"`
	// Positive and Negative count the intervals by amplitude: element b counts b*width <= |V| < (b+1)*width, the
	// last element everything above. Intervals below the ledger's floor voltage are not counted.
	Positive []uint32 `json:"positive_pulses"`
	Negative []uint32 `json:"negative_pulses"`
	// Pulses is the sum of both counts.
	Pulses uint64 `json:"pulses"`
}

// entry copies out the record of device k.
func (l *ledger) entry(k, cols int) LedgerEntry {
	e := LedgerEntry{
		Row: k / cols, Col: k % cols,
		MaxAbsV: max(l.maxV[k], -l.minV[k]), MaxAbsI: l.maxAbsI[k], MaxV: l.maxV[k], MinV: l.minV[k],
		Charge: l.charge[k], NetCharge: l.net[k], DischargeCharge: l.discharge[k],
		Positive: append([]uint32(nil), l.positive[k*l.bins:(k+1)*l.bins]...),
		Negative: append([]uint32(nil), l.negative[k*l.bins:(k+1)*l.bins]...),
	}
	for b := range e.Positive {
		e.Pulses += uint64(e.Positive[b]) + uint64(e.Negative[b])
	}
	return e
}
