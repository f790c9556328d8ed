// Package fault makes things go wrong on the simulated bench, by a script and
// the same way each time: bytes that are lost, doubled, late or garbled on their
// way, cables that are pulled, instruments that fall silent or lose their
// settings, disks that are slow or full.
//
// Terms: a link is the byte stream between the host and one box ("analyzer",
// "board A"). A piece is what the host sends at once: what the box's server
// gets from one read, which for a client that asks and waits for the answer is
// one question. Pieces are counted from 1 for each link, and go on counting over
// reconnections. "Toward instrument" is from the host to the box, "toward host"
// is what it answers.
//
// A script is a seed and a list of faults. Every fault says what happens, on
// what, and when: at the n-th piece, at the n-th message with a text, at a byte,
// at a time of the bench, or at a rate per piece. Where a fault needs chance (which
// byte of an answer, which other value) it has random numbers of its own from the
// seed, so that the same script and the same client give the same faults.
//
// The package knows no protocol and no instrument: who composes the bench says
// what can be done to which box (Device), and puts the engine between servers
// and connections (Engine.Wrap).
package fault
