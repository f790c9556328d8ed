package config

import (
	"fmt"
	"time"

	"xlab/instrument"
	"xlab/run/guarded/trip"
)

// Recovery says what is done when an instrument no longer answers, or its
// cable is pulled; see hwdocs/recovery.md.
type Recovery struct {
	Retries       int      `mapstructure:"retries"`        // how often one thing that may be repeated is
	ReopenTimeout duration `mapstructure:"reopen_timeout"` // of one attempt to bring the bench back
	Hold          duration `mapstructure:"hold"`           // how long a bench that does not come back is waited for
}

// Watch are the conditions that are checked before every stress; see
// hwdocs/recovery.md.
type Watch struct {
	// a trip ends a run as interrupted rather than as tripped
	Suspend bool `mapstructure:"suspend"`
	// devices in a row whose read may not be in compliance; 0 = not watched
	Compliance int `mapstructure:"compliance"`
	// by which the leakage may exceed its median; 0 = not watched
	LeakageFactor float64     `mapstructure:"leakage_factor"`
	LeakageEvery  int         `mapstructure:"leakage_every"` // visits to devices between two measurements of it
	DiskReserve   int         `mapstructure:"disk_reserve"`  // MiB that the disk of the runs must have left
	Temperature   Temperature `mapstructure:"temperature"`   // of the chip, where a sensor is
}

// Temperature is a sensor's.
type Temperature struct {
	Command string             `mapstructure:"command"` // prints °C; "" = none
	File    string             `mapstructure:"file"`    // holds °C; "" = none
	Min     instrument.Celsius `mapstructure:"min"`
	Max     instrument.Celsius `mapstructure:"max"`
	Every   duration           `mapstructure:"every"` // how old a value may be
}

// watchDefaults are the values of keys that no file gives.
func watchDefaults() map[string]any {
	return map[string]any{
		"recovery.retries": 2, "recovery.reopen_timeout": "30s", "recovery.hold": "10m",
		"watch.suspend": false, "watch.compliance": 3, "watch.leakage_factor": 10.0, "watch.leakage_every": 50,
		"watch.disk_reserve":        64,
		"watch.temperature.command": "", "watch.temperature.file": "", "watch.temperature.min": "15°C",
		"watch.temperature.max": "35°C", "watch.temperature.every": "1m",
	}
}

// checkWatch tells what is wrong with the sections recovery and watch.
func (c *Config) checkWatch() (faults []error) {
	t := c.Watch.Temperature
	for _, f := range []struct {
		key   string
		wrong bool
		must  string
	}{
		{"recovery.retries", c.Recovery.Retries < 0, "0 or more"},
		{"recovery.reopen_timeout", c.Recovery.ReopenTimeout <= 0, "more than 0 s"},
		{"watch.compliance", c.Watch.Compliance < 0, "0 (not watched) or more"},
		{"watch.leakage_factor", c.Watch.LeakageFactor != 0 && !(c.Watch.LeakageFactor > 1),
			"0 (not watched) or more than 1"},
		{"watch.leakage_every", c.Watch.LeakageEvery < 1, "1 or more"},
		{"watch.disk_reserve", c.Watch.DiskReserve < 1, "1 MiB or more"},
		{"watch.temperature.max", !(t.Max > t.Min), "above watch.temperature.min"},
		{"watch.temperature.file", t.File != "" && t.Command != "", "left out where watch.temperature.command is given"},
	} {
		if f.wrong {
			faults = append(faults, fmt.Errorf("%s must be %s", c.Place(f.key), f.must))
		}
	}
	return faults
}

// Sensor is the one that watches the temperature; nil without one.
func (c *Config) Sensor() *trip.Sensor {
	t := c.Watch.Temperature
	if t.Command == "" && t.File == "" {
		return nil
	}
	return &trip.Sensor{Command: t.Command, File: t.File, Min: t.Min, Max: t.Max, Every: time.Duration(t.Every)}
}

// NewWatch is what a run's conditions are checked by; journal is the run's.
func (c *Config) NewWatch(journal func(kind string, data any) error) *trip.Watch {
	o := trip.Options{Compliance: c.Watch.Compliance, Suspend: c.Watch.Suspend, Journal: journal}
	if sensor := c.Sensor(); sensor != nil {
		o.Conditions = append(o.Conditions, sensor)
	}
	if c.Watch.LeakageFactor > 0 {
		o.Leakage = &trip.LeakageOptions{Factor: c.Watch.LeakageFactor, Every: c.Watch.LeakageEvery,
			Compliance: c.Read.Compliance}
	}
	return trip.New(o)
}
