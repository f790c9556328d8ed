// Package guarded stands between an algorithm and the arrays of a bench: what is
// asked for is recorded, answered from the record of an earlier segment, kept
// back where a condition is not met, repeated where a link was lost, and done
// with the other arrays disconnected.
//
// Terms:
//
//   - A layer is a crossbar in front of another one, with one thing to see to.
//   - The stack is all layers in front of an array. New builds those of a run's
//     arrays and says in which order they stand, and why. There is no other way
//     to an array.
//   - A turn is an array's, which has the bench for itself until another array is
//     used.
//
// What a bench is, and how it is brought back, is told by who builds the stack.
package guarded
