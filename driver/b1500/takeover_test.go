package b1500

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"xlab/driver/flex"
	"xlab/instrument"
)

// sayings is a bus on which every conversation gets the next answer, or none
// for "". It writes down what was sent.
type sayings struct {
	canned
	answers []string
	sent    []string
	within  []time.Duration // the adapter waits, by conversation
}

func (b *sayings) Converse(_ context.Context, _ time.Duration, parts ...flex.Part) ([][]byte, error) {
	for _, p := range parts {
		b.sent = append(b.sent, p.Command)
	}
	b.within = append(b.within, parts[len(parts)-1].Within)
	answer := b.answers[0]
	b.answers = b.answers[1:]
	if answer == "" {
		return nil, os.ErrDeadlineExceeded
	}
	return [][]byte{[]byte(answer)}, nil
}

func (b *sayings) Clear(context.Context) error {
	b.sent = append(b.sent, "@clear")
	return nil
}

// Whatever answers, nothing but *IDN?, DZ and CL is sent, and nothing at all to
// another instrument once it has said its name.
func TestTakeOver(t *testing.T) {
	const right = "Agilent Technologies,B1500A,0,A.06.01.2016.0902"
	all := "*IDN?|DZ|CL|*IDN?"
	for name, tc := range map[string]struct {
		answers []string
		sent    string
		kind    instrument.Kind
	}{
		"the right one":            {[]string{right, right}, all, ""},
		"its later name":           {[]string{"Keysight Technologies,B1500A,0,A.06.02", right}, all, ""},
		"another instrument":       {[]string{"HEWLETT-PACKARD,4156C,0,03.10"}, "*IDN?", instrument.KindIdentity},
		"busy with a sweep":        {[]string{"", right}, all, ""},
		"silent":                   {[]string{"", ""}, all, instrument.KindTimeout},
		"silent, and then another": {[]string{"", "HEWLETT-PACKARD,4156C,0,03.10"}, all, instrument.KindIdentity},
		"it falls silent":          {[]string{right, ""}, all, instrument.KindTimeout},
		"half an answer":           {[]string{"Agilent Technologies,B15", right}, "*IDN?|@clear|DZ|CL|*IDN?", ""},
		"an error nobody read":     {[]string{`+0,"No Error."`, right}, "*IDN?|@clear|DZ|CL|*IDN?", ""},
		"four records nobody read": {[]string{"000AI+1.000000E-06,000BI+1.000000E-06,000CI+0.000000E+00,000DI+0.000000E+00",
			right}, "*IDN?|@clear|DZ|CL|*IDN?", ""},
		"four records of another's": {[]string{"NAI+000.005E-06,NBI+000.005E-06,NCI+000.005E-06,NDI+000.005E-06",
			right}, "*IDN?|@clear|DZ|CL|*IDN?", ""},
		"nothing that makes sense ever": {[]string{"?", "?"}, "*IDN?|@clear|DZ|CL|*IDN?", instrument.KindProtocol},
	} {
		t.Run(name, func(t *testing.T) {
			bus := &sayings{answers: tc.answers}
			d := New(bus, Options{Limits: lab, Channels: fourChannels})
			err := d.TakeOver(t.Context())
			if instrument.KindOf(err) != tc.kind {
				t.Errorf("%v of kind %q, want %q", err, instrument.KindOf(err), tc.kind)
			}
			if got := strings.Join(bus.sent, "|"); got != tc.sent {
				t.Errorf("sent %s, want %s", got, tc.sent)
			}
			if bus.within[0] != time.Second || slices.ContainsFunc(bus.within[1:], func(d time.Duration) bool { return d > 0 }) {
				t.Errorf("the adapter waits %v", bus.within)
			}
			unsure := tc.kind == instrument.KindTimeout || tc.kind == instrument.KindProtocol
			if unsure && !strings.Contains(err.Error(), "at its panel") {
				t.Errorf("%v does not say what to do", err)
			}
			if tc.kind != instrument.KindIdentity {
				if _, err := d.Run(t.Context(), verify(0)); instrument.KindOf(err) != instrument.KindUsage {
					t.Errorf("run after it: %v", err)
				}
				return
			}
			sent := len(bus.sent)
			_, of := d.BenchTime(t.Context())
			_, who := d.Identify(t.Context())
			for _, err := range []error{d.Safe(t.Context()), d.Check(t.Context()), of, who} {
				if instrument.KindOf(err) != instrument.KindIdentity || len(bus.sent) != sent {
					t.Errorf("%v; sent to another instrument: %q", err, bus.sent[sent:])
				}
			}
		})
	}
}

// What was taken over is opened without being asked again, and an Open alone
// begins with it.
func TestGoldenTakeOverThenOpen(t *testing.T) {
	open := golden(t)["open"]
	bus := &scripted{t: t, frames: open[:6]}
	d := New(bus, Options{Limits: lab, Channels: fourChannels})
	if err := d.TakeOver(t.Context()); err != nil {
		t.Fatal(err)
	}
	bus.done()
	bus.frames = open[6:]
	if err := d.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	bus.done()
}

// What somebody else has reached by another address is not switched off under them.
func TestTakeOverIsRefused(t *testing.T) {
	held := &instrument.Error{Op: "lock", Kind: instrument.KindBusy, Err: errors.New("held by another process")}
	bus := &sayings{answers: []string{"Keysight Technologies,B1500A,MY1234,A.06.02"}}
	d := New(bus, Options{Limits: lab, Channels: fourChannels,
		Claim: func(_ context.Context, i instrument.Identity) error {
			if i.Serial != "MY1234" {
				t.Errorf("claimed %+v", i)
			}
			return held
		}})
	if err := d.TakeOver(t.Context()); !errors.Is(err, held) || len(bus.sent) != 1 {
		t.Errorf("%v, sent %q", err, bus.sent)
	}
	if err := d.Safe(t.Context()); !errors.Is(err, held) || len(bus.sent) != 1 {
		t.Errorf("%v, sent %q", err, bus.sent)
	}
}

// When an analyzer that is known is taken over again, after its line had a fault,
// a name that is damaged is not another instrument's.
func TestNameDamagedOnTheWay(t *testing.T) {
	const right = "Agilent Technologies,B1500A,0,A.06.01.2016.0902"
	for answer, kind := range map[string]instrument.Kind{
		strings.Replace(right, "B1500A", "B15#0A", 1): "", strings.Replace(right, "B1500A", "B150A", 1): "",
		strings.Replace(right, "B1500A", "B15500A", 1): "",
		"HEWLETT-PACKARD,4156C,0,03.10":                instrument.KindIdentity,
		strings.Replace(right, "B1500A", "E5270B", 1):  instrument.KindIdentity,
	} {
		bus := &sayings{answers: []string{right, right, answer, right}}
		d := New(bus, Options{Limits: lab, Channels: fourChannels})
		for _, want := range []instrument.Kind{"", kind} {
			if err := d.TakeOver(t.Context()); instrument.KindOf(err) != want {
				t.Errorf("%s: %v of kind %q, want %q", answer, err, instrument.KindOf(err), want)
			}
		}
		// Of one that was never met nothing is known.
		bus = &sayings{answers: []string{answer}}
		err := New(bus, Options{}).TakeOver(t.Context())
		if instrument.KindOf(err) != instrument.KindIdentity || len(bus.sent) != 1 {
			t.Errorf("%s, never met: %v, sent %q", answer, err, bus.sent)
		}
	}
}

func TestTakeOverIsCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	bus := &sayings{}
	if err := New(bus, Options{}).TakeOver(ctx); !errors.Is(err, context.Canceled) || bus.sent != nil {
		t.Errorf("%v, sent %q", err, bus.sent)
	}
}
