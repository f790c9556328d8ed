package lab_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/lab"
	"xlab/lab/procedure"
	"xlab/run"
	"xlab/run/archive/export"
)

// burst is a kind of step of somebody's own: equal pulses as one step. Nothing outside
// this file knows it.
type burst struct {
	Pulse array.Pulse `json:"pulse"`
	Times int         `json:"times"`
}

func (burst) Name() string { return "burst" }
func (burst) Stress() bool { return true }
func (b burst) MarshalJSON() ([]byte, error) {
	type plain burst
	return array.Tagged("burst", plain(b))
}
func (b burst) Validate() error { return b.Pulse.Validate() }

func (b burst) Lower(at array.Cell, on array.Shape) (*array.Lowered, error) {
	l, err := b.Pulse.Lower(at, on)
	if err != nil {
		return nil, err
	}
	one, raise := l.Parts[0], l.Raise
	for range b.Times - 1 {
		l.Parts = append(l.Parts, one)
	}
	l.Raise = func(raw []instrument.Result) (all array.Result) {
		for i := range raw {
			r := raise(raw[i : i+1])
			all.Levels, all.Status, all.Busy = append(all.Levels, r.Levels...), all.Status|r.Status, all.Busy+r.Busy
		}
		return all
	}
	return l, nil
}

// bursts is a job of bursts on a device, in front of which it can be cut off.
type bursts struct {
	cutOff int
	levels int
}

func (*bursts) Command() string                                  { return "bursts" }
func (*bursts) Arrays() []string                                 { return []string{"A"} }
func (*bursts) Spec() any                                        { return struct{}{} }
func (*bursts) Files(procedure.Bench) error                      { return nil }
func (j *bursts) Summary(procedure.Bench, procedure.Figures) any { return j.levels }

func (j *bursts) Work(ctx context.Context, b procedure.Bench) error {
	for i := range 4 {
		if i == j.cutOff-1 {
			return run.ErrInterrupted
		}
		pulse := array.Pulse{Voltage: 0.5, Width: 1e-3, Scheme: array.HalfVoltage, Compliance: 1e-3}
		results, err := b.Crossbar("A").Do(ctx, array.Cell{Row: 1, Col: 2}, burst{pulse, 3})
		if err != nil {
			return err
		}
		j.levels += len(results[0].Levels)
	}
	return nil
}

// A step of a new kind is performed within the limits, recorded, taken up again,
// replayed and exported, with no edit outside its file.
func TestStepOfOnesOwn(t *testing.T) {
	dir := t.TempDir()
	l := lab.New()
	if err := l.ReadConfig("", []string{"analyzer.address=sim", "simulation.chip=" + filepath.Join(dir, "chip.json"),
		"runs=" + dir}); err != nil {
		t.Fatal(err)
	}
	l.Steps["burst"] = array.Decoded[burst]
	l.Procedures = append(l.Procedures, procedure.Procedure{Name: "bursts",
		Rebuild: func(procedure.Lab, *run.Header) (procedure.Job, error) { return &bursts{}, nil }})
	r, err := l.CarryOut(t.Context(), &bursts{cutOff: 3})
	if run.OutcomeOf(err) != run.OutcomeInterrupted {
		t.Fatal(err)
	}
	kept := filepath.Join(dir, r.ID())
	_, job, err := l.Resume(t.Context(), kept, false)
	if err != nil {
		t.Fatal(err)
	}
	if n := job.(*bursts).levels; n != 12 {
		t.Errorf("taken up: %d levels of 4 bursts of 3", n)
	}
	stored, err := run.Load(dir, r.ID())
	if err != nil {
		t.Fatal(err)
	}
	if again, err := l.Replay(t.Context(), stored, false); err != nil || again.Difference != nil || !again.Ended {
		t.Errorf("replayed: %+v, %v", again, err)
	}
	source, err := export.Open(kept, false)
	if err != nil {
		t.Fatal(err)
	}
	source.Kinds = l.Steps
	for name, want := range map[string]string{"readings": "12 rows, burst 0.5 V", "devices": "1 rows, 4 pulses"} {
		table, err := source.Table(name)
		if err != nil {
			t.Fatal(err)
		}
		rows, what := 0, ""
		err = table.Rows(func(values []export.Value) error {
			rows++
			for i, column := range table.Columns {
				switch column.Name {
				case "kind":
					what = values[i].Text
				case "voltage_v":
					if name == "devices" {
						continue
					}
					what += fmt.Sprintf(" %g V", values[i].Real)
				case "pulses":
					what = fmt.Sprintf("%d pulses", values[i].Integer)
				}
			}
			return nil
		})
		if got := fmt.Sprintf("%d rows, %s", rows, what); err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", name, got, err, want)
		}
	}
}
