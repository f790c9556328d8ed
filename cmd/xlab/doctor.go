package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"xlab/instrument"
)

// finding is one line of `xlab doctor`.
type finding struct {
	Check  string `json:"check"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
}

func (a *app) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Check configuration, instruments and switch boards without stressing anything",
		Long: `Reads the configuration, connects to every instrument, asks who it is, sends
a test pattern through every switch chain with all sources at 0 V, and leaves
the bench safe. No voltage is applied to any device.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.load()
			if err != nil {
				return err
			}
			findings, err := a.diagnose(cmd.Context(), c)
			if a.json {
				if err := a.writeJSON(findings); err != nil {
					return err
				}
				return err
			}
			for _, f := range findings {
				mark := "ok  "
				if !f.OK {
					mark = "FAIL"
				}
				fmt.Fprintf(a.out, "%s  %-22s %s\n", mark, f.Check, f.Detail)
			}
			return err
		},
	}
}

// diagnose makes all checks that can be made and returns the first failure's
// error, which decides the exit code.
func (a *app) diagnose(ctx context.Context, c *Config) (findings []finding, first error) {
	report := func(check string, err error, format string, args ...any) {
		f := finding{Check: check, OK: err == nil, Detail: fmt.Sprintf(format, args...)}
		if err != nil {
			f.Detail = strings.TrimSpace(err.Error())
			if first == nil {
				first = fmt.Errorf("%s: %w", check, err)
			}
		}
		findings = append(findings, f)
	}
	report("configuration", nil, "%s", c.origin())
	l := c.limits()
	var limitsErr error
	if l.MaxVoltage <= 0 || l.MinVoltage >= 0 || l.MaxCurrent <= 0 || l.MaxWidth <= 0 {
		limitsErr = usageError(fmt.Errorf("a limit is 0, which allows nothing: set min_voltage, max_voltage, max_current and max_width (%s)", l.Origin))
	}
	report("limits", limitsErr, "%v to %v, %v, %v", l.MinVoltage, l.MaxVoltage, l.MaxCurrent, l.MaxWidth)
	report("runs directory", writable(c.runsDir()), "%s", c.runsDir())
	var names []string
	for _, b := range c.Boards {
		names = append(names, b.Name)
		w, err := c.wiringOf(b.Name)
		if err != nil {
			report("wiring of "+b.Name, err, "")
			return findings, first
		}
		report("wiring of "+b.Name, nil, "%s: %d rows, %d columns", b.Wiring, w.Rows, w.Cols)
	}
	s, err := a.open(ctx, c, names...)
	if err != nil {
		report("bench", err, "")
		return findings, first
	}
	defer func() {
		if err := s.Close(); err != nil {
			report("closing", err, "")
		}
	}()
	report("analyzer", nil, "%s %s, serial %s, firmware %s; units: %s", s.identity.Vendor, s.identity.Model, s.identity.Serial, s.identity.Firmware, strings.Join(s.identity.Modules, " "))
	for _, name := range names {
		report("switch board "+name, s.testBoard(ctx, name), "%d chips pass a pattern on and read back; all open again", s.boards[name].Lines())
	}
	for _, safer := range s.safers() {
		report(safer.Name+" safe", safer.Safe(ctx), "at 0 V and disconnected, or all switches open")
	}
	return findings, first
}

// testBoard closes one ground switch after the other with all sources at zero,
// so that every chip has to pass a bit on, and opens all again.
func (s *session) testBoard(ctx context.Context, name string) error {
	w := s.arrays[name].Wiring()
	ground := w.Switch["GND"]
	if ground == 0 {
		return errors.New("the wiring map has no ground bus (GND), so no pattern can be sent without connecting a source")
	}
	lines := make([]instrument.Switches, w.Lines())
	for i := range lines {
		if i%2 == 0 {
			lines[i] = ground
		}
	}
	for range 2 {
		if err := s.boards[name].Route(ctx, lines); err != nil {
			return err
		}
		for i := range lines {
			lines[i] ^= ground
		}
	}
	return s.boards[name].Safe(ctx)
}

// writable checks that a directory can be made and written to.
func writable(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return usageError(err)
	}
	f, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return usageError(err)
	}
	err = errors.Join(f.Close(), os.Remove(f.Name()))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: a file that was just written is gone", filepath.Dir(f.Name()))
	}
	return err
}
