package b1500

import (
	"bufio"
	"strconv"
	"strings"
	"testing"

	"xlab/hwdocs"
)

// section is one part of the golden frames.
type section struct {
	name  string
	lines []string // as in the file, from the mark on
}

func goldenSections(t *testing.T) []section {
	t.Helper()
	file, err := hwdocs.FS.Open("golden/b1500.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var all []section
	for sc := bufio.NewScanner(file); sc.Scan(); {
		line := sc.Text()
		switch {
		case strings.HasPrefix(line, "== "):
			all = append(all, section{name: line[3:]})
		case strings.HasPrefix(line, "> "), strings.HasPrefix(line, "< "):
			if len(all) == 0 {
				t.Fatalf("frame %q before any section", line)
			}
			s := &all[len(all)-1]
			s.lines = append(s.lines, line)
		case line == "", strings.HasPrefix(line, "#"):
		default:
			t.Fatalf("line %q has no meaning", line)
		}
	}
	return all
}

// play runs a section's frames and compares every answer.
func play(t *testing.T, a *Analyzer, f *fakeBench, s section) {
	t.Helper()
	for _, line := range s.lines {
		if text, is := strings.CutPrefix(line, "< "); is {
			if status, is := strings.CutPrefix(text, "@"); is {
				if got := strconv.Itoa(int(a.StatusByte())); got != status {
					t.Errorf("%s: status byte %s, want %s", s.name, got, status)
				}
				continue
			}
			got, ok := a.Read()
			if !ok || string(got) != text+"\r\n" {
				t.Errorf("%s:\n got %q\nwant %q", s.name, got, text+"\r\n")
			}
			continue
		}
		text := line[2:]
		switch words := strings.Fields(text); words[0] {
		case "@spoll": // the frame with the answer takes the poll
		case "@clear":
			a.DeviceClear()
		case "@world":
			world(t, a, f, words[1:])
		default:
			send(a, text)
		}
	}
}

func world(t *testing.T, a *Analyzer, f *fakeBench, words []string) {
	t.Helper()
	switch what := strings.Join(words[:len(words)-1], " "); what {
	case "CL":
		n, err := strconv.Atoi(words[1])
		if err == nil {
			err = a.OpenOutput(n)
		}
		if err != nil {
			t.Fatal(err)
		}
	case "interlock":
		f.open = words[1] == "open"
	case "clock":
		s, err := strconv.ParseFloat(words[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		f.clock = a.timerZero + s
	default:
		t.Fatalf("the golden frames ask for %q, which this test does not know", words)
	}
}

func TestGoldenFrames(t *testing.T) {
	all := goldenSections(t)
	if len(all) < 10 {
		t.Fatalf("only %d sections", len(all))
	}
	var open section
	for _, s := range all {
		if s.name == "open" {
			open = s
		}
	}
	for _, s := range all {
		if strings.HasPrefix(s.name, "elsewhere-") {
			continue // modules that are not simulated
		}
		t.Run(s.name, func(t *testing.T) {
			a, f := newAnalyzer(t, func(o *Options) {
				o.StrictInterlock, o.StrictTimes = true, true
				o.Timing = DefaultOptions().Timing
			})
			if s.name != "open" && s.name != "identify" {
				play(t, a, f, open)
			}
			play(t, a, f, s)
			if left, ok := a.Read(); ok {
				t.Errorf("unread answer %q", left)
			}
			if e := a.errors.pop(); e.bad() {
				t.Errorf("unread error %v", e)
			}
		})
	}
}
