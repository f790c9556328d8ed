package b1500

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
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

// module holds the ranges and output limits of one SMU model.
type module struct {
	model    string
	voltages []int         // codes of the voltage ranges, ascending full scale
	currents []int         // codes of the current ranges, ascending full scale
	limits   []outputLimit // ascending volts
}

// moduleOf returns the data of a model from its data sheet, nil if the model
// is not known.
func moduleOf(model string) *module {
	medium := []outputLimit{{20, 0.1}, {40, 0.05}, {100, 0.02}}
	switch model {
	case "B1517A": // HRSMU
		return &module{model, []int{5, 20, 50, 200, 400, 1000}, []int{9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19}, medium}
	case "B1511A", "B1511B": // MPSMU
		return &module{model, []int{5, 20, 50, 200, 400, 1000}, []int{11, 12, 13, 14, 15, 16, 17, 18, 19}, medium}
	case "B1510A": // HPSMU
		return &module{model, []int{20, 200, 400, 1000, 2000}, []int{11, 12, 13, 14, 15, 16, 17, 18, 19, 20},
			[]outputLimit{{20, 1}, {40, 0.5}, {100, 0.125}, {200, 0.05}}}
	case "B1514A": // MCSMU
		return &module{model, []int{2, 20, 200, 400}, []int{15, 16, 17, 18, 19, 20}, []outputLimit{{30, 0.1}}}
	}
	return nil
}

// voltageRange returns the full scale in V of a range code without its sign.
func voltageRange(code int) (float64, bool) {
	switch plainVoltageCode(code) {
	case 2:
		return 0.2, true
	case 5:
		return 0.5, true
	case 20:
		return 2, true
	case 50:
		return 5, true
	case 200:
		return 20, true
	case 400:
		return 40, true
	case 1000:
		return 100, true
	case 2000:
		return 200, true
	}
	return 0, false
}

// plainVoltageCode maps the older two-digit codes of the voltage ranges to the
// ones that tell tenths of a volt.
func plainVoltageCode(code int) int {
	switch code {
	case 11:
		return 20
	case 12:
		return 200
	case 13:
		return 400
	case 14:
		return 1000
	case 15:
		return 2000
	}
	return code
}

// currentRange returns the full scale in A of a range code without its sign.
func currentRange(code int) (float64, bool) {
	// Written out: the powers of ten are to be the nearest float64, which
	// multiplication does not promise.
	switch code {
	case 9:
		return 1e-11, true
	case 10:
		return 1e-10, true
	case 11:
		return 1e-9, true
	case 12:
		return 1e-8, true
	case 13:
		return 1e-7, true
	case 14:
		return 1e-6, true
	case 15:
		return 1e-5, true
	case 16:
		return 1e-4, true
	case 17:
		return 1e-3, true
	case 18:
		return 1e-2, true
	case 19:
		return 1e-1, true
	case 20:
		return 1, true
	}
	return 0, false
}

// overload is the part of its full scale up to which a range shows a value (K).
const overload = 1.15

// hasVoltageRange tells whether the module has the range; 0 (auto) always is.
func (m *module) hasVoltageRange(code int) bool {
	return code == 0 || contains(m.voltages, plainVoltageCode(code))
}

// hasCurrentRange tells whether the module has the range; 0 (auto) always is.
func (m *module) hasCurrentRange(code int) bool {
	return code == 0 || contains(m.currents, code)
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

func contains(codes []int, code int) bool {
	for _, c := range codes {
		if c == code {
			return true
		}
	}
	return false
}
