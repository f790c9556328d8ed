package prologix

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"xlab/driver/flex"
	"xlab/driver/transport"
	"xlab/hwdocs"
	"xlab/instrument"
)

var _ flex.Bus = (*Device)(nil)

const setupLines = "++savecfg 0|++savecfg 0|++mode 1|++auto 0|++eoi 1|++eos 2|++eot_enable 0|++read_tmo_ms 3000"

func tell(command string) Part { return Part{Command: command} }
func ask(command string) Part  { return Part{Command: command, Reply: true} }

func converse(t *testing.T, d *Device, want string, parts ...Part) {
	t.Helper()
	got, err := d.Converse(t.Context(), 5*time.Second, parts...)
	if err != nil {
		t.Fatal(err)
	}
	if all := join(got); all != want {
		t.Fatalf("answers %q, want %q", all, want)
	}
}

func join(answers [][]byte) string {
	var all []string
	for _, a := range answers {
		all = append(all, string(a))
	}
	return strings.Join(all, "|")
}

func wantKind(t *testing.T, err error, kind instrument.Kind, sent bool) {
	t.Helper()
	var e *instrument.Error
	if !errors.As(err, &e) || e.Kind != kind {
		t.Fatalf("got %v (kind %q), want kind %q", err, instrument.KindOf(err), kind)
	}
	if errors.Is(err, transport.ErrNotSent) == sent {
		t.Fatalf("%v: sent should be %v", err, sent)
	}
}

// goldenSection cuts a section out of the golden frames.
func goldenSection(t *testing.T, name string) string {
	t.Helper()
	text, err := hwdocs.FS.ReadFile("golden/prologix.txt")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), "== "+name+"\n")
	if !found {
		t.Fatalf("there is no section %s", name)
	}
	section, _, _ := strings.Cut(rest, "\n== ")
	return section + "\n"
}

// countingConn counts the writes of the driver.
type countingConn struct {
	transport.Conn
	writes []string
}

func (c *countingConn) Write(p []byte) (int, error) {
	c.writes = append(c.writes, string(p))
	return c.Conn.Write(p)
}

func TestGoldenFrames(t *testing.T) {
	for _, test := range []struct {
		section string
		writes  int
		do      func(a *Adapter) (string, error)
		want    string
	}{
		{"converse-one", 1, func(a *Adapter) (string, error) {
			got, err := a.Device(17).Converse(t.Context(), time.Second, ask("ERRX?"))
			return join(got), err
		}, `+0,"No Error."`},
		{"converse-pipelined", 1, func(a *Adapter) (string, error) {
			got, err := a.Device(17).Converse(t.Context(), time.Second, tell("DV 1,0,0.1,0.0001"), ask("TI 1,0"), ask("ERRX?"))
			return join(got), err
		}, `000AI+1.00000E-06|+0,"No Error."`},
		{"converse-within", 1, func(a *Adapter) (string, error) {
			got, err := a.Device(17).Converse(t.Context(), time.Second, Part{Command: "*IDN?", Reply: true, Within: time.Second})
			return join(got), err
		}, "Agilent Technologies,B1500A,0,A.06.01.2016.0902"},
		{"converse-silent", 1, func(a *Adapter) (string, error) {
			got, err := a.Device(17).Converse(t.Context(), time.Second, tell("DZ"))
			return join(got), err
		}, ""},
		{"converse-read-only", 1, func(a *Adapter) (string, error) {
			got, err := a.Device(17).Converse(t.Context(), time.Second, ask(""))
			return join(got), err
		}, "000AI+1.00000E-06,000AI+2.00000E-06"},
		{"escapes", 1, func(a *Adapter) (string, error) {
			got, err := a.Device(5).Converse(t.Context(), time.Second, ask("A+B\rC\nD\x1bE"))
			return join(got), err
		}, "OK"},
		{"plus-plus", 1, func(a *Adapter) (string, error) {
			got, err := a.Device(5).Converse(t.Context(), time.Second, ask("++ver"))
			return join(got), err
		}, "OK"},
		{"spoll", 1, func(a *Adapter) (string, error) {
			status, err := a.Device(17).StatusByte(t.Context())
			return fmt.Sprint(status), err
		}, "17"},
		{"clear", 1, func(a *Adapter) (string, error) { return "", a.Device(17).Clear(t.Context()) }, ""},
	} {
		t.Run(test.section, func(t *testing.T) {
			replay, err := transport.Replay(strings.NewReader(goldenSection(t, "setup") + goldenSection(t, test.section)))
			if err != nil {
				t.Fatal(err)
			}
			c := &countingConn{Conn: replay}
			a, err := Open(t.Context(), c, Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer a.Close()
			if v := a.Version(); v != "Prologix GPIB-USB Controller version 6.107" {
				t.Errorf("the version is %q", v)
			}
			got, err := test.do(a)
			if err != nil || got != test.want {
				t.Errorf("got %q, %v; want %q", got, err, test.want)
			}
			if err := replay.Check(); err != nil {
				t.Error(err)
			}
			if len(c.writes) != 1+test.writes {
				t.Errorf("%d writes, want %d: %q", len(c.writes), 1+test.writes, c.writes)
			}
		})
	}
}

// A clear that is not answered is tried again with an interface clear.
func TestGoldenSecondAttempt(t *testing.T) {
	withAdapter(t, Options{}, func(p *peer) {
		p.instruments[17] = echoing()
		vers := 0
		p.intercept = func(line string) string {
			if line == "++ver" {
				if vers++; vers == 2 {
					return "\r\n" // garbled
				}
			}
			return ""
		}
	}, func(t *testing.T, a *Adapter, p *peer) {
		if err := a.Device(17).Clear(t.Context()); err != nil {
			t.Fatal(err)
		}
		frames := func(section string) string {
			var all []string
			for line := range strings.Lines(goldenSection(t, section)) {
				if text, found := strings.CutPrefix(line, "> "); found {
					all = append(all, strings.TrimSuffix(text, `\n`+"\n"))
				}
			}
			return strings.Join(all, "|")
		}
		if got, want := p.lines(), frames("clear")+"|"+frames("clear-probe")+"|"+frames("clear-second-attempt"); got != want {
			t.Errorf("the adapter saw\n%s\nwant\n%s", got, want)
		}
	})
}

// Whatever the message, the adapter takes it for one message and gets it back
// whole. The reading side is the peer's, written from the protocol page.
func TestEscapingIsReversible(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		awkward := rapid.SampledFrom([]byte("+\r\n\x1b+\x00a"))
		message := string(rapid.SliceOfN(rapid.OneOf(awkward, rapid.Byte()), 1, 30).Draw(t, "message"))
		near, far := transport.Pipe()
		p := newPeer(far)
		p.settings["addr"] = "5"
		p.instruments[5] = &peerInstrument{answer: func(string) string { return "" }}
		if _, err := near.Write(new(Adapter).appendMessage(nil, tell(message))); err != nil {
			t.Fatal(err)
		}
		near.Close() // the peer reads what is there and ends
		p.serve()
		if got := p.instruments[5].got; len(got) != 1 || got[0] != message {
			t.Fatalf("%q arrived as %q", message, got)
		}
	})
}

func TestOpenSetsUp(t *testing.T) {
	for _, test := range []struct {
		version, before string
		deaf            time.Duration
		o               Options
		readTimeout     string
	}{
		{version: "Prologix GPIB-USB Controller version 6.107", readTimeout: "3000"},
		{version: "Prologix GPIB-ETHERNET Controller version 01.06.06.00", o: Options{ReadTimeout: 250 * time.Millisecond},
			readTimeout: "250"},
		{version: "AR488 GPIB controller, ver. 0.51.29, 18/03/2024", o: Options{ReadTimeout: 20 * time.Second},
			readTimeout: "20000"},
		// What an earlier program left behind does not count.
		{version: "Prologix GPIB-USB Controller version 6.107", before: "NAI+1.0E-06\r\nOK\r\n\r\nhalf an ans",
			readTimeout: "3000"},
		// An Arduino that the opening of the port has reset.
		{version: "AR488 GPIB controller, ver. 0.51.29", deaf: 1900 * time.Millisecond, readTimeout: "3000"},
	} {
		withPeer(t, func(p *peer) {
			p.version, p.before, p.deaf = test.version, test.before, test.deaf
			p.instruments[17] = echoing()
		}, func(t *testing.T, c transport.Conn, p *peer) {
			a, err := Open(t.Context(), c, test.o)
			if err != nil {
				t.Errorf("%s: %v", test.version, err)
				return
			}
			if a.Version() != test.version {
				t.Errorf("the version is %q, want %q", a.Version(), test.version)
			}
			for name, want := range map[string]string{"savecfg": "0", "mode": "1", "auto": "0", "eoi": "1", "eos": "2",
				"eot_enable": "0", "read_tmo_ms": test.readTimeout} {
				if got := p.setting(name); got != want {
					t.Errorf("%s: ++%s is %q, want %q", test.version, name, got, want)
				}
			}
			if got := p.instruments[17].got; got != nil {
				t.Errorf("opening sent %q to an instrument", got)
			}
			converse(t, a.Device(17), "hello", ask("hello"))
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		version string
		silent  bool
		gone    bool
		forgets bool
		o       Options
		kind    instrument.Kind
		says    string
	}{
		"another box": {version: "Bus Pirate v3.6", kind: instrument.KindIdentity, says: `"Bus Pirate v3.6"`},
		"nobody":      {silent: true, kind: instrument.KindTimeout, says: "3 attempts"},
		"no memory": {version: "Prologix clone", forgets: true, kind: instrument.KindIdentity,
			says: "eot_char"},
		"gone": {gone: true, kind: instrument.KindUnreachable, says: "check cable"},
		"time-out beyond Prologix": {version: "Prologix 6", o: Options{ReadTimeout: 4 * time.Second},
			kind: instrument.KindUsage, says: "4s"},
		"time-out beyond any": {version: "AR488", o: Options{ReadTimeout: 33 * time.Second}, kind: instrument.KindUsage,
			says: "33s"},
		"time-out of microseconds": {version: "AR488", o: Options{ReadTimeout: 1500 * time.Microsecond},
			kind: instrument.KindUsage, says: "1.5ms"},
		"negative answer time-out": {version: "AR488", o: Options{AnswerTimeout: -1}, kind: instrument.KindUsage,
			says: "answer time-out"},
		"negative poll interval": {version: "AR488", o: Options{PollInterval: -1}, kind: instrument.KindUsage,
			says: "poll interval"},
	} {
		withPeer(t, func(p *peer) {
			p.version = test.version
			if test.silent {
				p.deaf = time.Hour
			}
			if test.gone {
				p.conn.Close()
			}
			if test.forgets {
				p.intercept = func(line string) string {
					if strings.HasPrefix(line, "++eot_char") {
						return "Unrecognized command\r\n"
					}
					return ""
				}
			}
		}, func(t *testing.T, c transport.Conn, p *peer) {
			_, err := Open(t.Context(), c, test.o)
			if instrument.KindOf(err) != test.kind || !strings.Contains(err.Error(), test.says) {
				t.Errorf("%s: %v (kind %q), want kind %q and %s", name, err, instrument.KindOf(err), test.kind, test.says)
			}
		})
	}
}

func TestConverseRefuses(t *testing.T) {
	withAdapter(t, Options{}, nil, func(t *testing.T, a *Adapter, p *peer) {
		_, err := a.Device(31).Converse(t.Context(), time.Second, ask("x"))
		wantKind(t, err, instrument.KindUsage, true)
		_, err = a.Device(-1).StatusByte(t.Context())
		wantKind(t, err, instrument.KindUsage, true)
		wantKind(t, a.Device(31).Clear(t.Context()), instrument.KindUsage, true)
		wantKind(t, a.Device(31).AwaitReady(t.Context(), 1, time.Second), instrument.KindUsage, true)
		_, err = a.Device(17).Converse(t.Context(), 0, ask("x"))
		wantKind(t, err, instrument.KindUsage, true)
		_, err = a.Device(17).Converse(t.Context(), time.Second)
		wantKind(t, err, instrument.KindUsage, true)
		_, err = a.Device(17).Converse(t.Context(), time.Second, ask("x"), Part{})
		wantKind(t, err, instrument.KindUsage, true)
		wantKind(t, a.Device(17).AwaitReady(t.Context(), 0, time.Second), instrument.KindUsage, true)
		wantKind(t, a.Device(17).AwaitReady(t.Context(), 1, 0), instrument.KindUsage, true)
		synctest.Wait()
		if got := p.lines(); got != "" {
			t.Errorf("refused calls sent %q", got)
		}
	})
}

// With Stepwise no write asks for more than one answer.
func TestStepwise(t *testing.T) {
	withPeer(t, func(p *peer) { p.instruments[17] = echoing() }, func(t *testing.T, c transport.Conn, p *peer) {
		counting := &countingConn{Conn: c}
		a, err := Open(t.Context(), counting, Options{Stepwise: true})
		if err != nil {
			t.Fatal(err)
		}
		counting.writes = nil
		converse(t, a.Device(17), "b|d", tell("set a"), ask("b"), tell("set c"), ask("d"), tell("set e"))
		want := "++addr 17\nset a\nb\n++read eoi\n|set c\nd\n++read eoi\n|set e\n"
		if got := strings.Join(counting.writes, "|"); got != want {
			t.Errorf("wrote %q, want %q", got, want)
		}
	})
}

// Conversations of many goroutines with two instruments do not mix.
func TestConcurrentConversations(t *testing.T) {
	withAdapter(t, Options{}, func(p *peer) {
		for _, address := range []int{5, 17} {
			p.instruments[address] = &peerInstrument{
				answer: func(m string) string { return fmt.Sprintf("%s at %d", m, address) },
				delay:  func(string) time.Duration { return time.Millisecond },
			}
		}
	}, func(t *testing.T, a *Adapter, _ *peer) {
		var all sync.WaitGroup
		for g := range 8 {
			all.Go(func() {
				address := 5 + 12*(g%2)
				for i := range 20 {
					one, two := fmt.Sprint(g, " ", i, " one"), fmt.Sprint(g, " ", i, " two")
					got, err := a.Device(address).Converse(t.Context(), 5*time.Second, ask(one), ask(two))
					want := fmt.Sprintf("%s at %d|%s at %d", one, address, two, address)
					if err != nil || join(got) != want {
						t.Errorf("got %q, %v; want %q", join(got), err, want)
					}
				}
			})
		}
		all.Wait()
	})
}

func TestAwaitReady(t *testing.T) {
	var polls int
	readyAfter := 1
	withAdapter(t, Options{}, func(p *peer) {
		p.instruments[17] = &peerInstrument{
			answer: func(m string) string { return m },
			status: func() byte {
				if polls++; polls < readyAfter {
					return 1 << 6
				}
				return 1<<6 | 16
			},
		}
	}, func(t *testing.T, a *Adapter, p *peer) {
		d := a.Device(17)
		start := time.Now()
		if err := d.AwaitReady(t.Context(), 16, time.Second); err != nil || polls != 1 || time.Since(start) != 0 {
			t.Errorf("what was ready took %d polls and %v: %v", polls, time.Since(start), err)
		}
		polls, readyAfter = 0, 30
		if err := d.AwaitReady(t.Context(), 16|1, time.Hour); err != nil || polls != 30 {
			t.Errorf("%d polls, want 30: %v", polls, err)
		}
		// Two at once, then 1, 2, 4 ... up to 50 ms.
		if took, want := time.Since(start), (1+2+4+8+16+32+22*50)*time.Millisecond; took != want {
			t.Errorf("it took %v, want %v", took, want)
		}

		readyAfter = 1 << 30
		start = time.Now()
		err := d.AwaitReady(t.Context(), 16, 10*time.Second)
		wantKind(t, err, instrument.KindTimeout, true)
		if took := time.Since(start); took != 10*time.Second || !strings.Contains(err.Error(), "64") {
			t.Errorf("after %v: %v; want the status byte 64 after 10s", took, err)
		}

		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(3025*time.Millisecond, cancel)
		start = time.Now()
		wantKind(t, d.AwaitReady(ctx, 16, time.Hour), instrument.KindCancelled, true)
		if took := time.Since(start); took != 3025*time.Millisecond {
			t.Errorf("cancelling took effect after %v, want 3.025s", took)
		}
		converse(t, d, "still in step", ask("still in step"))
	})
}
