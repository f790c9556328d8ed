package boxes

import (
	"context"
	"slices"
	"strconv"

	"periph.io/x/conn/v3/spi"
	"periph.io/x/conn/v3/spi/spireg"
	"periph.io/x/host/v3"

	"xlab/instrument"
)

// SPI is an SPI port of this computer.
func SPI() Port {
	return Port{
		Kind: "spi", Form: "spi:NAME",
		Endpoints: func(_ context.Context, own string) []string { return []string{"spi:" + portName(own)} },
		Open: func(own string, o PortOptions) (spi.PortCloser, error) {
			return o.Attach(func() (spi.PortCloser, error) { return openSPI(own, o.Place) })
		},
	}
}

func openSPI(own, place string) (spi.PortCloser, error) {
	if _, err := host.Init(); err != nil {
		return nil, &instrument.Error{Op: place, Kind: instrument.KindUnreachable, Err: err,
			Advice: "the SPI drivers of this computer cannot be started"}
	}
	port, err := spireg.Open(own)
	if err != nil {
		return nil, &instrument.Error{Op: place, Channel: "spi:" + own, Kind: instrument.KindUnreachable, Err: err,
			Advice: "check the name of the SPI port and that this user may open it"}
	}
	return port, nil
}

// portName is the one name of an SPI port of this computer, which has several.
func portName(name string) string {
	if _, err := host.Init(); err == nil { // else opening it will say so
		for _, port := range spireg.All() {
			if port.Name == name || slices.Contains(port.Aliases, name) || strconv.Itoa(port.Number) == name {
				return port.Name
			}
		}
	}
	return name
}
