// Package transfer writes the weights of a network into crossbars by
// write-and-verify: the import of ex-situ training.
//
// Terms:
//
//   - A device carries the weight of its pair when it is the one above the
//     minimum of the working range; the other one is idle.
//   - A held device is one that training could not change, because it is stuck.
//     It is left alone.
//   - An unsettable device was to be written and could not be.
//
// An idle device carries no weight, but it conducts, and its error is an error of
// the weight all the same. In siemens that is little: 50 % of 10 uS is less
// than 30 % of any device that carries a weight worth having. So idle devices
// are written first, with a tolerance of their own that needs few pulses, and
// then the others, each aimed at the weight with its idle partner as it was
// read (Spec.Correct). This takes the error that the crude tolerance leaves out of
// the weight, and most of the error of an unsettable idle device.
package transfer
