package boxes

import (
	"context"
	"fmt"
	"time"

	"periph.io/x/conn/v3/spi"

	"xlab/driver/buspirate"
	"xlab/driver/transport"
	"xlab/mock/bench"
	"xlab/mock/fault"
	"xlab/mock/wire/adg1438"
	simulated "xlab/mock/wire/buspirate"
)

// BusPirate is the Bus Pirate, an SPI adapter on a line of its own.
func BusPirate() Port {
	return Port{
		Kind: "buspirate", Form: "buspirate:serial:PATH, buspirate:tcp:HOST:PORT",
		Check: func(own string) error {
			_, err := transport.ParseAddress(own)
			return err
		},
		Endpoints: Endpoints,
		Open: func(own string, o PortOptions) (spi.PortCloser, error) {
			line, err := o.Connect(own)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", o.Place, err)
			}
			return buspirate.New(line.Conn, buspirate.Options{Logger: o.Logger, Timeout: o.AnswerTimeout,
				Reopen: func(within time.Duration) (buspirate.Link, error) {
					ctx, cancel := context.WithTimeout(context.Background(), within)
					defer cancel()
					return line.Reopen(ctx)
				}}), nil
		},
		Simulate: func(b *bench.Bench, chain *adg1438.Chain) (Simulated, error) {
			s, err := simulated.New(b, chain, simulated.DefaultTiming())
			return simulatedBusPirate{s}, err
		},
	}
}

type simulatedBusPirate struct{ *simulated.Server }

// Faults implements Simulated.
func (s simulatedBusPirate) Faults() fault.Device {
	return fault.Device{Link: true, Acts: map[string]fault.Act{"unplug": fault.Once(s.Unplug)}}
}

// Endpoints are the places where a line's address leads to, by which what is
// there is locked.
func Endpoints(ctx context.Context, address string) []string {
	opener, err := transport.NewOpener(address)
	if err != nil {
		return nil // opening it will say so
	}
	return opener.Endpoints(ctx)
}
