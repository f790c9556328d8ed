package adg1438_test

import (
	"context"
	"encoding/hex"
	"io/fs"
	"strings"
	"testing"

	"periph.io/x/conn/v3/conntest"
	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"
	"periph.io/x/conn/v3/spi/spitest"

	"xlab/driver/adg1438"
	"xlab/hwdocs"
	"xlab/instrument"
)

// section is one section of the golden frames.
type section struct {
	name string
	ops  []conntest.IO
}

func goldenSections(t *testing.T) []section {
	t.Helper()
	text, err := fs.ReadFile(hwdocs.FS, "golden/adg1438.txt")
	if err != nil {
		t.Fatal(err)
	}
	var all []section
	for number, line := range strings.Split(string(text), "\n") {
		kind, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch kind {
		case "==":
			all = append(all, section{name: rest})
		case ">", "<":
			b := unhex(t, rest)
			last := &all[len(all)-1]
			if kind == ">" {
				last.ops = append(last.ops, conntest.IO{W: b})
			} else {
				last.ops[len(last.ops)-1].R = b
			}
		case "", "#":
		default:
			if !strings.HasPrefix(kind, "#") {
				t.Fatalf("line %d is no golden frame: %q", number+1, line)
			}
		}
	}
	return all
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return b
}

func switches(b []byte) []instrument.Switches {
	lines := make([]instrument.Switches, len(b))
	for i, x := range b {
		lines[i] = instrument.Switches(x)
	}
	return lines
}

// The driver sends exactly the golden frames and accepts exactly their answers.
func TestGoldenFrames(t *testing.T) {
	seen := map[string]int{}
	for _, s := range goldenSections(t) {
		broken := false
		name := s.name
		if rest, ok := strings.CutPrefix(name, "broken "); ok {
			broken = true
			_, name, _ = strings.Cut(rest, " ")
		}
		kind, routings, _ := strings.Cut(name, " ")
		seen[kind]++
		if kind != "route" {
			continue // the chips alone
		}
		t.Run(s.name, func(t *testing.T) {
			steps := strings.Split(routings, " / ")
			port := &spitest.Playback{Playback: conntest.Playback{Ops: s.ops, DontPanic: true}}
			conn, err := adg1438.Connect(port, physic.MegaHertz)
			if err != nil {
				t.Fatal(err)
			}
			chain := adg1438.New(conn, adg1438.Options{Chips: len(unhex(t, steps[0]))})
			for _, step := range steps {
				if step == "safe" {
					err = chain.Safe(context.Background())
				} else {
					err = chain.Route(context.Background(), switches(unhex(t, step)))
				}
				if broken {
					if instrument.KindOf(err) != instrument.KindChain {
						t.Fatalf("broken chain: %v", err)
					}
				} else if err != nil {
					t.Fatal(err)
				}
			}
			if err := port.Close(); err != nil {
				t.Errorf("golden frames that were not sent: %v", err)
			}
		})
	}
	if seen["route"] < 4 || seen["shift"] < 2 {
		t.Errorf("sections read: %v; the file has lost some", seen)
	}
}

var _ spi.Port = (*spitest.Playback)(nil)
