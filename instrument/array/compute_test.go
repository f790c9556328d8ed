package array

import (
	"math/bits"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"xlab/instrument"
)

func TestRouting(t *testing.T) {
	w := testWiring(t)
	r := w.NewRouting()
	for _, err := range []error{r.Row(0, BusNeuron), r.Row(0, BusNeuron), r.Col(1, BusReadPlus)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Row(0, BusGround); instrument.KindOf(err) != instrument.KindRouting ||
		!strings.Contains(err.Error(), "row 0 is on NEURON already and would be connected to GND too") {
		t.Errorf("two buses: %v", err)
	}
	if err := r.Row(w.Rows, BusGround); instrument.KindOf(err) != instrument.KindUsage ||
		!strings.Contains(err.Error(), "there is no row") {
		t.Errorf("no such row: %v", err)
	}
	if err := r.Col(-1, BusGround); instrument.KindOf(err) != instrument.KindUsage ||
		!strings.Contains(err.Error(), "there is no column -1") {
		t.Errorf("no such column: %v", err)
	}
	if err := r.Col(0, "MOON"); instrument.KindOf(err) != instrument.KindUsage ||
		!strings.Contains(err.Error(), `no switch leads to bus "MOON"; the wiring map has: [F1 F2`) {
		t.Errorf("no such bus: %v", err)
	}
	// What was refused has changed nothing; the rest floats until it is said otherwise.
	lines := r.Lines()
	for chip, s := range lines {
		want := instrument.Switches(0)
		switch chip {
		case w.RowChip[0]:
			want = w.Switch[BusNeuron]
		case w.ColChip[1]:
			want = w.Switch[BusReadPlus]
		}
		if s != want {
			t.Errorf("chip %d is at %#x, want %#x", chip+1, s, want)
		}
	}
	if err := r.Others(BusGround); err != nil {
		t.Fatal(err)
	}
	if lines[w.RowChip[1]] != 0 {
		t.Error("lines that were handed out are changed later")
	}
	if r.Lines()[w.RowChip[1]] != w.Switch[BusGround] || r.Lines()[w.RowChip[0]] != w.Switch[BusNeuron] {
		t.Error("the others are not grounded, or more than the others")
	}
}

// However a routing is put together: every line has one bus, and it is the one
// that was accepted for it.
func TestRoutingNeverJoinsBuses(t *testing.T) {
	w := testWiring(t)
	buses := []Bus{BusForce1, BusForce2, BusOtherRows, BusOtherCols, BusGround, BusReadPlus, BusReadMinus, BusNeuron}
	rapid.Check(t, func(t *rapid.T) {
		r := w.NewRouting()
		accepted := make(map[int]Bus)
		for range rapid.IntRange(0, 60).Draw(t, "calls") {
			bus := rapid.SampledFrom(buses).Draw(t, "bus")
			connect, chips := r.Row, w.RowChip
			if rapid.Bool().Draw(t, "column") {
				connect, chips = r.Col, w.ColChip
			}
			line := rapid.IntRange(0, len(chips)-1).Draw(t, "line")
			chip := chips[line]
			before, taken := accepted[chip]
			if err := connect(line, bus); err == nil {
				accepted[chip] = bus
				if taken && before != bus {
					t.Fatalf("chip %d was on %s and may go to %s", chip+1, before, bus)
				}
			} else if !taken || before == bus {
				t.Fatalf("refused: %v", err)
			}
		}
		for chip, s := range r.Lines() {
			if bits.OnesCount8(uint8(s)) > 1 || s != w.Switch[accepted[chip]] {
				t.Fatalf("chip %d is at %#x, accepted was %q", chip+1, s, accepted[chip])
			}
		}
	})
}

func testWiring(t *testing.T) *Wiring {
	t.Helper()
	f, err := os.Open("../../hwdocs/wiring/array-a.yaml")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, err := LoadWiring(f, "array-a.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestLoadNeuronWiring(t *testing.T) {
	text, err := os.ReadFile("../../hwdocs/wiring/neuron-board.yaml")
	if err != nil {
		t.Fatal(err)
	}
	w, err := LoadNeuronWiring(strings.NewReader(string(text)), "neuron-board.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if w.Serial != "NB-1" || w.Hidden.NeuronLines != (NeuronLines{10, "A", 0}) || w.Hidden.Feeds.Array != "B" ||
		w.Hidden.Feeds.Column != 0 ||
		w.Outputs != (NeuronLines{4, "B", 0}) || w.PatternPort != "A" {
		t.Errorf("%+v", w)
	}
	const good = `
neuron_board:
  serial: NB-1
  hidden: {count: 10, array: A, row: 0, feeds: {array: B, column: 0}}
  outputs: {count: 4, array: B, row: 0}
`
	if w, err := LoadNeuronWiring(strings.NewReader(good), "good"); err != nil || w.PatternPort != "" {
		t.Errorf("%+v, %v", w, err)
	}
	for name, c := range map[string]struct{ old, new, text string }{
		"unknown key":      {"serial: NB-1", "seriel: NB-1", "\"seriel\" is not a known key"},
		"no neurons":       {"count: 10", "count: 0", "hidden.count is 0"},
		"negative row":     {"array: B, row: 0", "array: B, row: -1", "outputs.row is -1"},
		"no array":         {"array: A,", "", "hidden.array must be given"},
		"feeds nothing":    {", feeds: {array: B, column: 0}", "", "hidden.feeds.array must be given"},
		"column":           {"column: 0", "column: -2", "hidden.feeds.column is -2"},
		"another file":     {good, "array: A\n", "is not a known key"},
		"nothing":          {good, "{}", "does not describe a neuron board"},
		"not YAML":         {good, "neuron_board: [", "wiring map"},
		"a second one":     {good, good + "---\n" + good, "second document"},
		"text for numbers": {"count: 10", "count: ten", "wiring map"},
	} {
		if _, err := LoadNeuronWiring(strings.NewReader(strings.Replace(good, c.old, c.new, 1)), "x.yaml"); err == nil ||
			!strings.Contains(err.Error(), c.text) || !strings.Contains(err.Error(), "x.yaml") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestParseRouting(t *testing.T) {
	w := testWiring(t)
	r, err := w.ParseRouting(" r0=S1, C3 = gnd,r19=s8 ,")
	if err != nil {
		t.Fatal(err)
	}
	want := "row 0: S1 (F1), chip 1\nrow 19: S8 (NEURON), chip 20\ncolumn 3: S5 (GND), chip 24"
	if got := strings.Join(r.Describe(), "\n"); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	if !r.Uses(BusNeuron) || r.Uses(BusReadPlus) || r.Uses("MOON") {
		t.Error("Uses does not say what is connected")
	}
	closed := 0
	for _, s := range r.Lines() {
		closed += bits.OnesCount8(uint8(s))
	}
	if closed != 3 {
		t.Errorf("%d switches", closed)
	}
	for text, message := range map[string]string{
		"":            "names no line",
		" , ":         "names no line",
		"r0":          "is not written like r0=S1",
		"r0=":         "is not written like r0=S1",
		"=S1":         "is not written like r0=S1",
		"x0=S1":       "is not a row like r0",
		"r-1=S1":      "is not a row like r0",
		"r=S1":        "is not a row like r0",
		"r20=S1":      "there is no row 20",
		"c99=S1":      "there is no column 99",
		"r0=S9":       `no switch leads to bus "S9"`,
		"r0=MOON":     `no switch leads to bus "MOON"`,
		"r0=S1,r0=S5": "row 0 is on F1 already and would be connected to GND too",
		"c7=F1,c7=S2": "column 7 is on F1 already",
	} {
		if _, err := w.ParseRouting(text); err == nil || !strings.Contains(err.Error(), message) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
