package wire

// Peripheral is what is wired to an SPI master's pins: the switch chips of one
// board. It is used under the bench's lock only.
type Peripheral interface {
	// Select drives the chip select (SYNC), low or high.
	Select(low bool)
	// Transfer clocks mosi out, most significant bit first, and fills miso,
	// which is as long.
	Transfer(mosi, miso []byte)
}
