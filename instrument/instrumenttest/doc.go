// Package instrumenttest holds one conformance suite per capability of package
// instrument. Every driver, and every wrapper around one, passes the suites of
// the capabilities that it has:
//
//	func TestConformance(t *testing.T) {
//		instrumenttest.TestSequencer(t, instrumenttest.SequencerFixture{ ... })
//	}
//
// A suite sees an instrument from both sides: it calls the capability, and the
// fixture tells it what arrived on the far side of the wire: how many bytes the
// host has sent, what voltages stand at the terminals, which switches are
// closed. What a fixture cannot tell it leaves nil, and the subtests that need
// it are skipped with a message.
//
// The suites hold what package instrument promises in words: nothing is sent
// when any step is out of limits, the zero value of the limits allows nothing,
// results have the shape and order of the request, what an instrument says in
// advance that steps cost is what they take, drives are at 0 V after every step,
// an ended context ends the call at once, Safe works after that and may be
// repeated.
package instrumenttest
