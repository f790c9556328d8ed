package neuron_test

import (
	"bufio"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"

	"xlab/hwdocs"
	"xlab/mock/bench"
	"xlab/mock/device"
	"xlab/mock/device/devicetest"
	"xlab/mock/wire/adg1438"
	"xlab/mock/wire/neuron"
)

// Buses by switch.
const (
	toGND    = 1 << 4
	toPlus   = 1 << 5
	toMinus  = 1 << 6
	toNeuron = 1 << 7
)

// onBench is the board on the simulated bench with two arrays of devices between
// 10 and 100 µS.
type onBench struct {
	t     testing.TB
	bench *bench.Bench
	chain *adg1438.Chain // of array A
	far   *adg1438.Chain // of array B
	line  net.Conn
	in    *bufio.Reader
}

// tell sends lines and gives the answers together.
func (o *onBench) tell(lines ...string) string {
	o.t.Helper()
	var answers strings.Builder
	for _, l := range lines {
		if _, err := io.WriteString(o.line, l+"\n"); err != nil {
			o.t.Fatal(err)
		}
		if header, _, _ := strings.Cut(l, " "); !strings.HasSuffix(header, "?") {
			continue
		}
		answer, err := o.in.ReadString('\n')
		if err != nil {
			o.t.Fatal(err)
		}
		answers.WriteString(answer)
	}
	return answers.String()
}

func newOnBench(t testing.TB, p bench.NeuronParts) *onBench {
	t.Helper()
	return newOnBenchOf(t, device.Default(), p)
}

// idealParts are the parts of the formulas of hwdocs/neuron.md.
func idealParts() bench.NeuronParts {
	p := bench.DefaultNeuronParts()
	p.Offset, p.BiasCurrent, p.FeedbackSpread, p.GainSpread, p.NoiseDensity, p.OutputOhms = 0, 0, 0, 0, 0, 0
	p.OpenLoopGain, p.Celsius = 1e12, -273.15
	return p
}

// noiseless are devices whose current is the same whenever it is asked for.
func noiseless() *device.Technology {
	technology := device.Default()
	technology.Noise.FlickerAtOneHertz, technology.Noise.TelegraphShare = 0, 0
	return technology
}

func newOnBenchOf(t testing.TB, technology *device.Technology, p bench.NeuronParts) *onBench {
	t.Helper()
	b, err := bench.New(bench.Config{Units: 4, Wires: bench.DefaultWires(), Seed: 11})
	if err != nil {
		t.Fatal(err)
	}
	open := func(name string) *strings.Reader {
		text, err := hwdocs.FS.ReadFile("wiring/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return strings.NewReader(string(text))
	}
	var chains []*adg1438.Chain
	for i, name := range []string{"array-a.yaml", "array-b.yaml"} {
		board, err := bench.LoadBoard(open(name), name, 0.2)
		if err != nil {
			t.Fatal(err)
		}
		devices, err := device.NewArray(technology, 20, 20, uint64(i+1))
		if err != nil {
			t.Fatal(err)
		}
		devicetest.Form(devices, func(int) float64 { return -1.6 })
		if err := b.Attach(board, devices); err != nil {
			t.Fatal(err)
		}
		chain, err := adg1438.New(b, board.Name, board.Chips())
		if err != nil {
			t.Fatal(err)
		}
		chains = append(chains, chain)
	}
	board, err := bench.LoadNeuronBoard(open("neuron-board.yaml"), "neuron-board.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.AttachNeurons(board, p); err != nil {
		t.Fatal(err)
	}
	s, err := neuron.New(b, chains[0], neuron.DefaultOptions(board.Serial))
	if err != nil {
		t.Fatal(err)
	}
	near, far := net.Pipe()
	served := make(chan error, 1)
	go func() { served <- s.Serve(context.Background(), far) }()
	t.Cleanup(func() {
		if err := near.Close(); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	send(chains[1], frame(nil, true))
	return &onBench{t: t, bench: b, chain: chains[0], far: chains[1], line: near, in: bufio.NewReader(near)}
}

// frame is the one of array A for inputs of +1, 0 and -1 (missing ones at
// ground), rows at the neurons; with hidden that of array B, whose first ten
// columns are the hidden neurons' and the eleventh the bias.
func frame(inputs []int, hidden bool) []byte {
	f := make([]byte, 40)
	for i := range 20 {
		f[39-i] = toNeuron
		level := byte(toGND)
		switch {
		case hidden && i < 10:
			level = toNeuron
		case hidden && i == 10, i < len(inputs) && inputs[i] > 0:
			level = toPlus
		case i < len(inputs) && inputs[i] < 0:
			level = toMinus
		}
		f[19-i] = level
	}
	return f
}

func send(c *adg1438.Chain, frame []byte) {
	c.Select(true)
	c.Transfer(frame, make([]byte, len(frame)))
	c.Select(false)
}

// inputs is a pattern of 16 pixels and the bias.
func inputs(bits int) []int {
	p := make([]int, 17)
	for i := range 16 {
		p[i] = 1 - 2*(bits*2654435761>>i&1)
	}
	p[16] = 1
	return p
}

// numbers reads an answer of one pattern.
func numbers(t testing.TB, text string) []float64 {
	t.Helper()
	var list []float64
	for f := range strings.SplitSeq(strings.TrimSpace(text), ",") {
		v, err := strconv.ParseFloat(f, 64)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, v)
	}
	return list
}

func largest(list []float64) float64 {
	most := 0.0
	for _, v := range list {
		most = max(most, math.Abs(v))
	}
	return most
}

// With all columns grounded, trimming leaves half a step and the noise.
func TestTrimOnTheBench(t *testing.T) {
	o := newOnBench(t, bench.DefaultNeuronParts())
	send(o.chain, frame(nil, false))
	grounded := make([]byte, 40)
	for i := range 20 {
		grounded[39-i], grounded[19-i] = toNeuron, toGND
	}
	send(o.far, grounded)
	before := append(numbers(t, o.tell("CONF:AVER 64", "MEAS:VOLT:HID?")), numbers(t, o.tell("MEAS:VOLT?"))...)
	left := numbers(t, o.tell("CAL:OFFS?"))
	if got := o.tell("SYST:ERR?"); got != "0,\"No error\"\n" {
		t.Fatal(got)
	}
	after := append(numbers(t, o.tell("MEAS:VOLT:HID?")), numbers(t, o.tell("MEAS:VOLT?"))...)
	for _, list := range [][]float64{left, after} {
		if h, out := largest(list[:10]), largest(list[10:]); h > 2e-3 || out > 10e-3 {
			t.Errorf("%g V of the hidden and %g V of the output neurons are left", h, out)
		}
	}
	if h := largest(before[:10]); h < 0.05 {
		t.Errorf("offsets of %g V before: the test shows little", h)
	}
	t.Logf("before %.3g, left %.3g V", before, left)
}

// A burst measures what a routing by the host does.
func TestBurstOnTheBench(t *testing.T) {
	o := newOnBenchOf(t, noiseless(), idealParts())
	lines := []string{"CONF:AVER 16"}
	var single []float64
	for k := range 5 {
		f := frame(inputs(k), false)
		send(o.chain, f)
		o.bench.Hold(1e-4)
		lines = append(lines, fmt.Sprintf("BURS:FRAM %d,%s", k+1, hex.EncodeToString(f)))
		single = append(single, numbers(t, o.tell("CONF:AVER 16", "MEAS:VOLT?"))...)
	}
	var burst []float64
	for pattern := range strings.SplitSeq(o.tell(append(lines, "BURS:RUN?")...), ";") {
		burst = append(burst, numbers(t, pattern)...)
	}
	if got := o.tell("SYST:ERR?"); got != "0,\"No error\"\n" || len(burst) != len(single) {
		t.Fatal(got, burst)
	}
	for i := range burst {
		// Devices at 0.2 V hardly change meanwhile.
		if math.Abs(burst[i]-single[i]) > 3e-3 {
			t.Errorf("pattern %d, neuron %d: %g V in a burst, %g alone", i/4, i%4, burst[i], single[i])
		}
	}
	if largest(single) < 1 {
		t.Errorf("%v", single)
	}
	if n := o.chain.Closed(); slices.Max(n) != 0 {
		t.Errorf("% x closed after the burst", n)
	}
}

// A burst that does not wait measures what has not settled.
func TestBurstTooFast(t *testing.T) {
	o := newOnBenchOf(t, noiseless(), idealParts())
	run := func(microseconds int) (all []float64) {
		o.tell("BURS:CLE", "*RST")
		for k := range 6 {
			o.tell(fmt.Sprintf("BURS:FRAM %d,%x", k+1, frame(inputs(k), false)))
		}
		for pattern := range strings.SplitSeq(o.tell(fmt.Sprintf("BURS:SETT %d", microseconds), "BURS:RUN?"), ";") {
			all = append(all, numbers(t, pattern)...)
		}
		return all
	}
	slow, fast, normal := run(1000), run(1), run(5)
	off := func(list []float64) (most float64) {
		for i := range list {
			most = max(most, math.Abs(list[i]-slow[i]))
		}
		return most
	}
	if off(fast) < 0.5 || off(normal) > 3e-3 {
		t.Errorf("%g V off after 1 µs, %g V after 5 µs", off(fast), off(normal))
	}
	t.Logf("%g V off after 1 µs, %g V after 5 µs", off(fast), off(normal))
}

// BenchmarkBurst is a full set of patterns through the board: 680 frames on the
// chain, two arrays, neurons and converters.
func BenchmarkBurst(b *testing.B) {
	o := newOnBench(b, bench.DefaultNeuronParts())
	const patterns = 680
	for k := range patterns {
		o.tell(fmt.Sprintf("BURS:FRAM %d,%x", k+1, frame(inputs(k), false)))
	}
	for b.Loop() {
		if got := o.tell("BURS:RUN?"); strings.Count(got, ";") != patterns-1 {
			b.Fatal(got)
		}
	}
	b.ReportMetric(float64(patterns*b.N)/b.Elapsed().Seconds(), "patterns/s")
	if err := o.bench.Fault(); err != nil {
		b.Fatal(err)
	}
}
