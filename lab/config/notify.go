package config

import (
	"fmt"
	"strings"
	"time"

	"xlab/run/notify"
)

// Notify says who is told how runs go.
type Notify struct {
	Webhook string `mapstructure:"webhook"` // URL that gets messages as JSON; "" = none
	Command string `mapstructure:"command"` // command for the shell that gets them on its input; "" = none
	// what is told of, as in "partial, trip, stall, failure"; "" = everything
	On        string    `mapstructure:"on"`
	Stall     duration  `mapstructure:"stall"`     // how long a run may tell nothing; 0 = as long as it likes
	Heartbeat Heartbeat `mapstructure:"heartbeat"` // for a dead-man's switch
}

// Heartbeat says how a run shows that it is alive.
type Heartbeat struct {
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

// Sender gives whoever is told by the configuration and the --notify flags.
func (c *Config) Sender(flags []string) (*notify.Sender, error) {
	s := &notify.Sender{}
	for key, destination := range map[string]string{"notify.webhook": c.Notify.Webhook,
		"notify.command": c.Notify.Command} {
		if destination == "" {
			continue
		}
		before := len(s.Webhooks)
		if err := s.Parse(destination); err != nil {
			return nil, fmt.Errorf("%s: %w", c.Place(key), err)
		}
		if isHook := len(s.Webhooks) > before; isHook != (key == "notify.webhook") {
			return nil, fmt.Errorf("%s: give a URL as notify.webhook and a command as notify.command", c.Place(key))
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
			return nil, fmt.Errorf("%s: %w", c.Place("notify.on"), err)
		}
		s.On = append(s.On, kind)
	}
	if url := c.Notify.Heartbeat.URL; url != "" {
		if err := notify.CheckURL(url); err != nil {
			return nil, fmt.Errorf("%s: %w", c.Place("notify.heartbeat.url"), err)
		}
	}
	if h := c.Notify.Heartbeat; h.File+h.URL != "" && h.Every <= 0 {
		return nil, fmt.Errorf("%s: the interval of heartbeats must be more than 0 s", c.Place("notify.heartbeat.every"))
	}
	return s, nil
}
