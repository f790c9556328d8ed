package transport

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"xlab/hwdocs"
	"xlab/instrument"
)

func TestFrameText(t *testing.T) {
	for data, want := range map[string]string{
		"++ver\n":              `++ver\n`,
		"+0,\"No Error.\"\r\n": `+0,"No Error."\r\n`,
		"A\x1b+B\\":            `A\x1b+B\\`,
		"ends with a space ":   `ends with a space\x20`,
		"\x00\t\x7f\xff\xc3":   `\x00\t\x7f\xff\xc3`,
	} {
		if got := string(appendFrame(nil, []byte(data))); got != want {
			t.Errorf("%q is written as %s, want %s", data, got, want)
		}
	}
	for text, want := range map[string]string{`\"a\"`: `"a"`, `'"`: `'"`, `\u00b5`: "µ", `µ`: "µ", `\101`: "A"} {
		if got, err := parseFrame(text); err != nil || string(got) != want {
			t.Errorf("%s is read as %q, %v; want %q", text, got, err, want)
		}
	}
	for _, text := range []string{`\`, `\q`, `\x1`, "\xff"} {
		if got, err := parseFrame(text); err == nil {
			t.Errorf("%q is read as %q, want an error", text, got)
		}
	}
}

func TestFrameTextIsReversible(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data := rapid.SliceOf(rapid.Byte()).Draw(t, "data")
		text := appendFrame(nil, data)
		if bytes.ContainsAny(text, "\r\n") || bytes.HasSuffix(text, []byte(" ")) {
			t.Fatalf("%q would not survive in a text file", text)
		}
		back, err := parseFrame(string(text))
		if err != nil || !bytes.Equal(data, back) {
			t.Fatalf("%q is written as %s and read as %q, %v", data, text, back, err)
		}
	})
}

// echoing answers every line with itself, cut into single bytes when asked.
func echoing(t *testing.T, c Conn, piece int) {
	done := make(chan struct{})
	t.Cleanup(func() { c.Close(); <-done })
	go func() {
		defer close(done)
		buf := make([]byte, 1000)
		for {
			n, err := c.Read(buf)
			if err != nil {
				return
			}
			for b := buf[:n]; len(b) > 0; b = b[min(piece, len(b)):] {
				if _, err := c.Write(b[:min(piece, len(b))]); err != nil {
					return
				}
			}
		}
	}()
}

// The same exchanges give the same transcript, however the bytes arrive.
func TestRecord(t *testing.T) {
	const want = `== in-process connection
> *IDN?\n
< *IDN?\n
> two\nlines\n
< two\n
< lines\n
> no line end
< no line end
# read: i/o timeout
> \x1b+\xff\n
< \x1b+\xff\n
# closed
`
	for _, piece := range []int{1, 3, 1000} {
		near, f := Pipe()
		echoing(t, f, piece)
		var transcript strings.Builder
		c := Record(near, &transcript, nil)
		for _, request := range []string{"*IDN?\n", "two\nlines\n", "no line end", "\x1b+\xff\n"} {
			mustWrite(t, c, request)
			mustRead(t, c, request)
			if request == "no line end" {
				c.SetDeadline(time.Unix(1, 0))
				wantLate(t, await(t, "reading late", reading(c)))
				c.SetDeadline(time.Time{})
			}
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		if got := transcript.String(); got != want {
			t.Errorf("in pieces of %d:\n%s\nwant:\n%s", piece, got, want)
		}
	}
}

func TestRecordCutsEndlessLines(t *testing.T) {
	near, f := openPipe(t)
	var transcript strings.Builder
	c := Record(near, &transcript, nil)
	block := strings.Repeat("x", frameLimit+frameLimit/2)
	mustWrite(t, f, block)
	mustRead(t, c, block)
	if held := len(c.(*recorder).in); held >= frameLimit {
		t.Errorf("%d bytes are held", held)
	}
	c.Close()
	if n := strings.Count(transcript.String(), "\n< "); n != 2 {
		t.Errorf("the transcript has %d frames, want 2", n)
	}
}

type failingWriter struct{ after int }

func (w *failingWriter) Write(p []byte) (int, error) {
	if w.after--; w.after < 0 {
		return 0, fs.ErrInvalid
	}
	return len(p), nil
}

// A full disk does not disturb the bench, and is not kept quiet either.
func TestRecordReportsItsOwnFailure(t *testing.T) {
	near, f := openPipe(t)
	c := Record(near, &failingWriter{after: 2}, nil)
	for range 5 {
		testBothWays(t, c, f, true)
	}
	if err := c.Close(); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("Close gave %v, want the failure of the transcript", err)
	}
}

func mustReplay(t *testing.T, transcript string) *Replayer {
	t.Helper()
	p, err := Replay(strings.NewReader(transcript))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

const transcript = `# an analyzer behind an adapter
== identify
> ++addr 17\n
> *IDN?\n
> ++read eoi\n
< ACME,B1\r\n

> ++spoll\n
< 1
< 7\r\n
`

func TestReplay(t *testing.T) {
	p := mustReplay(t, transcript)
	// Cut differently than recorded.
	mustWrite(t, p, "++addr 17\n*ID")
	p.SetDeadline(time.Unix(1, 0))
	wantLate(t, await(t, "reading before all was asked", reading(p)))
	p.SetDeadline(time.Time{})
	mustWrite(t, p, "N?\n++read eoi\n")
	mustRead(t, p, "ACME,B1\r\n")
	if err := p.Check(); err == nil || !strings.Contains(err.Error(), "line 8") {
		t.Errorf("Check half-way gave %v, want it to name line 8", err)
	}
	mustWrite(t, p, "++spoll\n")
	mustRead(t, p, "17\r\n")
	if r := await(t, "reading at the end", reading(p)); r.err != io.EOF {
		t.Errorf("reading at the end gave %v, want io.EOF", r.err)
	}
	if err := p.Check(); err != nil {
		t.Error(err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if _, err := p.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("writing after Close gave %v", err)
	}
}

// What came after a time-out when it was recorded does not come before it when it is
// played, whether it is waited for again or something else is sent.
func TestReplayIsLateAsRecorded(t *testing.T) {
	const recorded = "> a\n# 1.5\n# read: i/o timeout\n# read: i/o timeout\n< late\n> b\n< b\n# read: i/o timeout\n"
	p := mustReplay(t, recorded)
	mustWrite(t, p, "a")
	for range 2 {
		p.SetDeadline(time.Now().Add(time.Millisecond))
		wantLate(t, await(t, "reading what was late", reading(p)))
	}
	p.SetDeadline(time.Time{})
	mustRead(t, p, "late")
	mustWrite(t, p, "b")
	mustRead(t, p, "b")
	if err := p.Check(); err != nil {
		t.Error(err)
	}
	p = mustReplay(t, recorded)
	mustWrite(t, p, "ab")
	mustRead(t, p, "lateb")
}

// With a clock every frame has the time of its last byte in front, and an answer that
// ends no line is written although nothing follows.
func TestRecordTellsWhen(t *testing.T) {
	near, f := openPipe(t)
	var now atomic.Int64
	written := make(chan string, 100)
	c := Record(near, writerFunc(func(p []byte) (int, error) {
		written <- string(p)
		return len(p), nil
	}), func() time.Duration { return time.Duration(now.Load()) * time.Millisecond })
	mustWrite(t, c, "a\n")
	now.Store(7)
	mustWrite(t, f, "b")
	mustRead(t, c, "b")
	now.Store(9)
	for _, want := range []string{"# 0.000000\n== in-process connection\n", "> a\\n\n", "# 0.007000\n< b\n"} {
		if got := <-written; got != want {
			t.Errorf("written was %q, want %q", got, want)
		}
	}
}

type writerFunc func([]byte) (int, error)

func (w writerFunc) Write(p []byte) (int, error) { return w(p) }

func TestReplayReportsTheFirstDifference(t *testing.T) {
	for _, test := range []struct {
		writes []string
		line   int
		got    string
	}{
		{[]string{"++addr 16\n"}, 3, "++addr 16\n"},
		{[]string{"++addr 17\n*RST\n"}, 4, "*RST\n"},
		{[]string{"++addr 17\n*I", "RST\n"}, 4, "*IRST\n"},
		{[]string{"++addr 17\n*IDN?\n++read eoi\n++spoll\nmore"}, 0, "more"},
	} {
		p := mustReplay(t, transcript)
		var err error
		for _, w := range test.writes {
			_, err = p.Write([]byte(w))
		}
		var d *DifferenceError
		if !errors.As(err, &d) || d.Line != test.line || string(d.Got) != test.got ||
			instrument.KindOf(err) != instrument.KindProtocol {
			t.Errorf("%q gave %v, want line %d and %q", test.writes, err, test.line, test.got)
			continue
		}
		if _, again := p.Write([]byte("++addr 17\n")); again != err {
			t.Errorf("after the difference, Write gave %v", again)
		}
		if p.Check() != err {
			t.Errorf("Check gave %v, want the difference", p.Check())
		}
		if d.Line != 0 {
			if r := await(t, "reading after a difference", reading(p)); r.err != err {
				t.Errorf("reading after the difference gave %v", r.err)
			}
		}
	}
}

func TestReplayRefusesWhatDoesNotParse(t *testing.T) {
	for transcript, names := range map[string]string{
		"> a\\n\n*IDN?\n":      "line 2",
		"# fine\n\n> a\\q\n":   "line 3",
		">missing a space\n":   "line 1",
		"< a\\n\n< \xff\n":     "line 2",
		"> a\\n\n< unfinished": "", // a last line without end is fine
	} {
		_, err := Replay(strings.NewReader(transcript))
		if names == "" {
			if err != nil {
				t.Errorf("%q: %v", transcript, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), names) {
			t.Errorf("%q: %v, want an error that names %s", transcript, err, names)
		}
	}
}

// What was recorded can be played, for any exchanges cut in any way.
func TestRecordThenReplay(t *testing.T) {
	exchange := rapid.Custom(func(t *rapid.T) [2][]byte {
		return [2][]byte{
			rapid.SliceOfN(rapid.Byte(), 1, 20).Draw(t, "request"),
			rapid.SliceOfN(rapid.ByteRange(0, 14), 0, 20).Draw(t, "answer"), // many line ends
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		exchanges := rapid.SliceOfN(exchange, 0, 5).Draw(t, "exchanges")
		near, f := Pipe()
		defer f.Close()
		var transcript bytes.Buffer
		c := Record(near, &transcript, nil)
		for _, e := range exchanges {
			if _, err := c.Write(e[0]); err != nil {
				t.Fatal(err)
			}
			if _, err := f.Write(e[1]); err != nil {
				t.Fatal(err)
			}
			for left := len(e[1]); left > 0; {
				n, err := c.Read(make([]byte, rapid.IntRange(1, left).Draw(t, "piece")))
				if err != nil {
					t.Fatal(err)
				}
				left -= n
			}
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		p, err := Replay(&transcript)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range exchanges {
			if _, err := p.Write(e[0]); err != nil {
				t.Fatal(err)
			}
			got := make([]byte, len(e[1]))
			if _, err := io.ReadFull(p, got); err != nil || !bytes.Equal(got, e[1]) {
				t.Fatalf("played %q, %v; want %q", got, err, e[1])
			}
		}
		if err := p.Check(); err != nil {
			t.Fatal(err)
		}
	})
}

// Golden frames are transcripts.
func TestGoldenFramesParse(t *testing.T) {
	text, err := fs.ReadFile(hwdocs.FS, "golden/prologix.txt")
	if err != nil {
		t.Fatal(err)
	}
	p, err := Replay(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if len(p.frames) == 0 {
		t.Error("there are no frames in it")
	}
}

func FuzzReplay(f *testing.F) {
	f.Add([]byte(transcript))
	f.Add([]byte("> \\x1b+\\n\n< \\u00b5"))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := Replay(bytes.NewReader(text))
		if err != nil {
			return
		}
		for _, fr := range p.frames {
			if fr.out {
				if n, err := p.Write(fr.data); n != len(fr.data) || err != nil {
					t.Fatalf("line %d: writing what is recorded gave %d, %v", fr.line, n, err)
				}
			}
		}
		if err := p.Check(); err != nil {
			t.Fatal(err)
		}
	})
}

func ExampleReplay() {
	c, err := Replay(strings.NewReader(`> *IDN?\n
< ACME,B1\r\n
> *RST\n
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Fprintf(c, "*IDN?\n")
	answer := make([]byte, 100)
	n, _ := c.Read(answer)
	fmt.Printf("%q\n", answer[:n])
	_, err = fmt.Fprintf(c, "*CLS\n")
	fmt.Println(err)
	// Output:
	// "ACME,B1\r\n"
	// replay: line 3 of the transcript has "*RST\n", and "*CLS\n" was written; the program does something else than when the transcript was recorded
}

func ExampleRecord() {
	near, box := Pipe()
	c := Record(near, os.Stdout, nil)
	fmt.Fprintf(c, "*IDN?\n")
	fmt.Fprintf(box, "ACME,B1\r\n")
	c.Read(make([]byte, 100))
	c.Close()
	// Output:
	// == in-process connection
	// > *IDN?\n
	// < ACME,B1\r\n
	// # closed
}
