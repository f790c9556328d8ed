package blueprint

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"xlab/instrument"
)

// The suites hold what every instrument promises. What is particular to this
// box, and what goes wrong on its wire, has tests of its own.

func spot(v instrument.Volts) instrument.Spot {
	return instrument.Spot{Drives: []instrument.Drive{{Channel: 1, Voltage: v, Compliance: 1e-3}},
		Measure: []instrument.Channel{1}, Aperture: 20e-3}
}

func pulse(width instrument.Seconds) instrument.Pulse {
	return instrument.Pulse{Drives: []instrument.Drive{{Channel: 1, Voltage: 1, Compliance: 1e-3}}, Width: width}
}

// script answers exchanges from a list, for what a peer would not do.
type scriptedLink struct {
	requests []string
	answers  [][]string
	err      error
}

func (l *scriptedLink) Exchange(_ context.Context, request []byte, replies int, _ time.Duration) ([][]byte, error) {
	l.requests = append(l.requests, string(request))
	if l.err != nil || len(l.answers) == 0 {
		return nil, l.err
	}
	var out [][]byte
	for _, a := range l.answers[0] {
		out = append(out, []byte(a))
	}
	l.answers = l.answers[1:]
	return out, nil
}

func scripted(t *testing.T, answers ...[]string) (*Device, *scriptedLink) {
	t.Helper()
	link := &scriptedLink{answers: append([][]string{{"Example,SM1,4711,1.0"}, {"ok"}, {"ok"}}, answers...)}
	d := New(link, Options{Limits: limits})
	if err := d.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	link.requests = nil
	return d, link
}

func TestFrames(t *testing.T) {
	d, link := scripted(t, []string{"ok", "ok", "9.876e-06,0", "ok", "2e-05,1", "ok"})
	settled := spot(0.4938)
	settled.Settle = 1e-3
	periodic := pulse(5e-3)
	periodic.Period, periodic.Measure = 20e-3, []instrument.Channel{1}
	results, err := d.Run(t.Context(), settled, periodic)
	if err != nil {
		t.Fatal(err)
	}
	const want = "VOLT 0.494,0.001\nWAIT 0.001\nCURR? 0.02\nVOLT 0,0.001\nPULS 1,0.001,0.005\nWAIT 0.015\n"
	if len(link.requests) != 1 || link.requests[0] != want {
		t.Errorf("sent %q, want one request %q", link.requests, want)
	}
	if r := results[0].Points[0].Readings[0]; r.Value != 9.876e-6 || r.Status != 0 || results[0].Busy != 21e-3 {
		t.Errorf("spot: %+v", results[0])
	}
	if r := results[1].Points[0].Readings[0]; r.Value != 20e-6 || r.Status != instrument.StatusCompliance ||
		results[1].Busy != 20e-3 {
		t.Errorf("pulse: %+v", results[1])
	}
}

func TestRoundedValueIsChecked(t *testing.T) {
	d, p := open(t, limits)
	if _, err := d.Run(t.Context(), spot(2.0004)); err != nil {
		t.Errorf("2.0004 V is 2 V in steps of 1 mV, which is allowed: %v", err)
	}
	sent := p.bytes()
	if _, err := d.Run(t.Context(), spot(2.0006)); instrument.KindOf(err) != instrument.KindLimit ||
		!strings.Contains(err.Error(), "2.001 V") {
		t.Errorf("2.0006 V is 2.001 V in steps of 1 mV, which is not: %v", err)
	}
	if p.bytes() != sent || p.highest != 2 {
		t.Errorf("%d bytes sent, %v V applied", p.bytes()-sent, p.highest)
	}
}

func TestWidthIsNotChanged(t *testing.T) {
	d, p := open(t, limits)
	for _, width := range []instrument.Seconds{0.4e-3, 1.4e-3, 2.5e-3} {
		sent := p.bytes()
		if _, err := d.Run(t.Context(), pulse(width)); instrument.KindOf(err) != instrument.KindUsage || p.bytes() != sent {
			t.Errorf("%v: %v, %d bytes sent", width, err, p.bytes()-sent)
		}
	}
	if results, err := d.Run(t.Context(), pulse(99.6e-3)); err != nil || results[0].Busy != 100e-3 {
		t.Errorf("a width that can be made within 1 %%: %v, %v", results, err)
	}
}

func TestGarbledAnswers(t *testing.T) {
	for name, answers := range map[string][]string{
		"no flags":        {"ok", "1e-6", "ok"},
		"unknown flags":   {"ok", "1e-6,4", "ok"},
		"not a number":    {"ok", "NaN,0", "ok"},
		"words":           {"ok", "hello,0", "ok"},
		"ok for a number": {"ok", "ok", "ok"},
		"a late number":   {"1e-6,0", "ok", "1e-6,0"},
		"one too few":     {"ok", "1e-6,0"},
		"empty":           {"ok", "", "ok"},
	} {
		t.Run(name, func(t *testing.T) {
			d, link := scripted(t, answers)
			if results, err := d.Run(t.Context(), spot(0.5)); instrument.KindOf(err) != instrument.KindProtocol ||
				len(results) != 0 {
				t.Errorf("%v, %v", results, err)
			}
			// Nothing more is sent until somebody has looked after it.
			requests := len(link.requests)
			if _, err := d.Run(t.Context(), spot(0.5)); instrument.KindOf(err) != instrument.KindUsage ||
				len(link.requests) != requests {
				t.Errorf("goes on: %v", err)
			}
			link.answers = [][]string{{"ok"}, {"Example,SM1,4711,1.0"}, {"ok"}, {"ok"}, {"ok", "1e-6,0", "ok"}}
			if err := errors.Join(d.Safe(t.Context()), d.Open(t.Context())); err != nil {
				t.Fatal(err)
			}
			if _, err := d.Run(t.Context(), spot(0.5)); err != nil {
				t.Errorf("after safe and open: %v", err)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	for answer, kind := range map[string]instrument.Kind{
		"error 7 interlock is open": instrument.KindInterlock,
		"error 9 too hot":           instrument.KindInstrument,
	} {
		d, p := open(t, limits)
		p.says("VOLT 0.5,0.001", answer)
		if _, err := d.Run(t.Context(), spot(0.5)); instrument.KindOf(err) != kind || !strings.Contains(err.Error(), answer) {
			t.Errorf("%q: %v of kind %q", answer, err, instrument.KindOf(err))
		}
		p.says("OFF", answer)
		if err := d.Safe(t.Context()); instrument.KindOf(err) != kind {
			t.Errorf("safe that is refused with %q: %v", answer, err)
		}
	}
}

func TestOpenChecksWhoAnswers(t *testing.T) {
	for answer, kind := range map[string]instrument.Kind{
		"Example,SM2,4711,1.0": instrument.KindIdentity,
		"Example,SM1":          instrument.KindProtocol,
		"error 1 *IDN?":        instrument.KindInstrument,
	} {
		p, link := newPeer(t)
		p.says("*IDN?", answer)
		d := New(link, Options{Limits: limits})
		if err := d.Open(t.Context()); instrument.KindOf(err) != kind {
			t.Errorf("%q: %v of kind %q", answer, err, instrument.KindOf(err))
		}
		p.see(func() {
			if p.on {
				t.Errorf("%q: the output was connected", answer)
			}
		})
	}
}

func TestLostLink(t *testing.T) {
	link := &scriptedLink{err: errors.New("input/output error")}
	d := New(link, Options{Limits: limits})
	if err := d.Open(t.Context()); instrument.KindOf(err) != instrument.KindUnreachable || !errors.Is(err, link.err) {
		t.Errorf("open: %v", err)
	}
	if err := d.Safe(t.Context()); instrument.KindOf(err) != instrument.KindUnreachable ||
		!strings.Contains(err.Error(), "switch it off at the SM1") {
		t.Errorf("safe: %v", err)
	}
	if _, err := d.Run(t.Context(), spot(0.5)); instrument.KindOf(err) != instrument.KindUsage {
		t.Errorf("run: %v", err)
	}
}
