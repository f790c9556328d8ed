// Package train finds the conductances of a network ex situ: in software, by
// batch back-propagation, for import into the crossbars afterwards.
//
// What is trained is the weight of every pair; the two conductances follow
// from it, one of them at the minimum of the working range. Weights are clipped
// to what the range can hold. A pair with a constrained device keeps that
// device where it is and moves the other one, so that its weights reach as far
// as the partner can compensate, and a pair of two constrained devices has the
// weight it has. Training without constraints is called hardware-oblivious,
// training with those of a chip's defect map hardware-aware.
//
// The target of an output is +Target for the sample's class and -Target for
// all others, and the loss is a mean of squares over all samples and outputs,
// in V^2:
//
//   - MeanSquare takes the difference from the target, (v - t)^2.
//   - Shortfall takes it only where the output has not reached its target on
//     the right side; an output beyond its target costs nothing. Classification
//     needs no exact outputs, and what is not spent on them goes into margins.
//
// The loss looks at the outputs as they would be without supply rails, because
// a saturated output has no gradient.
//
// To survive an import at a tolerance of 30 %, a network must be trained with
// errors of that kind: every epoch uses copies of the network whose
// conductances are off by draws from a Scatter, and the gradient is that of the
// copies. Without it the weights stay so small that the errors of idle devices
// drown them. Of several restarts the one that keeps the most of its accuracy
// in further perturbed copies is kept. No test sample is ever looked at.
//
// Everything follows from the seed: the same task and options give the same
// network, on any number of cores.
package train
