package buspirate

import (
	"bytes"
	"encoding/hex"
	"io/fs"
	"strings"
	"testing"

	"xlab/hwdocs"
	"xlab/mock/wire/adg1438"
)

// The box gives the golden answers to the golden requests, in whatever pieces
// they arrive.
func TestGoldenFrames(t *testing.T) {
	text, err := fs.ReadFile(hwdocs.FS, "golden/buspirate.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, piece := range []int{1, 7, 4096} {
		b := &fakeBench{}
		chips, err := adg1438.New(b, "A", 2)
		if err != nil {
			t.Fatal(err)
		}
		s, err := New(b, chips, DefaultTiming())
		if err != nil {
			t.Fatal(err)
		}
		section, frames := "", 0
		var got []byte // answered and not yet compared
		ask := func(request []byte) {
			if len(got) > 0 {
				t.Fatalf("%s: unexpected answer % x", section, got)
			}
			for len(request) > 0 {
				n := min(piece, len(request))
				got = s.box.feed(request[:n], got)
				request = request[n:]
			}
		}
		for _, line := range strings.Split(string(text), "\n") {
			kind, rest, _ := strings.Cut(line, " ")
			switch kind {
			case "==":
				section = rest
			case ">":
				frames++
				ask(unhex(t, rest))
			case "<":
				want := unhex(t, rest)
				if section == "leave" && len(got) > len(want) {
					got = got[:len(want)] // the terminal's banner
				}
				if !bytes.Equal(got, want) {
					t.Fatalf("%s, in pieces of %d: answered % x, golden % x", section, piece, got, want)
				}
				got = got[:0]
			}
		}
		if frames < 9 {
			t.Errorf("only %d requests in the file", frames)
		}
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
