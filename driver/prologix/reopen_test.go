package prologix

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"xlab/driver/transport"
	"xlab/instrument"
)

// The cable is pulled in the middle of a conversation and put back: the next one
// opens the port again, sets the adapter up, clears the instrument, and sends
// nothing of the failed conversation.
func TestReopenedAdapter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		defer time.Sleep(24 * time.Hour)
		near, far := transport.Pipe()
		p := newPeer(far)
		before := echoing()
		p.instruments[17] = before
		p.instruments[17].delay = func(string) time.Duration { return time.Second }
		go p.serve()
		out, opened, hang := true, 0, func() {}
		a, err := Open(t.Context(), near, Options{Reopen: func(context.Context) (transport.Conn, error) {
			if opened++; out {
				return nil, &instrument.Error{Op: "open", Kind: instrument.KindUnreachable, Err: errors.New("no such port")}
			}
			near, far := transport.Pipe()
			again := newPeer(far)
			again.instruments[17] = echoing()
			again.deaf = 1500 * time.Millisecond // opening the port resets it
			hangs := &atomic.Bool{}
			again.intercept = func(string) string {
				if hangs.Load() {
					return "\n"
				}
				return ""
			}
			hang = func() { hangs.Store(true) }
			p = again
			go p.serve()
			return near, nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		d := a.Device(17)
		time.AfterFunc(500*time.Millisecond, func() { far.Close() })
		_, err = d.Converse(t.Context(), 5*time.Second, tell("set stress"), ask("one"))
		wantKind(t, err, instrument.KindUnreachable, true)
		for range 2 {
			_, err = d.Converse(t.Context(), 5*time.Second, ask("two"))
			wantKind(t, err, instrument.KindUnreachable, false)
		}
		out = false
		converse(t, d, "three", ask("three"))
		if opened != 3 {
			t.Errorf("opened %d times", opened)
		}
		synctest.Wait()
		if got := strings.Join(append(before.got, p.instruments[17].got...), "|"); strings.Count(got, "stress") != 1 ||
			strings.Contains(got, "two") || p.instruments[17].clears != 1 {
			t.Errorf("the instrument got %s and %d clears", got, p.instruments[17].clears)
		}
		if p.setting("auto") != "0" {
			t.Error("the adapter was not set up again")
		}

		// An adapter that hangs is opened again when somebody says so.
		hang()
		_, err = d.Converse(t.Context(), 5*time.Second, ask("four"))
		if err == nil {
			t.Fatal("a hung adapter answered")
		}
		if err := a.Reopen(t.Context()); err != nil {
			t.Fatal(err)
		}
		converse(t, d, "five", ask("five"))
		if opened != 4 {
			t.Errorf("opened %d times", opened)
		}
	})
	withAdapter(t, Options{}, nil, func(t *testing.T, a *Adapter, _ *peer) {
		if err := a.Reopen(t.Context()); instrument.KindOf(err) != instrument.KindUsage {
			t.Errorf("without a way to open it again: %v", err)
		}
	})
}

// Answer by answer: what was not sent any more does not make the conversation
// one that was not sent.
func TestStepwiseConversationWasSent(t *testing.T) {
	withAdapter(t, Options{Stepwise: true}, func(p *peer) {
		p.instruments[17] = echoing()
	}, func(t *testing.T, a *Adapter, p *peer) {
		p.instruments[17].answer = func(m string) string {
			if m == "one" {
				return "one\r\nunasked"
			}
			return m
		}
		_, err := a.Device(17).Converse(t.Context(), 5*time.Second, ask("one"), ask("two"))
		if err == nil || errors.Is(err, transport.ErrNotSent) {
			t.Errorf("%v", err)
		}
	})
}

// FuzzAnswers plays an adapter that answers a conversation with anything. What is
// taken for the instrument's answers is as many lines as were asked for, none of
// them the adapter's own words, and after an error, or a device clear, the next
// conversation gets its own answers.
func FuzzAnswers(f *testing.F) {
	for _, s := range []string{"one\r\ntwo\r\n", "one\r\n", "", "\n\n", "one\r\ntwo\r\nthree\r\n",
		"Unrecognized command\r\n\r\n",
		"Prologix GPIB-USB Controller version 6.107\r\n2\r\n", "AR488 ver. 0.51\r\nx\n", "\x00\xff\n\x1b\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, said string) {
		withAdapter(t, Options{MaxLine: 4096}, func(p *peer) { p.instruments[17] = echoing() },
			func(t *testing.T, a *Adapter, p *peer) {
				reads := 0
				var calm atomic.Bool
				p.intercept = func(line string) string {
					if line != "++read eoi" || calm.Load() {
						return ""
					}
					if reads++; reads == 1 {
						return said
					}
					return "\x00" // anything but a line
				}
				answers, err := a.Device(17).Converse(t.Context(), time.Second, ask("one"), ask("two"))
				if err == nil {
					if len(answers) != 2 || strings.Count(said, "\n") < 2 {
						t.Fatalf("%q was taken for the answers %q", said, answers)
					}
					for _, answer := range answers {
						if s := string(answer); strings.ContainsRune(s, '\n') || s == unrecognised || versionText(answer) != "" {
							t.Fatalf("%q was taken for an answer", s)
						}
					}
				} else if k := instrument.KindOf(err); answers != nil || k != instrument.KindTimeout &&
					k != instrument.KindProtocol {
					t.Fatalf("%v of kind %q with answers %q", err, k, answers)
				}
				calm.Store(true)
				if err == nil && join(answers) != "one|two" {
					// What an instrument's answer looks like only its driver knows, which
					// clears the bus when it is none.
					if err := a.Device(17).Clear(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				for range 3 {
					got, err := a.Device(17).Converse(t.Context(), 5*time.Second, ask("three"))
					if err == nil && join(got) != "three" {
						t.Fatalf("after %q the next conversation got %q", said, join(got))
					}
				}
			})
	})
}
