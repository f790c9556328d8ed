package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"xlab/input"
	"xlab/input/table"
	"xlab/lab/boxes"
	"xlab/lab/sim"
	"xlab/lab/sim/network"
	"xlab/lab/sim/serving"
	"xlab/mock/crossbar"
	"xlab/run"
)

// RefuseHardware refuses to act on the simulation where a real bench is configured.
func (l *Lab) RefuseHardware() error {
	if l.Config.Simulated() {
		return nil
	}
	return run.Usage(fmt.Errorf("%s is %q: this bench is real and has no simulated chip",
		l.Config.Place("analyzer.address"), l.Config.Analyzer.Address))
}

// ChipTruth gives what an array of the simulated chip really is.
func (l *Lab) ChipTruth(array string) (*sim.Truth, error) {
	t, err := sim.TruthOf(l.Config, array)
	if err == nil && !t.Kept {
		l.Say(fmt.Sprintf("there is no chip in %s yet: showing the one that the first command will make", t.File))
	}
	return t, err
}

// ReplaceChip puts a pristine chip with this seed on the simulated bench.
func (l *Lab) ReplaceChip(ctx context.Context, seed uint64) (err error) {
	held, err := l.LockBench(ctx, "replacing the chip")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, held.Release()) }()
	return sim.Replace(l.Config, seed)
}

// SolveCrossbar solves the crossbar that a case file describes. o says what the file
// of its conductances leaves open.
func SolveCrossbar(file string, o table.Options) (*crossbar.CaseResult, error) {
	text, err := input.ReadText(file)
	if err != nil {
		return nil, run.Usage(err)
	}
	result, err := crossbar.SolveCase(bytes.NewReader(text), filepath.Dir(file), o)
	if err != nil {
		return nil, run.Usage(fmt.Errorf("%s: %w", file, err))
	}
	return result, nil
}

// Endpoint is where an instrument of the simulated bench can be reached.
type Endpoint struct {
	Instrument string `json:"instrument"`
	Transport  string `json:"transport"` // pty or tcp
	Address    string `json:"address"`
	GPIB       *int   `json:"gpib,omitempty"`  // address behind a GPIB adapter
	Board      string `json:"board,omitempty"` // of a switch board
}

// Serve offers the instruments of the simulated bench to anyone, on pseudo-terminals
// and on TCP ports of host, until ctx ends or an interrupt. offered is told of every
// endpoint.
func (l *Lab) Serve(ctx context.Context, host string, offered func(Endpoint) error) (err error) {
	ctx, release := l.interruptible(ctx)
	defer release()
	s, err := l.Simulation(ctx)
	if err != nil {
		return err
	}
	started := s.Start(ctx)
	defer func() { err = errors.Join(err, s.Stop()) }()
	type offer struct {
		Endpoint
		boxes.Server
	}
	analyzer, err := l.Known().Analyzer(l.Config)
	if err != nil {
		return err
	}
	offers := []offer{{Endpoint{Instrument: analyzer.Instrument}, s.Analyzer}}
	if analyzer.Has("gpib") {
		offers[0].GPIB = &l.Config.Analyzer.GPIB
	}
	for _, b := range l.Config.SwitchBoards() {
		offers = append(offers, offer{Endpoint{Instrument: "adg1438", Board: b.Name}, s.Boxes[b.Name]})
	}
	if s.Neurons != nil {
		offers = append(offers, offer{Endpoint{Instrument: "neurons"}, s.Neurons})
	}
	at := serving.Host{Bench: s, Address: host, Log: l.logger()}
	for _, o := range offers {
		o.Transport = "pty"
		if o.Address, err = at.PTY(started, o.Server); err != nil {
			l.Say(fmt.Sprintf("no pseudo-terminal for %s, TCP only: %v", o.Instrument, err))
		} else if err := offered(o.Endpoint); err != nil {
			return err
		}
		o.Transport = "tcp"
		if o.Address, err = at.TCP(started, o.Server); err != nil {
			return err
		}
		if err := offered(o.Endpoint); err != nil {
			return err
		}
	}
	l.Say(fmt.Sprintf("serving until interrupted (Ctrl-C); the chip is then kept in %s", s.File))
	<-ctx.Done()
	return nil
}

// EvaluateNetwork classifies random patterns with the network in the simulated chip,
// see network.Evaluate.
func (l *Lab) EvaluateNetwork(name string, count, compared int, seed uint64) (*network.Evaluation, error) {
	return network.Evaluate(l, l.Config, name, count, compared, seed)
}

// FollowNetwork follows the neurons of the simulated bench after their inputs change,
// see network.Follow; times are in s.
func (l *Lab) FollowNetwork(name string, from, to int, step, duration float64) (*network.Transient, error) {
	return network.Follow(l, l.Known(), l.Config, name, from, to, step, duration)
}
