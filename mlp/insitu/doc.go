// Package insitu holds the update rules for training on the devices
// themselves: pure functions from what was measured to the pulses that come
// next. Applying them is the bench's business.
//
// A batch goes through the hardware and the neurons' outputs are measured;
// Gradient computes from them how the loss depends on every device. A Rule
// turns that into pulses:
//
//   - FixedAmplitude is the Manhattan rule: only the sign of the accumulated
//     gradient counts. Every device gets one pulse of the same amplitude up or
//     down, its pair's other device the opposite, and nothing has to be known
//     about the devices.
//   - VariableAmplitude lets the size of the gradient choose the change of
//     conductance and a Response, what was learnt about the device, the
//     amplitude that makes it.
//
// A positive amplitude is a SET and raises the conductance, a negative one a
// RESET. Parallel groups pulses that can be given together on one line; what
// that does to half-selected neighbours is for the bench to count.
package insitu
