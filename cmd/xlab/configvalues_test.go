package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"xlab/lab/boxes"
	"xlab/lab/config"
)

// A described bench, to which one key is added.
const describedBench = `analyzer: {address: sim}
boards: [{name: A, address: sim, wiring: array-a.yaml}]
limits: {min_voltage: -2.5V, max_voltage: 3.5V, max_current: 5mA, max_width: 20ms}
`

// What no instrument of the bench can give is refused wherever it is set, with
// the value that was probably meant.
func TestBeyondInstruments(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	file := filepath.Join(t.TempDir(), "bench.yaml")
	if err := os.WriteFile(file, []byte(describedBench), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Run("environment", func(t *testing.T) {
		t.Setenv("XLAB_LIMITS_MAX_CURRENT", "5MA")
		if _, err := config.Load(file, nil, boxes.Default()); err == nil ||
			!strings.Contains(err.Error(), "limits.max_current (environment variable XLAB_LIMITS_MAX_CURRENT): 5 MA is beyond") {
			t.Errorf("%v", err)
		}
	})
	for set, want := range map[string]string{
		"limits.max_current=5MA":        "5 MA is beyond the 100 mA that a B1500A can give; did you mean 5mA?",
		"limits.max_current=5":          "did you mean 5mA?",
		"limits.max_voltage=3000":       "3 kV is beyond the 40 V that a B1500A can give; did you mean 3000mV?",
		"limits.min_voltage=-2400":      "did you mean -2400mV?",
		"limits.max_width=20Ms":         "20 Ms is beyond the 2 s that a B1500A can give; did you mean 20ms?",
		"read.voltage=200":              "did you mean 200mV?",
		"read.compliance=1MA":           "did you mean 1mA?",
		"read.settle=1000s":             "beyond the 99.9999 s",
		"forming.imax=800":              "did you mean 800uA?",
		"forming.icomp=3A":              "did you mean 3mA?",
		"forming.vcomp=-300":            "did you mean -300mV?",
		"forming.pulse_width=500":       "did you mean 500ms?",
		"tuning.compliance=10A":         "did you mean 10mA?",
		"tuning.vset_max=1400":          "did you mean 1400mV?",
		"tuning.width=500s":             "did you mean 500ms?",
		"neurons.reference=200":         "did you mean 200mV?",
		"limits.max_current=100mA":      "",
		"limits.max_voltage=40":         "",
		"analyzer.line_frequency=60 Hz": "",
	} {
		_, err := config.Load(file, []string{set}, boxes.Default())
		if want == "" && err != nil ||
			want != "" && (err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "--set "+set)) {
			t.Errorf("%s: %v", set, err)
		}
	}
}

// Numbers in files mean what a person reads, or are refused.
func TestConfigValues(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	file := filepath.Join(t.TempDir(), "bench.yaml")
	for _, c := range []struct{ line, wrong string }{
		{"analyzer: {address: sim, line_frequency: 60Hz}", ""},
		{"analyzer: {address: sim, line_frequency: 60 Hz}", ""},
		{"analyzer: {address: sim, line_frequency: 60}", ""},
		{"analyzer: {address: sim, line_frequency: 60.0}", ""},
		{"analyzer: {address: sim, line_frequency: 60kHz}", "it is 50 or 60 Hz"},
		{"analyzer: {address: sim, gpib: 017}", "bench.yaml:1: 017 is read as 15 by YAML"},
		{"analyzer: {address: sim, gpib: '017'}", ""},
		{"analyzer: {address: sim, gpib: 0o17}", "bench.yaml:1: 0o17 is read as 15"},
		{"analyzer: {address: sim, gpib: 0x11}", "bench.yaml:1: 0x11 is read as 17"},
		{"analyzer: {address: sim, gpib: 1_7}", "bench.yaml:1: 1_7 is read as 17"},
		{"analyzer: {address: sim, gpib: 1e1}", `bench.yaml:1: analyzer.gpib: "1e1" is not a whole number: write it like 10`},
		{"analyzer: {address: sim, gpib: 12:30:00}", `analyzer.gpib: "12:30:00" is not a whole number`},
		{"analyzer: {address: sim, gpib: yes}", `analyzer.gpib: "yes" is not a whole number`},
		{"tuning: {tolerance: 5%}", `bench.yaml:1: tuning.tolerance: "5%" is not a number: write it like 0.05`},
		{"tuning: {compensate: yes}", `tuning.compensate: "yes" is not true or false: write true`},
		{"tuning: {compensate: true}", ""},
		{"tuning: {width: 1_000us}", "tuning.width"},
		{"bench: 2026-11-30", ""},
		{"bench: 1e3", ""},
		{"bench: on", ""},
		{"boards: [{name: 12, address: sim, wiring: array-a.yaml, spi_frequency: 1mHz}]", "did you mean 1MHz?"},
		{"boards: [{name: 12, address: sim, wiring: array-a.yaml, spi_frequency: 30MHz}]",
			"is no clock for a switch board: it is 1.00 kHz to 20.0 MHz"},
		{"boards: [{name: 12, address: sim, wiring: array-a.yaml, spi_frequency: 4000000}]", ""},
	} {
		text := c.line + "\n"
		for line := range strings.Lines(describedBench) {
			if key, _, _ := strings.Cut(line, ":"); !strings.HasPrefix(c.line, key+":") {
				text += line
			}
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		config, err := config.Load(file, nil, boxes.Default())
		if c.wrong == "" && err != nil || c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)) {
			t.Errorf("%s: %v", c.line, err)
			continue
		}
		if name, found := strings.CutPrefix(c.line, "bench: "); found && config.Bench != name {
			t.Errorf("%s: the bench is called %q", c.line, config.Bench)
		}
	}
}

func TestPlainFlags(t *testing.T) {
	f := pflag.NewFlagSet("test", pflag.ContinueOnError)
	seed, passes, share, quiet, wait := f.Uint64("seed", 1, ""), f.Int("passes", 0, ""), f.Float64("share", 0, ""),
		f.Bool("quiet", false, ""), f.Duration("wait", 0, "")
	f.VisitAll(plainNumber)
	f.VisitAll(plainNumber) // twice does no harm
	if err := f.Parse([]string{"--seed", "017", "--passes=-012", "--share", "0.5", "--quiet", "--wait=90s"}); err != nil {
		t.Fatal(err)
	}
	if *seed != 17 || *passes != -12 || *share != 0.5 || !*quiet || wait.Seconds() != 90 {
		t.Errorf("seed %d, passes %d, share %g, quiet %v, wait %v", *seed, *passes, *share, *quiet, *wait)
	}
	if n, err := f.GetInt("passes"); n != -12 || err != nil {
		t.Errorf("the library reads %d, %v", n, err)
	}
	for argument, want := range map[string]string{"--seed=0x11": "write it like 17", "--seed=-1": "0 or more",
		"--passes=1e1": "write it like 10", "--share=30%": "write it like 0.3",
		"--share=x": "not a finite number", "--quiet=ja": "not true or false", "--wait=soon": "not a time such as"} {
		err := f.Parse([]string{argument})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "parsing") {
			t.Errorf("%s: %v", argument, err)
		}
	}
}
