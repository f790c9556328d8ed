package lab

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

// CheckNotify refuses destinations that nothing can be sent to, before anything
// is opened or a run begun.
func (l *Lab) CheckNotify() error {
	if _, err := l.Config.Sender(l.Notify); err != nil {
		return run.Usage(err)
	}
	return nil
}

// AskWhomToTell says that nobody is told of a run that was begun with --notify and is
// taken up without: where to is not in the record.
func (l *Lab) AskWhomToTell(h *run.Header) {
	told := slices.ContainsFunc(h.Arguments, func(arg string) bool {
		return strings.HasPrefix(arg, "--notify") || strings.Contains(arg, "notify.webhook=") ||
			strings.Contains(arg, "notify.command=")
	})
	if s, err := l.Config.Sender(l.Notify); told && !l.Quiet && err == nil && len(s.Webhooks)+len(s.Commands) == 0 {
		fmt.Fprintln(l.Messages, "nobody will be told how it ends: the run was begun with --notify, whose value is "+
			"not kept; give it again, or set notify in bench.yaml")
	}
}

// sendTimeout bounds how long the end of a run waits for messages to be sent.
const sendTimeout = 45 * time.Second

// Alarm tells people of one run. Nothing that goes wrong with it touches the run.
type Alarm struct {
	sender  *notify.Sender
	about   notify.Message // what all messages have in common
	Vigil   *notify.Vigil
	message func(text string) // shows a person at the screen what did not work
}

// NewAlarm begins to watch over a run. It is ended with end.
func (l *Lab) NewAlarm(h run.Header, directory string, message func(text string)) (*Alarm, error) {
	sender, err := l.Config.Sender(l.Notify)
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
	alarm := &Alarm{sender: sender, message: message,
		about: notify.Message{Host: host, Program: h.Program, Bench: l.Config.Bench, Run: h.ID, Directory: directory,
			Command: h.Command, Array: h.Array}}
	stall := time.Duration(l.Config.Notify.Stall)
	if !sender.Wants(notify.Stall) && l.Config.Notify.Heartbeat.URL == "" && l.Config.Notify.Heartbeat.File == "" {
		stall = 0
	}
	beat := notify.Heartbeat{File: l.Config.Notify.Heartbeat.File, URL: l.Config.Notify.Heartbeat.URL,
		Every: time.Duration(l.Config.Notify.Heartbeat.Every)}
	alarm.Vigil = notify.StartVigil(h.ID, stall, beat, func(idle instrument.Seconds, done, total int) {
		m := alarm.about
		m.Kind, m.Idle, m.Done, m.Total = notify.Stall, idle, done, total
		alarm.send(m)
	}, func(err error) { alarm.message(err.Error()) })
	return alarm, nil
}

// watchOver lets people know of a run that has done nothing yet, and the plan that
// it belongs to hear of its progress.
func (l *Lab) watchOver(r *Run) error {
	if l.Watch != nil {
		r.progress.listen(l.Watch)
	}
	if l.Quiet {
		return nil
	}
	alarm, err := l.NewAlarm(r.header, r.Dir(), r.progress.Message)
	if err != nil {
		return err
	}
	r.alarm.Store(alarm)
	r.progress.listen(alarm.Vigil)
	return nil
}

// tell tells people how the run ended, if they are to be told.
func (r *Run) tell(err error) {
	if l := r.alarm.Load(); l != nil {
		l.End(err, r.summary)
	}
}

func (l *Alarm) send(m notify.Message) {
	ctx, cancel := context.WithTimeout(context.Background(), sendTimeout)
	defer cancel()
	m.Time = time.Now().UTC()
	if err := l.sender.Send(ctx, m); err != nil {
		l.message(strings.ReplaceAll(err.Error(), "\n", "; "))
	}
}

// End tells how the run ended, with its key figures.
func (l *Alarm) End(err error, summary any) {
	outcome := run.OutcomeOf(err)
	l.Vigil.End(outcome)
	m := l.about
	m.Kind, m.Outcome, m.Summary = notify.KindOf(outcome), outcome, summary
	m.Done, m.Total = l.Vigil.Progress()
	if err != nil {
		m.Cause = Cause(err)
	}
	l.send(m)
}

// Cause is an error without the outcome, which a message has by itself. A bench that
// is not safe comes first.
func Cause(err error) string {
	if unsafe := run.UnsafeLine(err); unsafe != "" {
		return unsafe + " " + err.Error()
	}
	var e *run.Ended
	if errors.As(err, &e) && e.Err != nil {
		return e.Err.Error()
	}
	return err.Error()
}
