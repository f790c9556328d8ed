package neuron

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// tell obeys lines one by one and gives the answers together.
func (s *setup) tell(lines ...string) string {
	var out []byte
	for _, l := range lines {
		out = append(out, s.handle(assembler{line: []byte(l)}, nil)...)
	}
	return string(out)
}

func TestForms(t *testing.T) {
	for _, c := range []struct {
		header string
		ok     bool
	}{
		{"meas:volt?", true}, {"MEASURE:VOLTAGE?", true}, {"MeaS:Voltage?", true}, {":MEAS:VOLT?", true},
		{"MEASU:VOLT?", false}, {"MEAS?", false}, {"MEAS:VOLT:?", false}, {"MEAS:VOLT", false}, {"*MEAS:VOLT?", false},
		{"::MEAS:VOLT?", false}, {"MEAS:VOLTAGES?", false},
	} {
		s := newSetup(t)
		got := s.tell(c.header)
		if answered := strings.HasPrefix(got, "+1.23"); answered != c.ok {
			t.Errorf("%s: %q", c.header, got)
		}
		if failed := len(s.errors) > 0; failed == c.ok {
			t.Errorf("%s: %q in the queue", c.header, s.errors)
		}
	}
}

func TestNumbers(t *testing.T) {
	for text, want := range map[string]int{"4": 4, "+4": 4, "4.0": 4, "4e0": 4, "0.4E+1": 4, ".4e1": 4, "1024": 1024,
		"1025": 0, "0": 0, "-4": 0, "4.5": 0, "": 0, "four": 0, "0x4": 0, "1_0": 0, "inf": 0, "nan": 0, "1e999": 0, "4 4": 0,
		"(4)": 0} {
		s := newSetup(t)
		if got := s.tell("CONF:AVER "+text, "CONF:AVER?"); want == 0 && (got != "1\n" || len(s.errors) != 1) || want > 0 &&
			got != fmt.Sprintf("%d\n", want) {
			t.Errorf("%q: %q, %q", text, got, s.errors)
		}
	}
}

func TestChannelLists(t *testing.T) {
	for text, want := range map[string]string{
		"(@1)": "[0]", "(@1:3)": "[0 1 2]", "( @ 1 : 2 , 4 )": "[0 1 3]", "(@2,2)": "[1 1]",
		"(@)": "-224", "@1": "-224", "(1)": "-224", "(@1": "-224", "(@a)": "-224", "(@2:1)": "-224", "(@1:2:3)": "-224",
		"(@1.0)": "-224",
		"(@0)":   "-222", "(@5)": "-222", "(@1:99999999)": "-222", "(@-1)": "-222",
		"(@" + strings.Repeat("1:4,", 65) + "1)": "-223",
	} {
		list, c := channels(text, 4)
		got := fmt.Sprint(list)
		if c != noError {
			got = fmt.Sprint(int(c))
		}
		if got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

func TestErrorQueue(t *testing.T) {
	s := newSetup(t)
	for i := range 18 {
		s.tell(fmt.Sprintf("FOO%d", i))
	}
	for i := range 15 {
		if got, want := s.tell("SYST:ERR?"), fmt.Sprintf("-113,\"Undefined header;FOO%d\"\n", i); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := s.tell("SYST:ERR?", "SYST:ERR?"); got != "-350,\"Queue overflow\"\n0,\"No error\"\n" {
		t.Errorf("%q", got)
	}
	s.tell("FOO")
	s.tell("*CLS")
	if got := s.tell("SYST:ERR?"); got != "0,\"No error\"\n" {
		t.Errorf("%q after *CLS", got)
	}
	s.tell("\"\x80\x01" + strings.Repeat("x", 100))
	if got := s.tell("SYST:ERR?"); got != "-113,\"Undefined header;???"+strings.Repeat("x", 57)+"\"\n" {
		t.Errorf("%q", got)
	}
}

// *RST leaves the queue and *ESE, and nothing else.
func TestReset(t *testing.T) {
	s := newSetup(t)
	s.tell("*ESE 7", "CONF:AVER 9", "BURS:SETT 20", "BURS:FRAM 3,2020", "CAL:OFFS?", "FOO", "*RST")
	if got := s.tell("*ESE?", "CONF:AVER?", "BURS:SETT?", "BURS:COUN?",
		"SYST:ERR?"); got != "7\n1\n5\n0\n-113,\"Undefined header;FOO\"\n" {
		t.Errorf("%q", got)
	}
	for j, code := range s.board.codes {
		if code != 0 {
			t.Errorf("trim %d is %d", j, code)
		}
	}
}

func TestLongLines(t *testing.T) {
	s := newSetup(t)
	frame := "BURS:FRAM 1" + strings.Repeat(",20", 2727) // 8192 characters
	if len(frame) != longestLine {
		t.Fatalf("%d characters", len(frame))
	}
	got := s.ask(t, frame+"\r\nSYST:ERR?\n"+frame+"0\nSYST:ERR?\n\n \r\n*OPC?\n"+strings.Repeat("x", 3*longestLine)+
		"\nSYST:ERR?\n")
	// 2727 frames are more than there are slots.
	if want := "-321,\"Out of memory;" + frame[:longestDetail] + "\"\n-223,\"Too much data;line\"\n1\n-223,\"Too much " +
		"data;line\"\n"; got != want {
		t.Errorf("%q\nwant %q", got, want)
	}
}

func TestFrameMemory(t *testing.T) {
	s := newSetup(t)
	s.tell("BURS:FRAM 2,2020,4040", "BURS:FRAM 1,20", "BURS:FRAM 2,aaBB")
	if got := s.tell("BURS:COUN?", "SYST:ERR?"); got != "2\n-224,\"Illegal parameter value;BURS:FRAM 1,20\"\n" {
		t.Errorf("%q", got)
	}
	if s.frames[1][0] != 0xaa || s.frames[1][1] != 0xbb || s.frames[2][0] != 0x40 {
		t.Errorf("% x", s.frames[:4])
	}
	// Where all are written anew they may have another length.
	if got := s.tell("BURS:FRAM 2,20,40", "SYST:ERR?"); got != "0,\"No error\"\n" {
		t.Errorf("%q", got)
	}
	s.tell("BURS:CLE", "BURS:FRAM 1024,2020", "BURS:FRAM 1025,2020", "BURS:FRAM 5", "BURS:FRAM 5,,2020", "BURS:FRAM 5,2")
	if got := s.tell("BURS:COUN?"); got != "1\n" {
		t.Errorf("%q", got)
	}
	want := []code{outOfRange, missingParameter, missingParameter, illegalParameter}
	for i, c := range want {
		if got := s.tell("SYST:ERR?"); !strings.HasPrefix(got, fmt.Sprint(int(c))) {
			t.Errorf("error %d: %q, want %d", i, got, c)
		}
	}
}

// A burst leaves all switches open and takes the time of its frames.
func TestBurstTime(t *testing.T) {
	s := newSetup(t)
	s.tell("BURS:FRAM 1,2080,4080", "BURS:SETT 7", "CONF:AVER 4")
	start := s.board.now
	s.tell("BURS:RUN?")
	frame := 2 * 8 * 2 / 10e6
	if got, want := s.board.now-start, 1e-3+2*(frame+7e-6+4*1.5e-6)+2*8*3/10e6; math.Abs(got-want) > 1e-12 {
		t.Errorf("%g s, want %g", got, want)
	}
	if s.board.closed != 0 {
		t.Errorf("%d switches closed after the burst", s.board.closed)
	}
}

// A chain of another length than the frames is a broken one, and so is an empty
// port.
func TestBurstOnTheWrongChain(t *testing.T) {
	for _, frame := range []string{"20", "208020"} {
		s := newSetup(t)
		if got := s.tell("BURS:FRAM 1,"+frame, "BURS:RUN?", "SYST:ERR?"); got != "\n-240,\"Hardware error;switch chain\"\n" {
			t.Errorf("%s: %q", frame, got)
		}
		if s.board.read != 0 {
			t.Error("it was measured all the same")
		}
	}
	bare, err := New(newFake(), nil, DefaultOptions("NB-1"))
	if err != nil {
		t.Fatal(err)
	}
	s := &setup{Server: bare}
	if got := s.tell("BURS:FRAM 1,2020", "BURS:RUN?", "STAT:QUES:COND?"); got != "\n4\n" {
		t.Errorf("%q", got)
	}
}

// MISO that breaks at the end of a burst leaves a chain of which nobody knows
// whether it is open.
func TestBurstCannotOpen(t *testing.T) {
	s := newSetup(t)
	s.board.on = func(f *fake) {
		if f.read == 1 {
			if err := s.chain.Break(2, false); err != nil {
				t.Error(err)
			}
		}
	}
	got := s.tell("BURS:FRAM 1,2080", "BURS:RUN?", "SYST:ERR?", "BURS:RUN? FOO", "SYST:ERR?")
	if !strings.HasPrefix(got, "+2.0") || !strings.HasSuffix(got, "\n-240,\"Hardware error;switch "+
		"chain\"\n\n-224,\"Illegal parameter value;BURS:RUN? FOO\"\n") {
		t.Errorf("%q", got)
	}
}

func TestTrimCodes(t *testing.T) {
	s := newSetup(t)
	s.board.beyond[0], s.board.volts[0] = true, -0.2
	s.board.beyond[13], s.board.volts[13] = true, 10
	s.tell("CAL:OFFS?")
	for j, code := range s.board.codes {
		want := s.board.right(j)
		switch j {
		case 0:
			want = highestCode
		case 13:
			want = lowestCode
		}
		if code != want {
			t.Errorf("neuron %d: code %d, want %d", j, code, want)
		}
	}
	if s.board.read != 27 {
		t.Errorf("%d conversions", s.board.read)
	}
	s.tell("CAL:OFFS:CLE")
	if s.board.codes[3] != 0 {
		t.Error("CAL:OFFS:CLE leaves trims")
	}
}

func TestFaults(t *testing.T) {
	s := newSetup(t)
	s.tell("CONF:AVER 4", "*ESE 3", "FOO")
	s.Silence(true)
	if got := s.tell("*IDN?", "CONF:AVER 5"); got != "" {
		t.Errorf("%q from a silent board", got)
	}
	s.Silence(false)
	if got := s.tell("CONF:AVER?"); got != "4\n" {
		t.Errorf("%q", got)
	}
	s.Cut(1)
	if got := s.tell("*IDN?", "CONF:AVER?"); got != "XLAB,NEURON-14\n" {
		t.Errorf("%q", got)
	}
	s.Garble(2)
	got := s.tell("*IDN?", "*OPC?", "*OPC?")
	if strings.Count(got, "\n") != 3 || strings.Contains(got, "XLAB") || !strings.HasSuffix(got, "\n1\n") {
		t.Errorf("%q", got)
	}
	s.InjectError(-310, "overheated")
	if got := s.tell("SYST:ERR?", "SYST:ERR?"); got != "-113,\"Undefined header;FOO\"\n-310,\"Device-specific "+
		"error;overheated\"\n" {
		t.Errorf("%q", got)
	}
	s.Hang()
	if got := s.tell("*IDN?", "*RST"); got != "" {
		t.Errorf("%q from a board that hangs", got)
	}
	s.tell("FOO")
	s.PowerCycle()
	if got := s.tell("CONF:AVER?", "*ESE?", "SYST:ERR?"); got != "1\n0\n0,\"No error\"\n" {
		t.Errorf("%q after a power cycle", got)
	}
	s.board.volts[10] = math.NaN()
	if got := s.tell("MEAS:VOLT? (@1)"); got != "+9.910000E+37\n" {
		t.Errorf("%q for no value", got)
	}
}

func TestServeEnds(t *testing.T) {
	s := newSetup(t)
	near, far := net.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, far) }()
	if _, err := io.WriteString(near, "*OPC"); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-served; !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if err := s.Serve(context.Background(), failing{}); err == nil || !strings.Contains(err.Error(), "unplugged") {
		t.Errorf("%v", err)
	}
	if err := s.Serve(context.Background(), mute{}); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("%v", err)
	}
}

type failing struct{ mute }

func (failing) Read([]byte) (int, error) { return 0, errors.New("unplugged") }

type mute struct{}

func (mute) Read([]byte) (int, error)    { return 0, nil }
func (mute) Write(b []byte) (int, error) { return len(b), nil }
func (mute) Close() error                { return nil }

// Whatever comes, every line whose command ends in a question mark is answered by
// one line, and no other; and the board goes on.
func TestAnyLine(t *testing.T) {
	word := rapid.SampledFrom([]string{"MEAS:VOLT", "meas:voltage:hid", "CAL:OFFS", "CAL:OFFS:CLE", "BURS:FRAM",
		"BURS:RUN", "BURS:SETT",
		"*RST", "*ESE", "CONF:AVER", "STAT:QUES:COND", "SYST:ERR", "FOO", ":", "?", "*"})
	rapid.Check(t, func(rt *rapid.T) {
		s := newSetup(t)
		for range rapid.IntRange(1, 20).Draw(rt, "lines") {
			line := word.Draw(rt, "word") + rapid.SampledFrom([]string{"", "?", " "}).Draw(rt, "mark") +
				rapid.SampledFrom([]string{"", " ", "\t"}).Draw(rt, "space") +
				rapid.StringMatching(`[0-9a-f(@):,. ;?HID]{0,12}|.{0,20}`).Draw(rt, "rest")
			line = strings.ReplaceAll(line, "\n", "")
			out := s.tell(line)
			lines := strings.Count(out, "\n")
			trimmed := strings.Trim(line, " \t\r")
			head, _, _ := strings.Cut(strings.ReplaceAll(trimmed, "\t", " "), " ")
			want := 0
			if strings.Contains(head, "?") {
				want = 1
			}
			if lines != want || out != "" && !strings.HasSuffix(out, "\n") {
				rt.Fatalf("%q is answered by %q", line, out)
			}
		}
		if got := s.tell("*IDN?"); got != "XLAB,NEURON-10-4,NB-1,1.0\n" {
			rt.Fatalf("%q", got)
		}
	})
}

func TestRefusals(t *testing.T) {
	for _, o := range []Options{{Line: -1, Clock: 1}, {Line: math.NaN(), Clock: 1}, {Line: math.Inf(1), Clock: 1}, {}} {
		if _, err := New(newFake(), nil, o); err == nil {
			t.Errorf("%+v was accepted", o)
		}
	}
}
