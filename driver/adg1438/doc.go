// Package adg1438 drives a switch board made of a daisy chain of Analog
// Devices ADG1438, through any SPI port that periph.io knows or that
// driver/buspirate provides.
//
// Terms, as the data sheet and the board's page (hwdocs/adg1438.md) use them:
//
//   - A chip has eight switches, S1 to S8, from its source terminals to one
//     common drain D. On this board D is a line of the crossbar (a row or a
//     column) and S1 to S8 are the eight buses: one chip per line.
//   - The shift register of a chip is eight bits long, most significant bit
//     first; bit 0 is S1 and bit 7 is S8. It is one bit per switch and not a
//     number, so any combination can be closed; that two are never closed at
//     once on one line is for this package to see to.
//   - In a daisy chain the serial output SDO of one chip is the serial input
//     DIN of the next. Chip 1 is the one whose DIN is wired to the controller's
//     MOSI; the SDO of the last chip comes back as MISO. Line i, counted from
//     zero, is chip i+1.
//   - SYNC is the chip select of all chips together. While it is low the
//     registers shift; when it rises, every chip's switches follow its register
//     at the same moment.
//   - A frame is what is shifted while SYNC is low: one byte per chip, the
//     last chip's byte first, because what is sent first travels farthest.
//
// # Verification
//
// The chips do not acknowledge. Every frame is therefore sent twice: during
// the second time the chain gives back what it stored the first time, and a
// difference is a broken chain, with its place and likely cause in the error
// ([Mismatch]). The first time gives back what the chips held before, which is
// compared too when it is known: a board that lost its supply between two
// routings is noticed instead of measured. A frame of zeros gets one more byte
// in front ([OpenMarker]), since a dead line also reads zeros; the byte runs
// through the whole chain, comes out at its end if and only if every chip
// passes data on, and is in no chip any more when SYNC rises.
//
// What is shifted last is never seen again, so a byte changed on its way in
// the second frame would be latched unnoticed. Where the connection can leave
// its chip select low (method KeepsCS, as driver/buspirate has it) SYNC does
// not rise after the second frame of a routing: the switches follow the first
// one, which the second has verified, and SYNC rises next when the next routing
// is complete. Elsewhere such a change is found by the next routing, and logged by
// Safe.
//
// Opening all switches is different, because it may be the last that is sent:
// SYNC low would rise when the port is closed or the controller starts anew, and
// take to the switches whatever the registers hold by then, after hours perhaps.
// So it rises at once, on the second frame, and is high from then on, where
// clocks are ignored.
//
// # Transitions
//
// Within a chip the old switch opens before the new one closes (break before
// make, data sheet p. 1), so a change of bus never joins two buses through one
// chip, and one line changes bus by floating for some tens of nanoseconds. The
// chips of a board see the same SYNC edge but are not matched to each other:
// for about 0.1 µs some lines may be on their new bus while others are still
// on the old one. A bias that is applied during a change can therefore reach a
// device that neither routing selects. Change the routing with the sources at
// 0 V; this package cannot see the sources and does not check it.
package adg1438
