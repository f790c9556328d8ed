package config

import (
	"fmt"
	"os"
	"path/filepath"
)

// userConfigFile is the user's own file in the XDG configuration directory.
func userConfigFile() (string, error) {
	dir, err := xdgDir("XDG_CONFIG_HOME", ".config")
	return filepath.Join(dir, FileName), err
}

// StateDir is where runs and simulated chips are kept by default.
func StateDir() (string, error) {
	return xdgDir("XDG_STATE_HOME", filepath.Join(".local", "state"))
}

// xdgDir is the program's directory below the one that a variable names, which is of
// no effect unless absolute (XDG Base Directory Specification), or below the user's home.
func xdgDir(variable, fallback string) (string, error) {
	if dir := os.Getenv(variable); filepath.IsAbs(dir) {
		return filepath.Join(dir, "xlab"), nil
	}
	home, err := os.UserHomeDir()
	if err == nil && !filepath.IsAbs(home) {
		err = fmt.Errorf("the home directory %q is not absolute", home)
	}
	if err != nil {
		return "", fmt.Errorf("%w, and %s names no absolute directory", err, variable)
	}
	return filepath.Join(home, fallback, "xlab"), nil
}

// placeState fills in where runs and the simulated chip are kept. Without a home
// there is no such place: the working directory would be another one each time.
func (c *Config) placeState() error {
	dir, err := StateDir()
	if err != nil && (c.Runs == "" || c.Simulation.Chip == "" && c.Simulated()) {
		return fmt.Errorf("there is no place for runs and the simulated chip: %w; set HOME or XDG_STATE_HOME, "+
			"or name directories as runs and simulation.chip", err)
	}
	if c.Runs == "" {
		c.Runs = filepath.Join(dir, "runs")
	}
	if c.Simulation.Chip == "" && err == nil {
		c.Simulation.Chip = filepath.Join(dir, "chip.json")
	}
	return nil
}
