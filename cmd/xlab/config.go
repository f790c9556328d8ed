package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/go-viper/mapstructure/v2"
	"github.com/spf13/viper"
	"periph.io/x/conn/v3/physic"

	"xlab/driver/adg1438"
	"xlab/driver/b1500"
	"xlab/driver/transport"
	"xlab/forming"
	"xlab/input"
	"xlab/instrument"
	"xlab/run"
	"xlab/run/figure"
	"xlab/tuning"
)

// Config is the whole configuration: bench.yaml, the user's file, environment
// variables and flags, in rising order of precedence from the last file up.
type Config struct {
	Bench string `mapstructure:"bench"` // a name for this bench
	Runs  string `mapstructure:"runs"`  // directory of run directories; "" = XDG state directory
	// directory of the lock files of real instruments, the same for all who use them; "" = the computer's
	Locks      string           `mapstructure:"locks"`
	Figures    figure.Formats   `mapstructure:"figures"`    // forms in which figures are written
	Analyzer   AnalyzerConfig   `mapstructure:"analyzer"`   //
	Boards     []BoardConfig    `mapstructure:"boards"`     // one switch board per array
	Neurons    NeuronsConfig    `mapstructure:"neurons"`    // the neuron board; no address = there is none
	Limits     LimitsConfig     `mapstructure:"limits"`     // of everything that leaves for the bench
	Read       ReadConfig       `mapstructure:"read"`       // how conductances are read
	Forming    forming.Spec     `mapstructure:"forming"`    // parameters of the published procedure
	Tuning     tuning.Spec      `mapstructure:"tuning"`     // parameters of write-and-verify
	MLP        MLPConfig        `mapstructure:"mlp"`        // parameters of the import of networks
	Notify     NotifyConfig     `mapstructure:"notify"`     // who is told how runs go
	Recovery   RecoveryConfig   `mapstructure:"recovery"`   // what is done when a link is lost
	Watch      WatchConfig      `mapstructure:"watch"`      // conditions that are checked before stress
	Simulation SimulationConfig `mapstructure:"simulation"` // used only when the addresses are "sim"

	files     []string          // that were read, lowest precedence first
	places    map[string]int    // line of every key in the last file that has it
	placeFile map[string]string // and that file
	overrides map[string]string // keys set by the environment or a flag: what set them
}

// AnalyzerConfig says where the parameter analyzer is.
type AnalyzerConfig struct {
	Type          string           `mapstructure:"type"`           // b1500
	Address       string           `mapstructure:"address"`        // sim, serial:PATH or tcp:HOST:PORT of the GPIB adapter
	GPIB          int              `mapstructure:"gpib"`           // address behind the adapter
	LineFrequency instrument.Hertz `mapstructure:"line_frequency"` // of the mains
	FixedRanges   bool             `mapstructure:"fixed_ranges"`   // see b1500.Options; default: only in simulation
}

// BoardConfig says where a switch board is and what is wired to it.
type BoardConfig struct {
	Name         string           `mapstructure:"name"`          // the array's name
	Address      string           `mapstructure:"address"`       // sim, buspirate:serial:PATH or tcp:HOST:PORT, spi:NAME
	SPIFrequency instrument.Hertz `mapstructure:"spi_frequency"` // clock of the chain
	Wiring       string           `mapstructure:"wiring"`        // a file, or array-a.yaml and array-b.yaml as shipped
}

// NeuronsConfig says where the neuron board is, what it is wired to, and how it
// measures.
type NeuronsConfig struct {
	Address   string           `mapstructure:"address"`   // sim, serial:PATH or tcp:HOST:PORT
	Wiring    string           `mapstructure:"wiring"`    // a file, or neuron-board.yaml as shipped
	Reference instrument.Volts `mapstructure:"reference"` // of VREAD+ on all switch boards; VREAD- is its negative
	Average   int              `mapstructure:"average"`   // samples per value
	Burst     bool             `mapstructure:"burst"`     // the board drives patterns through its pattern port
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
	// file that holds the chip's state; "" = XDG state directory
	Chip        string             `mapstructure:"chip"`
	Seed        uint64             `mapstructure:"seed"`        // of a chip that has to be made
	Technology  string             `mapstructure:"technology"`  // technology file; "" = the shipped Pt/Al2O3/TiO2-x
	Temperature instrument.Celsius `mapstructure:"temperature"` // of the chip
	Faults      string             `mapstructure:"faults"`      // script of what goes wrong on the bench; "" = nothing
	Slots       string             `mapstructure:"slots"`       // of the analyzer that hold SMUs, such as 1-4
}

// configName is the project file; the user's has the same form.
const configName = "bench.yaml"

// environmentPrefix begins the environment variables that set keys.
const environmentPrefix = "XLAB"

// loadConfig reads the files, the environment (XLAB_LIMITS_MAX_VOLTAGE=...)
// and the defaults. explicit is a file named by --config, which must exist.
// Where no file describes a bench, the simulated one is described. overrides
// are key=value texts, which win over everything.
func loadConfig(explicit string, overrides []string) (*Config, error) {
	c := &Config{places: make(map[string]int), placeFile: make(map[string]string), overrides: make(map[string]string)}
	v := viper.New()
	v.SetConfigType("yaml")
	for key, value := range configDefaults() {
		v.SetDefault(key, value)
	}
	v.SetEnvPrefix(environmentPrefix)
	v.SetEnvKeyReplacer(strings.NewReplacer(".", "_"))
	v.AutomaticEnv()
	if err := c.checkEnvironment(os.Environ()); err != nil {
		return nil, err
	}

	candidates := []string{cmp.Or(explicit, configName)}
	if file, err := userConfigFile(); err == nil { // without a home there is none
		candidates = slices.Insert(candidates, 0, file)
	}
	for _, file := range candidates {
		text, err := input.ReadYAML(file)
		if errors.Is(err, fs.ErrNotExist) && file != explicit {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("configuration: %w", err)
		}
		settings, err := c.settings(file, text)
		if err != nil {
			return nil, err
		}
		if err := v.MergeConfigMap(settings); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		c.files = append(c.files, file)
	}
	if !c.described() {
		for key, value := range simulatedLimits() {
			v.SetDefault(key, value)
		}
	}
	for _, text := range overrides {
		key, value, found := strings.Cut(text, "=")
		key = strings.ToLower(strings.TrimSpace(key))
		if !found {
			return nil, fmt.Errorf("--set %q is not of the form key=value", run.RedactSetting(text))
		}
		if err := knownKey(key); err != nil {
			return nil, fmt.Errorf("--set %s: %w", run.RedactSetting(text), err)
		}
		v.Set(key, value)
		c.overrides[key] = "--set " + run.RedactSetting(text)
	}
	err := v.UnmarshalExact(c, viper.DecodeHook(mapstructure.ComposeDecodeHookFunc(
		mapstructure.TextUnmarshallerHookFunc(), mapstructure.DecodeHookFuncType(plainValue))))
	if err != nil {
		return nil, c.locate(err)
	}
	return c, errors.Join(c.validate(), c.placeState())
}

// configDefaults are the values of keys that no file gives. Limits are
// deliberately absent on a bench with a file: forgotten limits allow nothing.
func configDefaults() map[string]any {
	d := map[string]any{
		"bench": "simulated", "runs": "", "locks": "", "figures": figure.AllFormats.String(),
		"analyzer.type": "b1500", "analyzer.address": simAddress, "analyzer.gpib": 17, "analyzer.line_frequency": 50.0,
		"analyzer.fixed_ranges": false, "neurons.address": "", "neurons.wiring": "neuron-board.yaml",
		"neurons.reference": "0.2V", "neurons.average": 16, "neurons.burst": false,
		"read.voltage": "0.2V", "read.aperture": "40ms", "read.settle": "1ms", "read.compliance": "5mA",
		"simulation.chip": "", "simulation.seed": 1, "simulation.technology": "", "simulation.faults": "",
		"simulation.slots": "1-4", "simulation.temperature": 25.0,
		"limits.min_voltage": 0.0, "limits.max_voltage": 0.0, "limits.max_current": 0.0, "limits.max_width": 0.0,
	}
	maps.Copy(d, notifyDefaults())
	maps.Copy(d, watchDefaults())
	addDefaults(d, "forming", reflect.ValueOf(forming.DefaultSpec()))
	addDefaults(d, "tuning", reflect.ValueOf(tuning.DefaultSpec()))
	addDefaults(d, "mlp", reflect.ValueOf(defaultMLPConfig()))
	return d
}

// addDefaults registers every field of a parameter struct under its key.
func addDefaults(into map[string]any, path string, v reflect.Value) {
	eachField(v, path, func(key string, field reflect.Value) { into[key] = field.Interface() })
}

// eachField visits every single value of a struct of the configuration and of
// the structs in it, lists left out, with its dotted key.
func eachField(v reflect.Value, path string, visit func(key string, field reflect.Value)) {
	for i := range v.NumField() {
		field := v.Field(i)
		switch key := v.Type().Field(i).Tag.Get("mapstructure"); {
		case key == "" || key == "-" || field.Kind() == reflect.Slice:
		case key == squashed:
			eachField(field, path, visit)
		case field.Kind() == reflect.Struct:
			eachField(field, strings.TrimPrefix(path+"."+key, "."), visit)
		default:
			visit(strings.TrimPrefix(path+"."+key, "."), field)
		}
	}
}

// squashed is the tag of a struct whose fields count as those of the one around it.
const squashed = ",squash"

func (c *Config) validate() error {
	if !c.described() {
		c.Boards = []BoardConfig{{Name: "A", Address: simAddress, Wiring: "array-a.yaml"},
			{Name: "B", Address: simAddress, Wiring: "array-b.yaml"}}
		if c.Neurons.Address == "" && c.overrides["neurons.address"] == "" { // --set neurons.address= takes the board off
			c.Neurons.Address = simAddress
		}
	}
	if key := "analyzer.fixed_ranges"; c.places[key] == 0 && c.overrides[key] == "" {
		c.Analyzer.FixedRanges = c.simulated() // of a real analyzer it is not known yet
	}
	for i := range c.Boards {
		if c.Boards[i].SPIFrequency == 0 {
			c.Boards[i].SPIFrequency = 1e6
		}
	}
	var faults []error
	for _, l := range []struct {
		key   string
		value fmt.Stringer
		wrong bool
		must  string
	}{
		{"limits.min_voltage", c.Limits.MinVoltage, c.Limits.MinVoltage > 0, "0 V or less: it bounds negative voltages"},
		{"limits.max_voltage", c.Limits.MaxVoltage, c.Limits.MaxVoltage < 0, "0 V or more"},
		{"limits.max_current", c.Limits.MaxCurrent, c.Limits.MaxCurrent < 0, "0 A or more: it bounds both directions"},
		{"limits.max_width", c.Limits.MaxWidth, c.Limits.MaxWidth < 0, "0 s or more"},
	} {
		if l.wrong {
			faults = append(faults, fmt.Errorf("%s is %v; it must be %s", c.place(l.key), l.value, l.must))
		}
	}
	if c.Analyzer.Type != "b1500" {
		faults = append(faults, fmt.Errorf("%s is %q; the analyzers supported are: b1500", c.place("analyzer.type"),
			c.Analyzer.Type))
	}
	if c.Analyzer.GPIB < 0 || c.Analyzer.GPIB > 30 {
		faults = append(faults, fmt.Errorf("%s is %d; a GPIB address is 0 to 30", c.place("analyzer.gpib"), c.Analyzer.GPIB))
	}
	if c.Analyzer.LineFrequency != 50 && c.Analyzer.LineFrequency != 60 {
		faults = append(faults, fmt.Errorf("%s is %s; it is 50 or 60 Hz", c.place("analyzer.line_frequency"),
			c.Analyzer.LineFrequency.Exact()))
	}
	if len(c.Boards) == 0 {
		faults = append(faults, fmt.Errorf("%s: no switch board is configured; `xlab init` writes a commented file",
			c.origin()))
	}
	seen := make(map[string]bool)
	for i, b := range c.Boards {
		place := c.place(fmt.Sprintf("boards[%d]", i))
		switch {
		case b.Name == "" || b.Wiring == "" || b.Address == "":
			faults = append(faults, fmt.Errorf("%s: name, address and wiring must be given", place))
		case seen[strings.ToUpper(b.Name)]:
			faults = append(faults, fmt.Errorf("%s: there is another board %q; every array needs a name of its own (upper "+
				"and lower case are the same)", place, b.Name))
		case (b.Address == simAddress) != c.simulated():
			faults = append(faults, fmt.Errorf("%s: board %q has the address %q and the analyzer %q: a bench is either "+
				"simulated or real", place, b.Name, b.Address, c.Analyzer.Address))
		}
		seen[strings.ToUpper(b.Name)] = true
		if err := checkClock(b.SPIFrequency); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", c.place(fmt.Sprintf("boards[%d].spi_frequency", i)), err))
		}
		if err := checkBoardAddress(b.Address); b.Address != "" && err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", c.boardPlace(b.Name), err))
		}
	}
	if _, err := c.sender(nil); err != nil {
		faults = append(faults, err)
	}
	if !c.simulated() {
		if _, err := transport.ParseAddress(c.Analyzer.Address); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", c.place("analyzer.address"), err))
		}
	}
	c.checkExtremes(reflect.ValueOf(*c), "", &faults)
	faults = append(faults, c.checkNeurons()...)
	faults = append(faults, c.checkWatch()...)
	return errors.Join(faults...)
}

// checkExtremes refuses every voltage, current and time that no instrument of
// the bench can give, whatever it is for: a limit of 5MA protects from nothing.
func (c *Config) checkExtremes(v reflect.Value, path string, faults *[]error) {
	most := b1500.Extremes()
	eachField(v, path, func(key string, field reflect.Value) {
		var err error
		switch x := field.Interface().(type) {
		case instrument.Volts:
			err = most.CheckVoltage(x)
		case instrument.Amps:
			err = most.CheckCurrent(x)
		case instrument.Seconds:
			if err = most.CheckWait(x); strings.HasSuffix(key, "width") {
				err = most.CheckWidth(x)
			}
		}
		if err != nil {
			*faults = append(*faults, fmt.Errorf("%s: %w", c.place(key), err))
		}
	})
}

// checkClock tells what is wrong with the clock of a switch board.
func checkClock(f instrument.Hertz) error {
	const slowest = 1000 // Hz; a frame of 40 chips takes a second with it
	fastest := instrument.Hertz(adg1438.MaxClock / physic.Hertz)
	switch {
	case f >= slowest && f <= fastest:
		return nil
	case f > 0 && f < 1:
		return fmt.Errorf("%s is no clock for a switch board; did you mean %gMHz?", f.Exact(), float64(f)*1000)
	}
	return fmt.Errorf("%s is no clock for a switch board: it is %v to %v, such as 1MHz", f.Exact(),
		instrument.Hertz(slowest), fastest)
}

// checkBoardAddress tells what is wrong with a switch board's address.
func checkBoardAddress(address string) error {
	kind, rest, _ := strings.Cut(address, ":")
	switch {
	case address == simAddress, kind == "spi" && rest != "":
		return nil
	case kind == "buspirate":
		_, err := transport.ParseAddress(rest)
		return err
	}
	return fmt.Errorf("the address %q is none of sim, buspirate:serial:PATH, buspirate:tcp:HOST:PORT, spi:NAME", address)
}

// described tells whether a file describes a bench. One that holds nothing but
// preferences, such as where runs are kept, does not.
func (c *Config) described() bool {
	return c.places["analyzer"]+c.places["boards"]+c.places["limits"] > 0
}

// simulatedLimits are the limits of the bench that is used when no file
// describes one.
func simulatedLimits() map[string]any {
	return map[string]any{"limits.min_voltage": "-2.5V", "limits.max_voltage": "3.5V", "limits.max_current": "5mA",
		"limits.max_width": "20ms"}
}

// simulated tells whether the bench is the simulated one.
func (c *Config) simulated() bool { return c.Analyzer.Address == simAddress }

// origin names the files that the bench's description came from.
func (c *Config) origin() string {
	if !c.described() {
		return "the built-in simulated bench"
	}
	return strings.Join(c.files, ", ")
}

// place names where a key was set: "bench.yaml:12: analyzer.gpib".
func (c *Config) place(key string) string {
	if by, ok := c.overrides[key]; ok {
		return fmt.Sprintf("%s (%s)", key, by)
	}
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
	} else if c.described() {
		origin += ", which has no limits: what is not given allows nothing"
	}
	for _, key := range slices.Sorted(maps.Keys(c.overrides)) {
		if strings.HasPrefix(key, "limits.") {
			origin += ", " + c.overrides[key]
		}
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
	return BoardConfig{}, run.Usage(fmt.Errorf("there is no array %q on this bench; %s has: %s", name, c.origin(),
		strings.Join(names, ", ")))
}

// boardPlace names the board and where its address was set.
func (c *Config) boardPlace(name string) string {
	for i, b := range c.Boards {
		if b.Name == name {
			return fmt.Sprintf("board %s, %s", name, c.place(fmt.Sprintf("boards[%d].address", i)))
		}
	}
	return "board " + name
}
