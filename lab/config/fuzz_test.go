package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"xlab/lab/boxes"
	"xlab/lab/config"
)

// FuzzConfig reads any bytes as a bench description: they are understood, or
// refused with the file's name.
func FuzzConfig(f *testing.F) {
	f.Add(string(config.Template(false, false)), "")
	f.Add(string(config.Template(true, false)), "limits.max_voltage=3V")
	f.Add("analyzer: {address: sim}\nboards: [{name: A, address: sim, wiring: array-a.yaml}]\nlimits: {max_voltage: "+
		".inf}\n", "forming.amin=20")
	f.Add("boards: &a [*a]\n", "boards[0].name=x")
	f.Add("a: &a [x,x]\nb: [*a,*a]\n---\n", "=")
	f.Add("limits: {max_width: 1e999s, MAX_WIDTH: 1ms}\n", "runs")
	f.Fuzz(func(t *testing.T, text, set string) {
		file := filepath.Join(t.TempDir(), "fuzzed.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var overrides []string
		if set != "" {
			overrides = append(overrides, set)
		}
		c, err := config.Load(file, overrides, boxes.Default())
		if err != nil {
			if set == "" && !strings.Contains(err.Error(), "fuzzed.yaml") && !strings.Contains(err.Error(), "built-in") {
				t.Errorf("%q does not say where the mistake is", err)
			}
			return
		}
		l := c.DeviceLimits()
		if !(l.MinVoltage <= 0 && l.MaxVoltage >= 0 && l.MaxCurrent >= 0 && l.MaxWidth >= 0) {
			t.Errorf("the limits are %+v", l)
		}
		if len(c.Boards) == 0 {
			t.Errorf("no boards: %+v", c)
		}
		for _, b := range c.Boards {
			if found, err := c.Board(b.Name); err != nil || found != b {
				t.Errorf("board %q: %+v, %v", b.Name, found, err)
			}
		}
	})
}
