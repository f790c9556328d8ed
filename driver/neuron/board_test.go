package neuron

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"xlab/instrument"
)

func TestOpenChecksWhoAnswers(t *testing.T) {
	for answer, want := range map[string]struct {
		kind instrument.Kind
		text string
	}{
		"Keysight,B1500A,0,A.06":      {instrument.KindIdentity, "no neuron board"},
		"XLAB,NEURON-8-4,NB-1,1.0":    {instrument.KindIdentity, "8 hidden and 4 output neurons, the wiring map 10 and 4"},
		"XLAB,NEURON-10-4,NB-2,1.0":   {instrument.KindIdentity, "board NB-2 answers, the wiring map is that of board NB-1"},
		"hello":                       {instrument.KindIdentity, "which is no identity"},
		"+1.0E+00,+2.0E+00,+0,+1E-01": {instrument.KindIdentity, "which is no identity"},
	} {
		far, conn := newBox(t)
		far.says["*IDN?"] = answer
		b := New(conn, Options{Hidden: 10, Outputs: 4, Serial: "NB-1", Margin: 20 * time.Millisecond})
		err := b.Open(t.Context())
		if instrument.KindOf(err) != want.kind || !strings.Contains(err.Error(), want.text) {
			t.Errorf("%q: %v of kind %q", answer, err, instrument.KindOf(err))
		}
		if _, err := b.Outputs(t.Context()); instrument.KindOf(err) != instrument.KindUsage {
			t.Errorf("%q: measured without being open: %v", answer, err)
		}
	}
}

func TestNobodyAnswers(t *testing.T) {
	far, conn := newBox(t)
	far.stall()
	b := New(conn, Options{Hidden: 10, Outputs: 4, Margin: 20 * time.Millisecond})
	if err := b.Open(t.Context()); instrument.KindOf(err) != instrument.KindTimeout ||
		!strings.Contains(err.Error(), "*IDN? was not answered, 3 attempts") {
		t.Errorf("%v", err)
	}
	// The box comes to itself: all of that is answered now, and counts for nothing.
	far.resume()
	b.o.Margin = 0
	if err := b.Open(t.Context()); err != nil {
		t.Errorf("later: %v", err)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"no neurons":      func(o *Options) { o.Hidden = 0 },
		"average":         func(o *Options) { o.Average = 1025 },
		"negative":        func(o *Options) { o.Average = -1 },
		"half a us":       func(o *Options) { o.Settle = 2.5e-6 },
		"settle too long": func(o *Options) { o.Settle = 11e-3 },
	} {
		far, conn := newBox(t)
		o := Options{Hidden: 10, Outputs: 4}
		change(&o)
		if err := New(conn, o).Open(t.Context()); instrument.KindOf(err) != instrument.KindUsage {
			t.Errorf("%s: %v", name, err)
		}
		far.see(func() {
			if len(far.heard) != 0 {
				t.Errorf("%s: %q was sent", name, far.heard)
			}
		})
	}
}

// What an earlier program left in the error queue is not this one's error.
func TestErrorsFromBefore(t *testing.T) {
	far, conn := newBox(t)
	far.queue = []string{`-113,"Undefined header;FOO"`, `-350,"Queue overflow"`}
	var log bytes.Buffer
	b := New(conn, Options{Hidden: 10, Outputs: 4, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err := b.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "Undefined header;FOO") || !strings.Contains(log.String(), "Queue overflow") {
		t.Errorf("they are not told: %s", log.String())
	}
}

// An answer that is not exactly what was asked for is no result, and the next
// question is answered all the same.
func TestGarbledAnswers(t *testing.T) {
	for name, answer := range map[string]string{
		"too few":             "+1.0E-01,+1.0E-01,+1.0E-01",
		"too many":            "+1.0E-01,+1.0E-01,+1.0E-01,+1.0E-01,+1.0E-01",
		"words":               "+1.0E-01,hello,+1.0E-01,+1.0E-01",
		"cut off":             "+1.0E-01,+1.0E-01,+1.0E-01,+1.0E",
		"empty":               "",
		"not a number":        "+1.0E-01,NaN,+1.0E-01,+1.0E-01",
		"hexadecimal":         "+1.0E-01,0x1p3,+1.0E-01,+1.0E-01",
		"spaces":              "+1.0E-01, +1.0E-01,+1.0E-01,+1.0E-01",
		"beyond the hardware": "+1.0E-01,+5.5E+01,+1.0E-01,+1.0E-01",
	} {
		b, far := open(t, nil)
		far.see(func() { far.says["MEAS:VOLT?"] = answer })
		v, err := b.Outputs(t.Context())
		if instrument.KindOf(err) != instrument.KindProtocol || v != nil {
			t.Errorf("%s: %v, %v of kind %q", name, v, err, instrument.KindOf(err))
		}
		far.see(func() { delete(far.says, "MEAS:VOLT?") })
		if _, err := b.Outputs(t.Context()); err != nil {
			t.Errorf("%s: afterwards: %v", name, err)
		}
	}
	for name, answer := range map[string]string{"words": "x", "empty": "", "unknown bits": "8", "a fraction": "0.5"} {
		b, far := open(t, nil)
		far.see(func() { far.says["STAT:QUES:COND?"] = answer })
		if v, err := b.Outputs(t.Context()); instrument.KindOf(err) != instrument.KindProtocol || v != nil {
			t.Errorf("condition, %s: %v, %v", name, v, err)
		}
	}
	for answer, kind := range map[string]instrument.Kind{"2": instrument.KindInstrument, "4": instrument.KindChain} {
		b, far := open(t, nil)
		far.see(func() { far.says["STAT:QUES:COND?"] = answer })
		if v, err := b.Outputs(t.Context()); instrument.KindOf(err) != kind || v != nil {
			t.Errorf("condition %s: %v, %v", answer, v, err)
		}
	}
}

// Rails are values, told once.
func TestRails(t *testing.T) {
	var log bytes.Buffer
	b, far := open(t, func(o *Options) { o.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	log.Reset()
	far.see(func() { far.outputs = []instrument.Volts{10, -10, 0, 1} })
	for range 3 {
		v, err := b.Outputs(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "rails", v, 10, -10, 0, 1)
	}
	if n := strings.Count(log.String(), "supply rail"); n != 1 {
		t.Errorf("told %d times: %s", n, log.String())
	}
}

// A reading whose answer is lost is repeated as often as was allowed.
func TestRetries(t *testing.T) {
	for retries, want := range []instrument.Kind{instrument.KindProtocol, instrument.KindUnknown} {
		b, far := open(t, func(o *Options) { o.Retries = retries })
		far.see(func() { far.garble = 1 })
		if v, err := b.Outputs(t.Context()); instrument.KindOf(err) != want || (err == nil) != (len(v) == 4) {
			t.Errorf("%d retries: %v, %v", retries, v, err)
		}
	}
	b, far := open(t, func(o *Options) { o.Retries = 3 })
	far.see(func() { far.overRange = 1 })
	if _, err := b.Outputs(t.Context()); instrument.KindOf(err) != instrument.KindInstrument {
		t.Errorf("%v", err)
	}
	far.see(func() {
		if n := strings.Count(strings.Join(far.heard, "\n"), "MEAS:VOLT?"); n != 1 {
			t.Errorf("what the board says clearly was asked %d times", n)
		}
	})
}

func TestLostLine(t *testing.T) {
	b, far := open(t, nil)
	far.conn.Close()
	if _, err := b.Outputs(t.Context()); instrument.KindOf(err) != instrument.KindUnreachable {
		t.Errorf("%v of kind %q", err, instrument.KindOf(err))
	}
}

// The board that lost its supply has forgotten its averaging; every measurement
// brings it along.
func TestAveragingGoesWithEveryMeasurement(t *testing.T) {
	b, far := open(t, func(o *Options) { o.Average = 64 })
	for range 2 {
		far.see(func() { far.average = 1 })
		if _, err := b.Outputs(t.Context()); err != nil {
			t.Fatal(err)
		}
		far.see(func() {
			if far.average != 64 {
				t.Errorf("averaged over %d", far.average)
			}
		})
	}
}

// Whatever the length of the chain and the number of frames: every line fits,
// every frame arrives, and nothing is run before.
func TestUpload(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, maxFrames).Draw(t, "frames")
		length := rapid.SampledFrom([]int{1, 2, 39, 40, 41, 80, 1000, 2048}).Draw(t, "chips")
		frames := make([][]byte, n)
		for i := range frames {
			frames[i] = bytes.Repeat([]byte{byte(i), byte(i >> 8)}, length)[:length]
		}
		far := &box{overRange: -1, breakAfter: -1}
		for _, line := range upload(frames) {
			if len(line) >= maxLine {
				t.Fatalf("a line of %d characters", len(line))
			}
			if _, answers := far.obey(line); answers || len(far.queue) > 0 {
				t.Fatalf("%.40s...: %q", line, far.queue)
			}
		}
		if len(far.memory) != n {
			t.Fatalf("%d frames arrived, %d sent", len(far.memory), n)
		}
		for i := range frames {
			if !bytes.Equal(far.memory[i], frames[i]) {
				t.Fatalf("frame %d is % x, was % x", i, far.memory[i], frames[i])
			}
		}
	})
}

func TestLostFrames(t *testing.T) {
	b, far := open(t, nil)
	far.see(func() { far.says["BURS:COUN?"] = "2" })
	rows, err := b.Burst(context.Background(), [][]byte{{1}, {2}, {4}}, false)
	if instrument.KindOf(err) != instrument.KindInstrument || len(rows) != 0 ||
		!strings.Contains(err.Error(), "2 frames of 3") {
		t.Errorf("%v, %v", rows, err)
	}
	far.see(func() {
		if len(far.played) != 0 {
			t.Error("it was run all the same")
		}
	})
}

func TestBurstAnswers(t *testing.T) {
	row := "+1.0E-01,+1.0E-01,+1.0E-01,+1.0E-01"
	for name, answer := range map[string]string{
		"a pattern too few":  row,
		"a pattern too many": row + ";" + row + ";" + row,
		"nothing":            "",
		"a value too few":    row + ";+1.0E-01,+1.0E-01,+1.0E-01",
	} {
		b, far := open(t, nil)
		far.see(func() { far.says["BURS:RUN?"] = answer })
		if _, err := b.Burst(context.Background(), [][]byte{{1}, {2}},
			false); instrument.KindOf(err) != instrument.KindProtocol {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func ExampleBoard() {
	// A board that nobody has opened says so; nothing is sent.
	b := New(nowhere{}, Options{Hidden: 10, Outputs: 4})
	_, err := b.Outputs(context.Background())
	fmt.Println(err)
	// Output: neuron measure [nowhere]: the board has not been opened, or opening failed; open it; nothing was sent
}

// nowhere is a connection that fails.
type nowhere struct{}

var errNowhere = errors.New("nobody is there")

func (nowhere) Read([]byte) (int, error)    { return 0, errNowhere }
func (nowhere) Write([]byte) (int, error)   { return 0, errNowhere }
func (nowhere) Close() error                { return nil }
func (nowhere) SetDeadline(time.Time) error { return nil }
func (nowhere) String() string              { return "nowhere" }
