package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"xlab/instrument"
	"xlab/run"
	"xlab/tuning/characterize"
)

// wallClock waits on a real bench. All sources are at 0 V between steps.
type wallClock struct{}

func (wallClock) Wait(ctx context.Context, t instrument.Seconds) error {
	timer := time.NewTimer(time.Duration(float64(t) * float64(time.Second)))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-run.Stopping(ctx):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// virtualClock lets the simulated bench's time run on at once.
type virtualClock struct{ sim *simulation }

func (v virtualClock) Wait(ctx context.Context, t instrument.Seconds) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	v.sim.bench.Do(func() { v.sim.bench.Hold(float64(t)) })
	return nil
}

// waiter lets time pass on the run's bench.
func (r *recorded) waiter() characterize.Waiter {
	if r.session.sim != nil {
		return virtualClock{r.session.sim}
	}
	return wallClock{}
}

// thermostat brings the run's chip to temperatures; restore brings a simulated
// one back to the configured temperature.
func (a *app) thermostat(r *recorded) (t characterize.Thermostat, restore func() error) {
	sim := r.session.sim
	if sim == nil {
		return newOperator(a.in, r.progress.Message), func() error { return nil }
	}
	chamber := simulatedChamber{sim, r.Header().Array}
	return chamber, func() error { return chamber.set(r.session.config.Simulation.Temperature) }
}

// simulatedChamber sets the temperature of a simulated chip.
type simulatedChamber struct {
	sim   *simulation
	array string
}

func (s simulatedChamber) Reach(_ context.Context, t instrument.Celsius) (instrument.Celsius, error) {
	return t, s.set(t)
}

func (s simulatedChamber) set(t instrument.Celsius) (err error) {
	s.sim.bench.Do(func() {
		if devices := s.sim.bench.Devices(s.array); devices != nil {
			err = devices.SetTemperature(float64(t))
		}
	})
	if err != nil {
		return usageError(err) // outside of what the technology is known for
	}
	return nil
}

// operator is the person at the bench, who is asked for what no instrument here
// can do.
type operator struct {
	say   func(text string)
	lines chan string // closed at the end of the input
}

// newOperator reads the person's answers from in, line by line, until its end.
// Reading cannot be cut off, so that it goes on for as long as the program.
func newOperator(in io.Reader, say func(text string)) *operator {
	o := &operator{say: say, lines: make(chan string)}
	go func() {
		defer close(o.lines)
		for s := bufio.NewScanner(in); s.Scan(); {
			o.lines <- s.Text()
		}
	}()
	return o
}

// Reach asks for the temperature until a usable answer comes.
func (o *operator) Reach(ctx context.Context, t instrument.Celsius) (instrument.Celsius, error) {
	o.say(fmt.Sprintf("bring the chip to %v, then enter the temperature that it has (nothing but Enter for %v):", t, t))
	for {
		select {
		case line, open := <-o.lines:
			if !open {
				return 0, usageError(errors.New("the input ended before the temperature was entered: the command needs a person, or a file with one temperature per line"))
			}
			if strings.TrimSpace(line) == "" {
				return t, nil
			}
			real, err := instrument.ParseCelsius(line)
			if err == nil {
				return real, nil
			}
			o.say(err.Error())
		case <-run.Stopping(ctx):
			return 0, run.CheckStop(ctx)
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	}
}
