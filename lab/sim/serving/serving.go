// Package serving offers the servers of the simulated bench to clients in other
// processes: on pseudo-terminals, and on TCP ports.
package serving

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"

	"xlab/lab/boxes"
	"xlab/lab/sim"
	"xlab/run"
)

// Host is who serves. The bench has been started, and waits for all clients when it
// is stopped.
type Host struct {
	Bench   *sim.Bench
	Address string // to listen on
	Log     *slog.Logger
}

// PTY offers a server on a pseudo-terminal until ctx ends and gives its name.
func (h *Host) PTY(ctx context.Context, to boxes.Server) (name string, err error) {
	near, name, err := openPTY()
	if err != nil {
		return "", err
	}
	h.Bench.Serving.Go(func() { h.answer(ctx, to, near, name) })
	return name, nil
}

// TCP offers a server on a free port until ctx ends, to one client after the other or
// to several at a time, and gives its address.
func (h *Host) TCP(ctx context.Context, to boxes.Server) (address string, err error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(h.Address, "0"))
	if err != nil {
		return "", run.Usage(fmt.Errorf("--host %s: %w", h.Address, err))
	}
	context.AfterFunc(ctx, func() { _ = listener.Close() })
	h.Bench.Serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // closed: the end
			}
			if h.Bench.Plugged(to) != nil {
				// Nobody is there: a port that opens and says nothing would be another fault.
				if err := conn.Close(); err != nil {
					h.Log.Info("closing a connection to an unplugged box", "error", err)
				}
				continue
			}
			h.Bench.Serving.Go(func() { h.answer(ctx, to, conn, conn.RemoteAddr().String()) })
		}
	})
	return listener.Addr().String(), nil
}

// answer serves one stream. A client that breaks off is its own affair: the
// bench goes on for the others.
func (h *Host) answer(ctx context.Context, to boxes.Server, rw io.ReadWriteCloser, client string) {
	if err := to.Serve(ctx, h.Bench.Faulty(to, rw)); err != nil && ctx.Err() == nil {
		h.Log.Info("connection lost", "client", client, "error", err)
	}
}
