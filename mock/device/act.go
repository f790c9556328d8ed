package device

import (
	"fmt"
	"math"
)

// An Act is one call that changed an array: its whole life is the chip of its seed and its acts in order. The witness
// of an array hears of every act, and Repeat does one again, so that who writes the acts down can bring an array back
// to where it was without saving its whole state each time.
type Act struct {
	Kind   ActKind
	Value  float64   // s; of ActTemperature degrees Celsius; of ActClear nothing
	Farads float64   // line capacitance of ActStress and ActBias
	Volts  []float64 // of ActStress and ActBias, one per device
	Amps   []float64 // of ActStress, one per device
}

// ActKind says which method an act is a call of.
type ActKind uint8

const (
	ActStress      ActKind = iota + 1 // Stress
	ActIdle                           // Idle
	ActSample                         // SampleNoise
	ActClear                          // ClearNoise
	ActTemperature                    // SetTemperature
	ActBias                           // Bias
)

// Witness has w called with every act, before it is done or, where it can be refused, after; nil = nobody hears of
// them. The slices of an act are the caller's and only valid during the call. An act that is refused is not heard of.
func (a *Array) Witness(w func(Act)) { a.witness = w }

func (a *Array) tell(act Act) {
	if a.witness != nil {
		a.witness(act)
	}
}

// Repeat does an act again. An array in the state in which its witness heard of the act is afterwards in the state in
// which the original was. What no method would have taken is an error and changes nothing. The witness does not
// hear of it.
func (a *Array) Repeat(act Act) error {
	if math.IsNaN(act.Value) || math.IsInf(act.Value, 0) || act.Kind != ActTemperature && act.Value < 0 {
		return fmt.Errorf("act of kind %d with the value %v", act.Kind, act.Value)
	}
	witness := a.witness
	a.witness = nil
	defer func() { a.witness = witness }()
	switch act.Kind {
	case ActStress, ActBias:
		if err := a.canStress(act); err != nil {
			return err
		}
		if act.Kind == ActBias {
			a.Bias(act.Volts, act.Value, act.Farads)
		} else {
			a.Stress(act.Volts, act.Amps, act.Value, act.Farads)
		}
	case ActIdle:
		a.Idle(act.Value)
	case ActSample:
		a.SampleNoise(act.Value)
	case ActClear:
		a.ClearNoise()
	case ActTemperature:
		return a.SetTemperature(act.Value)
	default:
		return fmt.Errorf("act of the unknown kind %d", act.Kind)
	}
	return nil
}

// canStress refuses what Stress and Bias would panic on.
func (a *Array) canStress(act Act) error {
	lists := map[string][]float64{"V": act.Volts}
	if act.Kind == ActStress {
		lists["A"] = act.Amps
	}
	for unit, list := range lists {
		if len(list) != a.Len() {
			return fmt.Errorf("stress of %d devices (%s) on an array of %d", len(list), unit, a.Len())
		}
		for k, x := range list {
			if math.IsNaN(x) || math.IsInf(x, 0) {
				return fmt.Errorf("stress of device %d with %v %s", k, x, unit)
			}
		}
	}
	if !(act.Farads >= 0) || math.IsInf(act.Farads, 1) {
		return fmt.Errorf("stress with a line capacitance of %v farad", act.Farads)
	}
	return nil
}
