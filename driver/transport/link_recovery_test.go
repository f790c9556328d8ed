package transport

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"

	"xlab/instrument"
)

// An answer that comes after its time-out is thrown away, and the next
// question gets its own answer.
func TestLateAnswerIsNotTaken(t *testing.T) {
	inBubble(t, LinkOptions{}, nil, func(t *testing.T, l *Link, f Conn) {
		answers, err := l.Exchange(t.Context(), []byte("slow\n"), 1, time.Second)
		wantKind(t, answers, err, instrument.KindTimeout)
		mustRead(t, f, "slow\n")
		go func() {
			// Half of it before the next question, half of it after.
			mustWrite(t, f, "sl")
			time.Sleep(100 * time.Millisecond)
			mustWrite(t, f, "ow\r\n")
			mustRead(t, f, "next\n")
			mustWrite(t, f, "next\r\n")
		}()
		ask(t, l, "next\n", "next")
	})
}

// marker is a resynchronisation by a request whose answer is known, and is
// another one each time: the answer to an earlier mark may be late as well.
func marker() func(ctx context.Context, w *Wire) error {
	var number int
	return func(ctx context.Context, w *Wire) error {
		number++
		by := time.Now().Add(30 * time.Second)
		if err := w.Write(fmt.Appendf(nil, "mark %d\n", number), by); err != nil {
			return err
		}
		for {
			line, err := w.Line(by)
			if err != nil {
				return err
			}
			if bytes.HasSuffix(line, fmt.Appendf(nil, "mark %d", number)) {
				return nil
			}
			w.Discard(len(line))
		}
	}
}

// With a marker no answer is taken for another one, however late: a box that
// answers in order, after random times around the time-out, at random cut off
// by the caller, is asked a thousand times, and what comes back without an error is
// always the answer to that very question.
func TestNoLateAnswerIsEverTaken(t *testing.T) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 0))
		var timeouts, cancelled, good, resynced int
		mark := marker()
		o := LinkOptions{Resynchronise: func(ctx context.Context, w *Wire) error {
			resynced++
			return mark(ctx, w)
		}}
		inBubble(t, o, func(line string) string {
			if strings.HasPrefix(line, "mark") {
				return line + "\r\n"
			}
			time.Sleep(time.Duration(random.IntN(1200)) * time.Millisecond)
			return line + "\r\n"
		}, func(t *testing.T, l *Link, _ Conn) {
			clientRandom := rand.New(rand.NewPCG(seed, 1))
			for i := range 50 {
				ctx, cancel := context.WithCancel(t.Context())
				if clientRandom.IntN(4) == 0 {
					time.AfterFunc(time.Duration(clientRandom.IntN(1200))*time.Millisecond, cancel)
				}
				question := fmt.Sprintf("question %d", i)
				answers, err := l.Exchange(ctx, []byte(question+"\n"), 1, time.Second)
				cancel()
				switch instrument.KindOf(err) {
				case instrument.KindTimeout:
					timeouts++
				case instrument.KindCancelled:
					cancelled++
				default:
					if err != nil || string(answers[0]) != question {
						t.Fatalf("seed %d: %q gave %q, %v", seed, question, answers, err)
					}
					good++
				}
			}
		})
		if timeouts == 0 || cancelled == 0 || good == 0 || resynced == 0 {
			t.Fatalf("seed %d shows nothing: %d time-outs, %d cancelled, %d good, %d resynchronised", seed, timeouts, cancelled,
				good, resynced)
		}
	}
}

func TestResynchronisationComesFirstAndOnce(t *testing.T) {
	var log []string
	fail := errors.New("not today")
	var result error
	o := LinkOptions{Resynchronise: func(context.Context, *Wire) error {
		log = append(log, "resync")
		return result
	}}
	inBubble(t, o, func(line string) string {
		log = append(log, line)
		if line == "silent" {
			return ""
		}
		return echo(line)
	}, func(t *testing.T, l *Link, _ Conn) {
		ask(t, l, "one\n", "one")
		answers, err := l.Exchange(t.Context(), []byte("silent\n"), 1, time.Second)
		wantKind(t, answers, err, instrument.KindTimeout)

		result = fail
		for range 2 { // stays dirty until it succeeds
			answers, err = l.Exchange(t.Context(), []byte("two\n"), 1, time.Second)
			if !errors.Is(err, fail) || !errors.Is(err, ErrNotSent) || answers != nil {
				t.Fatalf("got %q, %v; want the resynchronisation's error and ErrNotSent", answers, err)
			}
		}
		result = nil
		// The failure was not of the known kinds, so that the link counts as lost.
		wantKind(t, nil, err, instrument.KindUnreachable)
	})
	if got, want := strings.Join(log, " "), "one silent resync"; got != want {
		t.Errorf("the box saw %q, want %q", got, want)
	}

	log = nil
	result = &instrument.Error{Op: "x", Kind: instrument.KindTimeout, Err: fail}
	inBubble(t, o, func(line string) string {
		log = append(log, line)
		return echo(line)
	}, func(t *testing.T, l *Link, _ Conn) {
		if err := l.MarkDirty(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			_, err := l.Exchange(t.Context(), []byte("two\n"), 1, time.Second)
			wantKind(t, nil, err, instrument.KindTimeout)
		}
		result = nil
		ask(t, l, "three\n", "three")
		ask(t, l, "four\n", "four")
		if err := l.Resynchronise(t.Context(), time.Second); err != nil {
			t.Fatal(err)
		}
	})
	if got, want := strings.Join(log, " "), "resync resync resync three four resync"; got != want {
		t.Errorf("the box saw %q, want %q", got, want)
	}
}

func TestResynchroniseIsBounded(t *testing.T) {
	o := LinkOptions{Resynchronise: marker()}
	inBubble(t, o, func(string) string { return "" }, func(t *testing.T, l *Link, _ Conn) {
		start := time.Now()
		wantKind(t, nil, l.Resynchronise(t.Context(), 3*time.Second), instrument.KindTimeout)
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("it took %v, want 3s", took)
		}
	})
}

func TestMoreThanWasAskedFor(t *testing.T) {
	inBubble(t, LinkOptions{}, func(line string) string {
		if line == "twice" {
			return "twice\r\ntwice\r\n"
		}
		return echo(line)
	}, func(t *testing.T, l *Link, f Conn) {
		answers, err := l.Exchange(t.Context(), []byte("twice\n"), 1, time.Second)
		wantKind(t, answers, err, instrument.KindProtocol)
		if !strings.Contains(err.Error(), `"twice`) {
			t.Errorf("the error does not show what came: %v", err)
		}
		ask(t, l, "next\n", "next")

		// What comes between two exchanges is reported before anything is sent.
		mustWrite(t, f, "by the way\r\n")
		answers, err = l.Exchange(t.Context(), []byte("next\n"), 1, time.Second)
		wantKind(t, answers, err, instrument.KindProtocol)
		if !errors.Is(err, ErrNotSent) || !strings.Contains(err.Error(), `"by the way`) {
			t.Errorf("%v: want ErrNotSent and what came", err)
		}
		ask(t, l, "next\n", "next")
	})
}

// A link that cannot be drained says so instead of trying for ever.
func TestNeverQuiet(t *testing.T) {
	inBubble(t, LinkOptions{}, nil, func(t *testing.T, l *Link, f Conn) {
		go func() {
			for {
				if _, err := f.Write([]byte("noise ")); err != nil {
					return
				}
				time.Sleep(10 * time.Millisecond)
			}
		}()
		if err := l.MarkDirty(t.Context()); err != nil {
			t.Fatal(err)
		}
		answers, err := l.Exchange(t.Context(), []byte("x\n"), 1, time.Second)
		wantKind(t, answers, err, instrument.KindProtocol)
	})
}

func TestLostConnection(t *testing.T) {
	inBubble(t, LinkOptions{}, nil, func(t *testing.T, l *Link, f Conn) {
		go func() {
			mustRead(t, f, "a\n")
			mustWrite(t, f, "half an ans")
			f.Close()
		}()
		answers, err := l.Exchange(t.Context(), []byte("a\n"), 1, time.Hour)
		wantKind(t, answers, err, instrument.KindUnreachable)
		if errors.Is(err, ErrNotSent) {
			t.Errorf("%v: the request was sent", err)
		}
		answers, err = l.Exchange(t.Context(), []byte("b\n"), 1, time.Hour)
		wantKind(t, answers, err, instrument.KindUnreachable)
		if !errors.Is(err, ErrNotSent) {
			t.Errorf("%v: want ErrNotSent", err)
		}

		// Another connection brings it back, and nothing of the old one is left.
		near, f2 := Pipe()
		defer f2.Close()
		box(f2, echo)
		if err := l.Reattach(t.Context(), near); err != nil {
			t.Fatal(err)
		}
		ask(t, l, "c\n", "c")
	})
}

func TestCloseUnderAnExchange(t *testing.T) {
	inBubble(t, LinkOptions{}, func(string) string { return "" }, func(t *testing.T, l *Link, _ Conn) {
		time.AfterFunc(time.Minute, func() { l.Close() })
		start := time.Now()
		answers, err := l.Exchange(t.Context(), []byte("a\n"), 1, time.Hour)
		wantKind(t, answers, err, instrument.KindUnreachable)
		if took := time.Since(start); took != time.Minute || !errors.Is(err, net.ErrClosed) {
			t.Errorf("after %v: %v; want net.ErrClosed after one minute", took, err)
		}
		answers, err = l.Exchange(t.Context(), []byte("b\n"), 1, time.Hour)
		wantKind(t, answers, err, instrument.KindUnreachable)
		near, f := Pipe()
		defer f.Close()
		defer near.Close()
		wantKind(t, nil, l.Reattach(t.Context(), near), instrument.KindUnreachable)
	})
}

// Cancelling at any moment, in real time and with real concurrency, never
// spoils a later exchange: a wake-up that was on its way when an exchange ended
// does not hit the next one.
func TestCancelRaces(t *testing.T) {
	near, f := Pipe()
	defer f.Close()
	box(f, echo)
	l := NewLink(near, LinkOptions{Resynchronise: marker()})
	defer l.Close()
	random := rand.New(rand.NewPCG(7, 7))
	var cancelled int
	for i := range 400 {
		ctx, cancel := context.WithCancel(t.Context())
		spin := random.IntN(2000)
		done := make(chan struct{})
		go func() {
			defer close(done)
			for range spin {
				_ = ctx.Err()
			}
			cancel()
		}()
		question := fmt.Sprint("question ", i)
		answers, err := l.Exchange(ctx, []byte(question+"\n"), 1, patience)
		switch {
		case instrument.KindOf(err) == instrument.KindCancelled:
			cancelled++
		case err != nil || string(answers[0]) != question:
			t.Fatalf("%s gave %q, %v", question, answers, err)
		}
		<-done
		ask(t, l, "calm\n", "calm")
	}
	t.Logf("%d of 400 were cancelled in time", cancelled)
}
