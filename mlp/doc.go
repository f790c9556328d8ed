// Package mlp is the multilayer perceptron as it sits in memristor crossbars:
// layers of differential conductance pairs, op-amp neurons between them, and
// what is known about a network without any hardware: its response, its
// gradient, where its devices lie, how well it classifies, and how much of that
// survives inexact conductances.
//
// Terms, as the field uses them:
//
//   - A device is one memristor of conductance G. A pair is two devices on the
//     same column and on two rows, the plus line and the minus line of one
//     neuron. The weight of a pair is G+ - G-, in S.
//   - One device of every pair sits at the minimum of the working range: it is
//     idle, the other one carries the weight.
//   - A line is one row of a layer's block, held at virtual ground by its
//     neuron; dI = I+ - I- is the difference of the currents of its two lines,
//     in A.
//   - The bias is one more column, always driven at the bias level.
//   - Ex situ is training in software and import of the result; in situ is
//     training on the devices themselves.
//
// A layer with n inputs and m neurons is a block of 2m rows and n+1 columns:
// row 2j is the plus line of neuron j, row 2j+1 its minus line, column i is
// input i and the last column is the bias. The 16-10-4 network is a block of
// 20 x 17 devices and one of 8 x 11 (Merrikh Bayat et al., Nature
// Communications 9:2331, 2018).
//
// # Scale
//
// A neuron has a gain of 1e6 V/A and inputs are +-0.2 V, so a pair of weight
// 5 uS adds 1 to the argument of the hidden neuron's tanh. The working range
// allows 90 uS, which is 18: a few percent of the range saturate a hidden neuron.
// Small weights are not usable all the same, because the devices' errors are
// relative: the idle device alone, at 10 uS and 30 % off, is 3 uS, or 0.6 of
// these, wrong. So a network that
// is to survive its import has hidden neurons that are nearly sign functions of
// sums of large weights, and large margins. Package train finds such networks
// by training with the import's error.
//
// # Packages
//
// Package dataset holds the letters and reads other data; train finds networks
// ex situ; insitu has the rules for training on the devices; draw draws patterns
// and results. None of them touches an instrument.
package mlp
