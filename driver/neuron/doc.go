// Package neuron drives the neuron board (hwdocs/neuron.md): op-amp neurons that
// hold the lines of crossbars at virtual ground, a converter that digitises their
// outputs, and a microcontroller that answers in SCPI form on a serial line.
//
// Terms:
//
//   - A neuron has a plus line and a minus line, two rows of an array, and an
//     output voltage that follows the difference of their currents.
//   - Hidden neurons are H1, H2, ... on the board's labels, output neurons O1,
//     O2, ...; in package instrument they count from 0.
//   - An output is at its rail when the difference is larger than its supply can
//     follow. That is what the neuron is, and not a fault; the board flags it.
//   - Over range is the converter: its range is wider than any rail, so it is a
//     fault of the board.
//   - Trimming nulls the offset of every neuron with a converter of its own.
//   - A burst is a list of switch settings that the board sends through its
//     pattern port by itself, with one conversion after each.
//
// # What is checked
//
// Every conversation is one write with the query for the condition register and
// the error queue at its end. An answer counts when it has as many values as were
// asked for, each of them a number within the converter's range, and neither the
// queue nor the register has anything against it. Everything the measurement
// depends on, such as the averaging, goes out with it: a board that lost its
// supply in between measures as it should or not at all. Its trims are the
// exception, because making them takes the lines' help: that they are gone is an
// error of the next reading where the line was lost with the supply, and of
// Check, which belongs behind every batch, where it was not.
package neuron
