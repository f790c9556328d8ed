package procedure

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/pflag"

	"xlab/characterize"
	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/instrument/profile"
)

func measureThresholds() Procedure {
	return measurement("thresholds", "Find the smallest voltage that switches each device",
		`Applies pulses of rising amplitude to each device until one changes its
resistance by more than 5 % against the read just before it, first of positive,
then of negative sign. Before each ramp the device is brought between --low and
--high; the others stay off. Prints means and spreads with and without the
devices on the edge of the array.

With --chips the simulated chips with the seeds 1 to N are formed and measured in
memory, on all cores, and put together: the published figure shows seven arrays.`,
		0, of(characterize.DefaultThresholdSpec, nil),
		func(f *pflag.FlagSet, s *characterize.ThresholdSpec) (*characterize.Conditions, func([]array.Cell) error) {
			f.Var(&s.Start, "start", "first amplitude of a ramp, of either sign")
			f.Var(&s.Step, "step", "step of the ramp")
			f.Float64Var(&s.Change, "change", s.Change, "relative change of resistance that counts")
			f.Var(&s.Low, "low", "lowest conductance of a device before its ramp")
			f.Var(&s.High, "high", "highest conductance of a device before its ramp")
			current := f.Bool("current", false,
				"force rising currents, with the other lines floating, instead of voltages")
			f.Var(&s.StartCurrent, "start-current", "first current of a ramp")
			f.Var(&s.StepCurrent, "step-current", "step of the ramp in current")
			f.Var(&s.MaxCurrent, "max-current", "last current of a ramp")
			return &s.Conditions, func(cells []array.Cell) error {
				s.Devices = cells
				if *current {
					s.Mode = instrument.SweepCurrent
				}
				return nil
			}
		}, onArray(characterize.MeasureThresholds))
}

func measureCurves() Procedure {
	return measurement("iv", "Measure current-voltage curves and switching loops",
		`Measures, for each device, a curve at voltages that change nothing, with all
other lines at ground, and then a loop to a positive and to a negative voltage
that switches it. In the loop half-selected devices add to the current of the
column; the data have the current with and without their estimated share.`,
		4, of(characterize.DefaultIVSpec, nil),
		func(f *pflag.FlagSet, s *characterize.IVSpec) (*characterize.Conditions, func([]array.Cell) error) {
			f.Var(&s.Static, "static", "ends of the curve that changes nothing")
			f.IntVar(&s.StaticSteps, "static-steps", s.StaticSteps, "its levels")
			f.Var(&s.Set, "set-stop", "positive end of the loop; 0V with --reset-stop 0V for no loop")
			f.Var(&s.Reset, "reset-stop", "negative end of the loop")
			f.IntVar(&s.LoopSteps, "loop-steps", s.LoopSteps, "levels from 0 V to one end")
			f.Var(&s.Limit, "limit", "current compliance of the row in the loop")
			f.Var(&s.Low, "low", "lowest conductance of a device before the curves")
			f.Var(&s.High, "high", "highest conductance of a device before the curves")
			return &s.Conditions, into(&s.Devices)
		}, onArray(characterize.MeasureIV))
}

func measureRetention() Procedure {
	return measurement("retention", "Follow written states over time",
		`Writes a state to each device and reads it at logarithmic times of the bench's
clock. A simulated bench lets its clock run; on a real one the command waits,
with all sources at 0 V. --set simulation.temperature=85 makes a simulated chip
a warm one.`,
		8, of(characterize.DefaultRetentionSpec, nil),
		func(f *pflag.FlagSet, s *characterize.RetentionSpec) (*characterize.Conditions, func([]array.Cell) error) {
			states(f, &s.States, &s.Tolerance)
			f.Var(&s.First, "first", "time after writing of the first read")
			f.Var(&s.Last, "last", "time of the last read")
			f.IntVar(&s.PerDecade, "per-decade", s.PerDecade, "reads per decade of time")
			return &s.Conditions, into(&s.Devices)
		},
		func(ctx context.Context, b Bench, bar array.DUT, s characterize.RetentionSpec,
			o characterize.Options) (*characterize.Retention, error) {
			return characterize.MeasureRetention(ctx, bar, b.Clock(), b.Waiter(), s, o)
		})
}

func measureEndurance() Procedure {
	return measurement("endurance", "Switch devices on and off again and again",
		`Switches each device on, above one conductance, and off, below another, by
pulses of rising amplitude, again and again, and records both in every cycle or
at logarithmic numbers of cycles. With --fixed a cycle is one pulse of fixed
amplitude in each direction. A device that does not get there any more, or
whose two conductances come too close, has failed and is left alone.`,
		2, of(characterize.DefaultEnduranceSpec, nil),
		func(f *pflag.FlagSet, s *characterize.EnduranceSpec) (*characterize.Conditions, func([]array.Cell) error) {
			f.IntVar(&s.Cycles, "cycles", s.Cycles, "cycles per device")
			f.IntVar(&s.PerDecade, "per-decade", s.PerDecade, "recorded cycles per decade; 0 records every cycle")
			f.Var(&s.On, "on", "conductance that switching on has to reach")
			f.Var(&s.OffState, "off", "conductance that switching off has to reach")
			f.BoolVar(&s.Fixed, "fixed", false, "one pulse of fixed amplitude in each direction instead of rising ones")
			f.Var(&s.Set, "set-pulse", "amplitude of fixed positive pulses")
			f.Var(&s.Reset, "reset-pulse", "amplitude of fixed negative pulses")
			f.Float64Var(&s.MinRatio, "min-ratio", s.MinRatio, "with fixed pulses, a device has failed when its ratio "+
				"of on to off conductance is below this")
			return &s.Conditions, into(&s.Devices)
		}, onArray(characterize.MeasureEndurance))
}

func measureTemperature() Procedure {
	return measurement("temperature", "Read written states at several temperatures",
		`Writes a state to each device at the first temperature and reads it at all of
them. A simulated chip takes the temperatures as given; on a real bench the
command asks for each and takes the value that is entered. Reads are at 100 mV
unless --read says otherwise, as in the published model.`,
		16, of(characterize.DefaultTemperatureSpec, nil),
		func(f *pflag.FlagSet, s *characterize.TemperatureSpec) (*characterize.Conditions, func([]array.Cell) error) {
			f.Var(List(&s.Temperatures), "temperatures", "temperatures in the order of measuring")
			states(f, &s.States, &s.Tolerance)
			return &s.Conditions, into(&s.Devices)
		},
		func(ctx context.Context, b Bench, bar array.DUT, s characterize.TemperatureSpec,
			o characterize.Options) (m *characterize.Temperatures, err error) {
			thermostat, restore := b.Thermostat()
			defer func() { err = errors.Join(err, restore()) }()
			return characterize.MeasureTemperature(ctx, bar, thermostat, s, o)
		})
}

func measureDisturb() Procedure {
	return measurement("disturb", "See what pulses on one device do to its neighbours",
		`Applies pulses to one device and reads, after each, the nearest usable
neighbours on its row, on its column and on neither, for each bias scheme and
amplitude. All four are brought to a state of the working range before each
series.`,
		1, of(characterize.DefaultDisturbSpec, array.Cell{}),
		func(f *pflag.FlagSet, s *characterize.DisturbSpec) (*characterize.Conditions, func([]array.Cell) error) {
			f.Var(List(&s.Amplitudes), "amplitudes", "of the pulses, signed; one series each")
			f.Var(List(&s.Schemes), "schemes", "bias schemes: v2, v3, floating")
			f.IntVar(&s.Pulses, "pulses", s.Pulses, "pulses of a series")
			return &s.Conditions, func(cells []array.Cell) error {
				if len(cells) != 1 {
					return fmt.Errorf("--devices must name one device, such as r3c7; it names %d", len(cells))
				}
				s.Device = cells[0]
				return nil
			}
		}, onArray(characterize.MeasureDisturb))
}

// states registers the flags of states that are written.
func states(f *pflag.FlagSet, to *[]instrument.Siemens, tolerance *float64) {
	f.Var(List(to), "states", "conductances, written to the devices in turn")
	f.Float64Var(tolerance, "tolerance", *tolerance, "relative, of a written state")
}

// into puts the devices there.
func into(to *[]array.Cell) func(cells []array.Cell) error {
	return func(cells []array.Cell) error {
		*to = cells
		return nil
	}
}

// of leaves the devices open: they are chosen once the array is known.
func of[D, T any](defaults func(p *profile.Profile, d D) T, devices D) func(p *profile.Profile) T {
	return func(p *profile.Profile) T { return defaults(p, devices) }
}

// onArray is a measurement that needs nothing of the bench but the array.
func onArray[T, P any](
	measure func(ctx context.Context, bar array.DUT, spec T, o characterize.Options) (P, error),
) func(ctx context.Context, _ Bench, bar array.DUT, spec T, o characterize.Options) (P, error) {
	return func(ctx context.Context, _ Bench, bar array.DUT, spec T, o characterize.Options) (P, error) {
		return measure(ctx, bar, spec, o)
	}
}
