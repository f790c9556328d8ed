package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/creack/pty"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// endpoint is one line of `xlab sim serve`: where an instrument can be reached.
type endpoint struct {
	Instrument string `json:"instrument"`
	Transport  string `json:"transport"` // pty or tcp
	Address    string `json:"address"`
	GPIB       int    `json:"gpib,omitempty"`  // behind a GPIB adapter
	Board      string `json:"board,omitempty"` // of a switch board
}

func (a *app) simServeCommand() *cobra.Command {
	var host string
	c := &cobra.Command{
		Use:   "serve",
		Short: "Offer the simulated instruments on pseudo-terminals and TCP",
		Long: `Serves the simulated bench to any client until interrupted: the analyzer behind
its GPIB adapter and every switch board behind its SPI adapter, each on a
pseudo-terminal and on a TCP port of its own. Prints one JSON line per endpoint.
The chip's state is kept when the command ends.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.simulatedConfig()
			if err != nil {
				return err
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return a.serve(ctx, c, host)
		},
	}
	c.Flags().StringVar(&host, "host", "127.0.0.1", "address to listen on; the instruments obey anyone who connects")
	return c
}

func (a *app) serve(ctx context.Context, c *Config, host string) (err error) {
	s, made, err := newSimulation(c)
	if err != nil {
		return err
	}
	if made {
		fmt.Fprintf(a.err, "made a pristine simulated chip with seed %d in %s\n", s.chip.Seed, s.file)
	}
	serving := s.start(ctx)
	defer func() { err = errors.Join(err, s.stop()) }()
	type offer struct {
		endpoint
		server
	}
	offers := []offer{{endpoint{Instrument: "b1500a", GPIB: c.Analyzer.GPIB}, s.adapter}}
	for _, b := range c.Boards {
		offers = append(offers, offer{endpoint{Instrument: "adg1438", Board: b.Name}, s.boxes[b.Name]})
	}
	lines := json.NewEncoder(a.out)
	for _, o := range offers {
		address, err := s.servePTY(serving, o.server)
		switch {
		case errors.Is(err, pty.ErrUnsupported):
			fmt.Fprintln(a.err, "this system has no pseudo-terminals: TCP only")
		case err != nil:
			return err
		default:
			o.Transport, o.Address = "pty", address
			if err := lines.Encode(o.endpoint); err != nil {
				return err
			}
		}
		if address, err = s.serveTCP(serving, host, o.server); err != nil {
			return err
		}
		o.Transport, o.Address = "tcp", address
		if err := lines.Encode(o.endpoint); err != nil {
			return err
		}
	}
	<-ctx.Done()
	return nil
}

// servePTY offers a server on a new pseudo-terminal in raw mode. The slave is
// kept open here too, so that a client that comes and goes does not end it.
func (s *simulation) servePTY(ctx context.Context, to server) (string, error) {
	master, slave, err := pty.Open()
	if err != nil {
		return "", fmt.Errorf("pseudo-terminal: %w", err)
	}
	if _, err := term.MakeRaw(int(slave.Fd())); err != nil {
		return "", errors.Join(fmt.Errorf("pseudo-terminal: %w", err), master.Close(), slave.Close())
	}
	s.serving.Go(func() {
		<-ctx.Done()
		// The server ends when its side is closed; nobody is left to be told.
		_ = slave.Close()
		_ = master.Close()
	})
	s.serve(ctx, to, master)
	return slave.Name(), nil
}

// serveTCP offers a server on a free port, to one client after the other or to
// several at a time.
func (s *simulation) serveTCP(ctx context.Context, host string, to server) (string, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return "", err
	}
	context.AfterFunc(ctx, func() { _ = listener.Close() })
	s.serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // closed: the end
			}
			s.serve(ctx, to, conn)
		}
	})
	return listener.Addr().String(), nil
}
