package blueprint

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"xlab/hwdocs"
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

// goldenFrames are the requests and the answers of a section of the golden frames.
func goldenFrames(t *testing.T, section string) (request string, answers []string) {
	t.Helper()
	text, err := fs.ReadFile(hwdocs.FS, "golden/blueprint.txt")
	if err != nil {
		t.Fatal(err)
	}
	_, body, found := strings.Cut(string(text), "\n== "+section+"\n")
	if !found {
		t.Fatalf("the golden frames have lost the section %q", section)
	}
	body, _, _ = strings.Cut(body, "\n== ")
	for _, line := range strings.Split(strings.TrimSpace(body), "\n") {
		frame, err := strconv.Unquote(`"` + line[2:] + `"`)
		if err != nil {
			t.Fatalf("%q is no golden frame: %v", line, err)
		}
		if line[0] == '>' {
			request += frame
		} else {
			answers = append(answers, strings.TrimSuffix(frame, "\n"))
		}
	}
	return request, answers
}

func TestGoldenSteps(t *testing.T) {
	drive := func(ch instrument.Channel, v instrument.Volts, i instrument.Amps) instrument.Drive {
		return instrument.Drive{Channel: ch, Voltage: v, Compliance: i}
	}
	const compliance, other = instrument.StatusCompliance, instrument.StatusOtherCompliance
	for section, tc := range map[string]struct {
		step instrument.Step
		busy instrument.Seconds
		want []instrument.Reading
	}{
		"spot": {instrument.Spot{Drives: []instrument.Drive{drive(1, 0.4938, 1e-3), drive(2, -0.5, 1e-3)},
			Measure: []instrument.Channel{2, 1}, Settle: 1e-3, Aperture: 20e-3}, 21e-3,
			[]instrument.Reading{{Channel: 2, Value: -1e-5}, {Channel: 1, Value: 9.88e-6}}},
		"spot of nothing driven": {instrument.Spot{Measure: []instrument.Channel{3}, Aperture: 20e-3}, 20e-3,
			[]instrument.Reading{{Channel: 3}}},
		"pulse": {instrument.Pulse{Drives: []instrument.Drive{drive(1, 1, 1e-3), drive(2, -1, 1e-3)}, Width: 500e-6}, 500e-6,
			[]instrument.Reading{}},
		"pulse with a period, at the compliance of channel 1": {instrument.Pulse{
			Drives: []instrument.Drive{drive(1, 1, 10e-6), drive(4, 0.25, 1e-3)}, Width: 5e-3, Period: 20e-3,
			Measure: []instrument.Channel{1, 4}}, 20e-3,
			[]instrument.Reading{{Channel: 1, Value: 10e-6, Status: compliance}, {Channel: 4, Value: 5e-6, Status: other}}},
	} {
		request, answers := goldenFrames(t, section)
		d, link := scripted(t, answers)
		results, err := d.Run(t.Context(), tc.step)
		if err != nil {
			t.Errorf("%s: %v", section, err)
			continue
		}
		if len(link.requests) != 1 || link.requests[0] != request {
			t.Errorf("%s: sent %q, want one request %q", section, link.requests, request)
		}
		if got := results[0]; !slices.Equal(got.Points[0].Readings, tc.want) || got.Busy != tc.busy {
			t.Errorf("%s: %+v, want %v in %v", section, got, tc.want, tc.busy)
		}
	}
}

// What is no step follows the golden frames as well.
func TestGoldenCommands(t *testing.T) {
	var id instrument.Identity
	var now instrument.Seconds
	identify := func(d *Device, ctx context.Context) (err error) { id, err = d.Identify(ctx); return err }
	look := func(d *Device, ctx context.Context) (err error) { now, err = d.BenchTime(ctx); return err }
	for section, tc := range map[string]struct {
		call func(*Device, context.Context) error
		kind instrument.Kind // of the error; "" for none
	}{
		"identify":                    {identify, ""},
		"time":                        {look, ""},
		"take over, just switched on": {(*Device).TakeOver, ""},
		"open":                        {(*Device).Open, ""},
		"safe":                        {(*Device).Safe, ""},
		"check":                       {(*Device).Check, ""},
		"check, just switched on":     {(*Device).Check, instrument.KindInstrument},
		"check, interlock open":       {(*Device).Check, instrument.KindInterlock},
	} {
		request, answers := goldenFrames(t, section)
		var each [][]string // an exchange per line
		for _, a := range answers {
			each = append(each, []string{a})
		}
		d, link := scripted(t, each...)
		if err := tc.call(d, t.Context()); (err != nil) != (tc.kind != "") || instrument.KindOf(err) != tc.kind {
			t.Errorf("%s: %v", section, err)
		}
		if got := strings.Join(link.requests, ""); got != request {
			t.Errorf("%s: sent %q, want %q", section, got, request)
		}
		if _, err := d.Run(t.Context(), spot(0.5)); tc.kind != "" && instrument.KindOf(err) != instrument.KindUsage {
			t.Errorf("%s: used again after it: %v", section, err)
		}
	}
	want := instrument.Identity{Vendor: "Example", Model: "SM1", Serial: "4711", Firmware: "1.0"}
	if !reflect.DeepEqual(id, want) || now != 12.345 {
		t.Errorf("%+v at %v", id, now)
	}
}

// Another instrument, and somebody else's, gets no byte but the question who it is.
func TestTakeOverOfAnother(t *testing.T) {
	taken := &instrument.Error{Op: "test", Kind: instrument.KindBusy, Err: errors.New("somebody has it")}
	for answer, claim := range map[string]error{"Example,SM2,4711,1.0": nil, "Example,SM1,4711,1.0": taken} {
		link := &scriptedLink{answers: [][]string{{answer}}}
		d := New(link, Options{Limits: limits, Claim: func(_ context.Context, id instrument.Identity) error {
			if id.Serial != "4711" {
				t.Errorf("%+v is to be claimed", id)
			}
			return claim
		}})
		want := instrument.KindIdentity
		if claim != nil {
			want = instrument.KindBusy
		}
		if err := d.TakeOver(t.Context()); instrument.KindOf(err) != want {
			t.Errorf("%s: %v", answer, err)
		}
		_, ran := d.Run(t.Context(), spot(0.5))
		for _, err := range []error{d.Safe(t.Context()), d.Check(t.Context()), ran} {
			if instrument.KindOf(err) != instrument.KindIdentity {
				t.Errorf("%s, after it: %v", answer, err)
			}
		}
		if !slices.Equal(link.requests, []string{"*IDN?\n"}) {
			t.Errorf("%s: sent %q", answer, link.requests)
		}
		// The right one in its place is taken over.
		claim = nil
		link.answers = [][]string{{"Example,SM1,4711,1.0"}, {"ok"}, {"ok"}}
		if err := errors.Join(d.TakeOver(t.Context()), d.Safe(t.Context())); err != nil {
			t.Errorf("%s, in its place the right one: %v", answer, err)
		}
	}
}

// A box that makes no sense is switched off all the same, and asked again.
func TestTakeOverOfAConfusedBox(t *testing.T) {
	link := &scriptedLink{answers: [][]string{{"1e-6,0 0,0 0,0 0,0"}, {"ok"}, {"Example,SM1,4711,1.0"}}}
	d := New(link, Options{Limits: limits})
	err := d.TakeOver(t.Context())
	if err != nil || !slices.Equal(link.requests, []string{"*IDN?\n", "OFF\n", "*IDN?\n"}) {
		t.Errorf("sent %q, %v", link.requests, err)
	}
}

func TestCost(t *testing.T) {
	d := New(nil, Options{Limits: limits})
	settled, periodic := spot(0.5), pulse(5e-3)
	settled.Settle, periodic.Period = 1e-3, 20e-3
	if cost, err := d.Cost(settled, pulse(500e-6), periodic); err != nil || math.Abs(float64(cost)-41.5e-3) > 1e-12 {
		t.Errorf("%v, %v", cost, err)
	}
	sweep := instrument.Sweep{Kind: instrument.SweepVoltage, Source: 1, Stop: 1, Steps: 5, Compliance: 1e-3,
		Aperture: 1e-3}
	if _, err := d.Cost(spot(0.5), sweep); instrument.KindOf(err) != instrument.KindUsage ||
		!strings.Contains(err.Error(), "the SM1 cannot perform a instrument.Sweep") {
		t.Errorf("a sweep: %v", err)
	}
	if _, err := d.Run(t.Context(), spot(0.5)); instrument.KindOf(err) != instrument.KindUsage {
		t.Errorf("run without a link: %v", err)
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
	for _, width := range []instrument.Seconds{0.04e-3, 0.14e-3, 0.25e-3} {
		sent := p.bytes()
		if _, err := d.Run(t.Context(), pulse(width)); instrument.KindOf(err) != instrument.KindUsage || p.bytes() != sent {
			t.Errorf("%v: %v, %d bytes sent", width, err, p.bytes()-sent)
		}
	}
	if results, err := d.Run(t.Context(), pulse(9.96e-3)); err != nil || results[0].Busy != 10e-3 {
		t.Errorf("a width that can be made within 1 %%: %v, %v", results, err)
	}
}

// What limits allow the box may still be unable to do.
func TestBeyondTheBox(t *testing.T) {
	d, p := open(t, instrument.Limits{MinVoltage: -50, MaxVoltage: 50, MaxSpan: 50, MaxCurrent: 1, MaxWidth: 100})
	strong, long, rare := spot(0.5), pulse(1.1), pulse(1)
	strong.Drives[0].Compliance, rare.Period = 0.11, 102
	sent := p.bytes()
	for _, step := range []instrument.Step{spot(10.001), strong, long, rare} {
		if _, err := d.Run(t.Context(), step); instrument.KindOf(err) != instrument.KindUsage || p.bytes() != sent {
			t.Errorf("%v: %v, %d bytes sent", step, err, p.bytes()-sent)
		}
	}
}

func TestGarbledAnswers(t *testing.T) {
	const good = "1e-6,0 0,0 0,0 0,0"
	for name, answers := range map[string][]string{
		"no flags":        {"ok", "1e-6 0,0 0,0 0,0", "ok"},
		"unknown flags":   {"ok", "1e-6,4 0,0 0,0 0,0", "ok"},
		"not a number":    {"ok", "0,0 NaN,0 0,0 0,0", "ok"},
		"words":           {"ok", "hello,0 0,0 0,0 0,0", "ok"},
		"one channel":     {"ok", "1e-6,0", "ok"},
		"ok for a number": {"ok", "ok", "ok"},
		"a late number":   {good, "ok", good},
		"one too few":     {"ok", good},
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
			link.answers = [][]string{{"ok"}, {"Example,SM1,4711,1.0"}, {"ok"}, {"ok"}, {"ok", good, "ok"}}
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
		"error 3 output is off":     instrument.KindInstrument,
	} {
		d, p := open(t, limits)
		p.says("VOLT 1,0.5,0.001", answer)
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
		"Example,SM2,4711,1.0":   instrument.KindIdentity,
		"Example,SM1":            instrument.KindProtocol,
		"error 1 not understood": instrument.KindInstrument,
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
		!strings.Contains(err.Error(), "switch them off at the SM1") {
		t.Errorf("safe: %v", err)
	}
	if _, err := d.Run(t.Context(), spot(0.5)); instrument.KindOf(err) != instrument.KindUsage {
		t.Errorf("run: %v", err)
	}
}
