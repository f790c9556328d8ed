// Package inference classifies patterns on simulated crossbars much faster than
// the full nodal solution, and close enough to it: a million patterns a second
// on one core, with outputs within a thousandth of full scale.
//
// It is for what needs very many classifications of one written network: error
// rates over large test sets, margins under noise, yield studies. What the bench
// shows when a command classifies goes through the nodal solution as always.
//
// # Method
//
// A layer is an array between two sets of line terminals: inputs on columns,
// summing nodes of neurons on rows, every line with its resistance. Ohmic devices
// would make the row currents a matrix (the transfer matrix, which knows all line
// resistance) times the input voltages. The devices are not ohmic: their current
// is a v + b v^3 (Nili et al., IEEE Trans. Nanotechnology 2020, below 0.4 V).
// Every device is therefore replaced by a straight line that follows it where its
// voltage usually is, which goes into the matrix exactly, and by what is left,
//
//	e(v) = b v^3 - (the straight line's share),
//
// which acts as a small current source beside the device. What such a source
// does to the neurons is again a transfer matrix. Of e(v) the part that follows
// the device's own input is put into the matrix once; the rest is computed, for
// each pattern, from the voltage that the device's row takes on: the row's
// contact carries the currents of all its devices, and its drop is the one thing
// that moves a device's voltage from pattern to pattern.
//
// The straight line is the tangent at the level that an input usually has, from
// which a device strays only by the line drop, so that what is left is of second
// order. The inputs of the first layer have two levels; the products of the
// matrix with them, and the voltages by which devices stray, are looked up eight inputs
// at a time, and what is left is not computed where the neuron is so far in saturation that it cannot show. Later
// layers have inputs anywhere between plus and minus the neurons' swing, mostly at
// one end, and for one in between the tangent is moved with it.
package inference
