package transport

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"xlab/instrument"
)

// box plays an instrument on the far end of a pipe: answer is called with
// every line and what it returns is written.
func box(f Conn, answer func(line string) string) {
	go func() {
		in := bufio.NewReader(f)
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				return
			}
			if _, err := io.WriteString(f, answer(strings.TrimSuffix(line, "\n"))); err != nil {
				return
			}
		}
	}()
}

// inBubble runs a test in virtual time with a link to a box. Time-outs cost
// nothing there, and their moments are exact.
func inBubble(t *testing.T, o LinkOptions, answer func(line string) string, test func(t *testing.T, l *Link, f Conn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		// What still sleeps on the far side finds its connection closed; virtual
		// time is free.
		defer time.Sleep(24 * time.Hour)
		near, f := Pipe()
		if answer != nil {
			box(f, answer)
		}
		defer f.Close()
		l := NewLink(near, o)
		defer l.Close()
		test(t, l, f)
	})
}

func ask(t *testing.T, l *Link, request string, want ...string) {
	t.Helper()
	got, err := l.Exchange(t.Context(), []byte(request), len(want), time.Second)
	if err != nil {
		t.Fatalf("%q: %v", request, err)
	}
	if len(got) != len(want) {
		t.Fatalf("%q gave %q, want %q", request, got, want)
	}
	for i := range want {
		if string(got[i]) != want[i] {
			t.Fatalf("%q gave %q, want %q", request, got, want)
		}
	}
}

func wantKind(t *testing.T, answers [][]byte, err error, kind instrument.Kind) {
	t.Helper()
	var e *instrument.Error
	if !errors.As(err, &e) || e.Kind != kind || answers != nil {
		t.Fatalf("got %q, %v (kind %q); want no answers and kind %q", answers, err, instrument.KindOf(err), kind)
	}
}

func echo(line string) string { return line + "\r\n" }

type countingConn struct {
	Conn
	writes int
}

func (c *countingConn) Write(p []byte) (int, error) {
	c.writes++
	return c.Conn.Write(p)
}

func TestExchange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, f := Pipe()
		defer f.Close()
		box(f, echo)
		c := &countingConn{Conn: near}
		l := NewLink(c, LinkOptions{})
		defer l.Close()
		ask(t, l, "*IDN?\n", "*IDN?")
		ask(t, l, "a\nb\n\nd\n", "a", "b", "", "d") // an empty line is an answer
		ask(t, l, "\x00+\xff\r\n", "\x00+\xff\r")   // only one CR belongs to the line end
		if c.writes != 3 {
			t.Errorf("%d writes for 3 exchanges", c.writes)
		}
		long := strings.Repeat("0123456789", 20_000) // many times the reader's buffer
		ask(t, l, long+"\n"+long+"1\n", long, long+"1")
	})
}

func TestExchangeAnswersAreTheCallers(t *testing.T) {
	inBubble(t, LinkOptions{}, echo, func(t *testing.T, l *Link, _ Conn) {
		first, err := l.Exchange(t.Context(), []byte("first\n"), 1, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		ask(t, l, "other\n", "other")
		if string(first[0]) != "first" {
			t.Errorf("a later exchange changed an earlier answer to %q", first[0])
		}
	})
}

func TestExchangeTimeout(t *testing.T) {
	inBubble(t, LinkOptions{Name: "adapter"}, func(line string) string {
		if line == "half" {
			return "first\nsec"
		}
		return ""
	}, func(t *testing.T, l *Link, _ Conn) {
		start := time.Now()
		answers, err := l.Exchange(t.Context(), []byte("half\n"), 3, 2*time.Second)
		wantKind(t, answers, err, instrument.KindTimeout)
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("it took %v of virtual time, want 2s", took)
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, ErrNotSent) {
			t.Errorf("%v: want os.ErrDeadlineExceeded and not ErrNotSent", err)
		}
		for _, says := range []string{"adapter", "half", "2s", "1 of 3", `"sec"`, "check"} {
			if !strings.Contains(err.Error(), says) {
				t.Errorf("the error does not say %s: %v", says, err)
			}
		}
	})
}

func TestCancelWakesAtOnce(t *testing.T) {
	inBubble(t, LinkOptions{}, func(string) string { return "" }, func(t *testing.T, l *Link, _ Conn) {
		reason := errors.New("the operator pressed a key")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(1234*time.Millisecond, func() { cancel(reason) })
		start := time.Now()
		answers, err := l.Exchange(ctx, []byte("slow\n"), 1, time.Hour)
		wantKind(t, answers, err, instrument.KindCancelled)
		if took := time.Since(start); took != 1234*time.Millisecond {
			t.Errorf("it took %v, want 1.234s", took)
		}
		if !errors.Is(err, context.Canceled) || !errors.Is(err, reason) || errors.Is(err, ErrNotSent) {
			t.Errorf("%v: want context.Canceled and the reason, not ErrNotSent", err)
		}
		if text := err.Error(); !strings.Contains(text, "broken off: the operator pressed a key") ||
			strings.Contains(text, "no answer within") {
			t.Errorf("%v: is no silence", err)
		}

		// Again under the resynchronisation, before anything is sent.
		ctx, cancel = context.WithCancelCause(t.Context())
		time.AfterFunc(time.Millisecond, func() { cancel(nil) })
		answers, err = l.Exchange(ctx, []byte("next\n"), 1, time.Hour)
		wantKind(t, answers, err, instrument.KindCancelled)
		if !errors.Is(err, ErrNotSent) {
			t.Errorf("%v: want ErrNotSent", err)
		}

		// A context that runs out of time is a time-out.
		timed, stop := context.WithTimeout(t.Context(), 10*time.Second)
		defer stop()
		answers, err = l.Exchange(timed, []byte("slow\n"), 1, time.Hour)
		wantKind(t, answers, err, instrument.KindTimeout)
	})
}

// Exchanges wait for one another; who gives up waiting leaves no trace.
func TestOneAtATime(t *testing.T) {
	var resynced int
	o := LinkOptions{Resynchronise: func(context.Context, *Wire) error { resynced++; return nil }}
	inBubble(t, o, func(line string) string {
		time.Sleep(time.Second)
		return echo(line)
	}, func(t *testing.T, l *Link, _ Conn) {
		var all sync.WaitGroup
		for i := range 5 {
			all.Go(func() {
				question := fmt.Sprint("question ", i)
				got, err := l.Exchange(t.Context(), []byte(question+"\n"), 1, 2*time.Second)
				if err != nil || string(got[0]) != question {
					t.Errorf("%s gave %q, %v", question, got, err)
				}
			})
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		answers, err := l.Exchange(ctx, []byte("impatient\n"), 1, time.Second)
		wantKind(t, answers, err, instrument.KindTimeout)
		if !errors.Is(err, ErrNotSent) {
			t.Errorf("%v: want ErrNotSent", err)
		}
		all.Wait()
	})
	if resynced != 0 {
		t.Errorf("%d resynchronisations for exchanges that went well", resynced)
	}
}

func TestEndlessAnswer(t *testing.T) {
	inBubble(t, LinkOptions{MaxLine: 100_000}, func(line string) string {
		var n int
		if _, err := fmt.Sscan(line, &n); err != nil {
			return echo(line)
		}
		return strings.Repeat("x", n) + "\r\n"
	}, func(t *testing.T, l *Link, _ Conn) {
		ask(t, l, "100000\n", strings.Repeat("x", 100_000))
		for _, n := range []string{"100001\n", "1900000\n"} {
			answers, err := l.Exchange(t.Context(), []byte(n), 1, time.Second)
			wantKind(t, answers, err, instrument.KindProtocol)
			if cap(l.long) > 400_000 {
				t.Errorf("%d bytes are held for an answer of at most 100000", cap(l.long))
			}
			ask(t, l, "next\n", "next")
		}
	})
}

func TestExchangeRefuses(t *testing.T) {
	inBubble(t, LinkOptions{}, echo, func(t *testing.T, l *Link, f Conn) {
		for _, test := range []struct {
			request string
			replies int
			timeout time.Duration
		}{{"a\n", 1, 0}, {"a\n", 1, -time.Second}, {"", 1, time.Second}, {"a\n", -1, time.Second}} {
			answers, err := l.Exchange(t.Context(), []byte(test.request), test.replies, test.timeout)
			wantKind(t, answers, err, instrument.KindUsage)
			if !errors.Is(err, ErrNotSent) {
				t.Errorf("%v: want ErrNotSent", err)
			}
		}
		wantKind(t, nil, l.Resynchronise(t.Context(), 0), instrument.KindUsage)
		if n := pending(f); n != 0 {
			t.Errorf("%d bytes were sent", n)
		}
	})
}

// One link, every kind of connection.
func TestExchangeOnEveryKind(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			c, f := kind.open(t)
			done := make(chan struct{})
			go func() {
				defer close(done)
				in := bufio.NewReader(f)
				for {
					line, err := in.ReadString('\n')
					if err != nil {
						return
					}
					if line == "hang up\n" {
						f.Close()
						return
					}
					if line != "silent\n" {
						if _, err := io.WriteString(f, line); err != nil {
							return
						}
					}
				}
			}()
			l := NewLink(c, LinkOptions{Quiet: 10 * time.Millisecond})
			for i := range 50 {
				question := fmt.Sprint("question ", i)
				ask(t, l, question+"\n", question)
			}
			answers, err := l.Exchange(t.Context(), []byte("silent\n"), 1, 10*time.Millisecond)
			wantKind(t, answers, err, instrument.KindTimeout)
			ask(t, l, "next\n", "next")

			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(10*time.Millisecond, cancel)
			answers, err = l.Exchange(ctx, []byte("silent\n"), 1, time.Hour)
			wantKind(t, answers, err, instrument.KindCancelled)
			ask(t, l, "next\n", "next")

			answers, err = l.Exchange(t.Context(), []byte("hang up\n"), 1, time.Hour)
			wantKind(t, answers, err, instrument.KindUnreachable)
			if err := l.Close(); err != nil {
				t.Error(err)
			}
			<-done
		})
	}
}

// A recorded link plays back through the same code.
func ExampleLink() {
	c, err := Replay(strings.NewReader(`> *IDN?\nERR?\n
< ACME,B1\r\n
< 0\r\n
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	l := NewLink(c, LinkOptions{Name: "acme"})
	defer l.Close()
	answers, err := l.Exchange(context.Background(), []byte("*IDN?\nERR?\n"), 2, time.Second)
	fmt.Printf("%q %v\n", answers, err)
	// Output:
	// ["ACME,B1" "0"] <nil>
}
