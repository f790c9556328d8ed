// Package insitu trains a network on the devices themselves.
//
// In every epoch the whole training set goes through the hardware and the
// neurons' outputs are measured (Classifier); Gradient computes from them how the
// loss depends on every device. A Rule, a pure function, turns that into pulses:
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
// RESET. Parallel groups pulses that can be given together on one line. Train
// gives them: those of one line and one amplitude as one write, in which one
// line is selected on one side and several are on the other (array.Parallel), as
// far as the sources' compliance reaches, or one device after the other. Every
// write half-selects all other devices of the selected lines and changes them a
// little; nothing here corrects for that but the next epochs' gradients and the
// reads.
//
// Train has no chance in it and looks at no clock: what it does follows from the
// specification and from what the bench answers.
package insitu
