// Package blueprint is the driver to copy. It is small and complete, it is
// compiled and tested like any other, and its instrument does not exist: the
// SM1, a source-measure box with four channels and a protocol of text lines.
// hwdocs/blueprint.md is its data sheet. It has no sweep, and the driver does
// not make up for that: a step that a box does not have is refused.
//
// # How to write a driver from this
//
//  1. Write down the protocol, as in hwdocs/blueprint.md, and a golden file of
//     frames that the driver and the simulated instrument both follow
//     (hwdocs/golden).
//  2. wire.go: turn answers into values. Be strict: an answer that is not
//     exactly what the instrument sends is an error that shows the text.
//  3. check.go: turn a step into what the instrument will really do, rounded to
//     its resolution, and check THAT against the limits. This file sends nothing.
//  4. device.go: New touches nothing, TakeOver asks who answers and switches off,
//     Open connects, Run checks all steps before the first byte and then sends
//     all of them in one exchange, Safe works in every state, Cost is Run without
//     a link.
//  5. Run the conformance suites of instrument/instrumenttest, as
//     conformance_test.go does.
//  6. Write its simulated side, and say in one entry of lab/boxes what a bench has
//     to know of both, as lab/blueprint_test.go does for this one.
package blueprint
