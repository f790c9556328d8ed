package adg1438

import (
	"errors"
	"fmt"

	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"

	"xlab/instrument"
)

// MaxClock is the fastest clock of a daisy chain. A single chip takes 50 MHz,
// but in a chain the next chip needs the SDO of the one before, which is valid
// only 40 ns after the rising edge with the 1 kΩ pull-up of the data sheet.
const MaxClock = 20 * physic.MegaHertz

// Connect configures port for the chain: SPI mode 1 (the chips take data on
// the falling edge of a clock that idles low), 8 bits, at most clock. It must
// be called once per port, as periph demands. A clock above MaxClock is
// refused with a *instrument.LimitError, a missing one as KindUsage, because a
// port would then choose its own fastest.
func Connect(port spi.Port, clock physic.Frequency) (spi.Conn, error) {
	const op = "adg1438 connect"
	if clock <= 0 {
		return nil, &instrument.Error{Op: op, Channel: port.String(), Kind: instrument.KindUsage,
			Err: errors.New("no SPI clock was given"), Advice: "1 MHz suits every port; the chain's limit is " +
				MaxClock.String()}
	}
	if clock > MaxClock {
		return nil, &instrument.Error{Op: op, Channel: port.String(), Kind: instrument.KindLimit,
			Err: &instrument.LimitError{Quantity: "SPI clock", Value: clock.String(), Limit: MaxClock.String(),
				Origin: "ADG1438 data sheet: SDO is valid 40 ns after the clock, daisy chain"}}
	}
	c, err := port.Connect(clock, spi.Mode1, 8)
	if err != nil {
		return nil, &instrument.Error{Op: op, Channel: port.String(), Kind: linkKind(err),
			Err: fmt.Errorf("the port does not take mode 1, 8 bits, %s: %w", clock, err)}
	}
	return c, nil
}
