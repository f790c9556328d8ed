// Package stability measures how long, and at which temperatures, a network in
// crossbars goes on classifying as it did when it was written.
//
// Terms:
//
//   - A variant is a way to make a network hold better. Plain is the network as
//     trained, one device of each pair at the minimum. Biased holds the same
//     weights in pairs at a common bias +- half of the weight, so that what
//     changes all conductances alike changes less of the weight
//     (mlp.Range.BiasedPair). Feedback is the plain network with a memristor in the
//     feedback of the neurons' difference stage: the gain is then inversely
//     proportional to the conductance of a device that follows the same law of
//     temperature as the weights (Merrikh Bayat et al., Nature Communications
//     9:2331, 2018, propose it).
//   - A condition is an age of the written weights, or a temperature of the chip.
//   - Fidelity is how closely the outputs under a condition follow those under the
//     first one.
//
// A network is written once per way of holding its weights, at the first
// condition, and classified under each; the plain weights serve two variants.
package stability
