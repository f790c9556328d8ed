package characterize

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/run"
)

// Event tells an observer how far a measurement is. It must not block.
type Event struct {
	Phase       string // of measurements with several; "" = Done and Total are of the whole
	Done, Total int    // devices, or what the measurement counts
	Note        string
	Ahead       []run.Work // what is still to be done in all phases; nil = Total less Done
	Steps       int        // of the first of them, done since the event before; 0 = by Done
}

// Options are the parts of a run that are not the measurement's.
type Options struct {
	Observe func(Event)      // told after every device; nil = nobody
	Defects *array.DefectMap // devices that are not usable are skipped; nil = none is known
}

func (o Options) observe(e Event) {
	if o.Observe != nil {
		o.Observe(e)
	}
}

// usable leaves out the cells that forming found to be unusable.
func (o Options) usable(cells []array.Cell) (keep, skipped []array.Cell) {
	keep, skipped = []array.Cell{}, []array.Cell{}
	for _, c := range cells {
		if o.Defects == nil || o.Defects.Usable(c) {
			keep = append(keep, c)
		} else {
			skipped = append(skipped, c)
		}
	}
	return keep, skipped
}

// errUnreadable marks steps that say nothing of the device: a read whose value is
// no conductance of it, stress during which the other lines were not held. It ends
// the measurement of that device, not the run.
var errUnreadable = errors.New("no verdict")

// noVerdict keeps why a device has no verdict. Other errors are the bench's.
func noVerdict(err error, reason *string) error {
	if errors.Is(err, errUnreadable) {
		*reason = err.Error()
		return nil
	}
	return err
}

// probe measures and stresses one device.
type probe struct {
	bench      array.DUT
	conditions Conditions
	cell       array.Cell
	last       instrument.Siemens // by the last read
	pulses     int                // so far
	unknown    bool               // steps of the last exchange may not have happened: the run was cut off there
}

func (p *probe) read(ctx context.Context) error { return p.do(ctx) }

// do performs the steps and a read behind them.
func (p *probe) do(ctx context.Context, steps ...array.Step) error {
	_, err := p.measured(ctx, steps...)
	return err
}

// measured is do, and gives the last level of the first step as it was measured.
func (p *probe) measured(ctx context.Context, steps ...array.Step) (array.Level, error) {
	results, err := p.bench.Do(ctx, p.cell, append(steps, p.conditions.read())...)
	if err != nil {
		return array.Level{}, err
	}
	if err := unheld(results); err != nil {
		p.pulses += len(steps)
		return array.Level{}, err
	}
	p.unknown = slices.ContainsFunc(results, func(r array.Result) bool { return r.Unknown })
	return results[0].Last(), p.take(results[len(steps)], len(steps))
}

// complianceKey is the configuration key of every source's compliance.
const complianceKey = "read.compliance"

// unheld is nil unless sources were at their compliance in a step that bound
// other lines than the selected row.
func unheld(results []array.Result) error {
	for _, r := range results {
		if list := r.Unheld(); len(list) > 0 {
			return fmt.Errorf("%w: %s", errUnreadable, array.Unheld(list, complianceKey))
		}
	}
	return nil
}

// take keeps what a read after n pulses gave.
func (p *probe) take(r array.Result, n int) error {
	p.pulses += n
	switch {
	case !r.Valid():
		return fmt.Errorf("%w: the read is not valid (status %08b): check the measuring range and the lines of the device",
			errUnreadable, r.Status)
	case len(r.Limited) > 0:
		return fmt.Errorf("%w: the read is no measurement: %s", errUnreadable, array.Unheld(r.Limited, complianceKey))
	case r.InCompliance():
		return fmt.Errorf("%w: the read was in compliance, so the voltage was not the one asked for; "+
			"raise the compliance above %v", errUnreadable, p.conditions.Compliance)
	}
	p.last = r.Conductance()
	return nil
}

// bring writes a conductance between low and high by pulses of rising amplitude
// with reversal and restart. ok is false when the pulses do not suffice.
func (p *probe) bring(ctx context.Context, low, high instrument.Siemens) (ok bool, err error) {
	if err := p.read(ctx); err != nil {
		return false, err
	}
	c := p.conditions
	var v instrument.Volts
	for range c.PreparePulses {
		switch {
		case p.last >= low && p.last <= high:
			return true, nil
		case p.unknown && v != 0 && (p.last < low) == (v > 0): // it may not have happened
		case p.last < low && v > 0:
			v = min(v+c.PrepareStep, c.SetMax)
		case p.last < low:
			v = c.SetStart
		case v < 0:
			v = max(v-c.PrepareStep, c.ResetMax)
		default:
			v = c.ResetStart
		}
		if err := p.do(ctx, c.pulse(v, c.Width)); err != nil {
			return false, err
		}
	}
	return p.last >= low && p.last <= high, nil
}

// off switches the device off. Far from the goal two pulses share one read: the
// first hardly ever suffices. A device that does not answer is left as it is.
func (p *probe) off(ctx context.Context) error {
	c := p.conditions
	v := c.OffStart
	for left := c.OffPulses; left > 0 && p.last > c.Off; {
		burst := 1
		if left > 1 && p.last > farFromOff*c.Off {
			burst = 2
		}
		before := p.last
		steps := make([]array.Step, burst, burst+1)
		for i := range steps {
			steps[i] = c.pulse(v, c.OffWidth)
		}
		if err := p.do(ctx, steps...); err != nil {
			return err
		}
		if p.unknown {
			continue // how strong they are is not known from pulses that may not have happened
		}
		left -= burst
		if float64(p.last) > math.Pow(weakReset, float64(burst))*float64(before) {
			if v <= c.ResetMax {
				break
			}
			v = max(v-c.PrepareStep, c.ResetMax)
		}
	}
	return nil
}

const (
	// weakReset is the ratio of conductance after to before a reset pulse above
	// which the next one is stronger.
	weakReset = 0.85
	// farFromOff is the multiple of the off conductance above which one pulse
	// hardly ever reaches it.
	farFromOff = 4
)
