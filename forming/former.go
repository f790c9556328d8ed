package forming

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

// Record is what happened to one device.
type Record struct {
	Cell      array.Cell         `json:"cell"`
	State     array.State        `json:"state"`
	Reason    string             `json:"reason,omitempty"`
	Sweeps    int                `json:"sweeps"`            // over all rounds
	Maximum   float64            `json:"maximum,omitempty"` // of the last sweep, A or V
	Before    instrument.Siemens `json:"before"`            // at the check voltage, before anything
	Formed    instrument.Siemens `json:"formed,omitempty"`  // after the sweep that formed it
	After     instrument.Siemens `json:"after"`             // after the last reset
	Resets    int                `json:"resets"`            // reset pulses
	SwitchedV instrument.Volts   `json:"forming,omitempty"` // voltage across the lines at which the sweep's current jumped

	// Limited are the sources of other lines that were at their compliance, so
	// that nothing follows for the device: it stays untried.
	Limited []array.Limited `json:"limited,omitempty"`
}

// Event tells an observer how far forming is. It must not block.
type Event struct {
	Round       int // 1 or 2
	Done, Total int // devices; those that get a second round count twice, as soon as it begins
	Record      Record
	Ahead       []run.Work // what is still to be done in both rounds, as far as it is known
}

// Options are the parts of a run that are not the procedure's.
type Options struct {
	Observe func(Event) // told after every device; nil = nobody
}

// Outcome is the result of forming.
type Outcome struct {
	Mode    instrument.SweepKind // of the sweeps: a record's Maximum is in V or in A
	Records []Record             // by device, in the order of forming
	Defects *array.DefectMap     // of the whole array; devices not asked for are untried
}

// Count is the number of records in a state.
func (o *Outcome) Count(s array.State) int {
	n := 0
	for _, r := range o.Records {
		if r.State == s {
			n++
		}
	}
	return n
}

// Run forms the devices of the specification. It blocks until done, until the
// guard around ctx asks it to stop at the next device, or until an error or the
// end of ctx; the outcome so far comes with an error too. While the sources of
// the other lines cannot hold them nothing is said of a device that did not form
// or answer: it stays untried, and the run ends as partial, at once when that
// happens to a few devices in a row. The caller makes the bench safe.
func Run(ctx context.Context, bench array.DUT, name string, spec Spec, o Options) (*Outcome, error) {
	rows, cols := bench.Size()
	if err := spec.Validate(rows, cols); err != nil {
		return nil, err
	}
	f := &former{bench: bench, spec: spec, options: o,
		outcome: &Outcome{Mode: spec.Mode, Defects: array.NewDefectMap(name, rows, cols)},
		retried: make(map[*Record]bool)}
	for _, cell := range spec.devices(rows, cols) {
		f.outcome.Records = append(f.outcome.Records, Record{Cell: cell, State: array.StateUntried})
	}
	err := f.run(ctx)
	for _, r := range f.outcome.Records {
		*f.outcome.Defects.At(r.Cell) = array.DeviceState{Cell: r.Cell, State: r.State, Reason: r.Reason,
			Conductance: r.After}
	}
	return f.outcome, err
}

type former struct {
	bench   array.DUT
	spec    Spec
	options Options
	outcome *Outcome
	retried map[*Record]bool // devices that have had their second round
	limited []array.Limited  // sources that could not hold their lines in a pulse on the present device
	unheld  int              // devices in a row without a verdict
}

func (f *former) run(ctx context.Context) error {
	var all []*Record
	for i := range f.outcome.Records {
		all = append(all, &f.outcome.Records[i])
	}
	if err := f.round(ctx, 1, all); err != nil {
		return err
	}
	failed := slices.DeleteFunc(slices.Clone(all), func(r *Record) bool { return r.State != array.StateDefective })
	if len(failed) == 0 {
		return f.held()
	}
	err := f.second(ctx, all, failed)
	if err != nil {
		for _, r := range failed {
			if !f.retried[r] {
				r.Reason += "; not tried a second time"
			}
		}
		return err
	}
	return f.held()
}

// held is nil when every device got a verdict.
func (f *former) held() error {
	var last *Record
	n := 0
	for i := range f.outcome.Records {
		if r := &f.outcome.Records[i]; len(r.Limited) > 0 {
			last = r
			n++
		}
	}
	if n == 0 {
		return nil
	}
	return &run.Ended{Outcome: run.OutcomePartial,
		Err: fmt.Errorf("%d of %d devices have no verdict, because sources could not hold their lines; %s: %s",
			n, len(f.outcome.Records), last.Cell, last.Reason)}
}

const (
	// What a person has to change: the compliance of the row in a sweep, and that
	// of everything else.
	rowKey, complianceKey = "forming.icomp", "forming.compliance"
	// mostUnheld is the number of devices in a row without a verdict after which
	// the next one is not stressed any more.
	mostUnheld = 3
)

// second resets the devices that work and tries the failed ones once more.
func (f *former) second(ctx context.Context, all, failed []*Record) error {
	for _, r := range all {
		if err := run.CheckStop(ctx); err != nil {
			return err
		}
		if r.State == array.StateDefective {
			continue
		}
		if err := f.resetAgain(ctx, r); err != nil {
			return err
		}
	}
	return f.round(ctx, 2, failed)
}

func (f *former) round(ctx context.Context, n int, records []*Record) error {
	for i, r := range records {
		if err := run.CheckStop(ctx); err != nil {
			return err
		}
		if err := f.device(ctx, r, n); err != nil {
			if r.State == array.StateUntried {
				r.Reason = "begun and not finished: " + err.Error()
			}
			return fmt.Errorf("forming round %d: %w", n, err)
		}
		f.retried[r] = n > 1
		if f.options.Observe != nil {
			f.options.Observe(f.event(n, i+1, len(records), *r))
		}
		if f.unheld++; len(r.Limited) == 0 {
			f.unheld = 0
		}
		if f.unheld == mostUnheld {
			return f.held()
		}
	}
	return nil
}

// longer is how many times longer than another a device takes that does not form:
// it gets all sweeps.
const longer = 4

// event tells that so many of a round's devices are done.
func (f *former) event(round, done, total int, r Record) Event {
	e := Event{Round: round, Done: done, Total: total, Record: r}
	if round == 1 {
		e.Ahead = []run.Work{{Kind: "device", Steps: total - done, Each: 1},
			{Kind: "failed device", Steps: f.outcome.Count(array.StateDefective), Each: longer}}
		return e
	}
	e.Done, e.Total = e.Done+len(f.outcome.Records), e.Total+len(f.outcome.Records)
	e.Ahead = []run.Work{{Kind: "failed device", Steps: total - done, Each: longer}}
	return e
}

// device checks, forms and resets one device.
func (f *former) device(ctx context.Context, r *Record, round int) error {
	if err := f.bench.Expect(r.Cell, f.spec.bounds()); err != nil {
		return err
	}
	f.limited, r.Limited = nil, nil
	return f.settle(r, f.form(ctx, r, round))
}

// unread is the error of a check that measured nothing because of limited sources.
type unread []array.Limited

func (u unread) Error() string { return array.Unheld(u, complianceKey) }

// settle ends the visit to a device whose work ended with err.
func (f *former) settle(r *Record, err error) error {
	if u, ok := errors.AsType[unread](err); ok {
		r.noVerdict(u, complianceKey)
		err = nil
	}
	if err != nil {
		return err
	}
	return f.bench.Settle(r)
}

// noVerdict leaves a device as untried: the other lines were not where they
// should have been.
func (r *Record) noVerdict(list []array.Limited, key string) {
	r.State, r.Limited = array.StateUntried, list
	r.Reason = "no verdict: " + array.Unheld(list, key)
}

func (f *former) form(ctx context.Context, r *Record, round int) error {
	before, err := f.read(ctx, r.Cell)
	if err != nil {
		return err
	}
	if round == 1 {
		r.Before = before
	}
	r.After = before
	if float64(before)*float64(f.spec.RTH) > 1 {
		// In the second round this is a device that switched on while another
		// one was being formed, or one that did not answer to its reset.
		state := array.StatePreformed
		if round > 1 {
			state = array.StateFormed
		}
		return f.confirm(ctx, r, state)
	}
	var elsewhere []array.Limited // where the row's current went in the last sweep
	// Most devices form in their first sweep, and the read behind it tells. Only where
	// one does not, it matters which sources were at their compliance.
	columnOnly := round == 1 && f.spec.Attempts > 1 && f.spec.maximum(0) < f.spec.maximum(1)
	raised := 0 // times that the maximum was
	for attempt := 0; attempt < f.spec.Attempts; attempt++ {
		sweep := f.spec.sweep(raised)
		sweep.ColumnOnly = columnOnly
		columnOnly = false
		results, err := f.bench.Do(ctx, r.Cell, sweep, f.spec.check())
		if err != nil {
			return err
		}
		r.Sweeps++
		r.Maximum = sweep.Stop
		after, err := conductance(r.Cell, results[1])
		if err != nil {
			return err
		}
		r.After = after
		if float64(after) >= f.spec.Amin*math.Abs(float64(before)) && float64(after)*float64(f.spec.RTH) > 1 {
			r.Formed, r.SwitchedV = after, jump(results[0])
			return f.confirm(ctx, r, array.StateFormed)
		}
		if list := results[0].Unheld(); len(list) > 0 {
			if list[0].Bus == "" {
				continue // the same once more, with all sources measured
			}
			// A stronger sweep would be held even less.
			r.noVerdict(list, complianceKey)
			return nil
		}
		elsewhere = f.spec.elsewhere(results[0])
		if results[0].Unknown {
			// It may not have happened, and the device is not formed: the next
			// one must not be stronger.
			r.Sweeps--
			attempt--
			continue
		}
		if raised++; sweep.Stop == f.spec.maximum(raised) {
			break // the maximum cannot be raised any further
		}
	}
	r.State = array.StateDefective
	r.Reason = fmt.Sprintf("did not form: %v at %v after %d sweeps", r.After, f.spec.Check, r.Sweeps)
	if len(elsewhere) > 0 && round > 1 {
		r.noVerdict(elsewhere, rowKey)
	}
	return nil
}

// elsewhere is the row's source where it was at its compliance below the top of the
// first sweep of voltage and the device did not form all the same: the current went
// through the other devices of the row, and the selected one never saw a whole
// sweep. nil where that was not so.
func (s Spec) elsewhere(r array.Result) []array.Limited {
	i := slices.IndexFunc(r.Limited, func(l array.Limited) bool { return l.Bus == array.BusForce1 })
	if s.Mode != instrument.SweepVoltage || i < 0 || float64(r.Limited[i].From) >= s.maximum(0) {
		return nil
	}
	return r.Limited[i : i+1]
}

// confirm switches a device off and makes sure that it can be switched: it is
// in the given state when it answers, defective when nothing moves it.
func (f *former) confirm(ctx context.Context, r *Record, state array.State) error {
	responded, err := f.reset(ctx, r)
	if err != nil {
		return err
	}
	if !responded {
		if responded, err = f.set(ctx, r); err != nil {
			return err
		}
		if responded {
			if _, err = f.reset(ctx, r); err != nil {
				return err
			}
		}
	}
	r.State, r.Reason = state, ""
	switch {
	case responded:
	case len(f.limited) > 0:
		r.noVerdict(f.limited, complianceKey)
	default:
		r.State = array.StateDefective
		r.Reason = fmt.Sprintf("stuck at %v: does not answer to pulses from %v to %v", r.After, f.spec.VresetMax, f.spec.Vset)
	}
	return nil
}

// reset applies pulses until the device is off, stronger ones when they have
// little effect. It tells whether the conductance fell by the response factor.
// Far from the goal two pulses share one read: the first hardly ever suffices.
func (f *former) reset(ctx context.Context, r *Record) (bool, error) {
	start, v := r.After, f.spec.Vreset
	for left := f.spec.ResetPulses; left > 0; {
		burst := 1
		if left > 1 && r.After > farFromOff*f.spec.Goff {
			burst = 2
		}
		after, unknown, err := f.pulse(ctx, r.Cell, v, burst)
		if err != nil {
			return false, err
		}
		if unknown && after > f.spec.Goff {
			// How strong they are is not known from pulses that may not have
			// happened.
			r.After = after
			continue
		}
		r.Resets += burst
		left -= burst
		weak := float64(after) > math.Pow(weakReset, float64(burst))*float64(r.After)
		r.After = after
		if after <= f.spec.Goff || weak && v <= f.spec.VresetMax {
			break
		}
		if weak {
			v = max(v-f.spec.VresetStep, f.spec.VresetMax)
		}
	}
	return float64(r.After)*f.spec.Response < float64(start), nil
}

const (
	// weakReset is the ratio of conductance after to before a reset pulse above
	// which the next one is stronger.
	weakReset = 0.85
	// farFromOff is the multiple of Goff above which one pulse hardly ever
	// reaches it.
	farFromOff = 4
)

// set applies pulses of rising strength until the conductance has grown by the
// response factor, and tells whether it did.
func (f *former) set(ctx context.Context, r *Record) (bool, error) {
	start := r.After
	for below := setPulses - 1; below >= 0; below-- {
		after, unknown, err := f.pulse(ctx, r.Cell, f.spec.Vset-instrument.Volts(below)*f.spec.VresetStep, 1)
		if err != nil {
			return false, err
		}
		r.After = after
		if float64(after) > f.spec.Response*float64(start) {
			return true, nil
		}
		if unknown {
			below++ // it may not have happened
		}
	}
	return false, nil
}

// resetAgain switches a device off that may have been switched on since.
func (f *former) resetAgain(ctx context.Context, r *Record) error {
	if err := f.bench.Expect(r.Cell, f.spec.bounds()); err != nil {
		return err
	}
	now, err := f.read(ctx, r.Cell)
	if err != nil {
		return f.settle(r, err)
	}
	if r.After = now; now > f.spec.Goff {
		_, err = f.reset(ctx, r)
	}
	return f.settle(r, err)
}

func (f *former) read(ctx context.Context, cell array.Cell) (instrument.Siemens, error) {
	results, err := f.bench.Do(ctx, cell, f.spec.check())
	if err != nil {
		return 0, err
	}
	return conductance(cell, results[0])
}

// pulse applies n equal pulses and reads the device. unknown tells that the
// pulses may not have happened: the run was cut off there.
func (f *former) pulse(ctx context.Context, cell array.Cell, v instrument.Volts,
	n int) (after instrument.Siemens, unknown bool, err error) {
	steps := make([]array.Step, 0, n+1)
	for range n {
		steps = append(steps, f.spec.pulse(v))
	}
	results, err := f.bench.Do(ctx, cell, append(steps, f.spec.check())...)
	if err != nil {
		return 0, false, err
	}
	for _, r := range results[:n] {
		if list := r.Unheld(); len(list) > 0 {
			f.limited = list
		}
	}
	after, err = conductance(cell, results[n])
	return after, results[n-1].Unknown, err
}

func conductance(cell array.Cell, r array.Result) (instrument.Siemens, error) {
	// Without the other lines at ground the column's current is not the device's.
	if len(r.Limited) > 0 {
		return 0, unread(r.Limited)
	}
	if !r.Valid() {
		return 0, &instrument.Error{Op: "forming check", Channel: cell.String(), Kind: instrument.KindInstrument,
			Err: fmt.Errorf("the reading is not valid (status %08b)", r.Status), Advice: "check the measuring range and the " +
				"connections of the selected lines"}
	}
	return r.Conductance(), nil
}

// jump finds the voltage at which a sweep's device formed: where the
// conductance between the selected lines grows most from one level to the next.
// It is the growth in siemens that counts, not its ratio: below the noise of the
// sweep's measuring range neighbouring currents differ by any factor.
func jump(r array.Result) instrument.Volts {
	var at instrument.Volts
	best := 0.0
	for i := 1; i < len(r.Levels); i++ {
		a, b := r.Levels[i-1], r.Levels[i]
		if a.Voltage <= 0 || b.Voltage <= 0 {
			continue
		}
		if growth := float64(b.Current)/float64(b.Voltage) - float64(a.Current)/float64(a.Voltage); growth > best {
			best, at = growth, max(a.Voltage, b.Voltage)
		}
	}
	return at
}
