package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
	"xlab/driver/transport"
	"xlab/input"
	"xlab/instrument"
	"xlab/lab/config"
	"xlab/mock/fault"
	"xlab/mock/wire/adg1438"
	"xlab/mock/wire/buspirate"
	"xlab/mock/wire/neuron"
	"xlab/run"
)

// computer is what the faults of the disk and of the clock of this computer are on.
const computer = "computer"

// loadFaults reads the script of the configuration, if there is one.
func (s *simulation) loadFaults(c *config.Config) error {
	name := c.Simulation.Faults
	if name == "" {
		return nil
	}
	f, err := input.OpenYAML(name)
	if err != nil {
		return run.Usage(fmt.Errorf("%s: %w", c.Place("simulation.faults"), err))
	}
	script, err := fault.Read(f, name)
	if err != nil {
		return run.Usage(err)
	}
	if err := s.arm(script); err != nil {
		return run.Usage(err)
	}
	return nil
}

// arm has things go wrong from now on. It comes before the first connection.
func (s *simulation) arm(script *fault.Script) error {
	engine, err := fault.New(script, fault.Options{Devices: s.devices(), Do: s.bench.Do, Now: s.bench.Now})
	if err != nil {
		return err
	}
	s.faults = engine
	s.disk.Under(engine, computer)
	return nil
}

// devices are what faults can be on.
func (s *simulation) devices() map[string]fault.Device {
	list := map[string]fault.Device{"analyzer": s.analyzerFaults(), computer: s.disk.Device()}
	list[computer].Acts["clock"] = fault.Act{Needs: []string{"seconds"}, Do: func(f fault.Fault) error {
		s.ahead.Add(int64(f.With.Seconds * float64(time.Second)))
		return nil
	}}
	for name, chain := range s.chains {
		list["board "+name] = boardFaults(chain, s.boxes[name])
	}
	if board, ok := s.neurons.(*neuron.Server); ok {
		list[neuronLink] = s.neuronFaults(board)
	}
	for _, name := range s.links {
		if _, known := list[name]; !known {
			list[name] = fault.Device{Link: true}
		}
	}
	return list
}

// lasting is something that is switched on and off.
func lasting(set func(on bool)) fault.Act {
	change := func(on bool) func(fault.Fault) error {
		return func(fault.Fault) error {
			set(on)
			return nil
		}
	}
	return fault.Act{Do: change(true), Undo: change(false)}
}

// once is something that happens and is over.
func once(do func()) fault.Act {
	return fault.Act{Do: func(fault.Fault) error {
		do()
		return nil
	}}
}

// analyzerFaults are what can be done to the analyzer and its adapter.
func (s *simulation) analyzerFaults() fault.Device {
	slot := func(f fault.Fault) error {
		if f.With.Slot > 10 {
			return fmt.Errorf("slot %d: slots are 1 to 10", f.With.Slot)
		}
		return nil
	}
	return fault.Device{Link: true, Acts: map[string]fault.Act{
		"silence":     lasting(s.analyzer.Silence),
		"hang":        once(s.analyzer.Hang),
		"power_cycle": once(s.analyzer.PowerCycle),
		"interlock":   lasting(s.bench.OpenInterlock),
		"error": {Needs: []string{"code"}, Takes: []string{"slot"}, Valid: slot, Do: func(f fault.Fault) error {
			s.analyzer.InjectError(f.With.Code, f.With.Slot)
			return nil
		}},
		"open_output": {Needs: []string{"slot"}, Valid: slot,
			Do: func(f fault.Fault) error { return s.analyzer.OpenOutput(f.With.Slot) }},
		"clock": {Needs: []string{"seconds"}, Do: func(f fault.Fault) error {
			s.analyzer.JumpClock(f.With.Seconds)
			return nil
		}},
		"adapter_silence":     lasting(s.adapter.Silence),
		"adapter_hang":        once(s.adapter.Hang),
		"adapter_power_cycle": once(s.adapter.PowerCycle),
	}}
}

// boardFaults are what can be done to a switch board and its adapter.
func boardFaults(chain *adg1438.Chain, box *buspirate.Server) fault.Device {
	valid := func(f fault.Fault) error {
		if w := f.With; w.Chip > chain.Chips() || w.Switch > 8 {
			return fmt.Errorf("there is no switch %d of chip %d: the chain has chips 1 to %d of switches 1 to 8", w.Switch,
				w.Chip, chain.Chips())
		}
		return nil
	}
	repair := func(fault.Fault) error {
		chain.Repair()
		return nil
	}
	return fault.Device{Link: true, Acts: map[string]fault.Act{
		"stick": {Needs: []string{"chip", "wire"}, Takes: []string{"high"}, Valid: valid, Undo: repair,
			Do: func(f fault.Fault) error {
				if f.With.Wire == "din" {
					return chain.StickDIN(f.With.Chip, f.With.High)
				}
				return chain.StickSDO(f.With.Chip, f.With.High)
			}},
		"upset": {Needs: []string{"chip", "switch"}, Valid: valid,
			Do: func(f fault.Fault) error { return chain.Upset(f.With.Chip, f.With.Switch-1) }},
		"power_cycle": once(chain.PowerCycle),
		"unplug":      once(box.Unplug),
	}}
}

// faulty puts what goes wrong between a server and a stream to it.
func (s *simulation) faulty(to server, rw io.ReadWriteCloser) io.ReadWriteCloser {
	if s.faults == nil {
		return rw
	}
	return s.faults.Wrap(s.links[to], rw)
}

// plugged tells whether a server can be connected to now.
func (s *simulation) plugged(to server) error {
	if s.faults == nil {
		return nil
	}
	if err := s.faults.Connect(s.links[to]); err != nil {
		return &instrument.Error{Op: "open", Channel: "simulated " + s.links[to], Kind: instrument.KindUnreachable, Err: err,
			Advice: "check the cable"}
	}
	return nil
}

// reconnect is connect after a connection was lost: the cable may be out.
func (s *simulation) reconnect(ctx context.Context, to server) (transport.Conn, error) {
	if err := s.plugged(to); err != nil {
		return nil, err
	}
	return s.connect(ctx, to), nil
}

// faultsFailed is the first fault of the script that could not be made.
func (s *simulation) faultsFailed() error {
	if s.faults == nil {
		return nil
	}
	return s.faults.Err()
}

// keeping is how runs on this bench are kept: on a disk on which something may
// go wrong, if a script says so.
func (s *simulation) keeping() run.Options {
	if s == nil || s.faults == nil {
		return run.Options{}
	}
	return run.Options{
		Create: func(path string) (run.File, error) {
			f, err := run.CreateFile(path)
			if err != nil {
				return nil, err
			}
			return s.disk.File(f), nil
		},
		Free: func(string) (uint64, error) {
			if s.disk.Full() {
				return 0, nil
			}
			return 0, errors.ErrUnsupported // not asked of the real one: a write will tell
		},
		Now: func() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) },
	}
}
