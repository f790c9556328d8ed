package b1500

import (
	"errors"
	"strings"
	"testing"

	"xlab/instrument"
)

// later is frames with another last answer.
func later(frames []frame, answer string) []frame {
	frames = append([]frame(nil), frames...)
	frames[len(frames)-1].text = answer
	return frames
}

// The bench time goes on over an analyzer that was opened anew, and never back
// when its power was off.
func TestGoldenOpenAgain(t *testing.T) {
	d, bus := opened(t, "")
	sections := golden(t)
	powerCycled := append([]frame(nil), sections["open-again"]...)
	for i := range powerCycled {
		if powerCycled[i].text == "000ZT+45.50000E+00" {
			powerCycled[i].text = "000ZT+2.000000E+00"
		}
	}
	for i, step := range []struct {
		frames []frame
		want   instrument.Seconds
	}{
		{sections["open-again"], 50},    // 45.5 s at opening, 50 s when asked
		{powerCycled, 98},               // 2 s at opening, 50 s when asked: 48 s after the 50 s
		{sections["open-again"], 102.5}, // 45.5 s at opening are before the 50 s of last time: 4.5 s more
	} {
		bus.frames = append(step.frames, later(sections["bench-time"], "000ZT+50.00000E+00")...)
		if err := d.Open(t.Context()); err != nil {
			t.Fatal(err)
		}
		if now, err := d.BenchTime(t.Context()); err != nil || now != step.want {
			t.Errorf("opened %d times more: bench time %v, %v; want %v", i+1, now, err, step.want)
		}
		bus.done()
	}
}

func TestGoldenCheck(t *testing.T) {
	for section, kind := range map[string]instrument.Kind{
		"check": "", "elsewhere-check-pulse-unit": "", "elsewhere-check-sub-channels": "", "elsewhere-check-all": "",
		"check-switch-open": instrument.KindInstrument, "check-all-open": instrument.KindInstrument,
		"check-interlock": instrument.KindInterlock,
	} {
		t.Run(section, func(t *testing.T) {
			d, bus := opened(t, section)
			if err := d.Check(t.Context()); instrument.KindOf(err) != kind {
				t.Fatalf("error %v of kind %q, want %q", err, instrument.KindOf(err), kind)
			}
			bus.done()
			bus.operations = 0
			if kind == "" {
				return
			}
			if _, err := d.Run(t.Context(), verify(0)); instrument.KindOf(err) != instrument.KindUsage || bus.operations != 0 {
				t.Errorf("run after a failed check: %v, %d operations on the bus", err, bus.operations)
			}
		})
	}
}

// An open output is called that, and no cable is blamed.
func TestOpenOutputIsNamed(t *testing.T) {
	for section, says := range map[string]string{
		"check-switch-open": "output switch of SMU 3 is open", "check-all-open": "output switches of SMU 1, 2, 3, 4 are open",
	} {
		d, _ := opened(t, section)
		if err := d.Check(t.Context()); err == nil || !strings.Contains(err.Error(), says) ||
			strings.Contains(err.Error(), "cable") {
			t.Errorf("%s: %v, want %q in it", section, err, says)
		}
	}
}

// A question is asked again when the link fails, after the analyzer was opened
// anew: the device clear that follows may have opened its outputs.
func TestQuestionsAreRepeated(t *testing.T) {
	gone := &instrument.Error{Op: "bus", Kind: instrument.KindTimeout, Err: errors.New("no answer")}
	sections := golden(t)
	d, bus := opened(t, "bench-time")
	bus.fail = gone
	if _, err := d.BenchTime(t.Context()); !errors.Is(err, gone) {
		t.Errorf("without retries: %v", err)
	}
	bus.operations = 0
	if _, err := d.Run(t.Context(), verify(0)); instrument.KindOf(err) != instrument.KindUsage || bus.operations != 0 {
		t.Errorf("run after a question without answer: %v, %d operations on the bus", err, bus.operations)
	}

	d, bus = opened(t, "")
	d.o.Retries = 1
	bus.fail, bus.frames = gone, append(append([]frame(nil), sections["open-again"]...),
		later(sections["bench-time"], "000ZT+60.00000E+00")...)
	if now, err := d.BenchTime(t.Context()); err != nil || now != 60 {
		t.Errorf("with one retry: %v, %v", now, err)
	}
	bus.done()
	bus.fail, bus.frames = gone, append(append([]frame(nil), sections["open-again"]...), sections["check"]...)
	if err := d.Check(t.Context()); err != nil {
		t.Error(err)
	}
	bus.done()
	// An instrument's own error is an answer.
	bus.frames = sections["check-interlock"]
	if err := d.Check(t.Context()); instrument.KindOf(err) != instrument.KindInterlock {
		t.Errorf("%v", err)
	}
	bus.done()
}

// What follows a step that was begun cannot say that nothing was sent.
func TestStepBegunWasSent(t *testing.T) {
	unsent := &instrument.Error{Op: "bus", Kind: instrument.KindTimeout, Err: instrument.ErrNotSent}
	if err := begun(linkError("run", unsent)); errors.Is(err, instrument.ErrNotSent) ||
		instrument.KindOf(err) != instrument.KindTimeout {
		t.Errorf("%v of kind %q", err, instrument.KindOf(err))
	}
	if err := begun(nil); err != nil {
		t.Error(err)
	}
}
