package blueprint

import (
	"context"
	"io"
	"io/fs"
	"math"
	"net"
	"strconv"
	"strings"
	"testing"

	"xlab/hwdocs"
	"xlab/mock/bench"
)

// fake is the bench that the golden frames tell of: 50 kohm from each unit to
// ground. It notes how long which level stood at unit 1.
type fake struct {
	outputs [channels]bench.Output
	now     float64
	open    bool // interlock
	stood   map[float64]float64
}

func (f *fake) Do(do func())           { do() }
func (f *fake) Units() int             { return channels }
func (f *fake) Now() float64           { return f.now }
func (f *fake) InterlockOpen() bool    { return f.open }
func (f *fake) Switch(string, []uint8) {}

func (f *fake) SetOutputs(change map[int]bench.Output) {
	for unit, o := range change {
		f.outputs[unit-1] = o
	}
}

func (f *fake) Hold(seconds float64) {
	if seconds > 0 {
		f.now += seconds
		f.stood[f.outputs[0].Level] += seconds
	}
}

func (f *fake) Sample(aperture float64, _ []float64) []bench.Sample {
	f.Hold(aperture)
	samples := make([]bench.Sample, channels)
	for i, o := range f.outputs {
		amps := o.Level / 50e3
		most := math.Min(math.Abs(amps), o.Compliance)
		samples[i] = bench.Sample{Voltage: o.Level, Current: math.Copysign(most, amps), InCompliance: most < math.Abs(amps)}
	}
	return samples
}

// newBox is a box as the golden frames begin with.
func newBox(t *testing.T) (*Server, *fake) {
	t.Helper()
	f := &fake{now: 12.345, stood: map[float64]float64{}}
	s, err := New(f)
	if err != nil {
		t.Fatal(err)
	}
	s.connect(true)
	return s, f
}

// ask sends text by the stream and returns the first so many lines of answer.
func ask(t *testing.T, s *Server, text string, lines int) string {
	t.Helper()
	near, far := net.Pipe()
	served := make(chan error, 1)
	go func() { served <- s.Serve(context.Background(), far) }()
	written := make(chan error, 1)
	go func() {
		_, err := io.WriteString(near, text)
		written <- err
	}()
	var got strings.Builder
	for one := make([]byte, 1); strings.Count(got.String(), "\n") < lines; {
		if _, err := io.ReadFull(near, one); err != nil {
			t.Fatal(err)
		}
		got.Write(one)
	}
	if err := <-written; err != nil {
		t.Error(err)
	}
	near.Close()
	if err := <-served; err != nil {
		t.Error(err)
	}
	return got.String()
}

// The box gives the golden answers.
func TestGoldenFrames(t *testing.T) {
	text, err := fs.ReadFile(hwdocs.FS, "golden/blueprint.txt")
	if err != nil {
		t.Fatal(err)
	}
	sections := strings.Split("\n"+string(text), "\n== ")[1:]
	if len(sections) < 10 {
		t.Fatalf("only %d sections", len(sections))
	}
	for _, section := range sections {
		name, body, _ := strings.Cut(section, "\n")
		var request, want string
		for line := range strings.Lines(body) {
			if line = strings.TrimSpace(line); line == "" {
				continue
			}
			frame, err := strconv.Unquote(`"` + line[2:] + `"`)
			if err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			if line[0] == '>' {
				request += frame
			} else {
				want += frame
			}
		}
		s, f := newBox(t)
		if strings.HasSuffix(name, "just switched on") {
			s.PowerCycle()
		}
		f.open = strings.HasSuffix(name, "interlock open")
		if got := ask(t, s, request, strings.Count(want, "\n")); got != want {
			t.Errorf("%s: answers %q, golden %q", name, got, want)
		}
	}
}

// A pulse lasts what it says, and everything is at 0 V again behind it.
func TestPulse(t *testing.T) {
	s, f := newBox(t)
	if got := s.obey("PULS 0.0005 1,1,0.001 2,-1,0.001"); got != "2e-05,0 -2e-05,0 0,0 0,0" {
		t.Error(got)
	}
	if took := f.stood[1]; math.Abs(took-500e-6) > 1e-12 {
		t.Errorf("1 V stood for %v s", took)
	}
	for i, o := range f.outputs {
		if o.Level != 0 || o.Mode != bench.ForceVoltage {
			t.Errorf("channel %d is left at %+v", i+1, o)
		}
	}
}

// What is refused changes nothing, and an open interlock leaves nothing on.
func TestRefusedChangesNothing(t *testing.T) {
	s, f := newBox(t)
	s.obey("VOLT 1,1,0.001")
	before := f.outputs
	for _, line := range []string{"VOLT 2,1,0.001 1,2", "VOLT 2,1,0.001 1,11,0.001", "PULS 0.00015 2,1,0.001", "ON now",
		""} {
		if got := s.obey(line); !strings.HasPrefix(got, "error ") || f.outputs != before || f.now != 12.345 {
			t.Errorf("%q: %s, %+v", line, got, f.outputs)
		}
	}
	f.open = true
	if got := s.obey("VOLT 2,1,0.001"); got != interlockOpen || f.outputs[0].Level != 0 || f.outputs[1].Level != 0 {
		t.Errorf("%s, %+v", got, f.outputs)
	}
}

// A current that the meters cannot show is no number.
func TestOverRange(t *testing.T) {
	s, f := newBox(t)
	f.outputs[0] = bench.Output{Mode: bench.ForceVoltage, Level: -10e3, Compliance: 1}
	if got := s.obey("CURR? 0.02"); got != "-9.9e+37,2 0,0 0,0 0,0" {
		t.Error(got)
	}
}

func TestLines(t *testing.T) {
	s, _ := newBox(t)
	long := strings.Repeat("x", 1000)
	if got, want := ask(t, s, long+"\nSTAT?\n"+long[:255]+"\nSTAT?\n", 4),
		notUnderstood+"\n1\n"+notUnderstood+"\n1\n"; got != want {
		t.Errorf("%q", got)
	}
	s.Silence(true)
	ask(t, s, "OFF\n", 0)
	s.Silence(false)
	if got := ask(t, s, "STAT?\n", 1); got != "1\n" {
		t.Errorf("after silence: %q", got)
	}
}
