package neuron

import (
	"context"
	"io/fs"
	"math"
	"strconv"
	"strings"
	"testing"

	"xlab/hwdocs"
	"xlab/instrument"
)

// golden is one section of the golden frames: what the host sends, line by
// line, and what the board answers.
type golden struct {
	name string
	sent []string
	said []string
}

func goldenSections(t *testing.T) map[string]golden {
	t.Helper()
	text, err := fs.ReadFile(hwdocs.FS, "golden/neuron.txt")
	if err != nil {
		t.Fatal(err)
	}
	sections := make(map[string]golden)
	var g golden
	for number, line := range strings.Split(string(text), "\n") {
		kind, rest, _ := strings.Cut(line, " ")
		frame := ""
		if kind == ">" || kind == "<" {
			if frame, err = strconv.Unquote(`"` + strings.ReplaceAll(rest, `"`, `\"`) + `"`); err != nil ||
				!strings.HasSuffix(frame, "\n") {
				t.Fatalf("line %d is no golden frame: %q", number+1, line)
			}
		}
		switch {
		case kind == "==":
			g = golden{name: rest}
		case kind == ">":
			g.sent = append(g.sent, strings.TrimRight(frame, "\r\n"))
		case kind == "<":
			g.said = append(g.said, strings.TrimRight(frame, "\r\n"))
		case line != "" && !strings.HasPrefix(line, "#"):
			t.Fatalf("line %d is no golden frame: %q", number+1, line)
		}
		if g.name != "" {
			sections[g.name] = g
		}
	}
	return sections
}

// exact answers a single write of exactly a section's lines with its answers.
// Everything before the section is answered as a board after *RST would.
func exact(t *testing.T, g golden, change func(*Options)) (*Board, *box) {
	t.Helper()
	if g.name == "" {
		t.Fatal("the golden frames have lost a section")
	}
	b, far := open(t, change)
	far.see(func() {
		far.says = make(map[string]string)
		answers := g.said
		for _, line := range g.sent {
			if !strings.Contains(line, "?") {
				continue
			}
			if _, twice := far.says[line]; twice { // the queue's further entries
				far.queue = append(far.queue, answers[0])
			} else if line == "SYST:ERR?" {
				far.queue = append(far.queue, answers[0])
			} else {
				far.says[line] = answers[0]
			}
			answers = answers[1:]
		}
		if len(far.queue) > 0 && far.queue[len(far.queue)-1] == `0,"No error"` {
			far.queue = far.queue[:len(far.queue)-1]
		}
	})
	return b, far
}

// heard compares what arrived with a section.
func heard(t *testing.T, far *box, g golden) {
	t.Helper()
	far.see(func() {
		if got, want := strings.Join(far.heard, "\n"), strings.Join(g.sent, "\n"); got != want {
			t.Errorf("%s: sent\n%s\nwant\n%s", g.name, got, want)
		}
	})
}

func equal(t *testing.T, what string, got []instrument.Volts, want ...float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %v, want %v", what, got, want)
	}
	for i := range want {
		if math.Abs(float64(got[i])-want[i]) > 1e-12 {
			t.Errorf("%s: value %d is %v, want %v", what, i, float64(got[i]), want[i])
		}
	}
}

// ramp is first times 1 to n.
func ramp(first float64, n int) (values []float64) {
	for i := range n {
		values = append(values, first*float64(i+1))
	}
	return values
}

func TestGoldenMeasurements(t *testing.T) {
	sections := goldenSections(t)

	g := sections["identify"]
	b, far := exact(t, g, nil)
	if id, err := b.Identify(t.Context()); err != nil || id.Model != "NEURON-10-4" || id.Serial != "NB-1" ||
		id.Vendor != "XLAB" || id.Firmware != "1.0" {
		t.Errorf("%+v, %v", id, err)
	}
	heard(t, far, g)

	g = sections["outputs"]
	b, far = exact(t, g, nil)
	v, err := b.Outputs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	equal(t, g.name, v, 0.12345, -2.5, 0, -1e-6)
	heard(t, far, g)

	g = sections["hidden"]
	b, far = exact(t, g, nil)
	if v, err = b.Hidden(t.Context()); err != nil {
		t.Fatal(err)
	}
	equal(t, g.name, v, ramp(0.01, 10)...)
	heard(t, far, g)

	g = sections["outputs, neuron 2 below the converter's range and neuron 4 at its rail"]
	b, _ = exact(t, g, nil)
	if v, err = b.Outputs(t.Context()); instrument.KindOf(err) != instrument.KindInstrument || v != nil ||
		!strings.Contains(err.Error(), "[O2]") || !strings.Contains(err.Error(), "over range") ||
		!strings.Contains(err.Error(), "check the board's supply") {
		t.Errorf("over range: %v, %v", v, err)
	}
}

func TestGoldenTrim(t *testing.T) {
	sections := goldenSections(t)
	g := sections["trim"]
	b, far := exact(t, g, func(o *Options) { o.Average = 64 })
	hidden, outputs, err := b.Trim(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	equal(t, g.name, hidden, ramp(0.001, 10)...)
	equal(t, g.name, outputs, 0.012345, -0.25, 0, -1e-7)
	heard(t, far, g)

	b, _ = exact(t, sections["trim, H3 and O2 out of reach"], nil)
	hidden, outputs, err = b.Trim(t.Context())
	if instrument.KindOf(err) != instrument.KindInstrument || !strings.Contains(err.Error(), "[H3]") ||
		!strings.Contains(err.Error(), "O2 out of reach") ||
		!strings.Contains(err.Error(), "ground all inputs") {
		t.Errorf("out of reach: %v", err)
	}
	if len(hidden) != 10 || hidden[2] != 0.19 || len(outputs) != 4 || outputs[1] != -3.5 {
		t.Errorf("what is left is not returned: %v, %v", hidden, outputs)
	}
}

func TestGoldenBursts(t *testing.T) {
	sections := goldenSections(t)
	ctx := context.Background()
	g := sections["burst"]
	b, far := exact(t, g, func(o *Options) { o.Settle = 6e-6 })
	rows, err := b.Burst(ctx, [][]byte{{0x20, 0x80}, {0x40, 0x80}, {0x20, 0xe0}}, false)
	if err != nil || len(rows) != 3 {
		t.Fatalf("%v, %v", rows, err)
	}
	equal(t, g.name, rows[0], 0.2, -2.5, 0, -1e-6)
	equal(t, g.name, rows[2], 0.4, -2.5, 0, -1e-6)
	// The driver packs the frames of two golden lines into one, and runs them
	// only when they have been counted.
	far.see(func() {
		got := strings.Join(far.heard, "\n")
		if want := "BURS:CLE\nBURS:FRAM 1,2080,4080,20e0\nBURS:COUN?\nSYST:ERR?\nCONF:AVER 16\nBURS:SETT " +
			"6\nBURS:RUN?\nSTAT:QUES:COND?\nSYST:ERR?"; got != want {
			t.Errorf("sent\n%s\nwant\n%s", got, want)
		}
	})

	g = sections["burst of hidden neurons"]
	b, far = exact(t, g, nil)
	if rows, err = b.Burst(ctx, [][]byte{{0x20, 0x80}}, true); err != nil || len(rows) != 1 {
		t.Fatalf("%v, %v", rows, err)
	}
	equal(t, g.name, rows[0], ramp(0.01, 10)...)
	far.see(func() {
		for _, line := range g.sent {
			if !strings.Contains(strings.Join(far.heard, "\n"), line) {
				t.Errorf("%q was not sent", line)
			}
		}
	})

	for name, done := range map[string]int{
		"burst, chain broken behind chip 1 after the first pattern": 1,
		"burst, chain broken behind chip 1 before":                  0,
	} {
		g := sections[name]
		b, far := exact(t, g, nil)
		// Storing goes well; the error comes with the run.
		far.see(func() {
			far.breakAfter = done
			far.outputs = []instrument.Volts{0.2, -2.5, 0, -1e-6}
			far.queue = nil
			delete(far.says, "BURS:RUN?")
		})
		rows, err := b.Burst(ctx, [][]byte{{0x20, 0x80}, {0x40, 0x80}}, false)
		if instrument.KindOf(err) != instrument.KindChain || len(rows) != done ||
			!strings.Contains(err.Error(), "pattern port") {
			t.Errorf("%s: %v, %v of kind %q", name, rows, err, instrument.KindOf(err))
		}
		far.see(func() {
			far.memory, far.breakAfter = [][]byte{{0x20, 0x80}, {0x40, 0x80}}, done
			if got := far.run(false); got != g.said[0] {
				t.Errorf("%s: the box answers %q, the golden frames %q", name, got, g.said[0])
			}
		})
	}
}

// Every answer of the golden frames that the driver asks for is one that it can
// read, and every entry of the error queue too.
func TestGoldenMistakes(t *testing.T) {
	for _, said := range goldenSections(t)["mistakes"].said {
		if !strings.HasPrefix(said, "-") {
			continue
		}
		b, far := open(t, nil)
		far.see(func() { far.queue = append(far.queue, said) })
		v, err := b.Outputs(t.Context())
		if instrument.KindOf(err) != instrument.KindInstrument || v != nil || !strings.Contains(err.Error(), said) {
			t.Errorf("%s: %v, %v", said, v, err)
		}
		if _, err := b.Outputs(t.Context()); err != nil {
			t.Errorf("%s: the error stays: %v", said, err)
		}
	}
}
