package prologix

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"xlab/driver/transport"
	"xlab/instrument"
)

// A conversation that fails is followed by a device clear of that instrument
// alone, and nothing of it is sent again.
func TestResynchronisationAfterTimeout(t *testing.T) {
	withAdapter(t, Options{}, func(p *peer) {
		p.instruments[5] = echoing()
		p.instruments[17] = echoing()
		p.instruments[17].answer = func(m string) string {
			if m == "silent" || m == "set stress" {
				return ""
			}
			return m
		}
	}, func(t *testing.T, a *Adapter, p *peer) {
		converse(t, a.Device(5), "fine", ask("fine"))
		start := time.Now()
		_, err := a.Device(17).Converse(t.Context(), 5*time.Second, tell("set stress"), ask("silent"), ask("after"))
		wantKind(t, err, instrument.KindTimeout, true)
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("it took %v, want 5s", took)
		}
		p.lines()
		converse(t, a.Device(5), "other", ask("other"))
		if got, want := p.lines(), setupLines+
			"|++addr 17|++clr|++eot_char 2|++ver|++eot_char|++addr 5|other|++read eoi"; got != want {
			t.Errorf("the adapter saw\n%s\nwant\n%s", got, want)
		}
		converse(t, a.Device(17), "next", ask("next"))
		if got, want := p.lines(), "++addr 17|next|++read eoi"; got != want {
			t.Errorf("the adapter saw %s, want %s", got, want)
		}
		if c := p.instruments[17].clears; c != 1 {
			t.Errorf("%d device clears, want 1", c)
		}
		if got := strings.Count(strings.Join(p.instruments[17].got, "|"), "stress"); got != 1 {
			t.Errorf("the stress was sent %d times", got)
		}
	})
}

// With the first of several answers missing, the second is not taken for it.
func TestMissingAnswerDoesNotShift(t *testing.T) {
	withAdapter(t, Options{}, func(p *peer) {
		p.instruments[17] = echoing()
		p.instruments[17].answer = func(m string) string {
			if m == "one" {
				return ""
			}
			return m
		}
	}, func(t *testing.T, a *Adapter, p *peer) {
		got, err := a.Device(17).Converse(t.Context(), 20*time.Second, ask("one"), ask("two"))
		wantKind(t, err, instrument.KindTimeout, true)
		if got != nil {
			t.Errorf("answers %q were returned with the error", got)
		}
		converse(t, a.Device(17), "three", ask("three"))
	})
}

func TestCancelledConversation(t *testing.T) {
	withAdapter(t, Options{}, func(p *peer) {
		p.instruments[17] = echoing()
		p.instruments[17].delay = func(m string) time.Duration {
			if m == "slow" {
				return 2 * time.Second
			}
			return 0
		}
	}, func(t *testing.T, a *Adapter, p *peer) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		start := time.Now()
		_, err := a.Device(17).Converse(ctx, time.Hour, ask("slow"))
		wantKind(t, err, instrument.KindCancelled, true)
		if took := time.Since(start); took != time.Second || !errors.Is(err, context.Canceled) {
			t.Errorf("after %v: %v; want context.Canceled after 1s", took, err)
		}
		// A context that has ended gets no further, and spoils nothing.
		_, err = a.Device(17).Converse(ctx, time.Hour, ask("never"))
		wantKind(t, err, instrument.KindCancelled, false)
		converse(t, a.Device(17), "next", ask("next"))
		if strings.Contains(strings.Join(p.instruments[17].got, "|"), "never") {
			t.Error("a conversation whose context had ended was sent")
		}
	})
}

// Half a line in the adapter, left by a write that was cut off, is never
// completed to a message of its own: not by opening, not by resynchronising.
func TestHalfALineIsNotCompleted(t *testing.T) {
	const half = "DV 1,0,5" // of DV 1,0,5E-3,...
	check := func(t *testing.T, p *peer) {
		t.Helper()
		synctest.Wait()
		for _, m := range p.instruments[17].got {
			if strings.HasPrefix(m, half) && !strings.HasPrefix(m, half+"++savecfg") {
				t.Errorf("the instrument got %q", m)
			}
		}
		if p.setting("savecfg") != "0" || p.setting("auto") != "0" {
			t.Error("the half line swallowed a setting")
		}
	}
	withPeer(t, func(p *peer) {
		p.settings["addr"] = "17"
		p.instruments[17] = echoing()
	}, func(t *testing.T, c transport.Conn, p *peer) {
		if _, err := io.WriteString(c, half); err != nil {
			t.Fatal(err)
		}
		a, err := Open(t.Context(), c, Options{})
		if err != nil {
			t.Fatal(err)
		}
		check(t, p)

		// The same on a link in use: the rest of a write is lost.
		if _, err := io.WriteString(c, "++addr 17\n"+half); err != nil {
			t.Fatal(err)
		}
		if err := a.Device(17).Clear(t.Context()); err != nil {
			t.Fatal(err)
		}
		check(t, p)
		if p.instruments[17].clears != 1 {
			t.Error("the instrument was not cleared of the half line")
		}
	})
}

// An adapter that lost its power comes back with its stored settings, of which
// ++auto 1 is one. It is set up again.
func TestPowerCycledAdapter(t *testing.T) {
	dead := false
	withAdapter(t, Options{}, func(p *peer) {
		p.instruments[17] = echoing()
		p.intercept = func(string) string {
			if dead {
				return "\n" // noise on the line
			}
			return ""
		}
	}, func(t *testing.T, a *Adapter, p *peer) {
		dead = true
		_, err := a.Device(17).Converse(t.Context(), time.Second, ask("x"), ask("y"), ask("z"), ask("zz"), ask("zzz"),
			ask("zzzz"))
		if err == nil {
			t.Fatal("a dead adapter answered")
		}
		// As long as it is dead, errors say so and nothing is sent to the instrument.
		_, err = a.Device(17).Converse(t.Context(), time.Second, ask("y"))
		wantKind(t, err, instrument.KindTimeout, false)
		if !strings.Contains(err.Error(), "power") {
			t.Errorf("the error gives no advice: %v", err)
		}
		dead = false
		p.mu.Lock()
		p.settings = map[string]string{"auto": "1", "read_tmo_ms": "200"}
		p.mu.Unlock()
		converse(t, a.Device(17), "back", ask("back"))
		if p.setting("auto") != "0" || p.setting("read_tmo_ms") != "3000" {
			t.Error("the adapter was not set up again")
		}
	})
}

// The adapter's own words are no instrument's answer.
func TestAdaptersWordsAreRefused(t *testing.T) {
	say := ""
	withAdapter(t, Options{}, func(p *peer) {
		p.instruments[17] = echoing()
		p.intercept = func(line string) string {
			if line == "++read eoi" {
				return say
			}
			return ""
		}
	}, func(t *testing.T, a *Adapter, p *peer) {
		for _, say = range []string{"Unrecognized command\r\n", p.version + "\r\n", "NAI+1" + p.version + "\r\n"} {
			_, err := a.Device(17).Converse(t.Context(), time.Second, ask("x"))
			wantKind(t, err, instrument.KindProtocol, true)
			clears := p.instruments[17].clears
			say = ""
			converse(t, a.Device(17), "next", ask("next"))
			if p.instruments[17].clears != clears+1 {
				t.Error("it was not followed by a resynchronisation")
			}
		}
	})
}

// The answer to a handshake that was given up is not taken for that to the next
// one, and no answer for one to another question: with an adapter that is slow,
// and with one that is slower than it may be, until it recovers.
func TestHandshakeGivenUp(t *testing.T) {
	for _, test := range []struct {
		slow    time.Duration // per device clear
		refused bool
	}{{400 * time.Millisecond, false}, {900 * time.Millisecond, false}, {1300 * time.Millisecond, true},
		{2500 * time.Millisecond, true}} {
		var slow atomic.Int64
		slow.Store(int64(test.slow))
		withAdapter(t, Options{}, func(p *peer) {
			p.instruments[17] = echoing()
			p.intercept = func(line string) string {
				if line == "++clr" {
					time.Sleep(time.Duration(slow.Load()))
				}
				return ""
			}
		}, func(t *testing.T, a *Adapter, p *peer) {
			for range 2 {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
				wantKind(t, a.Device(17).Clear(ctx), instrument.KindTimeout, true)
				cancel()
			}
			refused := 0
			for i := range 20 {
				if i == 10 {
					slow.Store(0)
					time.Sleep(time.Minute)
				}
				question := fmt.Sprint("question ", i)
				got, err := a.Device(17).Converse(t.Context(), 5*time.Second, ask(question))
				switch {
				case err != nil && (i >= 10 || !test.refused):
					t.Errorf("clear takes %v: %s: %v", test.slow, question, err)
				case err != nil:
					refused++
				case join(got) != question:
					t.Errorf("clear takes %v: %s gave %q", test.slow, question, got)
				}
			}
			if (refused > 0) != test.refused {
				t.Errorf("clear takes %v: %d conversations were refused", test.slow, refused)
			}
		})
	}
}

func TestSerialPollThatIsNoNumber(t *testing.T) {
	say := ""
	withAdapter(t, Options{}, func(p *peer) {
		p.instruments[17] = echoing()
		p.instruments[17].status = func() byte { return 255 }
		p.intercept = func(line string) string {
			if line == "++spoll" {
				return say
			}
			return ""
		}
	}, func(t *testing.T, a *Adapter, p *peer) {
		for _, say = range []string{"\r\n", "256\r\n", "-1\r\n", "17x\r\n", "NAI+1\r\n"} {
			_, err := a.Device(17).StatusByte(t.Context())
			wantKind(t, err, instrument.KindProtocol, true)
			say = ""
			if status, err := a.Device(17).StatusByte(t.Context()); err != nil || status != 255 {
				t.Errorf("the next poll gave %d, %v", status, err)
			}
		}
	})
}

// Random conversations with an instrument that is slow, silent or cut off by
// the caller: an answer that is returned is always the answer to that very
// question, no question reaches the instrument twice, and the adapter always
// comes back.
func TestNoAnswerIsEverTakenForAnother(t *testing.T) {
	kinds := map[instrument.Kind]int{}
	for seed := range uint64(12) {
		there := rand.New(rand.NewPCG(seed, 1))
		here := rand.New(rand.NewPCG(seed, 2))
		withAdapter(t, Options{}, func(p *peer) {
			p.instruments[17] = &peerInstrument{
				answer: func(m string) string {
					if there.IntN(12) == 0 {
						return ""
					}
					return "answer to " + m
				},
				delay: func(string) time.Duration {
					return time.Duration(there.IntN(12)*there.IntN(12)*there.IntN(30)) * time.Millisecond // up to 3.5 s
				},
			}
			p.intercept = func(line string) string {
				if there.IntN(150) == 0 {
					return "?" // something is lost, and there is noise
				}
				return ""
			}
		}, func(t *testing.T, a *Adapter, p *peer) {
			for i := range 60 {
				var parts []Part
				var want []string
				for j := range 1 + here.IntN(3) {
					question := fmt.Sprintf("question %d.%d", i, j)
					parts = append(parts, ask(question))
					want = append(want, "answer to "+question)
				}
				ctx, cancel := context.WithCancel(t.Context())
				if here.IntN(5) == 0 {
					time.AfterFunc(time.Duration(here.IntN(4000))*time.Millisecond, cancel)
				}
				got, err := a.Device(17).Converse(ctx, 2*time.Second, parts...)
				cancel()
				kinds[instrument.KindOf(err)]++
				if err == nil && join(got) != strings.Join(want, "|") {
					// Noise within an answer is for the parser of the answers to see;
					// another question's answer is not.
					if strings.ReplaceAll(join(got), "?", "") != strings.Join(want, "|") {
						t.Errorf("seed %d: got %q, want %q", seed, join(got), want)
					}
				}
			}
			time.Sleep(time.Minute) // until the peer is done with what is left
			synctest.Wait()
			seen := map[string]int{}
			for _, m := range p.instruments[17].got {
				if seen[m]++; seen[m] > 1 {
					t.Errorf("seed %d: %q was sent %d times", seed, m, seen[m])
				}
			}
			p.intercept = nil
			p.instruments[17].answer = func(m string) string { return m }
			p.instruments[17].delay = nil
			converse(t, a.Device(17), "in the end", ask("in the end"))
		})
	}
	t.Logf("conversations by how they ended: %v", kinds)
	if kinds[instrument.KindUnknown] < 100 || kinds[instrument.KindTimeout] < 20 || kinds[instrument.KindCancelled] < 20 {
		t.Errorf("the test shows little: %v", kinds)
	}
}

// The port comes back, perhaps under another name: the instruments of the
// program stay the same.
func TestReattach(t *testing.T) {
	withAdapter(t, Options{}, func(p *peer) { p.instruments[17] = echoing() }, func(t *testing.T, a *Adapter, p *peer) {
		d := a.Device(17)
		p.conn.Close()
		_, err := d.Converse(t.Context(), time.Second, ask("x"))
		wantKind(t, err, instrument.KindUnreachable, true)
		_, err = d.Converse(t.Context(), time.Second, ask("x"))
		wantKind(t, err, instrument.KindUnreachable, false)

		near, far := transport.Pipe()
		again := newPeer(far)
		again.instruments[17] = echoing()
		go again.serve()
		defer far.Close()
		if err := a.Reattach(t.Context(), near); err != nil {
			t.Fatal(err)
		}
		converse(t, d, "back", ask("back"))
		if got, want := again.lines(), setupLines+
			"|++addr 17|++clr|++eot_char 2|++ver|++eot_char|++addr 17|back|++read eoi"; got != want {
			t.Errorf("the adapter saw\n%s\nwant\n%s", got, want)
		}
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestCloseUnderAConversation(t *testing.T) {
	withAdapter(t, Options{}, nil, func(t *testing.T, a *Adapter, _ *peer) {
		time.AfterFunc(time.Second, func() { a.Close() })
		_, err := a.Device(17).Converse(t.Context(), time.Hour, ask("x"))
		wantKind(t, err, instrument.KindUnreachable, true)
		if !errors.Is(err, net.ErrClosed) {
			t.Errorf("%v: want net.ErrClosed", err)
		}
	})
}

// An adapter that was deaf for a moment, whatever may be under way in it, is in
// step soon after it listens again, and is set up and cleared exactly as if it
// had listened all the time: nobody waits out the answers that it might still
// have been reading.
func TestDeafForAMoment(t *testing.T) {
	for _, deaf := range []time.Duration{20 * time.Millisecond, 300 * time.Millisecond, time.Second, 2 * time.Second,
		7 * time.Second} {
		listens := &atomic.Bool{}
		listens.Store(true)
		withAdapter(t, Options{}, func(p *peer) {
			p.instruments[17] = echoing()
			p.instruments[17].answer = func(m string) string {
				if strings.HasPrefix(m, "silent") {
					return ""
				}
				return m
			}
			p.intercept = func(string) string {
				if listens.Load() {
					return ""
				}
				return "\x00" // it says nothing of use, and does nothing
			}
		}, func(t *testing.T, a *Adapter, p *peer) {
			d := a.Device(17)
			listens.Store(false)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
			defer cancel()
			_, err := d.Converse(ctx, 20*time.Second, ask("silent"), ask("silent too"), ask("silent three"), ask("silent four"))
			wantKind(t, err, instrument.KindTimeout, true)
			start := time.Now()
			time.AfterFunc(deaf, func() { listens.Store(true) })
			if err := d.Clear(t.Context()); err != nil {
				t.Fatalf("deaf for %v: %v", deaf, err)
			}
			if took := time.Since(start); took < deaf || took > deaf+longestProbe {
				t.Errorf("deaf for %v: in step after %v, want within %v of its end", deaf, took, longestProbe)
			}
			if n := p.instruments[17].clears; n != 1 {
				t.Errorf("deaf for %v: %d device clears", deaf, n)
			}
			converse(t, d, "next", ask("next"))
		})
	}
}

// Probes do not disturb an adapter that still reads what does not come, and
// their answers are taken for nobody's.
func TestProbesOfABusyAdapter(t *testing.T) {
	withAdapter(t, Options{}, func(p *peer) {
		p.instruments[17] = echoing()
		p.instruments[17].answer = func(m string) string {
			if m == "silent" {
				return ""
			}
			return m
		}
	}, func(t *testing.T, a *Adapter, p *peer) {
		d := a.Device(17)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		_, err := d.Converse(ctx, 20*time.Second, ask("silent"), ask("silent"), ask("silent"))
		wantKind(t, err, instrument.KindTimeout, true)
		p.lines()
		start := time.Now()
		for i := range 5 {
			question := fmt.Sprint("question ", i)
			converse(t, d, question, ask(question))
		}
		if took := time.Since(start); took > 9*time.Second {
			t.Errorf("in step after %v; the adapter was busy for 9 s", took)
		}
		seen := p.lines()
		if n := strings.Count(seen, "++read_tmo_ms"); n != 1 || strings.Contains(seen, "++ifc") ||
			p.instruments[17].clears != 1 {
			t.Errorf("%d greetings, %d device clears: %s", n, p.instruments[17].clears, seen)
		}
	})
}
