package notify_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"xlab/instrument"
	"xlab/run"
	"xlab/run/notify"
)

// server answers requests in turn with the given status codes, the last one for
// ever; 0 is no answer at all.
type server struct {
	mu       sync.Mutex
	codes    []int
	requests []string // method, address and body
}

func (s *server) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body := ""
	if r.Body != nil {
		var b strings.Builder
		buffer := make([]byte, 4096)
		for {
			n, err := r.Body.Read(buffer)
			b.Write(buffer[:n])
			if err != nil {
				break
			}
		}
		body = b.String()
	}
	s.requests = append(s.requests, fmt.Sprintf("%s %s %s", r.Method, r.URL, body))
	code := s.codes[0]
	if len(s.codes) > 1 {
		s.codes = s.codes[1:]
	}
	if code == 0 {
		return nil, errors.New("nobody there")
	}
	return &http.Response{StatusCode: code, Status: fmt.Sprint(code), Body: http.NoBody, Request: r}, nil
}

// seen gives the requests so far. In a bubble of synctest neither sleeping nor
// waiting orders what a test reads now before what a goroutine writes later.
func (s *server) seen() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

func message() notify.Message {
	return notify.Message{Kind: notify.Partial, Host: "bench1", Run: "20261122T141500Z-form-a-1f3c", Command: "form",
		Array:   "A",
		Outcome: run.OutcomePartial, Cause: "8 devices did not form", Done: 400, Total: 400,
		Summary: map[string]int{"formed": 392}}
}

func TestWebhook(t *testing.T) {
	for _, c := range []struct {
		name     string
		codes    []int
		requests int
		waited   time.Duration
		fault    string
	}{
		{"answered", []int{200}, 1, 0, ""},
		{"busy, then answered", []int{503, 429, 204}, 3, 6 * time.Second, ""},
		{"nobody there", []int{0}, 3, 6 * time.Second, "notification by https://example.org/…: nobody there"},
		{"refused for good", []int{404}, 1, 0, "the server answers 404"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				far := &server{codes: c.codes}
				s := notify.Sender{Client: far}
				if err := s.Parse("https://example.org/hook?token=secret"); err != nil {
					t.Fatal(err)
				}
				began := time.Now()
				err := s.Send(t.Context(), message())
				if (err == nil) != (c.fault == "") || err != nil && !strings.Contains(err.Error(), c.fault) {
					t.Errorf("got %v, want %q", err, c.fault)
				}
				if err != nil && strings.Contains(err.Error(), "secret") {
					t.Errorf("the error shows the secret: %v", err)
				}
				if len(far.seen()) != c.requests || time.Since(began) != c.waited {
					t.Errorf("%d requests in %v, want %d in %v", len(far.seen()), time.Since(began), c.requests, c.waited)
				}
				var m notify.Message
				body := strings.TrimPrefix(far.seen()[0], "POST https://example.org/hook?token=secret ")
				if err := json.Unmarshal([]byte(body), &m); err != nil {
					t.Fatalf("%v: %s", err, far.seen()[0])
				}
				want := "xlab form A on bench1: partial (400 of 400): 8 devices did not form; " +
					"run 20261122T141500Z-form-a-1f3c"
				if m.Text != want {
					t.Errorf("text %q, want %q", m.Text, want)
				}
			})
		})
	}
}

func TestCommand(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the commands are those of a Unix shell")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "told")
	var s notify.Sender
	if err := s.Parse(`cat > ` + file + `; echo "$NOTIFY_EVENT $NOTIFY_OUTCOME $NOTIFY_ARRAY" >> ` + file); err != nil {
		t.Fatal(err)
	}
	if err := s.Send(t.Context(), message()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, tail, _ := strings.Cut(string(text), "\n")
	var m notify.Message
	if err := json.Unmarshal([]byte(head), &m); err != nil || m.Cause != "8 devices did not form" {
		t.Errorf("%v: %s", err, head)
	}
	if tail != "partial partial A\n" {
		t.Errorf("environment: %q", tail)
	}
}

func TestFailingCommand(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the commands are those of a Unix shell")
	}
	var s notify.Sender
	for _, text := range []string{"echo no mailer >&2; exit 3", "sleep 60"} {
		if err := s.Parse(text); err != nil {
			t.Fatal(err)
		}
	}
	s.Timeout = 300 * time.Millisecond
	err := s.Send(context.Background(), message())
	for _, want := range []string{"exit status 3: no mailer", "did not end within 300ms"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// What gives access to a destination is in no error.
func TestErrorsKeepSecrets(t *testing.T) {
	var s notify.Sender
	var errs []error
	for _, text := range []string{"https://u:SEC RET@h/x", "https://u:SECRET%zz@h/x", "https://?SECRET"} {
		err := s.Parse(text)
		if err == nil {
			t.Errorf("%s was taken", text)
		}
		errs = append(errs, err)
	}
	s = notify.Sender{Client: &server{codes: []int{0}}, Retries: []time.Duration{}}
	for _, text := range []string{
		"https://u:SECRET@h/SECRET?SECRET", "SECRET=1; echo https://h/SECRET; false SECRET", "false SECRET",
	} {
		if err := s.Parse(text); err != nil {
			t.Fatal(err)
		}
	}
	err := errors.Join(append(errs, s.Send(t.Context(), message()))...)
	if err == nil || strings.Contains(err.Error(), "SEC") || strings.Contains(err.Error(), "RET") {
		t.Error(err)
	}
}

func TestOnlyWhatIsWanted(t *testing.T) {
	far := &server{codes: []int{200}}
	s := notify.Sender{Client: far, Webhooks: []string{"http://x/"}, On: []notify.Kind{notify.Trip}}
	if err := s.Send(t.Context(), message()); err != nil || len(far.seen()) != 0 {
		t.Errorf("%v, %d requests", err, len(far.seen()))
	}
	m := message()
	m.Kind = notify.Trip
	if err := s.Send(t.Context(), m); err != nil || len(far.seen()) != 1 {
		t.Errorf("%v, %d requests", err, len(far.seen()))
	}
	var nobody notify.Sender
	if nobody.Wants(notify.Trip) {
		t.Error("without a destination nothing is wanted")
	}
}

func TestDestinations(t *testing.T) {
	for _, text := range []string{"", "  ", "http://", "https:///path"} {
		if err := new(notify.Sender).Parse(text); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
	if _, err := notify.ParseKind("never"); err == nil {
		t.Error("an unknown kind is accepted")
	}
	if k, err := notify.ParseKind(" Stall "); err != nil || k != notify.Stall {
		t.Error(k, err)
	}
}

func TestEveryOutcomeHasAKind(t *testing.T) {
	want := map[run.Outcome]notify.Kind{run.OutcomeComplete: notify.Done, run.OutcomePartial: notify.Partial,
		run.OutcomeOutside: notify.Partial,
		run.OutcomeTripped: notify.Trip, run.OutcomeInterrupted: notify.Interrupted, run.OutcomeFailed: notify.Failure}
	for outcome, kind := range want {
		if got := notify.KindOf(outcome); got != kind {
			t.Errorf("%s: %s, want %s", outcome, got, kind)
		}
	}
}

func TestStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []string
		v := notify.StartVigil("r", time.Minute, notify.Heartbeat{}, func(idle instrument.Seconds, done, total int) {
			told = append(told, fmt.Sprintf("%v %d/%d", float64(idle), done, total))
		}, func(err error) { t.Error(err) })
		for i := range 5 {
			time.Sleep(50 * time.Second)
			v.Observe(run.Event{Done: i, Total: 10})
		}
		time.Sleep(10 * time.Minute) // told once
		v.Observe(run.Event{Done: 5, Total: 10})
		time.Sleep(90 * time.Second) // and again, once more
		v.End(run.OutcomeComplete)
		if want := "[60 4/10 60 5/10]"; fmt.Sprint(told) != want {
			t.Errorf("told %v, want %s", told, want)
		}
	})
}

func TestHeartbeat(t *testing.T) {
	file := filepath.Join(t.TempDir(), "beat.json")
	read := func() (b notify.Beat) {
		t.Helper()
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &b); err != nil {
			t.Fatal(err)
		}
		return b
	}
	synctest.Test(t, func(t *testing.T) {
		far := &server{codes: []int{0, 0, 200}}
		var troubles atomic.Int32
		v := notify.StartVigil("r1", 10*time.Minute, notify.Heartbeat{File: file, URL: "https://ping.example/abc",
			Every: time.Minute, Transport: far},
			func(instrument.Seconds, int, int) {}, func(error) { troubles.Add(1) })
		synctest.Wait()
		v.Observe(run.Event{Done: 3, Total: 9})
		time.Sleep(5*time.Minute + time.Second)
		synctest.Wait()
		b := read()
		if b.State != "running" || b.Run != "r1" || b.Done != 3 || b.Total != 9 || !b.Next.Equal(b.Time.Add(2*time.Minute)) {
			t.Errorf("%+v", b)
		}
		if len(far.seen()) != 6 || troubles.Load() != 1 {
			t.Errorf("%d beats, %d troubles told of; want 6 and 1", len(far.seen()), troubles.Load())
		}
		// In a stall the file says so and the URL is left alone.
		time.Sleep(20 * time.Minute)
		synctest.Wait()
		beats := len(far.seen())
		if b := read(); b.State != "stalled" {
			t.Errorf("%+v", b)
		}
		time.Sleep(20 * time.Minute)
		synctest.Wait()
		if len(far.seen()) != beats {
			t.Error("the heart beats on in a stall")
		}
		v.End(run.OutcomeTripped)
		if b := read(); b.State != "tripped" || !b.Next.IsZero() {
			t.Errorf("%+v", b)
		}
	})
}

func TestHeartbeatTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var troubles atomic.Int32
		v := notify.StartVigil("r", 0, notify.Heartbeat{File: filepath.Join(t.TempDir(), "missing", "beat.json"),
			Every: time.Second}, nil,
			func(error) { troubles.Add(1) })
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if n := troubles.Load(); n != 1 {
			t.Errorf("told %d times of the same trouble", n)
		}
		v.End(run.OutcomeComplete)
	})
}
