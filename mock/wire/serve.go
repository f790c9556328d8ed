package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
)

// Serve lets a box answer one host with serve, until the host's stream ends or ctx
// does, and closes the stream. It returns nil when the host has gone, the
// context's error when ctx has ended, and what serve failed with otherwise, as an
// error of the box.
func Serve(ctx context.Context, box string, rw io.ReadWriteCloser, serve func(io.ReadWriter) error) error {
	defer rw.Close()
	// Only closing wakes a read that is under way.
	stop := context.AfterFunc(ctx, func() { rw.Close() })
	defer stop()
	err := serve(rw)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe) || errors.Is(err, fs.ErrClosed) ||
		errors.Is(err, net.ErrClosed) {
		return nil
	}
	return fmt.Errorf("%s: %w", box, err)
}

// Pieces gives take what comes from the host, as it comes, until reading or take
// fails. The bytes hold until take returns.
func Pieces(r io.Reader, take func(piece []byte) error) error {
	in := make([]byte, 4096)
	for empty := 0; ; {
		n, err := r.Read(in)
		if err := take(in[:n]); err != nil {
			return err
		}
		if err != nil {
			return err
		}
		if n > 0 {
			empty = 0
		} else if empty++; empty > 100 {
			return io.ErrNoProgress
		}
	}
}
