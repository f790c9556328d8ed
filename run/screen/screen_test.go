package screen

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func env(pairs ...string) func(string) string {
	return func(key string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == key {
				return pairs[i+1]
			}
		}
		return ""
	}
}

func TestVisible(t *testing.T) {
	for text, want := range map[string]string{
		"plain µS Ω °C":        "plain µS Ω °C",
		"two\nlines\tand more": "two\nlines\tand more",
		"\x1b[31mred\x1b[0m":   `\u001b[31mred\u001b[0m`,
		"\x1b]0;title\x07":     `\u001b]0;title\u0007`,
		"over\rwritten":        `over\u000dwritten`,
		"\u009b2J":             `\u009b2J`,
		"\u202egpj.exe":        `\u202egpj.exe`,
		"zero\u200bwidth":      `zero\u200bwidth`,
		"tag\U000e0041":        `tag\U000e0041`,
		"\xff\xfe":             `\xff\xfe`,
		"\uFFFD stays":         "\uFFFD stays",
		"del\x7f":              `del\u007f`,
		"para\u2029graph":      `para\u2029graph`,
	} {
		if got := Visible(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// However text is cut into writes, nothing gets through that a terminal acts on,
// and no letter is lost.
func TestScreenFiltersEveryStream(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.RuneFrom([]rune("aµΩ漢 \n\x1b\u009b\u202e\x00[;m"))).Draw(t, "text")
		var out bytes.Buffer
		s := New(&out, Options{Getenv: env("LANG", "en_US.UTF-8")})
		for rest := []byte(text); len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "n")
			if m, err := s.Write(rest[:n]); m != n || err != nil {
				t.Fatal(m, err)
			}
			rest = rest[n:]
		}
		if out.String() != Visible(text) {
			t.Fatalf("%q, want %q", &out, Visible(text))
		}
	})
}

// Data for other programs is not changed on its way to a file; what a person reads
// is spelt in the locale's letters and filtered, because there may be a terminal behind
// a pipe.
func TestScreenThatIsNoTerminal(t *testing.T) {
	var out bytes.Buffer
	s := New(&out, Options{Getenv: env("LC_ALL", "C", "LANG", "en_US.UTF-8")})
	fmt.Fprint(s.Data(), "µS\x1b")
	fmt.Fprintln(s, " 25 °C ± 1 kΩ Ä\x1b")
	if want := "µS\x1b 25 degC +- 1 kohm \\u00c4\\u001b\n"; out.String() != want {
		t.Errorf("%q, want %q", &out, want)
	}
	if s.Width() != 0 || s.Coloured() || s.Terminal() || New(s, Options{}) != s {
		t.Error("a buffer is no terminal, and a screen is itself")
	}
}

func TestUTF8(t *testing.T) {
	for _, c := range []struct {
		pairs []string
		want  bool
	}{
		{nil, true},
		{[]string{"LANG", "C"}, false},
		{[]string{"LANG", "de_DE.UTF-8"}, true},
		{[]string{"LANG", "C.utf8"}, true},
		{[]string{"LANG", "de_DE.UTF-8", "LC_CTYPE", "POSIX"}, false},
		{[]string{"LANG", "C", "LC_ALL", "en_US.UTF-8"}, true},
		{[]string{"LC_ALL", "de_DE.ISO-8859-1"}, false},
	} {
		if got := UTF8(env(c.pairs...)); got != c.want {
			t.Errorf("%v: %t, want %t", c.pairs, got, c.want)
		}
	}
}

func TestWrap(t *testing.T) {
	const text = "a line that is longer than the screen\nok    analyzer   says who it is\n" +
		"/a/very/long/name/of/a/file/stays whole\nshort\n"
	want := `a line that is longer
  than the screen
ok    analyzer   says
      who it is
/a/very/long/name/of/a/file/stays
  whole
short
`
	s := &Screen{}
	if got := s.wrap(text, 22); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	// A column of text goes on below itself.
	if got, want := (&Screen{}).wrap("ok    analyzer   says who it is\n", 38),
		"ok    analyzer   says who it is\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := (&Screen{}).wrap("ok  board   says who it really is\n", 26),
		"ok  board   says who it\n            really is\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// No line is wider than the screen unless a single word is, and no word is lost.
func TestWrapProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.RuneFrom([]rune("ab漢  \n"))).Draw(t, "text")
		width := rapid.IntRange(20, 40).Draw(t, "width")
		got := (&Screen{}).wrap(text, width)
		if a, b := strings.Fields(got), strings.Fields(text); strings.Join(a, " ") != strings.Join(b, " ") {
			t.Fatalf("%q became %q", text, got)
		}
		for line := range strings.SplitSeq(got, "\n") {
			if trimmed := strings.TrimRight(line, " "); Width(trimmed) > width && len(strings.Fields(line)) > 1 {
				t.Fatalf("%d columns for %d: %q", Width(trimmed), width, line)
			}
		}
	})
}

func TestTable(t *testing.T) {
	rows := [][]string{{"TASK", "PULSES", "REASON"}, {"form A", "1200", "done"},
		{"tune A", "7", "three of the devices did not get to where they should be"}}
	for _, c := range []struct {
		align Align
		width int
		want  string
	}{
		{Left, 0, `
TASK    PULSES  REASON
form A  1200    done
tune A  7       three of the devices did not get to where they should be
`},
		{Right, 0, `
    TASK  PULSES                                                    REASON
  form A    1200                                                      done
  tune A       7  three of the devices did not get to where they should be
`},
		{Left, 44, `
TASK    PULSES  REASON
form A  1200    done
tune A  7       three of the devices did
                not get to where they
                should be
`},
		{Left, 26, `
TASK    PULSES
form A  1200
tune A  7

TASK    REASON
form A  done
tune A  three of the
        devices did not
        get to where
        they should be
`},
	} {
		var b strings.Builder
		write(&b, rows, c.align, c.width)
		if got := "\n" + b.String(); got != c.want {
			t.Errorf("width %d: got%swant%s", c.width, got, c.want)
		}
	}
}

func TestTableOnAScreen(t *testing.T) {
	var out bytes.Buffer
	w := NewTable(New(&out, Options{Getenv: env("LANG", "C")}), Left)
	fmt.Fprintln(w, "R\tNAME\t")
	fmt.Fprintln(w, "5 kΩ\tevil\x1b[2J\t")
	for range 2 {
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	if want := "R       NAME\n5 kohm  evil\\u001b[2J\n"; out.String() != want {
		t.Errorf("%q, want %q", &out, want)
	}
}

func TestReflow(t *testing.T) {
	s := New(io.Discard, Options{Getenv: env("LC_ALL", "C.utf8")})
	// Letters count as they are written.
	ascii := New(io.Discard, Options{Getenv: env("LC_ALL", "C")})
	if got := ascii.Reflow("from 7 kΩ on", 10); got != "from 7\nkohm on" {
		t.Errorf("%q", got)
	}
	const text = "A paragraph that\nwas written narrow.\n\n  an example that stays as it is\nEnd."
	if got, want := s.Reflow(text, 40),
		"A paragraph that was written narrow.\n\n  an example that stays as it is\nEnd."; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := s.Reflow(text, 0); got != text {
		t.Errorf("%q", got)
	}
}

func TestBrief(t *testing.T) {
	for text, want := range map[string]string{
		"fits the line":      "fits the line",
		"two\nlines\tof it":  `two\nlines of …`,
		"a much longer text": "a much longer …",
	} {
		if got := Brief(text, 15); got != want || Width(got) > 15 {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
