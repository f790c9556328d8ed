package trip

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"xlab/input"
	"xlab/instrument"
)

// Sensor is a temperature that has to stay within bounds. It is read with a
// command that prints a number in °C, with or without the unit, or from a file
// that holds one.
type Sensor struct {
	Command  string // words separated by spaces, no shell; "" = File
	File     string
	Min, Max instrument.Celsius
	Every    time.Duration    // how old a value may be, on the wall clock
	Timeout  time.Duration    // of the command; 0 = 10 s
	Now      func() time.Time // nil = time.Now

	read time.Time
	last instrument.Celsius
}

var _ Condition = (*Sensor)(nil)

// Check reads the sensor when the last value is too old. It blocks for as long
// as the command takes.
func (s *Sensor) Check(ctx context.Context) error {
	now := time.Now
	if s.Now != nil {
		now = s.Now
	}
	if at := now(); s.read.IsZero() || at.Sub(s.read) >= s.Every || at.Before(s.read) {
		text, err := s.text(ctx)
		if err == nil {
			err = s.last.Set(strings.TrimSpace(text))
		}
		if err != nil {
			if ctx.Err() != nil {
				return &instrument.Error{Op: "watch temperature", Kind: instrument.KindOf(ctx.Err()), Err: context.Cause(ctx)}
			}
			return &Trip{What: "the temperature", Value: "it cannot be read: " + err.Error(), Limit: s.bounds()}
		}
		s.read = at
	}
	if s.last < s.Min || s.last > s.Max {
		return &Trip{What: "the temperature", Value: s.last.Exact(), Limit: s.bounds()}
	}
	return nil
}

func (s *Sensor) bounds() string { return s.Min.Exact() + " to " + s.Max.Exact() }

// longest is what a sensor's file may hold, in bytes.
const longest = 4096

func (s *Sensor) text(ctx context.Context) (string, error) {
	words := strings.Fields(s.Command)
	if len(words) == 0 {
		b, err := input.ReadFile(s.File, longest)
		return string(b), err
	}
	timeout := s.Timeout
	if timeout <= 0 {
		timeout = 10 * time.Second
	}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("it did not end within %s", timeout))
	defer cancel()
	c := exec.CommandContext(ctx, words[0], words[1:]...)
	c.WaitDelay = time.Second // a child that it leaves behind must not hold the output open for ever
	var out, complaint bytes.Buffer
	c.Stdout, c.Stderr = &out, &complaint
	if err := c.Run(); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		if said := strings.TrimSpace(complaint.String()); said != "" {
			err = errors.Join(err, errors.New(said[:min(len(said), 200)]))
		}
		return "", fmt.Errorf("%s: %w", words[0], err)
	}
	return out.String(), nil
}
