// Package wire is the room of the simulated instruments' protocol servers: one
// package per box, each of them the byte side of an instrument whose electrical
// side is bench.Terminals, or bench.NeuronTerminals.
//
//	prologix   GPIB adapter on a serial line or a TCP socket
//	b1500      parameter analyzer behind it (FLEX command language)
//	buspirate  serial adapter to the switch boards' SPI bus
//	adg1438    chain of switch chips behind it
//	neuron     neuron board, on a serial line of its own
//	blueprint  the imaginary box whose driver is there to be copied
//
// A server knows no physics: it turns bytes into output settings, waiting and
// sampling, and samples into bytes. It shares no code with the driver of its
// box, so that a misunderstanding of the protocol shows up as a disagreement
// instead of being encoded and decoded by the same function. What both sides
// have in common is text: the golden frames in hwdocs/golden.
package wire
