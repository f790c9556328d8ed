package prologix

import (
	"context"
	"strings"
	"testing"
)

// FuzzStream: whatever comes in, the adapter does not fail, time does not run
// backwards, and it still answers a new host.
func FuzzStream(f *testing.F) {
	f.Add("++addr 17\nERRX?\n++read eoi\n", 7)
	f.Add("++auto 1\n++eot_enable 1\nA\x1b\nB\x1b\x1b\n++read 44\n++read\n", 1)
	f.Add("+++ver\n++\n\x1b++ver\r\n++mode 0\n++trg 5 17\n++help\n", 3)
	f.Add("++eos 3\n++eoi 0\nA\nB\n++ifc\n++clr\n++rst\n++savecfg 1\n++spoll 5 96\n", 100)
	f.Fuzz(func(t *testing.T, text string, piece int) {
		r := newRig(t)
		h := &host{text: text, piece: max(1, piece%4096)}
		if err := r.Serve(context.Background(), h); err != nil {
			t.Fatal(err)
		}
		if got := r.say(t, "\n++ver\n"); !strings.Contains(got, "Prologix") {
			t.Errorf("after %q: %q", text, got)
		}
		if got := r.say(t, "++mode 1\n++auto 0\n++eot_enable 0\n++eoi 1\n++eos 2\n++read_tmo_ms 3000\n++addr "+
			"17\n++clr\nERRX?\n++read eoi\n"); got != "+0,\"No Error.\"\r\n" {
			t.Errorf("after %q the instrument answers %q", text, got)
		}
	})
}
