// Package neuron is the simulated microcontroller of the neuron board: it
// answers the line protocol of hwdocs/neuron.md on a byte stream, reads
// converters, sets trim DACs, and drives a chain of switch chips in its burst
// mode. The neurons themselves are in mock/bench.
//
// Terms: a message is one line from the host; one whose header ends in a
// question mark is a query and is answered by one line. The error queue is first
// in, first out. A frame is the bytes of a whole switch chain, the last chip's
// first. The pattern port is the board's own SPI master, wired in parallel to the
// host's adapter.
package neuron
