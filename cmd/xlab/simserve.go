package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"xlab/lab/sim"
	"xlab/run"

	"github.com/spf13/cobra"
)

// endpoint is one line of `xlab sim serve`: where an instrument can be reached.
type endpoint struct {
	Instrument string `json:"instrument"`
	Transport  string `json:"transport"` // pty or tcp
	Address    string `json:"address"`
	GPIB       *int   `json:"gpib,omitempty"`  // address behind a GPIB adapter
	Board      string `json:"board,omitempty"` // of a switch board
}

func (a *app) simServeCommand() *cobra.Command {
	var host, faults, slots string
	c := &cobra.Command{
		Use:   "serve",
		Short: "Offer the simulated instruments on pseudo-terminals and TCP",
		Long: `Serves the simulated bench to any client until interrupted: the analyzer behind
its GPIB adapter, every switch board behind its SPI adapter, and the neuron board
if the configuration has one, each on a
pseudo-terminal and on a TCP port of its own. Prints one JSON line per endpoint.
The chip's state is kept when the command ends, also when it is killed.

--faults has things go wrong by a script, such as

  seed: 7
  faults:
    - {what: lose, on: analyzer, toward: host, rate: 0.001}
    - {what: silence, on: analyzer, command: MCPNX, number: 5, pieces: 3}
    - {what: cut, on: board A, piece: 40, attempts: 2}

See hwdocs/faults.md. A cable that was pulled can be put back on TCP only: a
pseudo-terminal does not come back under its name.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.simulatedConfig()
			if err != nil {
				return err
			}
			if faults != "" {
				c.Simulation.Faults = faults
				c.Override("simulation.faults", "--faults")
			}
			if slots != "" {
				c.Simulation.Slots = slots
				c.Override("simulation.slots", "--slots")
			}
			ctx, release := a.Interruptible(cmd.Context())
			defer release()
			return a.serve(ctx, host)
		},
	}
	c.Flags().StringVar(&faults, "faults", "", "script of what goes wrong (default: simulation.faults)")
	c.Flags().StringVar(&slots, "slots", "", "slots of the analyzer that hold its SMUs, such as 3-6, "+
		"as the wiring maps name them (default: simulation.slots)")
	c.Flags().StringVar(&host, "host", "127.0.0.1", "address to listen on; the instruments obey anyone who connects")
	return c
}

func (a *app) serve(ctx context.Context, host string) (err error) {
	s, err := a.Simulation(ctx)
	if err != nil {
		return err
	}
	serving := s.Start(ctx)
	defer func() { err = errors.Join(err, s.Stop()) }()
	type offer struct {
		endpoint
		sim.Server
	}
	offers := []offer{{endpoint{Instrument: "b1500a", GPIB: &a.Config.Analyzer.GPIB}, s.Adapter}}
	for _, b := range a.Config.Boards {
		offers = append(offers, offer{endpoint{Instrument: "adg1438", Board: b.Name}, s.Boxes[b.Name]})
	}
	if s.Neurons != nil {
		offers = append(offers, offer{endpoint{Instrument: "neurons"}, s.Neurons})
	}
	lines := json.NewEncoder(a.data())
	for _, o := range offers {
		if near, name, err := openPTY(); err != nil {
			fmt.Fprintf(a.Messages, "no pseudo-terminal for %s, TCP only: %v\n", o.Instrument, err)
		} else {
			s.Serving.Go(func() { a.answer(serving, o.Server, s.Faulty(o.Server, near), name) })
			o.Transport, o.Address = "pty", name
			if err := lines.Encode(o.endpoint); err != nil {
				return err
			}
		}
		address, err := a.serveTCP(serving, s, host, o.Server)
		if err != nil {
			return err
		}
		o.Transport, o.Address = "tcp", address
		if err := lines.Encode(o.endpoint); err != nil {
			return err
		}
	}
	fmt.Fprintf(a.Messages, "serving until interrupted (Ctrl-C); the chip is then kept in %s\n", s.File)
	<-ctx.Done()
	return nil
}

// serveTCP offers a server on a free port, to one client after the other or to
// several at a time.
func (a *app) serveTCP(ctx context.Context, s *sim.Bench, host string, to sim.Server) (string, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return "", run.Usage(fmt.Errorf("--host %s: %w", host, err))
	}
	context.AfterFunc(ctx, func() { _ = listener.Close() })
	s.Serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // closed: the end
			}
			if s.Plugged(to) != nil {
				// Nobody is there: a port that opens and says nothing would be another fault.
				if err := conn.Close(); err != nil {
					a.Logger().Info("closing a connection to an unplugged box", "error", err)
				}
				continue
			}
			s.Serving.Go(func() { a.answer(ctx, to, s.Faulty(to, conn), conn.RemoteAddr().String()) })
		}
	})
	return listener.Addr().String(), nil
}

// answer serves one stream. A client that breaks off is its own affair: the
// bench goes on for the others.
func (a *app) answer(ctx context.Context, to sim.Server, rw io.ReadWriteCloser, client string) {
	if err := to.Serve(ctx, rw); err != nil && ctx.Err() == nil {
		a.Logger().Info("connection lost", "client", client, "error", err)
	}
}
