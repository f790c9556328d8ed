package lab

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"xlab/instrument"
	"xlab/lab/sim"
	"xlab/run"
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
type virtualClock struct{ sim *sim.Bench }

func (v virtualClock) Wait(ctx context.Context, t instrument.Seconds) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	v.sim.Netlist.Do(func() { v.sim.Netlist.Hold(float64(t)) })
	return nil
}

// Clock implements procedure.Bench: devices age between two segments too.
func (r *Run) Clock() instrument.Clock { return recordedClock{r} }

type recordedClock struct{ r *Run }

func (c recordedClock) BenchTime(ctx context.Context) (instrument.Seconds, error) {
	var now instrument.Seconds
	err := c.r.Recall("bench time", nil, &now, func() (err error) {
		now, err = c.r.sinceBegun(ctx)
		return err
	})
	c.r.told = now
	return now, err
}

// sinceBegun is the bench's time with all gaps between segments.
func (r *Run) sinceBegun(ctx context.Context) (instrument.Seconds, error) {
	now, err := r.benchTime(ctx)
	return now + r.past.gap, err
}

// Waiter implements procedure.Bench.
func (r *Run) Waiter() instrument.Waiter { return recordedWaiter{r} }

type recordedWaiter struct{ r *Run }

// Wait counts from the last time that the clock gave: if the run was cut off while
// it waited, part of the wait is already over.
func (w recordedWaiter) Wait(ctx context.Context, t instrument.Seconds) error {
	r := w.r
	cutOff := r.past.records != nil && !r.tape.Live()
	return r.Recall(recallWait, t, &t, func() error {
		if cutOff {
			now, err := r.sinceBegun(ctx)
			if err != nil {
				return err
			}
			if t = r.told + t - now; t <= 0 {
				return nil
			}
		}
		var clock instrument.Waiter = wallClock{}
		if r.session.Sim != nil {
			clock = virtualClock{r.session.Sim}
		}
		if err := clock.Wait(ctx, t); err != nil {
			return err
		}
		// A wait that was broken off is not one that has been.
		return run.CheckStop(ctx)
	})
}

// Thermostat implements procedure.Bench.
func (r *Run) Thermostat() (t instrument.Thermostat, restore func() error) {
	restore = func() error { return nil }
	if r.session == nil { // in a replay nothing is reached
		return &recordedThermostat{r: r}, restore
	}
	if s := r.session.Sim; s == nil {
		t = newOperator(r.lab.In, r.progress.Message)
	} else {
		chamber := simulatedChamber{s, r.session.Config.Simulation.Temperature, r.header.Arrays}
		t, restore = chamber, chamber.restore
	}
	kept := &recordedThermostat{r: r, inner: t}
	r.whenLive = append(r.whenLive, kept.again)
	return kept, restore
}

// Kinds of records: of a wait that is over, and of a temperature that was reached.
const (
	recallWait        = "wait"
	recallTemperature = "temperature"
)

// recordedThermostat brings the chip back to the temperature at which a run was
// cut off before it goes on.
type recordedThermostat struct {
	r       *Run
	inner   instrument.Thermostat
	last    instrument.Celsius
	reached bool // last is one of the record's
}

func (k *recordedThermostat) Reach(ctx context.Context, t instrument.Celsius) (real instrument.Celsius, err error) {
	live := false
	err = k.r.Recall(recallTemperature, t, &real, func() (err error) {
		live = true
		real, err = k.inner.Reach(ctx, t)
		return err
	})
	if !live && err == nil {
		k.last, k.reached = t, true
	}
	return real, err
}

func (k *recordedThermostat) again(ctx context.Context) error {
	if !k.reached {
		return nil
	}
	_, err := k.inner.Reach(ctx, k.last)
	return err
}

// simulatedChamber sets the temperature of a simulated chip.
type simulatedChamber struct {
	sim        *sim.Bench
	configured instrument.Celsius
	arrays     []run.ArrayHeader
}

func (s simulatedChamber) Reach(_ context.Context, t instrument.Celsius) (instrument.Celsius, error) {
	for _, a := range s.arrays {
		if err := s.sim.Heat(a.Name, t); err != nil {
			return t, err
		}
	}
	return t, nil
}

func (s simulatedChamber) restore() error {
	_, err := s.Reach(context.Background(), s.configured)
	return err
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
	o.say(fmt.Sprintf("bring the chip to %v, then enter its measured temperature (Enter alone means %v):", t, t))
	for {
		select {
		case line, open := <-o.lines:
			if !open {
				return 0, run.Usage(errors.New("the input ended before the temperature was entered: the command needs a " +
					"person, or a file with one temperature per line"))
			}
			if strings.TrimSpace(line) == "" {
				return t, nil
			}
			var real instrument.Celsius
			err := real.Set(line)
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
