package lab

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"xlab/instrument"
	"xlab/run"
)

// A person at the bench is asked again until the answer can be used.
func TestOperator(t *testing.T) {
	var said []string
	o := newOperator(strings.NewReader("41.5\nwarm\n70 °C\n\n"), func(text string) { said = append(said, text) })
	ctx := context.Background()
	for _, c := range []struct{ want, real instrument.Celsius }{{40, 41.5}, {65, 70}, {85, 85}} {
		if real, err := o.Reach(ctx, c.want); err != nil || real != c.real {
			t.Errorf("asked for %v: %v, %v; want %v", c.want, real, err, c.real)
		}
	}
	if len(said) != 4 || !strings.Contains(said[0], "bring the chip to 40 °C") ||
		!strings.Contains(said[2], `"warm" does not start with a number`) {
		t.Errorf("said: %q", said)
	}
	if _, err := o.Reach(ctx, 25); !errors.Is(err, run.ErrUsage) {
		t.Errorf("without anybody to answer: %v", err)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	in, nobody := io.Pipe()
	defer nobody.Close()
	if _, err := newOperator(in, func(string) {}).Reach(ended, 25); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of the context: %v", err)
	}
}

func TestWallClock(t *testing.T) {
	if err := (wallClock{}).Wait(context.Background(), 1e-3); err != nil {
		t.Error(err)
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if err := (wallClock{}).Wait(ended, 1e6); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting for days after the end of the context: %v", err)
	}
}
