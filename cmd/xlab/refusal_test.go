package main

import (
	"context"
	"errors"
	"io"
	"testing"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/lab/boxes"
	"xlab/lab/config"
	"xlab/lab/procedure"
	"xlab/run"
)

// TestRefusedBeforeAByte checks that what is beyond a limit is refused with
// the value, the limit and where it was set, before the bench is even opened.
func TestRefusedBeforeAByte(t *testing.T) {
	t.Parallel()
	const origin = "(set in the built-in simulated bench"
	for _, c := range []struct {
		name  string
		args  []string
		words []string
	}{
		{name: "voltage", args: []string{"iv", "-d", "r1c2", "--stop", "5V"},
			words: []string{"array A [r1c2]: voltage 5 V is beyond the limit of 3.5 V", origin}},
		{name: "negative voltage", args: []string{"iv", "-d", "r1c2", "--stop", "-3V"},
			words: []string{"voltage -3 V is beyond the limit of -2.5 V", origin}},
		{name: "current", args: []string{"iv", "-d", "r1c2", "--compliance", "50mA"},
			words: []string{"compliance 50 mA is beyond the limit of 5 mA", origin}},
		{name: "width", args: []string{"iv", "-d", "r1c2", "--stop", "1V", "--delay", "25ms"},
			words: []string{"35 ms is beyond the limit of 20 ms", origin}},
		{name: "read", args: []string{"read", "--set", "limits.max_voltage=50mV"},
			words: []string{"voltage 200 mV is beyond the limit of 50 mV", origin + ", --set limits.max_voltage=50mV)"}},
		{name: "forming voltage", args: []string{"form", "--set", "forming.vmin=4V", "--set", "forming.vmax=4V"},
			words: []string{"voltage 4 V is beyond the limit of 3.5 V", origin}},
		{name: "forming current", args: []string{"form", "--set", "forming.icomp=6mA"},
			words: []string{"compliance 6 mA is beyond the limit of 5 mA", origin}},
		{name: "forming width", args: []string{"form", "--set", "forming.pulse_width=50ms"},
			words: []string{"pulse width 50 ms is beyond the limit of 20 ms", origin}},
		{name: "reset voltage", args: []string{"form", "--set", "forming.vreset_max=-2.6V"},
			words: []string{"voltage -2.6 V is beyond the limit of -2.5 V", origin}},
		{name: "forced current", args: []string{"form", "--set", "forming.mode=current", "--set", "forming.scheme=floating",
			"--set", "forming.imin=6mA", "--set", "forming.imax=6mA"},
			words: []string{"current 6 mA is beyond the limit of 5 mA", origin}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, 1)
			r.check(r.run(c.args...), run.ExitUsage, "", "", c.words...)
			if r.sim != nil {
				t.Error("the bench was opened")
			}
		})
	}
}

// TestRefusedOnTheBench is the same one floor below: whatever a command asks
// for once the bench is open is checked again, and neither a source nor a
// switch has been told anything when it is refused.
func TestRefusedOnTheBench(t *testing.T) {
	t.Parallel()
	for _, step := range []array.Step{
		array.Read{Voltage: 4, Compliance: 1e-3, Aperture: 1e-3},
		array.Read{Voltage: 0.2, Compliance: 6e-3, Aperture: 1e-3},
		array.Pulse{Voltage: 3.6, Width: 1e-3, Scheme: array.HalfVoltage, Compliance: 1e-3},
		array.Pulse{Voltage: -2.6, Width: 1e-3, Scheme: array.ThirdVoltage, Compliance: 1e-3},
		array.Pulse{Voltage: 1, Width: 21e-3, Scheme: array.HalfVoltage, Compliance: 1e-3},
		array.Pulse{Voltage: 1, Width: 1e-3, Scheme: array.HalfVoltage, Compliance: 6e-3},
		array.Sweep{Kind: instrument.SweepVoltage, Stop: 4, Steps: 5, Compliance: 1e-3, Return: 1e-3,
			Scheme: array.ThirdVoltage, Aperture: 1e-3},
		array.Sweep{Kind: instrument.SweepCurrent, Stop: 6e-3, Steps: 5, Compliance: 2, Return: 1e-3, Scheme: array.Floating,
			Aperture: 1e-3},
	} {
		r := newRig(t, 1)
		c, err := config.Load("", []string{"runs=" + r.runs}, boxes.Default())
		if err != nil {
			t.Fatal(err)
		}
		r.app.Config = c
		r.heard = func(_ int, message string, _ io.Closer) {
			if forces(message) {
				t.Errorf("%+v: the analyzer was sent %q", step, message)
			}
		}
		frames := 0
		r.routed = func(_ int, frame []byte, _ io.Closer) {
			if len(frame) > 40 {
				frames++
			}
		}
		err = r.app.perform(context.Background(), job{
			work: func(ctx context.Context, rec procedure.Bench) error {
				_, err := rec.Crossbar("A").Do(ctx, array.Cell{Row: 1, Col: 2}, step)
				return err
			}})
		var limit *instrument.LimitError
		if !errors.As(err, &limit) || limit.Value == "" || limit.Limit == "" ||
			limit.Origin != "the built-in simulated bench" {
			t.Errorf("%+v was answered by %v", step, err)
		}
		r.checkSafe(0)
		// On each of the two boards one opens all switches at the beginning, one
		// at the end.
		if frames != 4 {
			t.Errorf("%+v: %d frames went to the switch boards, want 4", step, frames)
		}
		if s := r.stored(); s.Outcome != run.OutcomeFailed || s.Result.Kind != instrument.KindLimit ||
			s.Result.Exit != run.ExitUsage {
			t.Errorf("%+v: the run ended as %s, %s, %d", step, s.Outcome, s.Result.Kind, s.Result.Exit)
		}
	}
}
