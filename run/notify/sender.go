package notify

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"xlab/run"
)

// Sender sends messages to one place or several.
type Sender struct {
	Webhooks []string // http or https URLs
	Commands [][]string
	On       []Kind            // what is told of; nil = everything
	Timeout  time.Duration     // of one attempt; 0 = 10 s
	Client   http.RoundTripper // nil = http.DefaultTransport
	Retries  []time.Duration   // waits before further attempts of a webhook; nil = 1 s, 5 s
}

// Parse adds a destination as it is written on a command line: a URL that begins
// with http:// or https:// is a webhook, anything else a command for the shell.
func (s *Sender) Parse(text string) error {
	text = strings.TrimSpace(text)
	if text == "" {
		return errors.New("an empty destination: give a URL or a command")
	}
	if !strings.HasPrefix(text, "http://") && !strings.HasPrefix(text, "https://") {
		s.Commands = append(s.Commands, shell(text))
		return nil
	}
	if err := CheckURL(text); err != nil {
		return err
	}
	s.Webhooks = append(s.Webhooks, text)
	return nil
}

// CheckURL refuses what cannot be fetched.
func CheckURL(text string) error {
	u, err := url.Parse(text)
	if err != nil {
		// What cannot be read of it may be a part of the password.
		return fmt.Errorf("%s cannot be read as a URL: characters of user names and passwords that mean something "+
			"in URLs are written as in %%40 for @", run.RedactURL(text))
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return fmt.Errorf("%s is not a URL such as https://example.org/hook", run.RedactURL(text))
	}
	return nil
}

// Wants tells whether messages of a kind are sent anywhere.
func (s *Sender) Wants(k Kind) bool {
	return len(s.Webhooks)+len(s.Commands) > 0 && (s.On == nil || slices.Contains(s.On, k))
}

// Send tells all destinations, one after the other, and returns what went wrong
// with any of them. It blocks for at most the attempts' time-outs and waits; a
// kind that is not wanted is nothing.
func (s *Sender) Send(ctx context.Context, m Message) error {
	if !s.Wants(m.Kind) {
		return nil
	}
	m.Text = cmp.Or(m.Text, m.sentence())
	text, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("notification: %w", err)
	}
	var errs []error
	for _, hook := range s.Webhooks {
		if err := s.post(ctx, hook, text); err != nil {
			errs = append(errs, fmt.Errorf("notification by %s: %w", run.RedactURL(hook), err))
		}
	}
	for _, command := range s.Commands {
		if err := s.execute(ctx, command, m, text); err != nil {
			errs = append(errs, fmt.Errorf("notification by the command %s: %w", program(command), err))
		}
	}
	return errors.Join(errs...)
}

// program is the first word of a command. What follows may hold a password.
func program(command []string) string {
	name, more, _ := strings.Cut(command[len(command)-1], " ")
	switch {
	case strings.Contains(name, "="): // a variable
		return "…"
	case more != "":
		name += " …"
	}
	return run.RedactText(name)
}

func (s *Sender) timeout() time.Duration {
	return cmp.Or(s.Timeout, 10*time.Second)
}

// post tries again where a later attempt may do better: when nobody answers, and
// when the server says that it is its own fault or that it is busy.
func (s *Sender) post(ctx context.Context, hook string, text []byte) error {
	waits := s.Retries
	if waits == nil {
		waits = []time.Duration{time.Second, 5 * time.Second}
	}
	for attempt := 0; ; attempt++ {
		again, err := fetch(ctx, s.Client, s.timeout(), http.MethodPost, hook, text)
		if err == nil || !again || attempt == len(waits) {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, context.Cause(ctx))
		case <-time.After(waits[attempt]):
		}
	}
}

// fetch makes one request and tells whether a failure may pass.
func fetch(ctx context.Context, transport http.RoundTripper, timeout time.Duration, method, address string,
	body []byte) (again bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return false, errors.New("its URL cannot be read")
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	request.Header.Set("User-Agent", "xlab")
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err // without the address, which may hold a secret
		}
		return true, err
	}
	// Read to the end so that the connection can be used again; what the server
	// says does not matter.
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 1<<16))
	if err := response.Body.Close(); err != nil {
		return true, err
	}
	if response.StatusCode/100 != 2 {
		return response.StatusCode >= 500 || response.StatusCode == http.StatusTooManyRequests,
			fmt.Errorf("the server answers %s", response.Status)
	}
	return false, nil
}

func (s *Sender) execute(ctx context.Context, command []string, m Message, text []byte) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout())
	defer cancel()
	c := exec.CommandContext(ctx, command[0], command[1:]...)
	c.Stdin = bytes.NewReader(append(text, '\n'))
	c.Env = append(os.Environ(), "NOTIFY_EVENT="+string(m.Kind), "NOTIFY_TEXT="+m.Text, "NOTIFY_RUN="+m.Run,
		"NOTIFY_DIRECTORY="+m.Directory, "NOTIFY_COMMAND="+m.Command, "NOTIFY_ARRAY="+m.Array, "NOTIFY_OUTCOME="+
			string(m.Outcome))
	// A child that it leaves behind must not hold the output open for ever.
	c.WaitDelay = time.Second
	var output bytes.Buffer
	c.Stdout, c.Stderr = &output, &output
	err := c.Run()
	if ctx.Err() != nil {
		return fmt.Errorf("it did not end within %v", s.timeout())
	}
	if err == nil {
		return nil
	}
	if said := strings.TrimSpace(output.String()); said != "" {
		return fmt.Errorf("%w: %s", err, run.RedactText(said[:min(len(said), 500)]))
	}
	return err
}
