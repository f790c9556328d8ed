package neuron

import (
	"context"
	"io"
	"math/bits"
	"net"
	"strings"
	"testing"
	"time"

	"xlab/mock/bench"
	"xlab/mock/wire/adg1438"
)

// fake is the board that the golden frames tell of: ten hidden and four output
// neurons of fixed voltages. Its trim DACs have one right code, which brings a
// tenth of what was there before; one step beside it the output has one sign or
// the other.
type fake struct {
	volts  [14]float64
	beyond [14]bool // the trim does not reach: the voltage stays
	over   [14]int
	codes  []int
	closed int // switches of the chain
	now    float64
	read   int // conversions
	on     func(*fake)
}

func newFake() *fake {
	f := &fake{codes: make([]int, 14)}
	for j := range 10 {
		f.volts[j] = 0.01 * float64(j+1)
	}
	copy(f.volts[10:], []float64{0.12345, -2.5, 0, -1e-6})
	return f
}

func (f *fake) Do(do func())        { do() }
func (f *fake) Neurons() (int, int) { return 10, 4 }
func (f *fake) Hold(s float64)      { f.now += s }
func (f *fake) TrimNeurons(c []int) { copy(f.codes, c) }

// right is the code that nulls neuron j.
func (f *fake) right(j int) int {
	if f.volts[j] > 0 {
		return -100 - j
	}
	return 100 + j
}

func (f *fake) ConvertNeurons(samples int) []bench.Conversion {
	f.now += float64(samples) * 1.5e-6
	f.read++
	r := make([]bench.Conversion, 14)
	for j, v := range f.volts {
		switch code := f.codes[j]; {
		case f.beyond[j] || code == 0:
		case code < f.right(j):
			v = -1
		case code > f.right(j):
			v = 1
		default:
			v /= 10
		}
		if j == 10 && f.closed > 0 {
			v = 0.1 * float64(f.closed)
		}
		r[j] = bench.Conversion{Volts: v, Over: f.over[j]}
	}
	if f.on != nil {
		f.on(f)
	}
	return r
}

func (f *fake) Switch(_ string, closed []uint8) {
	f.closed = 0
	for _, c := range closed {
		f.closed += bits.OnesCount8(c)
	}
}

// setup is a server on a fake board with a chain of two chips.
type setup struct {
	*Server
	board *fake
	chain *adg1438.Chain
}

func newSetup(t testing.TB) *setup {
	t.Helper()
	f := newFake()
	chain, err := adg1438.New(f, "A", 2)
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(f, chain, DefaultOptions("NB-1"))
	if err != nil {
		t.Fatal(err)
	}
	return &setup{s, f, chain}
}

// ask sends lines by the stream and returns everything that comes back until
// the host closes.
func (s *setup) ask(t testing.TB, lines string) string {
	t.Helper()
	near, far := net.Pipe()
	served := make(chan error, 1)
	go func() { served <- s.Serve(context.Background(), far) }()
	go func() {
		// A mark behind it tells that everything was obeyed.
		if _, err := io.WriteString(near, lines+"\n*ESE 251\n*ESE?\n"); err != nil {
			t.Error(err)
		}
	}()
	if err := near.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	var got []byte
	for one := make([]byte, 4096); ; {
		n, err := near.Read(one)
		got = append(got, one[:n]...)
		if err != nil || strings.HasSuffix("\n"+string(got), mark) {
			break
		}
	}
	if err := near.Close(); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
	return strings.TrimSuffix(string(got), mark[1:])
}

// mark is the answer to the last question of ask.
const mark = "\n251\n"
