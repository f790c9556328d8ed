//go:build !linux

package transport

import "errors"

var errWatchClosed = errors.New("the watch was closed")

// watch waits for nothing here: the library's Read is left to block for its
// short time-out, readTimeout, and Close takes up to that long. A port that
// disappears is reported by the library's Read as an error.
type watch struct {
	closed chan struct{}
}

func openWatch(string) (*watch, error) { return &watch{make(chan struct{})}, nil }

func (w *watch) readable() (hungUp bool, err error) {
	select {
	case <-w.closed:
		return false, errWatchClosed
	default:
		return false, nil
	}
}

func (w *watch) close() error {
	close(w.closed)
	return nil
}
