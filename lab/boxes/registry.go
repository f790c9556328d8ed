package boxes

import (
	"fmt"
	"strings"

	"periph.io/x/conn/v3/physic"

	"xlab/driver/adg1438"
	"xlab/driver/transport"
	"xlab/instrument"
	"xlab/lab/config"
)

// Registry are the boxes that a bench can have.
type Registry struct {
	Analyzers []Analyzer // the first is that of a bench whose configuration names none
	Ports     []Port     // the first that can be simulated is that of simulated switch boards
}

// Default are the boxes of this program.
func Default() *Registry {
	return &Registry{Analyzers: []Analyzer{B1500()}, Ports: []Port{BusPirate(), SPI()}}
}

// Analyzer finds the analyzer that a configuration names.
func (r *Registry) Analyzer(c *config.Config) (Analyzer, error) {
	var types []string
	for _, a := range r.Analyzers {
		if a.Type == c.Analyzer.Type {
			return a, nil
		}
		types = append(types, a.Type)
	}
	return Analyzer{}, fmt.Errorf("%s is %q; the analyzers supported are: %s", c.Place("analyzer.type"),
		c.Analyzer.Type, strings.Join(types, ", "))
}

// DefaultAnalyzer implements config.Boxes.
func (r *Registry) DefaultAnalyzer() string { return r.Analyzers[0].Type }

// CheckAnalyzer implements config.Boxes. With one that is not known the rest is
// checked as the default's, so that all faults are told at once.
func (r *Registry) CheckAnalyzer(c *config.Config) (most instrument.Extremes, faults []error) {
	a, err := r.Analyzer(c)
	if err != nil {
		a, faults = r.Analyzers[0], append(faults, err)
	}
	for _, key := range config.Keys() {
		name, ours := strings.CutPrefix(key, "analyzer.")
		if ours && name != "type" && name != "address" && !a.Has(name) && c.IsSet(key) {
			faults = append(faults, fmt.Errorf("%s: %s has no such setting", c.Place(key), a.Extremes.Of))
		}
	}
	if a.Check != nil {
		faults = append(faults, a.Check(c)...)
	}
	return a.Extremes, faults
}

// Port finds the port of a switch board, and what of the board's address is the
// port's own.
func (r *Registry) Port(address string) (p Port, own string, err error) {
	kind, own, _ := strings.Cut(address, ":")
	forms := []string{config.SimulatedAddress}
	for _, p := range r.Ports {
		if address == config.SimulatedAddress && p.Simulate != nil || p.Kind == kind && (own != "" || p.Check != nil) {
			return p, own, nil
		}
		forms = append(forms, p.Form)
	}
	return Port{}, "", fmt.Errorf("the address %q is none of %s", address, strings.Join(forms, ", "))
}

// CheckBoardAddress implements config.Boxes.
func (r *Registry) CheckBoardAddress(address string) error {
	p, own, err := r.Port(address)
	if err != nil || p.Check == nil || address == config.SimulatedAddress {
		return err
	}
	return p.Check(own)
}

// CheckClock implements config.Boxes: all switch boards are chains of ADG1438.
func (r *Registry) CheckClock(f instrument.Hertz) error {
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

// CheckAddress implements config.Boxes.
func (r *Registry) CheckAddress(address string) error {
	_, err := transport.ParseAddress(address)
	return err
}

var _ config.Boxes = (*Registry)(nil)
