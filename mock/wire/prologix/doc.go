// Package prologix is the protocol side of a simulated GPIB adapter of the
// Prologix kind on a byte stream: a serial line, a TCP connection or a pipe.
//
// # Terms
//
// GPIB: the instrument bus of IEEE 488. Address: the number of an instrument on
// it, 0 to 30. EOI: the bus line that marks the last byte of a message. Serial
// poll: asking an instrument for its status byte. Device clear, interface
// clear, group execute trigger: the bus commands SDC, IFC and GET. SRQ: the bus
// line by which an instrument asks for service. Controller line: a line that
// begins with two unescaped plus signs; it is for the adapter itself.
//
// # The protocol
//
// A line ends with CR or LF. ESC takes the meaning from the byte behind it, so
// that CR, LF, ESC and + can be data; an unescaped + inside data is dropped.
// Data lines go to the addressed instrument with the line end that ++eos names
// and, by ++eoi, with EOI. "++read eoi" passes one answer on, "++read" all that
// comes until the read time-out, "++read 10" everything up to a byte of that
// value. An instrument that says nothing within the read time-out gives nothing.
//
// # Time
//
// Virtual time passes for the exchange itself, so that a client that chats pays
// for it: one round trip of the host's USB at every ++addr, which begins an
// exchange, and at every answer beyond the first few since then, and a little
// for each transfer on the bus and each of its bytes (Latency).
//
// A simulated instrument has done what it was told when its Write returns, with
// the bench's clock moved on by the time that took. The adapter knows how far
// the clock is ahead of its own line of events: until it has caught up, a serial
// poll shows the instrument as busy, and a read that would have to wait longer
// than the read time-out gives nothing, as on a real bus. What the adapter does
// meanwhile costs no time of its own. A client that polls a busy instrument has
// nothing else to do, so after a poll that said busy the adapter catches up; it
// does not take a thousand polls to sit through a long sweep.
//
// # Not confirmed on hardware (K)
//
// The settings after power-on, the answer "Unrecognized command" to bad
// arguments, 0 as the status byte of an absent instrument, and the treatment of
// an unescaped plus sign.
package prologix
