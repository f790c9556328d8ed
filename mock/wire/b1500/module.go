package b1500

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"xlab/mock/bench"
)

// Slot says what is plugged into one slot of the mainframe and which unit of
// the bench it drives.
type Slot struct {
	Number   int    // 1 to 10
	Model    string // B1517A, B1511A, B1511B, B1510A or B1514A
	Revision string // as UNT? gives it
	Unit     int    // unit of bench.Terminals, from 1
}

// DefaultSlots is the configuration of the project's bench: four HRSMUs
// (B1517A) in slots 1 to 4, driving units 1 to 4.
func DefaultSlots() []Slot { return slotsOfHRSMUs(1, 2, 3, 4) }

// ParseSlots reads which slots hold HRSMUs: numbers and ranges joined by commas,
// such as 3-6 or 1,3-5. The unit of each has the slot's number.
func ParseSlots(text string) ([]Slot, error) {
	var numbers []int
	for part := range strings.SplitSeq(text, ",") {
		low, high, isRange := strings.Cut(strings.TrimSpace(part), "-")
		if !isRange {
			high = low
		}
		first, err := strconv.Atoi(low)
		last, err2 := strconv.Atoi(high)
		if err != nil || err2 != nil || first < 1 || last > mostSlots || first > last {
			return nil, fmt.Errorf("%q is not a list of slots, which are 1 to %d, like 1-4 or 1,3-5", text, mostSlots)
		}
		for n := first; n <= last; n++ {
			if slices.Contains(numbers, n) {
				return nil, fmt.Errorf("%q names slot %d twice", text, n)
			}
			numbers = append(numbers, n)
		}
	}
	return slotsOfHRSMUs(numbers...), nil
}

// mostSlots is how many slots the mainframe has.
const mostSlots = 10

func slotsOfHRSMUs(numbers ...int) []Slot {
	s := make([]Slot, len(numbers))
	for i, n := range numbers {
		s[i] = Slot{Number: n, Model: "B1517A", Revision: "0", Unit: n}
	}
	return s
}

// outputLimit allows currents up to amps while the voltage is at most volts.
type outputLimit struct{ volts, amps float64 }

// A quantity is named by the mode that forces it.
const (
	voltage = bench.ForceVoltage
	current = bench.ForceCurrent
)

// other is the quantity that is not forced.
func other(forced bench.Mode) bench.Mode {
	if forced == voltage {
		return current
	}
	return voltage
}

// letter stands for a quantity in records and headers.
func letter(quantity bench.Mode) byte {
	if quantity == current {
		return 'I'
	}
	return 'V'
}

// module holds the ranges and output limits of one SMU model.
type module struct {
	ranges [3][]int      // codes by quantity, ascending full scale
	limits []outputLimit // ascending volts
}

// modules are the models that are known, from their data sheets.
var modules = map[string]*module{
	"B1517A": hrsmu,
	"B1511A": mpsmu,
	"B1511B": mpsmu,
	"B1510A": hpsmu,
	"B1514A": mcsmu,
}

var (
	hrsmu = &module{[3][]int{voltage: mediumVoltages, current: {9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19}}, medium}
	mpsmu = &module{[3][]int{voltage: mediumVoltages, current: {11, 12, 13, 14, 15, 16, 17, 18, 19}}, medium}
	hpsmu = &module{[3][]int{voltage: {20, 200, 400, 1000, 2000}, current: {11, 12, 13, 14, 15, 16, 17, 18, 19, 20}},
		[]outputLimit{{20, 1}, {40, 0.5}, {100, 0.125}, {200, 0.05}}}
	mcsmu = &module{[3][]int{voltage: {2, 20, 200, 400}, current: {15, 16, 17, 18, 19, 20}}, []outputLimit{{30, 0.1}}}

	mediumVoltages = []int{5, 20, 50, 200, 400, 1000}
	medium         = []outputLimit{{20, 0.1}, {40, 0.05}, {100, 0.02}}
)

// olderCodes are range codes by which others are known too.
var olderCodes = [3]map[int]int{voltage: {11: 20, 12: 200, 13: 400, 14: 1000, 15: 2000}}

// fullScales are those of the range codes in V and A. The powers of ten are
// written out: they are to be the nearest float64, which multiplication does not
// promise.
var fullScales = [3]map[int]float64{
	voltage: {2: 0.2, 5: 0.5, 20: 2, 50: 5, 200: 20, 400: 40, 1000: 100, 2000: 200},
	current: {9: 1e-11, 10: 1e-10, 11: 1e-9, 12: 1e-8, 13: 1e-7, 14: 1e-6, 15: 1e-5, 16: 1e-4, 17: 1e-3, 18: 1e-2,
		19: 1e-1, 20: 1},
}

// plain is a range code, which is negative for a fixed range, without its sign
// and as fullScales has it.
func plain(quantity bench.Mode, code int) int {
	code = max(code, -code)
	return cmp.Or(olderCodes[quantity][code], code)
}

// fullScale returns the full scale in V or A of a range code, signed or not; 0 if
// there is no such code.
func fullScale(quantity bench.Mode, code int) float64 {
	return fullScales[quantity][plain(quantity, code)]
}

// overload is the part of its full scale up to which a range shows a value (K).
const overload = 1.15

// hasRange tells whether a range code, signed or not, is one of the module's
// ranges for a quantity; 0 (auto) always is.
func (m *module) hasRange(quantity bench.Mode, code int) bool {
	return code == 0 || slices.Contains(m.ranges[quantity], plain(quantity, code))
}

// widest is the full scale in V or A of the module's largest range.
func (m *module) widest(quantity bench.Mode) float64 {
	codes := m.ranges[quantity]
	return fullScale(quantity, codes[len(codes)-1])
}

// maxVoltage is the largest voltage of the module in V.
func (m *module) maxVoltage() float64 { return m.limits[len(m.limits)-1].volts }

// maxCurrent is the largest current of the module in A, at low voltage.
func (m *module) maxCurrent() float64 { return m.limits[0].amps }

// currentAt is the largest current in A that the module gives at a voltage; 0
// if it does not reach the voltage.
func (m *module) currentAt(volts float64) float64 {
	volts = math.Abs(volts)
	for _, l := range m.limits {
		if volts <= l.volts {
			return l.amps
		}
	}
	return 0
}

// voltageAt is the largest voltage in V that the module reaches while it gives
// a current; 0 if it does not give the current.
func (m *module) voltageAt(amps float64) float64 {
	amps = math.Abs(amps)
	reach := 0.0
	for _, l := range m.limits {
		if amps <= l.amps {
			reach = l.volts
		}
	}
	return reach
}
