package b1500

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"xlab/driver/flex"
	"xlab/instrument"
)

// What is rounded up to beyond a limit is refused, however it was asked for.
func TestHighPowerUnitHasNoFiveVoltRange(t *testing.T) {
	frames := golden(t)["open"]
	frames[8].text = "B1510A,0;B1511B,0;B1517A,0;B1511A,0"
	bus := &scripted{t: t, frames: frames}
	d := New(bus, Options{Limits: lab, Channels: fourChannels})
	if err := d.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	bus.frames = []frame{
		{true, "AAD 1,0;AIT 0,1,13;DV 1,200,2.501,0.0001;DV 2,50,-2.5005,0.0001;TI 1,0;DV 2,50,0,0.0001;DV 1,200,0,0.0001",
			0},
		{false, "000AI+100.0200E-06", 0}, {true, "ERRX?", 0}, {false, `0,"No Error."`, 0},
	}
	if _, err := d.Run(t.Context(), instrument.Spot{Drives: drives(2.5006, -2.5006), Measure: channels(1),
		Aperture: 1e-3}); err != nil {
		t.Error(err)
	}
	bus.done()
}

func TestEarlierPulseDoesNotActOnALaterOne(t *testing.T) {
	d, bus := opened(t, "")
	const configuration = "MM 27,1;MCPT 0,0.005,0,1;MCPNT 1,0,0.001;MCPNT 2,0,0.001;MCPNT 3,0,0.001;"
	ok := []frame{{true, "ERRX?", 0}, {false, `+0,"No Error."`, 0}}
	bus.frames = append([]frame{{true, configuration + "MCPNX 1,1,1,20,0,0.5,0.0001;MCPNX 2,2,1,20,0,-0.5,0.0001;MCPNX " +
		"3,3,1,20,0,0.2,0.0001;XE;BC", 0}}, ok...)
	// SMU 3 is not in the next pulse at all, and is told to stay at 0 V.
	bus.frames = append(bus.frames, frame{true, "MCPNX 1,1,1,20,0,0.5,0.0001;MCPNX 2,2,1,20,0,-0.5,0.0001;MCPNX " +
		"3,3,1,20,0,0,0.0001;XE;BC", 0})
	bus.frames = append(bus.frames, ok...)
	for _, volts := range [][]instrument.Volts{{0.5, -0.5, 0.2}, {0.5, -0.5}} {
		if _, err := d.Run(t.Context(), instrument.Pulse{Drives: drives(volts...), Width: 1e-3}); err != nil {
			t.Fatal(err)
		}
	}
	bus.done()
}

func TestNoSteps(t *testing.T) {
	d, bus := opened(t, "")
	if results, err := d.Run(t.Context()); err != nil || len(results) != 0 || bus.operations != 0 {
		t.Errorf("%v, %v, %d operations", results, err, bus.operations)
	}
}

func TestNotOpened(t *testing.T) {
	bus := &scripted{t: t}
	d := New(bus, Options{Limits: lab, Channels: fourChannels})
	if _, err := d.Run(t.Context(), verify(0)); instrument.KindOf(err) != instrument.KindUsage {
		t.Errorf("run: %v", err)
	}
	if _, err := d.BenchTime(t.Context()); instrument.KindOf(err) != instrument.KindUsage {
		t.Errorf("bench time: %v", err)
	}
	if cost, err := d.Cost(verify(1e-3), verify(0)); err != nil || !near(float64(cost), 41e-3) {
		t.Errorf("cost %v, %v", cost, err)
	}
	if bus.operations != 0 {
		t.Errorf("%d operations reached the bus", bus.operations)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for name, o := range map[string]Options{
		"no channels":     {},
		"channel 0":       {Channels: channels(0)},
		"channel 11":      {Channels: channels(11)},
		"channel twice":   {Channels: channels(1, 1)},
		"mains of 55 Hz":  {Channels: channels(1), LineFrequency: 55},
		"mains of NaN Hz": {Channels: channels(1), LineFrequency: nan},
		"read time-out":   {Channels: channels(1), ReadTimeout: -1},
	} {
		bus := &scripted{t: t}
		if err := New(bus, o).Open(t.Context()); instrument.KindOf(err) != instrument.KindUsage || bus.operations != 0 {
			t.Errorf("%s: %v, %d operations", name, err, bus.operations)
		}
	}
}

// replaced gives a section with one answer exchanged and the rest cut off.
func replaced(t *testing.T, section, old, by string) []frame {
	t.Helper()
	frames := golden(t)[section]
	for i, f := range frames {
		if !f.fromHost && f.text == old {
			frames[i].text = by
			return frames[:i+1]
		}
	}
	t.Fatalf("no answer %q in section %q", old, section)
	return nil
}

func TestIdentityIsChecked(t *testing.T) {
	const units = "B1517A,0;B1517A,0;B1517A,0;B1517A,0;0,0;0,0;0,0;0,0;0,0;0,0"
	for name, tc := range map[string]struct {
		frames []frame
		kind   instrument.Kind
		says   string
	}{
		"empty slot": {replaced(t, "open", units, "B1517A,0;B1517A,0;B1517A,0;0,0;0,0;0,0;0,0;0,0;0,0;0,0"),
			instrument.KindIdentity, "SMU 4"},
		"not an SMU": {replaced(t, "open", units, "B1517A,0;B1520A,0;B1517A,0;B1517A,0"),
			instrument.KindIdentity, "B1520A"},
		"too few slots": {replaced(t, "open", units, "B1517A,0;B1517A,0;B1517A,0"), instrument.KindIdentity, "SMU 4"},
		"garbled slots": {replaced(t, "open", units, "B1517A;B1517A"), instrument.KindProtocol, "slot 1"},
	} {
		t.Run(name, func(t *testing.T) {
			bus := &scripted{t: t, frames: tc.frames}
			err := New(bus, Options{Limits: lab, Channels: fourChannels}).Open(t.Context())
			if instrument.KindOf(err) != tc.kind || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("%v of kind %q, want %q and %q in it", err, instrument.KindOf(err), tc.kind, tc.says)
			}
			bus.done()
		})
	}
}

func TestOpenEmptiesTheQueue(t *testing.T) {
	open := golden(t)["open"]
	var frames []frame
	for i, f := range open {
		if f.text == "ERRX?" && i < len(open)-2 {
			frames = append(frames, f, frame{false, `+305,"Excess current in HPSMU.; SLOT1"`, 0})
		}
		frames = append(frames, f)
	}
	bus := &scripted{t: t, frames: frames}
	if err := New(bus, Options{Limits: lab, Channels: fourChannels}).Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	bus.done()
}

func TestQueueThatNeverEmpties(t *testing.T) {
	frames := golden(t)["open"][:9]
	for range 40 {
		frames = append(frames, frame{true, "ERRX?", 0}, frame{false, `+100,"Undefined GPIB command."`, 0})
	}
	bus := &scripted{t: t, frames: frames}
	err := New(bus, Options{Limits: lab, Channels: fourChannels}).Open(t.Context())
	if instrument.KindOf(err) != instrument.KindInstrument {
		t.Errorf("%v", err)
	}
}

// after an error the driver polls, clears and reads the queue.
func aftermath(status string, queue ...string) []frame {
	frames := []frame{{true, "@spoll", 0}, {false, "@" + status, 0}, {true, "@clear", 0}}
	for _, q := range append(queue, `+0,"No Error."`) {
		frames = append(frames, frame{true, "ERRX?", 0}, frame{false, q, 0})
	}
	return frames
}

func TestStrangeAnswers(t *testing.T) {
	for name, answer := range map[string]string{
		"cut":               "000BI-4.0000",
		"garbled":           "000BI-4.00\x000000E-06",
		"another channel":   "000AI-4.000000E-06",
		"another type":      "000BV-4.000000E-06",
		"too many":          "000BI-4.000000E-06,000BI-4.000000E-06",
		"empty":             "",
		"the queue's":       `+0,"No Error."`,
		"another format's":  "NBI-4.00000E-06",
		"two joined":        "000BI-4.000000E-06000BI-4.000000E-06",
		"a trailing comma":  "000BI-4.000000E-06,",
		"not a number":      "000BI      NaN    ",
		"a leading newline": "\n000BI-4.000000E-06",
	} {
		t.Run(name, func(t *testing.T) {
			d, bus := opened(t, "spot")
			bus.frames = append([]frame{bus.frames[0], {false, answer, 0}, bus.frames[2], bus.frames[3]}, aftermath("16")...)
			results, err := d.Run(t.Context(), verify(1e-3))
			if instrument.KindOf(err) != instrument.KindProtocol || len(results) != 0 {
				t.Errorf("results %v, error %v of kind %q", results, err, instrument.KindOf(err))
			}
			bus.done()
			if _, err := d.Run(t.Context(), verify(1e-3)); instrument.KindOf(err) != instrument.KindUsage {
				t.Errorf("goes on after a strange answer: %v", err)
			}
		})
	}
}

func TestInterlockFoundAfterATimeout(t *testing.T) {
	d, bus := opened(t, "")
	bus.fail = fmt.Errorf("read: %w", os.ErrDeadlineExceeded)
	bus.frames = aftermath("24", `+202,"Interlock circuit must be closed."`)
	_, err := d.Run(t.Context(), verify(0))
	if instrument.KindOf(err) != instrument.KindInterlock || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%v of kind %q", err, instrument.KindOf(err))
	}
	bus.done()
}

func TestQueueExplainsATimeout(t *testing.T) {
	// A power-cycled analyzer refuses DV and TI and therefore does not answer.
	d, bus := opened(t, "")
	bus.fail = os.ErrDeadlineExceeded
	bus.frames = aftermath("16", `+200,"Channel output switch must be ON.; SLOT1"`, `+120,"Incorrect parameter value."`)
	_, err := d.Run(t.Context(), verify(0))
	if instrument.KindOf(err) != instrument.KindInstrument || !errors.Is(err, os.ErrDeadlineExceeded) ||
		!strings.Contains(err.Error(), "power-cycled") {
		t.Errorf("%v of kind %q", err, instrument.KindOf(err))
	}
	bus.done()
}

func TestLinkErrors(t *testing.T) {
	for name, tc := range map[string]struct {
		err  error
		kind instrument.Kind
	}{
		"timeout":   {os.ErrDeadlineExceeded, instrument.KindTimeout},
		"unplugged": {errors.New("input/output error"), instrument.KindUnreachable},
		"protocol": {&instrument.Error{Op: "adapter", Kind: instrument.KindProtocol, Err: errors.New("late answer")},
			instrument.KindProtocol},
	} {
		t.Run(name, func(t *testing.T) {
			d, bus := opened(t, "")
			bus.fail, bus.frames = tc.err, aftermath("16")
			if _, err := d.Run(t.Context(), verify(0)); instrument.KindOf(err) != tc.kind || !errors.Is(err, tc.err) {
				t.Errorf("%v of kind %q, want %q", err, instrument.KindOf(err), tc.kind)
			}
			bus.done()
		})
	}
}

// blocking answers nothing until the context ends.
type blocking struct {
	scripted
	entered chan struct{}
	block   bool
}

func (b *blocking) Converse(ctx context.Context, timeout time.Duration, parts ...flex.Part) ([][]byte, error) {
	if !b.block {
		return b.scripted.Converse(ctx, timeout, parts...)
	}
	close(b.entered)
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestCancel(t *testing.T) {
	sections := golden(t)
	bus := &blocking{scripted: scripted{t: t, frames: sections["open"]}, entered: make(chan struct{})}
	d := New(bus, Options{Limits: lab, Channels: fourChannels})
	if err := d.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	over, end := context.WithCancel(t.Context())
	end()
	operations := bus.operations
	if _, err := d.Run(over, verify(0)); instrument.KindOf(err) != instrument.KindCancelled ||
		bus.operations != operations {
		t.Errorf("with a context that has ended: %v, %d operations", err, bus.operations-operations)
	}

	bus.block = true
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error)
	go func() {
		_, err := d.Run(ctx, verify(0))
		failed <- err
	}()
	<-bus.entered
	// While somebody has the device, a second caller waits, and gives up with
	// its context.
	if err := d.Safe(over); instrument.KindOf(err) != instrument.KindCancelled {
		t.Errorf("waiting with a context that has ended: %v", err)
	}
	cancel()
	if err := <-failed; instrument.KindOf(err) != instrument.KindCancelled {
		t.Errorf("cancelled run: %v", err)
	}
	if bus.operations != operations {
		t.Error("the bus was asked after cancelling")
	}

	bus.block = false
	bus.frames = sections["safe"]
	if err := d.Safe(t.Context()); err != nil {
		t.Errorf("safe after a cancelled run: %v", err)
	}
	bus.done()
}

func TestSafeInsists(t *testing.T) {
	d, bus := opened(t, "")
	clean := golden(t)["safe"]
	stale := []frame{{false, `+120,"Incorrect parameter value."`, 0}, {true, "ERRX?", 0}, clean[5], {true, "DZ", 0},
		{true, "CL", 0}, {true, "ERRX?", 0}, clean[5]}
	bus.frames = append(append([]frame{}, clean[:5]...), stale...)
	if err := d.Safe(t.Context()); err != nil {
		t.Errorf("an entry from before: %v", err)
	}
	bus.done()

	stale[6].text = `+204,"Cannot disable channel."`
	bus.frames = append(append([]frame{}, clean[:5]...), stale...)
	if err := d.Safe(t.Context()); instrument.KindOf(err) != instrument.KindInstrument {
		t.Errorf("outputs that do not switch off: %v", err)
	}
	bus.done()

	bus.frames = clean[:1]
	bus.fail = os.ErrDeadlineExceeded
	if err := d.Safe(t.Context()); instrument.KindOf(err) != instrument.KindTimeout ||
		!strings.Contains(err.Error(), "at the analyzer") {
		t.Errorf("no answer: %v", err)
	}
}

func TestLongRunsAreSplit(t *testing.T) {
	// Budget 2.25 s: three spots of 0.8 s make a conversation of two and one
	// of one. The second is refused by the analyzer; the first is confirmed.
	d, bus := opened(t, "")
	s := verify(0)
	s.Aperture = 0.8
	line := "DV 1,20,0.2,0.0001;DV 2,20,0,0.0001;DV 3,20,0,0.0001;DV 4,20,0,0.0001;TI 2,-15;DV 1,20,0,0.0001"
	answer := frame{false, "000BI-4.000000E-06", 0}
	bus.frames = []frame{
		{true, "AAD 2,1;AIT 1,2,40;" + line, 0}, answer, {true, line, 0}, answer, {true, "ERRX?", 0},
		{false, `+0,"No Error."`, 0},
		{true, line, 0}, answer, {true, "ERRX?", 0}, {false, `+305,"Excess current in HPSMU.; SLOT1"`, 0},
		{true, "@spoll", 0}, {false, "@16", 0}, {true, "ERRX?", 0}, {false, `+0,"No Error."`, 0},
	}
	results, err := d.Run(t.Context(), s, s, s)
	if instrument.KindOf(err) != instrument.KindInstrument || len(results) != 2 {
		t.Errorf("%d results, error %v", len(results), err)
	}
	bus.done()
}

func TestLongPulseThatNobodyLooksAt(t *testing.T) {
	d, bus := opened(t, "")
	bus.frames = []frame{
		{true, "MM 3,1;PT 0,2,5;PV 1,20,0,1,0.0001;XE;BC", 0}, {true, "@spoll", 0}, {false, "@0", 0}, {true, "@spoll", 0},
		{false, "@16", 0},
		{true, "ERRX?", 0}, {false, `+0,"No Error."`, 0},
	}
	results, err := d.Run(t.Context(), instrument.Pulse{Drives: drives(1), Width: 2, Period: 5})
	if err != nil || len(results) != 1 || results[0].Busy != 5 || len(results[0].Points) != 1 {
		t.Errorf("%v, %v", results, err)
	}
	bus.done()
}

func TestPulseOfZeroVolts(t *testing.T) {
	d, bus := opened(t, "")
	bus.frames = []frame{
		{true, "MM 27,1,2;RI 1,0;RI 2,0;MCPT 0,0.005,0,1;MCPNT 1,0,0.001;DV 2,20,0,0.0001;MCPNX 1,1,1,20,0,0,0.0001;XE", 0},
		{false, "000AI+0.000000E+00,128BI+0.000000E+00", 0}, {true, "ERRX?", 0}, {false, `+0,"No Error."`, 0},
	}
	results, err := d.Run(t.Context(), instrument.Pulse{Drives: drives(0, 0), Width: 1e-3, Measure: channels(1, 2)})
	if err != nil || results[0].Points[0].Readings[1].Status != 0 {
		t.Errorf("%v, %v", results, err)
	}
	bus.done()
}

func TestStaircaseThatWentOn(t *testing.T) {
	points := func(status ...instrument.Status) []instrument.Point {
		out := make([]instrument.Point, len(status))
		for i, s := range status {
			out[i].Readings = []instrument.Reading{{Status: s}}
		}
		return out
	}
	const c, o = instrument.StatusCompliance, instrument.StatusOverflow
	for _, tc := range []struct {
		status []instrument.Status
		want   int
	}{
		{[]instrument.Status{0, 0, 0}, 3},
		{[]instrument.Status{0, c, o}, 2},
		{[]instrument.Status{c, o, o}, 1},
		{[]instrument.Status{0, o, o}, 2},
		{[]instrument.Status{0, c, 0}, 3},
		{[]instrument.Status{0, c, o, 0}, 4},
		{[]instrument.Status{0, 0, c}, 3},
	} {
		if got := len(reached(points(tc.status...))); got != tc.want {
			t.Errorf("%v: %d levels reached, want %d", tc.status, got, tc.want)
		}
	}
}
