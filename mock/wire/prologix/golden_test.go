package prologix

import (
	"bufio"
	"strconv"
	"strings"
	"testing"

	"xlab/hwdocs"
)

// turn is one write of the host and what it is told then.
type turn struct{ host, adapter string }

// goldenSections reads the golden frames of the adapter, section by section.
func goldenSections(t *testing.T) (names []string, turns map[string][]turn) {
	t.Helper()
	file, err := hwdocs.FS.Open("golden/prologix.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	turns = map[string][]turn{}
	name := ""
	for sc := bufio.NewScanner(file); sc.Scan(); {
		line := sc.Text()
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		mark, text, _ := strings.Cut(line, " ")
		if mark == "==" {
			name = text
			names = append(names, name)
			continue
		}
		frame, err := strconv.Unquote(`"` + strings.ReplaceAll(text, `"`, `\"`) + `"`)
		if err != nil || name == "" {
			t.Fatalf("frame %q cannot be read: %v", line, err)
		}
		all := turns[name]
		switch mark {
		case ">":
			if len(all) == 0 || all[len(all)-1].adapter != "" {
				all = append(all, turn{})
			}
			all[len(all)-1].host += frame
		case "<":
			all[len(all)-1].adapter += frame
		default:
			t.Fatalf("line %q has no meaning", line)
		}
		turns[name] = all
	}
	return names, turns
}

func TestGoldenFrames(t *testing.T) {
	names, turns := goldenSections(t)
	if len(names) < 8 {
		t.Fatalf("only the sections %q", names)
	}
	const data = "A+B\rC\nD\x1bE"
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.at5.answers[data] = "OK\r\n"
			r.at5.answers["++ver"] = "OK\r\n"
			if name != "setup" {
				for _, x := range turns["setup"] {
					r.say(t, x.host)
				}
			}
			if name == "converse-read-only" {
				r.at17.waiting = []string{"000AI+1.00000E-06,000AI+2.00000E-06\r\n"}
			}
			for _, x := range turns[name] {
				if got := r.say(t, x.host); got != x.adapter {
					t.Errorf("host %q:\n got %q\nwant %q", x.host, got, x.adapter)
				}
			}
			want17, want5, clears := "", "", 0
			switch name {
			case "setup", "converse-read-only", "spoll", "clear-probe":
			case "converse-one":
				want17 = "ERRX?\n"
			case "converse-within":
				want17 = "*IDN?\n"
			case "converse-pipelined":
				want17 = "DV 1,0,0.1,0.0001\n|TI 1,0\n|ERRX?\n"
			case "converse-silent":
				want17 = "DZ\n"
			case "escapes":
				want5 = data + "\n"
			case "plus-plus":
				want5 = "++ver\n"
			case "clear", "clear-second-attempt":
				clears = 1
			default:
				t.Errorf("this test does not know what the instruments see of %q", name)
			}
			if got := strings.Join(r.at17.got, "|"); got != want17 {
				t.Errorf("instrument at 17 got %q, want %q", got, want17)
			}
			if got := strings.Join(r.at5.got, "|"); got != want5 {
				t.Errorf("instrument at 5 got %q, want %q", got, want5)
			}
			if r.at17.clears != clears {
				t.Errorf("%d device clears, want %d", r.at17.clears, clears)
			}
		})
	}
}
