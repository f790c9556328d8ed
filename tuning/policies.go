package tuning

import (
	"fmt"
	"slices"
)

// NewPolicy makes the policy that the specification names.
func NewPolicy(s Spec) (Policy, error) {
	switch s.Policy {
	case PolicyAdaptive:
		return newAdaptive(s), nil
	case PolicyRamp:
		return ramp{pulses: s.Pulses, coarse: float64(s.RampStep), fine: float64(s.RampStep)}, nil
	case PolicyTwoSpeed:
		return ramp{pulses: s.Pulses, coarse: float64(s.FastStep), fine: float64(s.SlowStep), near: s.Near}, nil
	}
	return nil, fmt.Errorf("policy %q is not known: use one of %v", s.Policy, slices.Sorted(slices.Values(Policies())))
}
