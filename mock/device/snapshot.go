package device

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// snapshotFormat names the layout of a saved array. It changes when the layout or the meaning of a seed changes.
const snapshotFormat = "xlab device array 1"

// snapshot is the complete state of an array. What follows from technology and seed is not in it.
type snapshot struct {
	Format     string          `json:"format"`
	Technology string          `json:"technology_yaml"`
	Rows       int             `json:"rows"`
	Cols       int             `json:"cols"`
	Seed       uint64          `json:"seed"`
	Clock      float64         `json:"clock_s"`
	Intervals  uint64          `json:"intervals"`
	Noise      noiseState      `json:"noise"`
	Ledger     ledgerState     `json:"ledger"`
	Model      json.RawMessage `json:"model"`
}

type noiseState struct {
	Samples uint64    `json:"samples"`
	Flipped float64   `json:"flipped_s"`
	Up      []int     `json:"up"`               // telegraph devices in the upper level
	Factor  []float64 `json:"factor,omitempty"` // the present sample, if there is one
}

type ledgerState struct {
	MaxV      []float64 `json:"max_v"`
	MinV      []float64 `json:"min_v"`
	MaxAbsI   []float64 `json:"max_abs_i"`
	Charge    []float64 `json:"charge_c"`
	Net       []float64 `json:"net_charge_c"`
	Discharge []float64 `json:"discharge_charge_c"`
	Positive  []uint32  `json:"positive_pulses"`
	Negative  []uint32  `json:"negative_pulses"`
}

// MarshalJSON returns the complete state of the array, the technology file included. An array restored from it
// answers every further call exactly as the original.
func (a *Array) MarshalJSON() ([]byte, error) {
	state, err := a.model.save()
	if err != nil {
		return nil, fmt.Errorf("saving the devices: %w", err)
	}
	n, l := a.noise, a.ledger
	s := snapshot{
		Format: snapshotFormat, Technology: a.technology.Source(), Rows: a.rows, Cols: a.cols, Seed: a.seed,
		Clock: a.clock, Intervals: a.intervals, Model: state,
		Noise:  noiseState{Samples: n.samples, Flipped: n.flipped, Up: []int{}},
		Ledger: ledgerState{l.maxV, l.minV, l.maxAbsI, l.charge, l.net, l.discharge, l.positive, l.negative},
	}
	for _, t := range n.members {
		if t.up {
			s.Noise.Up = append(s.Noise.Up, t.device)
		}
	}
	if n.active {
		s.Noise.Factor = n.factor
	}
	return json.Marshal(s)
}

// UnmarshalJSON makes the array the one that MarshalJSON saved. On an error the array is left as it was.
func (a *Array) UnmarshalJSON(text []byte) error {
	var s snapshot
	if err := unmarshalStrict(text, &s); err != nil {
		return fmt.Errorf("saved chip: %w", err)
	}
	if s.Format != snapshotFormat {
		return fmt.Errorf("saved chip: the format is %q, this program reads %q; use the program version that wrote it, or "+
			"make a new chip",
			s.Format, snapshotFormat)
	}
	t, err := parseTechnology([]byte(s.Technology), "technology of the saved chip")
	if err != nil {
		return err
	}
	b, err := NewArray(t, s.Rows, s.Cols, s.Seed)
	if err != nil {
		return fmt.Errorf("saved chip: %w", err)
	}
	b.clock, b.intervals = s.Clock, s.Intervals
	if err := b.ledger.restore(&s.Ledger); err != nil {
		return fmt.Errorf("saved chip: ledger: %w", err)
	}
	if err := b.model.restore(s.Model); err != nil {
		return fmt.Errorf("saved chip: devices: %w", err)
	}
	if err := b.noise.restore(&s.Noise); err != nil {
		return fmt.Errorf("saved chip: noise: %w", err)
	}
	*a = *b
	return nil
}

func (n *noise) restore(s *noiseState) error {
	n.samples, n.flipped = s.Samples, s.Flipped
	up := make(map[int]bool, len(s.Up))
	for _, k := range s.Up {
		up[k] = true
	}
	for m := range n.members {
		n.members[m].up = up[n.members[m].device]
		delete(up, n.members[m].device)
	}
	if len(up) > 0 {
		return errors.New("a device without telegraph noise is listed in its upper level")
	}
	if n.active = s.Factor != nil; n.active {
		if err := sameLength(len(n.factor), map[string]int{"factor": len(s.Factor)}); err != nil {
			return err
		}
		copy(n.factor, s.Factor)
	}
	return nil
}

func (l *ledger) restore(s *ledgerState) error {
	if err := sameLength(len(l.maxV), map[string]int{
		"max_v": len(s.MaxV), "min_v": len(s.MinV), "max_abs_i": len(s.MaxAbsI), "charge_c": len(s.Charge),
		"net_charge_c": len(s.Net), "discharge_charge_c": len(s.Discharge),
	}); err != nil {
		return err
	}
	if err := sameLength(len(l.positive), map[string]int{
		"positive_pulses": len(s.Positive), "negative_pulses": len(s.Negative),
	}); err != nil {
		return err
	}
	l.maxV, l.minV, l.maxAbsI = s.MaxV, s.MinV, s.MaxAbsI
	l.charge, l.net, l.discharge, l.positive, l.negative = s.Charge, s.Net, s.Discharge, s.Positive, s.Negative
	return nil
}

// metalOxideState is the part of the metal-oxide population that is not drawn from the seed.
type metalOxideState struct {
	Celsius      float64   `json:"temperature_celsius"`
	Clock        float64   `json:"drift_clock_s"`
	LastDrift    float64   `json:"last_drift_s"`
	Conditions   string    `json:"conditions"` // one letter per device, see conditionLetters
	G0           []float64 `json:"g0_s"`
	Pending      []float64 `json:"pending_s"`
	Damage       []float64 `json:"forming_damage"`
	ProgrammedAt []float64 `json:"programmed_at_s"`
	DriftedAt    []float64 `json:"drifted_at_s"`
}

// conditionLetters are pristine, formed, stuck, shorted (x) and open, in the order of the Condition constants.
const conditionLetters = "pfsxo"

func (m *metalOxide) save() (json.RawMessage, error) {
	letters := make([]byte, len(m.conditions))
	for k, c := range m.conditions {
		letters[k] = conditionLetters[c]
	}
	return json.Marshal(metalOxideState{
		Celsius: m.celsius, Clock: m.clock, LastDrift: m.lastDrift, Conditions: string(letters),
		G0: m.g0, Pending: m.pending, Damage: m.damage, ProgrammedAt: m.programmedAt, DriftedAt: m.driftedAt,
	})
}

func (m *metalOxide) restore(text json.RawMessage) error {
	var s metalOxideState
	if err := unmarshalStrict(text, &s); err != nil {
		return err
	}
	if err := sameLength(len(m.g0), map[string]int{
		"conditions": len(s.Conditions), "g0_s": len(s.G0), "pending_s": len(s.Pending), "forming_damage": len(s.Damage),
		"programmed_at_s": len(s.ProgrammedAt), "drifted_at_s": len(s.DriftedAt),
	}); err != nil {
		return err
	}
	for k := range m.conditions {
		c := bytes.IndexByte([]byte(conditionLetters), s.Conditions[k])
		if c < 0 {
			return fmt.Errorf("conditions: letter %q of device %d is none of %q", s.Conditions[k], k, conditionLetters)
		}
		if !(s.G0[k] > 0) {
			return fmt.Errorf("g0_s: device %d has a conductance of %v, which must be above 0", k, s.G0[k])
		}
		m.conditions[k] = Condition(c)
	}
	m.clock, m.lastDrift = s.Clock, s.LastDrift
	m.g0, m.pending, m.damage, m.programmedAt, m.driftedAt = s.G0, s.Pending, s.Damage, s.ProgrammedAt, s.DriftedAt
	return m.setTemperature(s.Celsius)
}

// unmarshalStrict decodes JSON and refuses unknown fields and anything after the value.
func unmarshalStrict(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is text after the end")
	}
	return nil
}

// sameLength checks that every named list has one element per device (or per device and bin).
func sameLength(want int, lengths map[string]int) error {
	for name, n := range lengths {
		if n != want {
			return fmt.Errorf("%s has %d entries instead of %d", name, n, want)
		}
	}
	return nil
}
