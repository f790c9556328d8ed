package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"xlab/run/atomicfile"
)

// userConfigFile is the user's own file in the XDG configuration directory.
func userConfigFile() (string, error) {
	dir, err := xdgDir("XDG_CONFIG_HOME", ".config")
	return filepath.Join(dir, configName), err
}

// stateDir is where runs and simulated chips are kept by default.
func stateDir() (string, error) {
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
	dir, err := stateDir()
	if err != nil && (c.Runs == "" || c.Simulation.Chip == "" && c.simulated()) {
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

// runsDir is the directory of run directories.
func (c *Config) runsDir() string { return c.Runs }

// chipFile is where the simulated chip's state is kept.
func (c *Config) chipFile() string { return c.Simulation.Chip }

// closeState takes the state directory from other users who can look into it, as
// older versions left it, and says so. One that is another user's stays as it is.
func (a *Lab) closeState() {
	dir, err := stateDir()
	inUse := func(path string) bool { return path == dir || strings.HasPrefix(path, dir+string(filepath.Separator)) }
	if err != nil || runtime.GOOS == "windows" || !inUse(a.Config.Runs) && !inUse(a.Config.Simulation.Chip) {
		return // there is none, its permissions say nothing, or nothing is in it
	}
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm()&^atomicfile.PrivateDir == 0 {
		return // whoever makes it makes it private
	}
	if err := os.Chmod(dir, atomicfile.PrivateDir); err != nil {
		fmt.Fprintf(a.Messages, "warning: %s is open to other users (%v) and cannot be closed: %v\n", dir, info.Mode(), err)
		return
	}
	fmt.Fprintf(a.Messages, "%s was open to other users (%v) and is yours alone now\n", dir, info.Mode())
}
