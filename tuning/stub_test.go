package tuning

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"xlab/instrument"
	"xlab/instrument/array"
)

// stub is a crossbar of devices with a law of response that is not the prior's,
// behind ideal lines if none are given. It checks that every pulse is covered by
// an intent.
type stub struct {
	rows, cols int
	g          []float64 // S
	shift      [][2]float64
	pulses     []int
	random     *rand.Rand
	noise      float64 // relative, of reads
	offset     float64 // A, deviation of the meter's offset
	overflow   float64 // A, of reads with a status
	cycle      float64 // spread of ln|dG| from pulse to pulse
	half       bool    // half-selected devices are disturbed
	lines      array.Resistance
	shown      []float64 // reads through the lines; nil when the devices have changed since

	stuck  map[int]int // device -> pulses after which it answers no more
	frail  map[int]bool
	status map[int]instrument.Status // of reads
	pulsed map[int]instrument.Status // of pulses

	pulseLimited []array.Limited // sources at their compliance in every pulse
	readLimited  map[int][]array.Limited
	fail         error // returned by the pulse after failAt pulses
	failAt       int
	intent       array.Bounds
	cell         array.Cell
	open         bool
	settled      []Record
	breaches     []string
}

func newStub(rows, cols int, seed uint64) *stub {
	s := &stub{rows: rows, cols: cols, random: rand.New(rand.NewPCG(seed, 7)), noise: 0.001, cycle: 0.3, half: true,
		stuck: map[int]int{}, frail: map[int]bool{}, status: map[int]instrument.Status{}, pulsed: map[int]instrument.Status{},
		failAt: math.MaxInt}
	for range rows * cols {
		s.g = append(s.g, 8e-6*math.Exp(0.3*s.random.NormFloat64()))
		s.shift = append(s.shift, [2]float64{0.1 * s.random.NormFloat64(), 0.1 * s.random.NormFloat64()})
		s.pulses = append(s.pulses, 0)
	}
	return s
}

func (s *stub) Size() (rows, cols int) { return s.rows, s.cols }

func (s *stub) Expect(c array.Cell, b array.Bounds) error {
	s.cell, s.intent, s.open = c, b, true
	return nil
}

func (s *stub) Settle(data any) error {
	s.open = false
	if r, ok := data.(Record); ok {
		s.settled = append(s.settled, r)
	}
	return nil
}

// change is the stub's law: other amplitudes, slopes and thresholds than the prior's.
func (s *stub) change(k int, v float64) float64 {
	if v > 0 {
		return 20e-6 / (1 + math.Exp(-10*(v-1.05-s.shift[k][0])))
	}
	return -0.4 * s.g[k] / (1 + math.Exp(-9*(-v-1.35-s.shift[k][1])))
}

func (s *stub) hit(k int, v float64) {
	if after, ok := s.stuck[k]; ok && s.pulses[k] >= after || s.g[k] < unformed {
		return
	}
	s.shown = nil
	s.g[k] = math.Max(1e-6, s.g[k]+s.change(k, v)*math.Exp(s.cycle*s.random.NormFloat64()))
}

// unformed is the conductance in S below which a device answers to no pulse.
const unformed = 1e-7

// read is what a read of a device shows but for its noise.
func (s *stub) read(k int) float64 {
	if s.lines == (array.Resistance{}) {
		return s.g[k]
	}
	if s.shown == nil {
		s.shown = s.lines.Reads(s.rows, s.cols, s.g)
	}
	return s.shown[k]
}

func (s *stub) Do(_ context.Context, c array.Cell, steps ...array.Step) ([]array.Result, error) {
	k := c.Row*s.cols + c.Col
	var results []array.Result
	for _, step := range steps {
		switch step := step.(type) {
		case array.Read:
			v := float64(step.Voltage)
			current := v * s.read(k) * (1 + s.noise*s.random.NormFloat64())
			if s.offset > 0 {
				current += s.offset * s.random.NormFloat64()
			}
			if s.overflow > 0 && s.status[k] != 0 {
				current = math.Copysign(s.overflow, v)
			}
			results = append(results, array.Result{
				Levels: []array.Level{{Voltage: step.Voltage, Current: instrument.Amps(current)}},
				Status: s.status[k], Limited: s.readLimited[k]})
		case array.Pulse:
			if s.failAt--; s.failAt < 0 {
				return results, s.fail
			}
			if !s.open || s.cell != c || s.intent.Steps <= 0 || step.Voltage > s.intent.MaxVoltage ||
				step.Voltage < s.intent.MinVoltage {
				s.breaches = append(s.breaches, fmt.Sprintf("%s %v", c, step.Voltage))
			}
			s.intent.Steps--
			v := float64(step.Voltage)
			s.hit(k, v)
			s.pulses[k]++
			for o := range s.g {
				if s.half && o != k && (o/s.cols == c.Row || o%s.cols == c.Col) {
					if s.frail[o] {
						s.g[o] *= 1.1
						s.shown = nil
						continue
					}
					s.hit(o, float64(step.Scheme.HalfSelected(step.Voltage)))
				}
			}
			results = append(results, array.Result{Levels: []array.Level{{Voltage: step.Voltage}}, Status: s.pulsed[k],
				Limited: s.pulseLimited})
		default:
			return results, fmt.Errorf("step %T", step)
		}
	}
	return results, nil
}

func (s *stub) total() int {
	n := 0
	for _, p := range s.pulses {
		n += p
	}
	return n
}

// testSpec asks for conductances spread evenly in ln G between 10 and 100 uS,
// behind ideal lines.
func testSpec(rows, cols int) Spec {
	s := DefaultSpec(nil)
	s.Lines = array.Resistance{}
	s.Targets = NewTargets(rows, cols)
	for i, c := range array.AllCells(rows, cols) {
		s.Targets[c.Row][c.Col] = instrument.Siemens(10e-6 * math.Pow(10, math.Mod(float64(i)*0.618, 1)))
	}
	return s
}
