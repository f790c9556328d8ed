package buspirate

import (
	"fmt"

	"periph.io/x/conn/v3/physic"
)

// speeds are the clocks of the box; the index is what command 0x60 takes. The
// sixth is documented as 2.6 MHz and is 16 MHz / 6.
var speeds = [...]physic.Frequency{
	30 * physic.KiloHertz,
	125 * physic.KiloHertz,
	250 * physic.KiloHertz,
	1 * physic.MegaHertz,
	2 * physic.MegaHertz,
	16 * physic.MegaHertz / 6,
	4 * physic.MegaHertz,
	8 * physic.MegaHertz,
}

// choose finds the fastest clock that neither the device nor the wires forbid.
// 0 forbids nothing.
func choose(device, wires physic.Frequency) (int, error) {
	for i := len(speeds) - 1; i >= 0; i-- {
		if (device == 0 || speeds[i] <= device) && (wires == 0 || speeds[i] <= wires) {
			return i, nil
		}
	}
	most := device
	if most == 0 || wires != 0 && wires < most {
		most = wires
	}
	return 0, fmt.Errorf("no clock of the box is as slow as %s; the slowest is %s", most, speeds[0])
}

// window is how many bytes may be under way to the box before an answer is
// read. The box has a receive buffer of four bytes and answers each byte when
// its eight bits have been clocked. At 115200 baud a byte arrives every 87 µs,
// so only the 30 kHz clock (267 µs for a byte) is too slow to let a whole frame
// follow in one piece.
func window(speed, size int) int {
	if speed == 0 {
		return 4
	}
	return size
}
