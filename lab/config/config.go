package config

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

	"xlab/figure"
	"xlab/input"
	"xlab/instrument"
	"xlab/instrument/profile"
	"xlab/lab/procedure"
	"xlab/run"
)

// Config is the whole configuration: bench.yaml, the user's file, environment
// variables and flags, in rising order of precedence from the last file up.
type Config struct {
	Bench string `mapstructure:"bench"` // a name for this bench
	Runs  string `mapstructure:"runs"`  // directory of run directories; "" = XDG state directory
	// directory of the lock files of real instruments, the same for all who use them; "" = the computer's
	Locks              string         `mapstructure:"locks"`
	Figures            figure.Formats `mapstructure:"figures"`  // forms in which figures are written
	Analyzer           Analyzer       `mapstructure:"analyzer"` //
	Boards             []Board        `mapstructure:"boards"`   // one per array, with its switch board if it has one
	Neurons            Neurons        `mapstructure:"neurons"`  // the neuron board; no address = there is none
	Limits             Limits         `mapstructure:"limits"`   // of everything that leaves for the bench
	Device             Device         `mapstructure:"device"`   // what is believed of the devices
	procedure.Settings `mapstructure:",squash"`

	Notify     Notify     `mapstructure:"notify"`     // who is told how runs go
	Recovery   Recovery   `mapstructure:"recovery"`   // what is done when a link is lost
	Watch      Watch      `mapstructure:"watch"`      // conditions that are checked before stress
	Simulation Simulation `mapstructure:"simulation"` // used only when the addresses are "sim"

	files     []string          // that were read, lowest precedence first
	places    map[string]int    // line of every key in the last file that has it
	placeFile map[string]string // and that file
	overrides map[string]string // keys set by the environment or a flag: what set them
	profiled  map[string]bool   // keys whose values, where nobody gives them, are the device profile's
}

// Analyzer says where the parameter analyzer is.
type Analyzer struct {
	Type          string           `mapstructure:"type"`           // one of Boxes
	Address       string           `mapstructure:"address"`        // sim, serial:PATH or tcp:HOST:PORT
	GPIB          int              `mapstructure:"gpib"`           // address behind a GPIB adapter
	LineFrequency instrument.Hertz `mapstructure:"line_frequency"` // of the mains
	FixedRanges   bool             `mapstructure:"fixed_ranges"`   // see b1500.Options; default: only in simulation
}

// Limits bounds what a device may see; see instrument.Limits.
type Limits struct {
	MinVoltage instrument.Volts   `mapstructure:"min_voltage"`
	MaxVoltage instrument.Volts   `mapstructure:"max_voltage"`
	MaxCurrent instrument.Amps    `mapstructure:"max_current"`
	MaxWidth   instrument.Seconds `mapstructure:"max_width"`
}

// Device says what is believed of the devices on the bench, which is never taken from
// what a simulated bench simulates.
type Device struct {
	Profile string `mapstructure:"profile"` // one that is shipped, or a file: see profile.Open
}

// Simulation describes the simulated bench.
type Simulation struct {
	// file that holds the chip's state; "" = XDG state directory
	Chip        string             `mapstructure:"chip"`
	Seed        uint64             `mapstructure:"seed"`        // of a chip that has to be made
	Technology  string             `mapstructure:"technology"`  // one that is shipped, or a file; "" = Pt/Al2O3/TiO2-x
	Temperature instrument.Celsius `mapstructure:"temperature"` // of the chip
	Faults      string             `mapstructure:"faults"`      // script of what goes wrong on the bench; "" = nothing
	Slots       string             `mapstructure:"slots"`       // of the analyzer that hold SMUs, such as 1-4
}

// Boxes are the instruments that a bench can have, as far as its description is
// checked with them.
type Boxes interface {
	DefaultAnalyzer() string // type of the analyzer where none is given
	// CheckAnalyzer tells what is wrong with the section analyzer but for its address,
	// each fault with its place, and what the analyzer can give at most.
	CheckAnalyzer(c *Config) (most instrument.Extremes, faults []error)
	CheckBoardAddress(address string) error // tells what is wrong with a switch board's address
	CheckClock(f instrument.Hertz) error    // tells what is wrong with the clock of a switch board
	CheckAddress(address string) error      // tells what is wrong with the address of any other instrument
}

// FileName is the project file; the user's has the same form.
const FileName = "bench.yaml"

// EnvironmentPrefix begins the environment variables that set keys.
const EnvironmentPrefix = "XLAB"

// Load reads the files, the environment (XLAB_LIMITS_MAX_VOLTAGE=...)
// and the defaults. explicit is a file named by --config, which must exist.
// Where no file describes a bench, the simulated one is described. overrides
// are key=value texts, which win over everything. What is wrong with it is told by
// the boxes that it may name.
func Load(explicit string, overrides []string, boxes Boxes) (*Config, error) {
	c := &Config{places: make(map[string]int), placeFile: make(map[string]string), overrides: make(map[string]string),
		profiled: make(map[string]bool)}
	v := viper.New()
	v.SetConfigType("yaml")
	for key, value := range configDefaults(boxes.DefaultAnalyzer()) {
		v.SetDefault(key, value)
	}
	v.SetEnvPrefix(EnvironmentPrefix)
	v.SetEnvKeyReplacer(strings.NewReplacer(".", "_"))
	v.AutomaticEnv()
	if err := c.checkEnvironment(os.Environ()); err != nil {
		return nil, err
	}

	candidates := []string{cmp.Or(explicit, FileName)}
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
	if !c.Described() {
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
		if err := CheckKey(key); err != nil {
			return nil, fmt.Errorf("--set %s: %w", run.RedactSetting(text), err)
		}
		v.Set(key, value)
		c.overrides[key] = "--set " + run.RedactSetting(text)
	}
	p, err := profile.Open(v.GetString("device.profile"))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Place("device.profile"), err)
	}
	eachField(reflect.ValueOf(procedure.DefaultSettings(p)), "", func(key string, field reflect.Value) {
		v.SetDefault(key, field.Interface())
		c.profiled[key] = true
	})
	err = v.UnmarshalExact(c, viper.DecodeHook(mapstructure.ComposeDecodeHookFunc(
		mapstructure.TextUnmarshallerHookFunc(), mapstructure.DecodeHookFuncType(plainValue))))
	if err != nil {
		return nil, c.locate(err)
	}
	c.Settings.Profile, c.Forming.Profile, c.Tuning.Profile = p, p, p
	return c, errors.Join(c.validate(boxes), c.placeState())
}

// configDefaults are the values of keys that no file gives. Limits are
// deliberately absent on a bench with a file: forgotten limits allow nothing.
func configDefaults(analyzer string) map[string]any {
	d := map[string]any{
		"bench": "simulated", "runs": "", "locks": "", "figures": figure.AllFormats.String(),
		"analyzer.type": analyzer, "analyzer.address": SimulatedAddress, "analyzer.gpib": 17, "analyzer.line_frequency": 50.0,
		"analyzer.fixed_ranges": false, "neurons.address": "", "neurons.wiring": "neuron-board.yaml",
		"neurons.reference": "0.2V", "neurons.average": 16, "neurons.burst": false,
		"simulation.chip": "", "simulation.seed": 1, "simulation.technology": "", "simulation.faults": "",
		"simulation.slots": "1-4", "simulation.temperature": 25.0,
		"limits.min_voltage": 0.0, "limits.max_voltage": 0.0, "limits.max_current": 0.0, "limits.max_width": 0.0,
	}
	d["device.profile"] = profile.Default
	maps.Copy(d, notifyDefaults())
	maps.Copy(d, watchDefaults())
	return d
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

func (c *Config) validate(boxes Boxes) error {
	if !c.Described() {
		c.Boards = []Board{{Name: "A", Address: SimulatedAddress, Wiring: "array-a.yaml"},
			{Name: "B", Address: SimulatedAddress, Wiring: "array-b.yaml"}}
		if c.Neurons.Address == "" && c.overrides["neurons.address"] == "" { // --set neurons.address= takes the board off
			c.Neurons.Address = SimulatedAddress
		}
	}
	if !c.IsSet("analyzer.fixed_ranges") {
		c.Analyzer.FixedRanges = c.Simulated() // of a real analyzer it is not known yet
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
			faults = append(faults, fmt.Errorf("%s is %v; it must be %s", c.Place(l.key), l.value, l.must))
		}
	}
	most, wrong := boxes.CheckAnalyzer(c)
	faults = append(faults, wrong...)
	if len(c.Boards) == 0 {
		faults = append(faults, fmt.Errorf("%s: no switch board is configured; `xlab init` writes a commented file",
			c.Origin()))
	}
	seen := make(map[string]bool)
	for i, b := range c.Boards {
		place := c.Place(fmt.Sprintf("boards[%d]", i))
		switch {
		case b.Name == "" || b.Wiring == "" || b.Address == "":
			faults = append(faults, fmt.Errorf("%s: name, address and wiring must be given", place))
		case seen[strings.ToUpper(b.Name)]:
			faults = append(faults, fmt.Errorf("%s: there is another board %q; every array needs a name of its own (upper "+
				"and lower case are the same)", place, b.Name))
		case b.Switched() && (b.Address == SimulatedAddress) != c.Simulated():
			faults = append(faults, fmt.Errorf("%s: board %q has the address %q and the analyzer %q: a bench is either "+
				"simulated or real", place, b.Name, b.Address, c.Analyzer.Address))
		}
		seen[strings.ToUpper(b.Name)] = true
		if !b.Switched() {
			continue
		}
		if err := boxes.CheckClock(b.SPIFrequency); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", c.Place(fmt.Sprintf("boards[%d].spi_frequency", i)), err))
		}
		if err := boxes.CheckBoardAddress(b.Address); b.Address != "" && err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", c.BoardPlace(b.Name), err))
		}
	}
	if _, err := c.Sender(nil); err != nil {
		faults = append(faults, err)
	}
	if !c.Simulated() {
		if err := boxes.CheckAddress(c.Analyzer.Address); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", c.Place("analyzer.address"), err))
		}
	}
	c.checkExtremes(most, &faults)
	faults = append(faults, c.checkNeurons(boxes)...)
	faults = append(faults, c.checkWatch()...)
	return errors.Join(faults...)
}

// checkExtremes refuses every voltage, current and time that no instrument of
// the bench can give, whatever it is for: a limit of 5MA protects from nothing.
func (c *Config) checkExtremes(most instrument.Extremes, faults *[]error) {
	eachField(reflect.ValueOf(*c), "", func(key string, field reflect.Value) {
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
			*faults = append(*faults, fmt.Errorf("%s: %w", c.Place(key), err))
		}
	})
}

// Described tells whether a file describes a bench. One that holds nothing but
// preferences, such as where runs are kept, does not.
func (c *Config) Described() bool {
	return c.places["analyzer"]+c.places["boards"]+c.places["limits"] > 0
}

// simulatedLimits are the limits of the bench that is used when no file
// describes one.
func simulatedLimits() map[string]any {
	return map[string]any{"limits.min_voltage": "-2.5V", "limits.max_voltage": "3.5V", "limits.max_current": "5mA",
		"limits.max_width": "20ms"}
}

// Simulated tells whether the bench is the simulated one.
func (c *Config) Simulated() bool { return c.Analyzer.Address == SimulatedAddress }

// Origin names the files that the bench's description came from.
func (c *Config) Origin() string {
	if !c.Described() {
		return "the built-in simulated bench"
	}
	return strings.Join(c.files, ", ")
}

// Files are those that were read, lowest precedence first.
func (c *Config) Files() []string { return c.files }

// Given tells whether a file has the key.
func (c *Config) Given(key string) bool { return c.places[key] > 0 }

// IsSet tells whether a file, the environment or a flag has set the key.
func (c *Config) IsSet(key string) bool { return c.Given(key) || c.overrides[key] != "" }

// Override notes that a flag has set a key.
func (c *Config) Override(key, flag string) { c.overrides[key] = flag }

// Place names where a key was set: "bench.yaml:12: analyzer.gpib".
func (c *Config) Place(key string) string {
	if by, ok := c.overrides[key]; ok {
		return fmt.Sprintf("%s (%s)", key, by)
	}
	if line, ok := c.places[key]; ok {
		return fmt.Sprintf("%s:%d: %s", c.placeFile[key], line, key)
	}
	if p := c.Settings.Profile; c.profiled[key] && p != nil && !p.IsZero() {
		return key + " (device profile " + p.File() + ")"
	}
	return key + " (" + c.Origin() + ")"
}

// DeviceLimits are the device's limits with their origin.
func (c *Config) DeviceLimits() instrument.Limits {
	origin := c.Origin()
	if line, ok := c.places["limits"]; ok {
		origin = fmt.Sprintf("%s:%d: limits", c.placeFile["limits"], line)
	} else if c.Described() {
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

// SourceLimits are the limits of every single source: the selected lines are
// biased symmetrically about ground, so either sign occurs on both.
func (c *Config) SourceLimits() instrument.Limits {
	l := c.DeviceLimits()
	l.MinVoltage, l.MaxVoltage = -l.MaxSpan, l.MaxSpan
	return l
}

// SimulatedAddress in the configuration selects the simulated bench.
const SimulatedAddress = "sim"
