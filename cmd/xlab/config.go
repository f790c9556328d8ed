package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/go-viper/mapstructure/v2"
	"github.com/spf13/viper"

	"xlab/forming"
	"xlab/instrument"
)

// Config is the whole configuration: bench.yaml, the user's file, environment
// variables and flags, in rising order of precedence from the last file up.
type Config struct {
	Bench      string           `mapstructure:"bench"`      // a name for this bench
	Runs       string           `mapstructure:"runs"`       // directory of run directories; "" = XDG state directory
	Analyzer   AnalyzerConfig   `mapstructure:"analyzer"`   //
	Boards     []BoardConfig    `mapstructure:"boards"`     // one switch board per array
	Limits     LimitsConfig     `mapstructure:"limits"`     // of everything that leaves for the bench
	Read       ReadConfig       `mapstructure:"read"`       // how conductances are read
	Forming    forming.Spec     `mapstructure:"forming"`    // parameters of the published procedure
	Simulation SimulationConfig `mapstructure:"simulation"` // used only when the addresses are "sim"

	files     []string       // that were read, lowest precedence first
	places    map[string]int // line of every key in the last file that has it
	placeFile map[string]string
}

// AnalyzerConfig says where the parameter analyzer is.
type AnalyzerConfig struct {
	Type          string  `mapstructure:"type"`           // b1500
	Address       string  `mapstructure:"address"`        // sim, serial:PATH or tcp:HOST:PORT of the GPIB adapter
	GPIB          int     `mapstructure:"gpib"`           // address behind the adapter
	LineFrequency float64 `mapstructure:"line_frequency"` // Hz
}

// BoardConfig says where a switch board is and what is wired to it.
type BoardConfig struct {
	Name         string `mapstructure:"name"`          // the array's name
	Address      string `mapstructure:"address"`       // sim, buspirate:serial:PATH, buspirate:tcp:HOST:PORT or spi:NAME
	SPIFrequency string `mapstructure:"spi_frequency"` // such as 1MHz
	Wiring       string `mapstructure:"wiring"`        // a file, or array-a.yaml and array-b.yaml as shipped
}

// LimitsConfig bounds what a device may see; see instrument.Limits.
type LimitsConfig struct {
	MinVoltage instrument.Volts   `mapstructure:"min_voltage"`
	MaxVoltage instrument.Volts   `mapstructure:"max_voltage"`
	MaxCurrent instrument.Amps    `mapstructure:"max_current"`
	MaxWidth   instrument.Seconds `mapstructure:"max_width"`
}

// ReadConfig is how conductances are read.
type ReadConfig struct {
	Voltage    instrument.Volts   `mapstructure:"voltage"`
	Aperture   instrument.Seconds `mapstructure:"aperture"`
	Settle     instrument.Seconds `mapstructure:"settle"`
	Compliance instrument.Amps    `mapstructure:"compliance"`
}

// SimulationConfig describes the simulated bench.
type SimulationConfig struct {
	Chip        string             `mapstructure:"chip"`        // file that holds the chip's state; "" = XDG state directory
	Seed        uint64             `mapstructure:"seed"`        // of a chip that has to be made
	Technology  string             `mapstructure:"technology"`  // technology file; "" = the shipped Pt/Al2O3/TiO2-x
	Temperature instrument.Celsius `mapstructure:"temperature"` // of the chip
}

// configName is the project file; the user's has the same form.
const configName = "bench.yaml"

// errNoConfig says that no file was found, which selects the simulated bench.
var errNoConfig = errors.New("no bench.yaml")

// loadConfig reads the files, the environment (XLAB_LIMITS_MAX_VOLTAGE=...)
// and the defaults. explicit is a file named by --config, which must exist.
// With no file at all the simulated bench is described. overrides are
// key=value texts, which win over everything.
func loadConfig(explicit string, overrides []string) (*Config, error) {
	c := &Config{places: make(map[string]int), placeFile: make(map[string]string)}
	v := viper.New()
	v.SetConfigType("yaml")
	for key, value := range configDefaults() {
		v.SetDefault(key, value)
	}
	v.SetEnvPrefix("XLAB")
	v.SetEnvKeyReplacer(strings.NewReplacer(".", "_"))
	v.AutomaticEnv()

	candidates := []string{userConfigFile(), configName}
	if explicit != "" {
		candidates = []string{userConfigFile(), explicit}
	}
	for _, file := range candidates {
		text, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) && file != explicit {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("configuration: %w", err)
		}
		if err := c.checkKeys(file, text); err != nil {
			return nil, err
		}
		if err := v.MergeConfig(strings.NewReader(string(text))); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		c.files = append(c.files, file)
	}
	for _, text := range overrides {
		key, value, found := strings.Cut(text, "=")
		key = strings.ToLower(strings.TrimSpace(key))
		if !found {
			return nil, fmt.Errorf("--set %q is not of the form key=value", text)
		}
		if err := knownKey(key); err != nil {
			return nil, fmt.Errorf("--set %s: %w", text, err)
		}
		v.Set(key, value)
	}
	err := v.UnmarshalExact(c, viper.DecodeHook(mapstructure.ComposeDecodeHookFunc(
		mapstructure.TextUnmarshallerHookFunc(), mapstructure.StringToSliceHookFunc(","))))
	if err != nil {
		return nil, c.locate(err)
	}
	return c, c.validate()
}

// userConfigFile is the user's own file in the XDG configuration directory.
func userConfigFile() string {
	return filepath.Join(xdgDir("XDG_CONFIG_HOME", ".config"), configName)
}

// stateDir is where runs and simulated chips are kept by default.
func stateDir() string { return xdgDir("XDG_STATE_HOME", filepath.Join(".local", "state")) }

func xdgDir(variable, fallback string) string {
	if dir := os.Getenv(variable); filepath.IsAbs(dir) {
		return filepath.Join(dir, "xlab")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		// Without a home the working directory is the only place left.
		home = "."
	}
	return filepath.Join(home, fallback, "xlab")
}

// configDefaults are the values of keys that no file gives. Limits are
// deliberately absent on a bench with a file: forgotten limits allow nothing.
func configDefaults() map[string]any {
	d := map[string]any{
		"bench": "simulated", "runs": "",
		"analyzer.type": "b1500", "analyzer.address": simAddress, "analyzer.gpib": 17, "analyzer.line_frequency": 50.0,
		"read.voltage": "0.2V", "read.aperture": "40ms", "read.settle": "1ms", "read.compliance": "5mA",
		"simulation.chip": "", "simulation.seed": 1, "simulation.technology": "", "simulation.temperature": 25.0,
		"limits.min_voltage": 0.0, "limits.max_voltage": 0.0, "limits.max_current": 0.0, "limits.max_width": 0.0,
	}
	addDefaults(d, "forming", reflect.ValueOf(forming.DefaultSpec()))
	return d
}

// addDefaults registers every field of a parameter struct under its key.
func addDefaults(into map[string]any, path string, v reflect.Value) {
	for i := range v.NumField() {
		if key := v.Type().Field(i).Tag.Get("mapstructure"); key != "" && key != "-" {
			into[path+"."+key] = v.Field(i).Interface()
		}
	}
}

func (c *Config) validate() error {
	if len(c.files) == 0 {
		c.describeSimulatedBench()
	}
	var faults []error
	if c.Analyzer.Type != "b1500" {
		faults = append(faults, fmt.Errorf("%s is %q; the analyzers supported are: b1500", c.place("analyzer.type"), c.Analyzer.Type))
	}
	if c.Analyzer.GPIB < 0 || c.Analyzer.GPIB > 30 {
		faults = append(faults, fmt.Errorf("%s is %d; a GPIB address is 0 to 30", c.place("analyzer.gpib"), c.Analyzer.GPIB))
	}
	if c.Analyzer.LineFrequency != 50 && c.Analyzer.LineFrequency != 60 {
		faults = append(faults, fmt.Errorf("%s is %g; it is 50 or 60 Hz", c.place("analyzer.line_frequency"), c.Analyzer.LineFrequency))
	}
	if len(c.Boards) == 0 {
		faults = append(faults, fmt.Errorf("%s: no switch board is configured; `xlab init` writes a commented file", c.origin()))
	}
	seen := make(map[string]bool)
	for i, b := range c.Boards {
		place := c.place(fmt.Sprintf("boards[%d]", i))
		switch {
		case b.Name == "" || b.Wiring == "" || b.Address == "":
			faults = append(faults, fmt.Errorf("%s: name, address and wiring must be given", place))
		case seen[b.Name]:
			faults = append(faults, fmt.Errorf("%s: there is another board %q", place, b.Name))
		case (b.Address == simAddress) != c.simulated():
			faults = append(faults, fmt.Errorf("%s: board %q has the address %q and the analyzer %q: a bench is either simulated or real", place, b.Name, b.Address, c.Analyzer.Address))
		}
		seen[b.Name] = true
	}
	return errors.Join(faults...)
}

// describeSimulatedBench fills in the bench that is used when there is no file.
func (c *Config) describeSimulatedBench() {
	c.Boards = []BoardConfig{
		{Name: "A", Address: simAddress, SPIFrequency: "1MHz", Wiring: "array-a.yaml"},
		{Name: "B", Address: simAddress, SPIFrequency: "1MHz", Wiring: "array-b.yaml"},
	}
	if c.Limits == (LimitsConfig{}) {
		c.Limits = LimitsConfig{MinVoltage: -2.5, MaxVoltage: 3.5, MaxCurrent: 5e-3, MaxWidth: 20e-3}
	}
}

// simulated tells whether the bench is the simulated one.
func (c *Config) simulated() bool { return c.Analyzer.Address == simAddress }

// origin names the files that the configuration came from.
func (c *Config) origin() string {
	if len(c.files) == 0 {
		return "the built-in simulated bench"
	}
	return strings.Join(c.files, ", ")
}

// place names where a key was set: "bench.yaml:12: analyzer.gpib".
func (c *Config) place(key string) string {
	if line, ok := c.places[key]; ok {
		return fmt.Sprintf("%s:%d: %s", c.placeFile[key], line, key)
	}
	return key + " (" + c.origin() + ")"
}

// limits are the device's limits with their origin.
func (c *Config) limits() instrument.Limits {
	origin := c.origin()
	if line, ok := c.places["limits"]; ok {
		origin = fmt.Sprintf("%s:%d: limits", c.placeFile["limits"], line)
	}
	return instrument.Limits{MinVoltage: c.Limits.MinVoltage, MaxVoltage: c.Limits.MaxVoltage,
		MaxSpan:    max(c.Limits.MaxVoltage, -c.Limits.MinVoltage),
		MaxCurrent: c.Limits.MaxCurrent, MaxWidth: c.Limits.MaxWidth, Origin: origin}
}

// channelLimits are the limits of every single source: the selected lines are
// biased symmetrically about ground, so either sign occurs on both.
func (c *Config) channelLimits() instrument.Limits {
	l := c.limits()
	l.MinVoltage, l.MaxVoltage = -l.MaxSpan, l.MaxSpan
	return l
}

// board finds the board of an array.
func (c *Config) board(name string) (BoardConfig, error) {
	var names []string
	for _, b := range c.Boards {
		if strings.EqualFold(b.Name, name) {
			return b, nil
		}
		names = append(names, b.Name)
	}
	return BoardConfig{}, usageError(fmt.Errorf("there is no array %q on this bench; %s has: %s", name, c.origin(), strings.Join(names, ", ")))
}

// runsDir is the directory of run directories.
func (c *Config) runsDir() string {
	if c.Runs != "" {
		return c.Runs
	}
	return filepath.Join(stateDir(), "runs")
}

// chipFile is where the simulated chip's state is kept.
func (c *Config) chipFile() string {
	if c.Simulation.Chip != "" {
		return c.Simulation.Chip
	}
	return filepath.Join(stateDir(), "chip.json")
}
