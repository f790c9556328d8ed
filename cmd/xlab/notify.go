package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"xlab/instrument"
	"xlab/run"
	"xlab/run/notify"
)

// NotifyConfig says who is told how runs go.
type NotifyConfig struct {
	Webhook string `mapstructure:"webhook"` // URL that gets messages as JSON; "" = none
	Command string `mapstructure:"command"` // command for the shell that gets them on its input; "" = none
	// what is told of, as in "partial, trip, stall, failure"; "" = everything
	On        string          `mapstructure:"on"`
	Stall     duration        `mapstructure:"stall"`     // how long a run may tell nothing; 0 = as long as it likes
	Heartbeat HeartbeatConfig `mapstructure:"heartbeat"` // for a dead-man's switch
}

// HeartbeatConfig says how a run shows that it is alive.
type HeartbeatConfig struct {
	File  string   `mapstructure:"file"`  // "" = none
	URL   string   `mapstructure:"url"`   // "" = none
	Every duration `mapstructure:"every"` //
}

// notifyDefaults are the values of keys that no file gives.
func notifyDefaults() map[string]any {
	return map[string]any{"notify.webhook": "", "notify.command": "", "notify.on": "", "notify.stall": "15m",
		"notify.heartbeat.file": "", "notify.heartbeat.url": "", "notify.heartbeat.every": "1m"}
}

// duration is a time on the wall clock as in "15m" or "1h30m".
type duration time.Duration

// UnmarshalText reads a duration.
func (d *duration) UnmarshalText(text []byte) error {
	x, err := time.ParseDuration(strings.TrimSpace(string(text)))
	if err != nil || x < 0 {
		return fmt.Errorf("%q is not a time such as 90s, 15m or 2h", text)
	}
	*d = duration(x)
	return nil
}

// sender gives whoever is told by the configuration and the --notify flags.
func (c *Config) sender(flags []string) (*notify.Sender, error) {
	s := &notify.Sender{}
	for key, destination := range map[string]string{"notify.webhook": c.Notify.Webhook,
		"notify.command": c.Notify.Command} {
		if destination == "" {
			continue
		}
		before := len(s.Webhooks)
		if err := s.Parse(destination); err != nil {
			return nil, fmt.Errorf("%s: %w", c.place(key), err)
		}
		if isHook := len(s.Webhooks) > before; isHook != (key == "notify.webhook") {
			return nil, fmt.Errorf("%s: a webhook is a URL, and a command is none", c.place(key))
		}
	}
	for _, text := range flags {
		if err := s.Parse(text); err != nil {
			return nil, fmt.Errorf("--notify: %w", err)
		}
	}
	for text := range strings.FieldsFuncSeq(c.Notify.On, func(r rune) bool { return r == ',' || r == ' ' }) {
		kind, err := notify.ParseKind(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.place("notify.on"), err)
		}
		s.On = append(s.On, kind)
	}
	if url := c.Notify.Heartbeat.URL; url != "" {
		if err := notify.CheckURL(url); err != nil {
			return nil, fmt.Errorf("%s: %w", c.place("notify.heartbeat.url"), err)
		}
	}
	if h := c.Notify.Heartbeat; h.File+h.URL != "" && h.Every <= 0 {
		return nil, fmt.Errorf("%s: a heart that beats needs an interval of more than 0 s", c.place("notify.heartbeat.every"))
	}
	return s, nil
}

// checkNotify refuses destinations that nothing can be sent to, before anything
// is opened or a run begun.
func (a *Lab) checkNotify() error {
	if _, err := a.Config.sender(a.Notify); err != nil {
		return run.Usage(err)
	}
	return nil
}

// askWhomToTell says that nobody is told of a run that was begun with --notify and is
// taken up without: where to is not in the record.
func (a *Lab) askWhomToTell(h *run.Header) {
	told := slices.ContainsFunc(h.Arguments, func(arg string) bool {
		return strings.HasPrefix(arg, "--notify") || strings.Contains(arg, "notify.webhook=") ||
			strings.Contains(arg, "notify.command=")
	})
	if s, err := a.Config.sender(a.Notify); told && !a.Quiet && err == nil && len(s.Webhooks)+len(s.Commands) == 0 {
		fmt.Fprintln(a.Messages, "nobody will be told how it ends: the run was begun with --notify, whose value is not kept; "+
			"give it again, or set notify in bench.yaml")
	}
}

// sendTimeout bounds how long the end of a run waits for messages to be sent.
const sendTimeout = 45 * time.Second

// alarm tells people of one run. Nothing that goes wrong with it touches the run.
type alarm struct {
	sender  *notify.Sender
	about   notify.Message // what all messages have in common
	vigil   *notify.Vigil
	message func(text string) // shows a person at the screen what did not work
}

// newAlarm begins to watch over a run. It is ended with end.
func (a *Lab) newAlarm(h run.Header, directory string, message func(text string)) (*alarm, error) {
	sender, err := a.Config.sender(a.Notify)
	if err != nil {
		return nil, run.Usage(err)
	}
	host, err := os.Hostname()
	if err != nil {
		host = "" // the message does without
	}
	if absolute, err := filepath.Abs(directory); err == nil {
		directory = absolute
	}
	l := &alarm{sender: sender, message: message,
		about: notify.Message{Host: host, Program: h.Program, Bench: a.Config.Bench, Run: h.ID, Directory: directory,
			Command: h.Command, Array: h.Array}}
	stall := time.Duration(a.Config.Notify.Stall)
	if !sender.Wants(notify.Stall) && a.Config.Notify.Heartbeat.URL == "" && a.Config.Notify.Heartbeat.File == "" {
		stall = 0
	}
	beat := notify.Heartbeat{File: a.Config.Notify.Heartbeat.File, URL: a.Config.Notify.Heartbeat.URL,
		Every: time.Duration(a.Config.Notify.Heartbeat.Every)}
	l.vigil = notify.StartVigil(h.ID, stall, beat, func(idle instrument.Seconds, done, total int) {
		m := l.about
		m.Kind, m.Idle, m.Done, m.Total = notify.Stall, idle, done, total
		l.send(m)
	}, func(err error) { l.message(err.Error()) })
	return l, nil
}

// watchOver lets people know of a run that has done nothing yet, and the plan that
// it belongs to hear of its progress.
func (a *Lab) watchOver(r *recorded) error {
	if a.Watch != nil {
		r.progress.listen(a.Watch)
	}
	if a.Quiet {
		return nil
	}
	l, err := a.newAlarm(r.header, r.Dir(), r.progress.Message)
	if err != nil {
		return err
	}
	r.alarm.Store(l)
	r.progress.listen(l.vigil)
	return nil
}

// tell tells people how the run ended, if they are to be told.
func (r *recorded) tell(err error) {
	if l := r.alarm.Load(); l != nil {
		l.end(err, r.summary)
	}
}

func (l *alarm) send(m notify.Message) {
	ctx, cancel := context.WithTimeout(context.Background(), sendTimeout)
	defer cancel()
	m.Time = time.Now().UTC()
	if err := l.sender.Send(ctx, m); err != nil {
		l.message(strings.ReplaceAll(err.Error(), "\n", "; "))
	}
}

// end tells how the run ended, with its key figures.
func (l *alarm) end(err error, summary any) {
	outcome := run.OutcomeOf(err)
	l.vigil.End(outcome)
	m := l.about
	m.Kind, m.Outcome, m.Summary = notify.KindOf(outcome), outcome, summary
	m.Done, m.Total = l.vigil.Progress()
	if err != nil {
		m.Cause = cause(err)
	}
	l.send(m)
}

// cause is an error without the outcome, which a message has by itself. A bench that
// is not safe comes first.
func cause(err error) string {
	if unsafe := run.UnsafeLine(err); unsafe != "" {
		return unsafe + " " + err.Error()
	}
	var e *run.Ended
	if errors.As(err, &e) && e.Err != nil {
		return e.Err.Error()
	}
	return err.Error()
}
