// Package prologix speaks to GPIB instruments through an adapter that behaves
// like the Prologix GPIB-USB and GPIB-ETHERNET controllers, among them the
// AR488 on an Arduino. hwdocs/prologix.md is the page of the protocol.
//
// Terms:
//
//   - GPIB (IEEE 488) is the bus between the adapter and up to 14 instruments,
//     each at an address from 0 to 30.
//   - EOI is the bus line by which an instrument marks the last byte of an answer.
//   - A line that begins with ++ is a command to the adapter; any other line is a
//     message that it passes on to the instrument addressed last.
//   - A serial poll reads the status byte of an instrument past its answers.
//   - A device clear empties an instrument's buffers and ends what it is doing.
//   - A conversation is a sequence of messages and answers with one instrument.
//     It goes out in a single write, and nobody else comes in between: the
//     address that the adapter remembers is shared by all instruments.
package prologix
