package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"xlab/instrument"
	"xlab/lab"
	"xlab/run"
)

// awaitEnter shows what is closed and waits for Enter, the end of the input, or
// an interrupt.
func (a *app) awaitEnter(ctx context.Context, r lab.Routed) error {
	if a.json {
		if err := a.writeJSON(r); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(a.out, "board %s, closed: %s\n", r.Board, strings.Join(r.Closed, "; "))
		if r.Outputs != nil {
			fmt.Fprintf(a.out, "hidden neurons: %s\noutput neurons: %s\n", voltageList(r.Hidden), voltageList(r.Outputs))
		}
	}
	fmt.Fprintln(a.Messages, "all sources are at 0 V and disconnected; every other switch is open. Enter or Ctrl-C opens "+
		"these too")
	enter := make(chan error, 1)
	go func() { // it outlives this call when nobody types anything
		_, err := bufio.NewReader(a.In).ReadString('\n')
		enter <- err
	}()
	select {
	case err := <-enter:
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("waiting for Enter: %w", err)
		}
		return nil
	case <-run.Stopping(ctx):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func voltageList(values []instrument.Volts) string {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = v.String()
	}
	return strings.Join(words, ", ")
}
