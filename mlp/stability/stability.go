package stability

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"xlab/input"
	"xlab/instrument"
	"xlab/mlp"
	"xlab/mlp/dataset"
	"xlab/run"
)

// Variant is a way to make a network hold.
type Variant string

const (
	Plain    Variant = "plain"
	Biased   Variant = "biased"
	Feedback Variant = "feedback"
)

// Variants lists all of them.
func Variants() []Variant { return []Variant{Plain, Biased, Feedback} }

// FeedbackStage is the neurons' difference stage with a memristor in its feedback,
// or what stands for one: a reference device that is read, and a gain that is set
// by it.
type FeedbackStage interface {
	// Reference reads the reference device.
	Reference(ctx context.Context) (instrument.Siemens, error)
	// Gain makes the gain of all difference stages so many times the nominal one.
	Gain(ctx context.Context, factor float64) error
}

// Bench is the hardware that a network is written to and classifies on.
type Bench struct {
	// Write imports a network's weights.
	Write      func(ctx context.Context, n *mlp.Network) error
	Classifier mlp.Classifier
	Feedback   FeedbackStage // nil: there is none, and that variant is refused
}

// Spec says what is measured.
type Spec struct {
	Variants []Variant          `json:"variants"`
	Bias     instrument.Siemens `json:"bias_s"` // of the biased pairs; 0 = NarrowestBias
	// Ages of the weights in s, or temperatures in °C, in the order of measuring;
	// one of them is empty.
	Ages         []instrument.Seconds `json:"ages_s,omitempty"`
	Temperatures []instrument.Celsius `json:"temperatures_c,omitempty"`
}

// Points is how often all patterns are classified.
func (s Spec) Points() int { return len(s.Variants) * (len(s.Ages) + len(s.Temperatures)) }

// LogarithmicAges are ages from the first to the last, so many per decade.
func LogarithmicAges(first, last instrument.Seconds, perDecade int) ([]instrument.Seconds, error) {
	if !(first > 0) || !(last > first) || last > 1e10 || perDecade < 1 || perDecade > 100 {
		return nil, fmt.Errorf("ages from %v to %v, %d per decade: give positive times, the second the later, and 1 to "+
			"100 per decade", first, last, perDecade)
	}
	n := int(math.Ceil(math.Log10(float64(last/first))*float64(perDecade) - 1e-9))
	list := make([]instrument.Seconds, n+1)
	for i := range list {
		list[i] = first * instrument.Seconds(math.Pow(10, float64(i)/float64(perDecade)))
	}
	list[n] = last
	return list, nil
}

// Task is the network that is followed, and what it classifies.
type Task struct {
	Network *mlp.Network
	Held    []mlp.Constraint // devices that cannot be changed
	Train   *dataset.Set
	Test    *dataset.Set // nil = none
}

// pairs visits every pair with two devices that can be changed.
func (t Task) pairs(visit func(layer, neuron, input int) error) error {
	held := make(map[mlp.Site]bool, 2*len(t.Held))
	for _, k := range t.Held {
		partner := k.Site
		partner.Row ^= 1
		held[k.Site], held[partner] = true, true
	}
	for l, g := range t.Network.G {
		rows, columns := g.Dims()
		for j := range rows / 2 {
			for i := range columns {
				if held[mlp.Site{Layer: l, Row: 2 * j, Col: i}] {
					continue
				}
				if err := visit(l, j, i); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// NarrowestBias is the lowest bias around which all weights fit: errors of
// conductances are relative, so that a low one harms weights least.
func (t Task) NarrowestBias() instrument.Siemens {
	largest := 0.0
	_ = t.pairs(func(l, j, i int) error { // it cannot fail
		largest = math.Max(largest, math.Abs(float64(t.Network.Pair(l, j, i).Weight())))
		return nil
	})
	return t.Network.Design.Range.Min + instrument.Siemens(largest/2)
}

// biased is the network with all pairs that can be changed at the bias.
func (t Task) biased(bias instrument.Siemens) (*mlp.Network, error) {
	if bias == 0 {
		bias = t.NarrowestBias()
	}
	b := t.Network.Clone()
	err := t.pairs(func(l, j, i int) error {
		p, err := t.Network.Design.Range.BiasedPair(bias, t.Network.Pair(l, j, i).Weight())
		if err != nil {
			return fmt.Errorf("layer %d, neuron %d, input %d: %w", l, j, i, err)
		}
		b.SetPair(l, j, i, p)
		return nil
	})
	return b, err
}

// Validate checks the parameters; all faults are reported at once.
func (s Spec) Validate(t Task) error {
	var f input.Faults
	f.Check(len(s.Variants) > 0, "no variant is named")
	for i, v := range s.Variants {
		f.Check(slices.Contains(Variants(), v) && !slices.Contains(s.Variants[:i], v),
			"variant %q is unknown or named twice: use %v", v, Variants())
	}
	if slices.Contains(s.Variants, Biased) {
		_, err := t.biased(s.Bias)
		f.Check(err == nil, "biased pairs: %w", err)
	}
	f.Check((len(s.Ages) == 0) != (len(s.Temperatures) == 0), "give either ages or temperatures")
	for i, t := range s.Ages {
		f.Check(t >= 0 && !math.IsInf(float64(t), 0) && (i == 0 || t > s.Ages[i-1]),
			"age %v: ages must be times that grow", t)
	}
	for _, t := range s.Temperatures {
		f.Check(t > -273.15 && t < 1000, "temperature %v is not one that a chip can have", t)
	}
	return errors.Join(f...)
}

// Point is one variant under one condition.
type Point struct {
	Variant     Variant             `json:"variant"`
	Age         *instrument.Seconds `json:"age_s,omitempty"`         // since it was written, by the bench's clock
	Temperature *instrument.Celsius `json:"temperature_c,omitempty"` // as the thermostat gave it
	Train       float64             `json:"train_percent"`
	Test        *float64            `json:"test_percent"` // null without test patterns
	Gain        float64             `json:"gain"`         // of the difference stages, 1 = nominal
	// Fidelity compares the outputs with those under the first condition: of the
	// test patterns, because those of the training patterns mostly sit at the
	// neurons' rails; of the training patterns where there are no others.
	Fidelity mlp.Fidelity `json:"fidelity"`
}

// Condition is the age or the temperature in words.
func (p Point) Condition() string {
	if p.Age != nil {
		return p.Age.String()
	}
	return p.Temperature.String()
}

// Event tells an observer how far it is. It must not block.
type Event struct {
	Done, Total int                // classifications of all patterns
	Point       Point              // of the last one
	Waited      instrument.Seconds // what came last was not a classification but this wait
	ToWait      instrument.Seconds // still, for all ages
}

// Options are the parts of a measurement that are not the procedure's.
type Options struct {
	Clock      instrument.Clock      // for ages
	Waiter     instrument.Waiter     // for ages
	Thermostat instrument.Thermostat // for temperatures
	Observe    func(Event)           // nil = nobody
}

// measuring is a measurement under way.
type measuring struct {
	bench     Bench
	task      Task
	spec      Spec
	o         Options
	points    []Point
	first     map[Variant]*mat.Dense
	total     int
	toWait    instrument.Seconds
	reference instrument.Siemens // when the weights were written
}

// Measure writes the network in each way and classifies the patterns under every
// condition. It blocks until done, until the guard around ctx
// asks it to stop, or until an error; the points so far come with an error too.
// The gain of the difference stages is the nominal one when it returns without
// an error.
func Measure(ctx context.Context, b Bench, t Task, spec Spec, o Options) ([]Point, error) {
	if err := spec.Validate(t); err != nil {
		return nil, err
	}
	if b.Feedback == nil && slices.Contains(spec.Variants, Feedback) {
		return nil, errors.New("this bench has no memristor in the feedback of its difference stages: leave the variant " +
			"feedback out")
	}
	m := &measuring{bench: b, task: t, spec: spec, o: o, first: make(map[Variant]*mat.Dense),
		total: spec.Points()}
	shared := slices.DeleteFunc(slices.Clone(spec.Variants), func(v Variant) bool { return v == Biased })
	if n := len(spec.Ages); n > 0 {
		m.toWait = spec.Ages[n-1]
		if len(shared) > 0 && len(shared) < len(spec.Variants) {
			m.toWait *= 2
		}
	}
	if len(shared) > 0 {
		if err := m.hold(ctx, t.Network, shared); err != nil {
			return m.points, err
		}
	}
	if slices.Contains(spec.Variants, Biased) {
		biased, err := t.biased(spec.Bias)
		if err != nil {
			return m.points, err
		}
		if err := m.hold(ctx, biased, []Variant{Biased}); err != nil {
			return m.points, err
		}
	}
	return m.points, nil
}

// hold writes weights and follows them.
func (m *measuring) hold(ctx context.Context, n *mlp.Network, variants []Variant) error {
	if len(m.spec.Temperatures) > 0 {
		if _, err := m.o.Thermostat.Reach(ctx, m.spec.Temperatures[0]); err != nil {
			return fmt.Errorf("temperature %v: %w", m.spec.Temperatures[0], err)
		}
	}
	if err := m.bench.Write(ctx, n); err != nil {
		return fmt.Errorf("writing the weights for %v: %w", variants, err)
	}
	if slices.Contains(variants, Feedback) {
		var err error
		if m.reference, err = m.bench.Feedback.Reference(ctx); err != nil {
			return fmt.Errorf("reference device: %w", err)
		}
		if !(m.reference > 0) {
			return fmt.Errorf("reference device reads %v: it must conduct", m.reference)
		}
	}
	if len(m.spec.Temperatures) > 0 {
		for _, want := range m.spec.Temperatures {
			real, err := m.o.Thermostat.Reach(ctx, want)
			if err == nil {
				err = m.classify(ctx, variants, Point{Temperature: &real})
			}
			if err != nil {
				return fmt.Errorf("temperature %v: %w", want, err)
			}
		}
		return nil
	}
	written, err := m.o.Clock.BenchTime(ctx)
	if err != nil {
		return err
	}
	for _, want := range m.spec.Ages {
		now, err := m.o.Clock.BenchTime(ctx)
		if err != nil {
			return err
		}
		if wait := want - (now - written); wait > 0 {
			if err := m.o.Waiter.Wait(ctx, wait); err != nil {
				return err
			}
			if now, err = m.o.Clock.BenchTime(ctx); err != nil {
				return err
			}
			m.toWait -= wait
			m.observe(Event{Waited: wait})
		}
		age := now - written
		if err := m.classify(ctx, variants, Point{Age: &age}); err != nil {
			return fmt.Errorf("age %v: %w", want, err)
		}
	}
	return nil
}

// classify adds a point per variant.
func (m *measuring) classify(ctx context.Context, variants []Variant, at Point) error {
	for _, v := range variants {
		if err := run.CheckStop(ctx); err != nil {
			return err
		}
		p := at
		p.Variant, p.Gain = v, 1
		if v == Feedback {
			g, err := m.bench.Feedback.Reference(ctx)
			if err != nil {
				return fmt.Errorf("reference device: %w", err)
			}
			if !(g > 0) {
				return fmt.Errorf("reference device reads %v: it must conduct", g)
			}
			p.Gain = float64(m.reference / g)
		}
		if err := m.with(ctx, &p); err != nil {
			return err
		}
		m.points = append(m.points, p)
		m.observe(Event{Point: p})
	}
	return nil
}

func (m *measuring) observe(e Event) {
	if m.o.Observe != nil {
		e.Done, e.Total, e.ToWait = len(m.points), m.total, max(m.toWait, 0)
		m.o.Observe(e)
	}
}

// with classifies at the point's gain and brings the nominal one back.
func (m *measuring) with(ctx context.Context, p *Point) (err error) {
	if p.Variant == Feedback {
		if err := m.bench.Feedback.Gain(ctx, p.Gain); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, m.bench.Feedback.Gain(ctx, 1)) }()
	}
	if err := m.bench.Classifier.Trim(ctx); err != nil {
		return err
	}
	out, err := m.bench.Classifier.Outputs(ctx, m.task.Train.X)
	if err != nil {
		return err
	}
	e, err := mlp.Evaluate(out, m.task.Train.Labels)
	if err != nil {
		return err
	}
	p.Train = e.Accuracy
	if m.task.Test == nil {
		return m.compare(p, out)
	}
	if out, err = m.bench.Classifier.Outputs(ctx, m.task.Test.X); err != nil {
		return err
	}
	if e, err = mlp.Evaluate(out, m.task.Test.Labels); err != nil {
		return err
	}
	p.Test = &e.Accuracy
	return m.compare(p, out)
}

// compare finds how far the outputs are from those under the first condition.
func (m *measuring) compare(p *Point, out *mat.Dense) (err error) {
	if m.first[p.Variant] == nil {
		m.first[p.Variant] = out
	}
	p.Fidelity, err = mlp.Compare(out, m.first[p.Variant])
	return err
}
