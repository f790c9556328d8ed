// Package hardware classifies with a network that sits in crossbars: the switch
// boards set the inputs, the neuron board's op-amps compute, and its converter
// gives the outputs.
//
// # What the lines do
//
// While the network computes, the rows of its neurons are on the summing nodes of
// the neuron board (NEURON), which hold them at 0 V and convert the difference of
// a pair's currents. The columns of the first layer are on the read references: +V
// for a feature of +1, -V for -1, ground for 0; there is nothing between, because
// the board has two references and no more. The columns of the second layer are
// on the outputs of the hidden neurons, so that nothing is converted or computed in
// between. Bias columns are on a reference. All other lines are grounded: a floating
// line would carry current between those that compute.
//
// # What is sent
//
// The second array's switches are set once per batch, the first array's for
// every pattern that differs from the one before. After a batch all switches are
// open. What was routed before a batch is not relied on, and what routes
// afterwards must not rely on what it had routed before: the caller's boards see
// to that (Board.Router).
//
// # Recording
//
// Every measurement goes through the Recorder, in parts of a few patterns. When
// a run is taken up again, what it measured before comes from the record, and the
// work continues on the bench where the record ends. The neurons' trims do not
// survive a neuron board that was switched off, and are no result; they are made
// again before the first measurement after the record's end.
package hardware
