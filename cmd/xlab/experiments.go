package main

import (
	"fmt"
	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/tuning/characterize"

	"github.com/spf13/cobra"
)

func (a *app) thresholdsCommand() *cobra.Command {
	spec := characterize.DefaultThresholdSpec(nil)
	current, chips, output := false, 0, ""
	c := a.experiment("thresholds", "Find the smallest voltage that switches each device",
		`Applies pulses of rising amplitude to each device until one changes its
resistance by more than 5 % against the read just before it, first of positive,
then of negative sign. Before each ramp the device is brought between --low and
--high; the others stay off. Prints means and spreads with and without the
devices on the edge of the array.

With --chips the simulated chips with the seeds 1 to N are formed and measured in
memory, on all cores, and put together: the published figure shows seven arrays.`, 0, &spec.Conditions,
		func(cells []array.Cell) specification {
			spec.Devices = cells
			if current {
				spec.Mode = instrument.SweepCurrent
			}
			return spec
		})
	f := c.Flags()
	f.IntVar(&chips, "chips", 0, "measure so many simulated chips in memory instead of the one at the bench")
	f.StringVarP(&output, "output", "o", "", "directory for data and figure of --chips")
	onOne := c.RunE
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if chips == 0 {
			return onOne(cmd, args)
		}
		if current {
			spec.Mode = instrument.SweepCurrent
		}
		return a.population(cmd, chips, output, spec)
	}
	f.Var(&spec.Start, "start", "first amplitude of a ramp, of either sign")
	f.Var(&spec.Step, "step", "step of the ramp")
	f.Float64Var(&spec.Change, "change", spec.Change, "relative change of resistance that counts")
	f.Var(&spec.Low, "low", "lowest conductance of a device before its ramp")
	f.Var(&spec.High, "high", "highest conductance of a device before its ramp")
	f.BoolVar(&current, "current", false, "force rising currents, with the other lines floating, instead of voltages")
	f.Var(&spec.StartCurrent, "start-current", "first current of a ramp")
	f.Var(&spec.StepCurrent, "step-current", "step of the ramp in current")
	f.Var(&spec.MaxCurrent, "max-current", "last current of a ramp")
	return c
}

func (a *app) curvesCommand() *cobra.Command {
	spec := characterize.DefaultIVSpec(nil)
	c := a.experiment("iv", "Measure current-voltage curves and switching loops",
		`Measures, for each device, a curve at voltages that change nothing, with all
other lines at ground, and then a loop to a positive and to a negative voltage
that switches it. In the loop half-selected devices add to the current of the
column; the data have the current with and without their estimated share.`, 4, &spec.Conditions,
		func(cells []array.Cell) specification {
			spec.Devices = cells
			return spec
		})
	f := c.Flags()
	f.Var(&spec.Static, "static", "ends of the curve that changes nothing")
	f.IntVar(&spec.StaticSteps, "static-steps", spec.StaticSteps, "its levels")
	f.Var(&spec.Set, "set-stop", "positive end of the loop; 0V with --reset-stop 0V for no loop")
	f.Var(&spec.Reset, "reset-stop", "negative end of the loop")
	f.IntVar(&spec.LoopSteps, "loop-steps", spec.LoopSteps, "levels from 0 V to one end")
	f.Var(&spec.Limit, "limit", "current compliance of the row in the loop")
	f.Var(&spec.Low, "low", "lowest conductance of a device before the curves")
	f.Var(&spec.High, "high", "highest conductance of a device before the curves")
	return c
}

func (a *app) retentionCommand() *cobra.Command {
	spec := characterize.DefaultRetentionSpec(nil)
	c := a.experiment("retention", "Follow written states over time",
		`Writes a state to each device and reads it at logarithmic times of the bench's
clock. A simulated bench lets its clock run; on a real one the command waits,
with all sources at 0 V. --set simulation.temperature=85 makes a simulated chip
a warm one.`, 8, &spec.Conditions,
		func(cells []array.Cell) specification {
			spec.Devices = cells
			return spec
		})
	f := c.Flags()
	f.Var(list[instrument.Siemens, *instrument.Siemens]{&spec.States}, "states",
		"conductances, written to the devices in turn")
	f.Float64Var(&spec.Tolerance, "tolerance", spec.Tolerance, "relative, of a written state")
	f.Var(&spec.First, "first", "time after writing of the first read")
	f.Var(&spec.Last, "last", "time of the last read")
	f.IntVar(&spec.PerDecade, "per-decade", spec.PerDecade, "reads per decade of time")
	return c
}

func (a *app) enduranceCommand() *cobra.Command {
	spec := characterize.DefaultEnduranceSpec(nil)
	c := a.experiment("endurance", "Switch devices on and off again and again",
		`Switches each device on, above one conductance, and off, below another, by
pulses of rising amplitude, again and again, and records both in every cycle or
at logarithmic numbers of cycles. With --fixed a cycle is one pulse of fixed
amplitude in each direction. A device that does not get there any more, or
whose two conductances come too close, has failed and is left alone.`, 2, &spec.Conditions,
		func(cells []array.Cell) specification {
			spec.Devices = cells
			return spec
		})
	f := c.Flags()
	f.IntVar(&spec.Cycles, "cycles", spec.Cycles, "cycles per device")
	f.IntVar(&spec.PerDecade, "per-decade", spec.PerDecade, "recorded cycles per decade; 0 records every cycle")
	f.Var(&spec.On, "on", "conductance that switching on has to reach")
	f.Var(&spec.OffState, "off", "conductance that switching off has to reach")
	f.BoolVar(&spec.Fixed, "fixed", false, "one pulse of fixed amplitude in each direction instead")
	f.Var(&spec.Set, "set-pulse", "amplitude of fixed positive pulses")
	f.Var(&spec.Reset, "reset-pulse", "amplitude of fixed negative pulses")
	f.Float64Var(&spec.MinRatio, "min-ratio", spec.MinRatio, "ratio of the two conductances below which a device has "+
		"failed under fixed pulses")
	return c
}

func (a *app) temperatureCommand() *cobra.Command {
	spec := characterize.DefaultTemperatureSpec(nil)
	c := a.experiment("temperature", "Read written states at several temperatures",
		`Writes a state to each device at the first temperature and reads it at all of
them. A simulated chip takes the temperatures as given; on a real bench the
command asks for each and takes the value that is entered. Reads are at 100 mV
unless --read says otherwise, as in the published model.`, 16, &spec.Conditions,
		func(cells []array.Cell) specification {
			spec.Devices = cells
			return spec
		})
	f := c.Flags()
	f.Var(list[instrument.Celsius, *instrument.Celsius]{&spec.Temperatures}, "temperatures", "in the order of measuring")
	f.Var(list[instrument.Siemens, *instrument.Siemens]{&spec.States}, "states",
		"conductances, written to the devices in turn")
	f.Float64Var(&spec.Tolerance, "tolerance", spec.Tolerance, "relative, of a written state")
	return c
}

func (a *app) disturbCommand() *cobra.Command {
	spec := characterize.DefaultDisturbSpec(array.Cell{})
	var named []array.Cell
	c := a.experiment("disturb", "See what pulses on one device do to its neighbours",
		`Applies pulses to one device and reads, after each, the nearest usable
neighbours on its row, on its column and on neither, for each bias scheme and
amplitude. All four are brought to a state of the working range before each
series.`, 1, &spec.Conditions,
		func(cells []array.Cell) specification {
			named = cells
			if len(cells) == 1 {
				spec.Device = cells[0]
			}
			return oneDevice{spec, len(named)}
		})
	f := c.Flags()
	f.Var(list[instrument.Volts, *instrument.Volts]{&spec.Amplitudes}, "amplitudes",
		"of the pulses, signed; one series each")
	f.Var(list[array.Scheme, *array.Scheme]{&spec.Schemes}, "schemes", "bias schemes: v2, v3, floating")
	f.IntVar(&spec.Pulses, "pulses", spec.Pulses, "pulses of a series")
	return c
}

// oneDevice is the specification of a measurement around a single device.
type oneDevice struct {
	characterize.DisturbSpec
	named int
}

func (s oneDevice) Validate(rows, cols int) error {
	if s.named != 1 {
		return fmt.Errorf("--devices must name one device, such as r3c7; it names %d", s.named)
	}
	return s.DisturbSpec.Validate(rows, cols)
}
