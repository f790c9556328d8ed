package neuron

import (
	"io/fs"
	"strconv"
	"strings"
	"testing"

	"xlab/hwdocs"
)

// The board gives the golden answers.
func TestGoldenFrames(t *testing.T) {
	text, err := fs.ReadFile(hwdocs.FS, "golden/neuron.txt")
	if err != nil {
		t.Fatal(err)
	}
	sections := strings.Split("\n"+string(text), "\n== ")[1:]
	if len(sections) < 10 {
		t.Fatalf("only %d sections", len(sections))
	}
	for _, section := range sections {
		name, body, _ := strings.Cut(section, "\n")
		t.Run(name, func(t *testing.T) {
			s := newSetup(t)
			s.prepare(t, name)
			var request, want []string
			for line := range strings.Lines(body) {
				kind, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
				frame, err := strconv.Unquote("`" + rest + "`")
				if err == nil && kind != "#" {
					frame, err = strconv.Unquote(`"` + strings.ReplaceAll(frame, `"`, `\"`) + `"`)
				}
				if err != nil {
					t.Fatalf("%q: %v", line, err)
				}
				switch kind {
				case ">":
					request = append(request, frame)
				case "<":
					want = append(want, frame)
				}
			}
			var got []string
			for _, frame := range request {
				for line := range strings.Lines(frame) {
					got = append(got, answers(s.handle(assembler{line: []byte(strings.TrimSuffix(line, "\n"))}, nil))...)
				}
			}
			compare(t, got, want)
			// The same in one write through the stream.
			s = newSetup(t)
			s.prepare(t, name)
			compare(t, answers([]byte(s.ask(t, strings.Join(request, "")))), want)
		})
	}
}

// prepare makes the board what the name says behind the comma.
func (s *setup) prepare(t *testing.T, name string) {
	t.Helper()
	_, special, found := strings.Cut(name, ", ")
	if !found {
		return
	}
	switch special {
	case "neuron 2 below the converter's range and neuron 4 at its rail":
		s.board.over[11], s.board.volts[13] = -1, 10
	case "H3 and O2 out of reach":
		s.board.beyond[2], s.board.volts[2] = true, 0.19
		s.board.beyond[11], s.board.volts[11] = true, -3.5
	case "chain broken behind chip 1 before":
		if err := s.chain.Break(1, true); err != nil {
			t.Fatal(err)
		}
	case "chain broken behind chip 1 after the first pattern":
		s.board.on = func(*fake) {
			if err := s.chain.Break(1, true); err != nil {
				t.Error(err)
			}
		}
	default:
		t.Fatalf("a section with an unknown special case %q", special)
	}
}

func answers(out []byte) (list []string) {
	for line := range strings.Lines(string(out)) {
		list = append(list, line)
	}
	return list
}

func compare(t *testing.T, got, want []string) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			t.Errorf("answer %d missing, golden %q", i+1, want[i])
		case i >= len(want):
			t.Errorf("answer %d beyond the golden ones: %q", i+1, got[i])
		case got[i] != want[i]:
			t.Errorf("answer %d\n got    %q\n golden %q", i+1, got[i], want[i])
		}
	}
}
