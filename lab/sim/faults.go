package sim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"time"

	"xlab/driver/transport"
	"xlab/input"
	"xlab/instrument"
	"xlab/lab/boxes"
	"xlab/lab/config"
	"xlab/mock/fault"
	"xlab/mock/wire/adg1438"
	"xlab/mock/wire/neuron"
	"xlab/run"
)

// Computer is what the faults of the disk and of the clock of this computer are on.
const Computer = "computer"

// loadFaults reads the script of the configuration, if there is one.
func (s *Bench) loadFaults(c *config.Config) error {
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
	if err := s.Arm(script); err != nil {
		return run.Usage(err)
	}
	return nil
}

// Arm has things go wrong from now on. It comes before the first connection.
func (s *Bench) Arm(script *fault.Script) error {
	engine, err := fault.New(script, fault.Options{Devices: s.Devices(), Do: s.Netlist.Do, Now: s.Netlist.Now})
	if err != nil {
		return err
	}
	s.Faults = engine
	s.disk.Under(engine, Computer)
	return nil
}

// Devices are what faults can be on.
func (s *Bench) Devices() map[string]fault.Device {
	list := map[string]fault.Device{"analyzer": s.Analyzer.Faults(), Computer: s.disk.Device()}
	list[Computer].Acts["clock"] = fault.Act{Needs: []string{"seconds"}, Do: func(f fault.Fault) error {
		s.ahead.Add(int64(f.With.Seconds * float64(time.Second)))
		return nil
	}}
	for name, chain := range s.Chains {
		list["board "+name] = boardFaults(chain, s.Boxes[name].Faults())
	}
	if board, ok := s.Neurons.(*neuron.Server); ok {
		list[NeuronLink] = s.neuronFaults(board)
	}
	for _, name := range s.links {
		if _, known := list[name]; !known {
			list[name] = fault.Device{Link: true}
		}
	}
	return list
}

// boardFaults are what can be done to a switch board, beside what can be to its port.
func boardFaults(chain *adg1438.Chain, port fault.Device) fault.Device {
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
	maps.Copy(port.Acts, map[string]fault.Act{
		"stick": {Needs: []string{"chip", "wire"}, Takes: []string{"high"}, Valid: valid, Undo: repair,
			Do: func(f fault.Fault) error {
				if f.With.Wire == "din" {
					return chain.StickDIN(f.With.Chip, f.With.High)
				}
				return chain.StickSDO(f.With.Chip, f.With.High)
			}},
		"upset": {Needs: []string{"chip", "switch"}, Valid: valid,
			Do: func(f fault.Fault) error { return chain.Upset(f.With.Chip, f.With.Switch-1) }},
		"power_cycle": fault.Once(chain.PowerCycle),
	})
	return port
}

// Faulty puts what goes wrong between a server and a stream to it.
func (s *Bench) Faulty(to boxes.Server, rw io.ReadWriteCloser) io.ReadWriteCloser {
	if s.Faults == nil {
		return rw
	}
	return s.Faults.Wrap(s.links[to], rw)
}

// Plugged tells whether a server can be connected to now.
func (s *Bench) Plugged(to boxes.Server) error {
	if s.Faults == nil {
		return nil
	}
	if err := s.Faults.Connect(s.links[to]); err != nil {
		return &instrument.Error{Op: "open", Channel: "simulated " + s.links[to], Kind: instrument.KindUnreachable, Err: err,
			Advice: "check the cable"}
	}
	return nil
}

// Reconnect is connect after a connection was lost: the cable may be out.
func (s *Bench) Reconnect(ctx context.Context, to boxes.Server) (transport.Conn, error) {
	if err := s.Plugged(to); err != nil {
		return nil, err
	}
	return s.Connect(ctx, to), nil
}

// faultsFailed is the first fault of the script that could not be made.
func (s *Bench) faultsFailed() error {
	if s.Faults == nil {
		return nil
	}
	return s.Faults.Err()
}

// Keeping is how runs on this bench are kept: on a disk on which something may
// go wrong, if a script says so.
func (s *Bench) Keeping() run.Options {
	if s == nil || s.Faults == nil {
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
