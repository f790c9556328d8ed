// Package b1500 drives a Keysight or Agilent B1500A parameter analyzer with
// its source-measure units (SMUs) over FLEX.
//
// Terms, beside those of packages instrument and flex:
//
//   - A conversation is one question-and-answer with the GPIB adapter, with
//     any number of command lines and answers in it. Run puts all its steps
//     into one, the error queue read at its end.
//   - The source range of a level decides its resolution; the level that is
//     checked against the limits is the one the range can really give.
//   - The high-resolution converter integrates whole power line cycles (PLC),
//     the high-speed converter takes samples of 80 us.
//   - A pulsed spot (MM 3) is a pulse of one unit, a multi-channel pulsed spot
//     (MM 27) one of several units together.
//
// What is sent, what comes back, the ranges, the timing and what has yet to be
// confirmed on hardware is written in hwdocs/b1500.md, and the exact frames in
// hwdocs/golden/b1500.txt. Both are followed by the tests.
//
// # States
//
// New touches nothing. TakeOver switches off the outputs of an analyzer of which
// nothing is known, before a switch of the bench is touched. Open resets the
// analyzer and closes the output switches; now Run works. Safe takes all outputs
// to 0 V and opens the switches, in every state; Open is needed before the next
// Run. After any error whose effect on the outputs is not known, Run refuses
// until Open, which begins with TakeOver then, has succeeded.
package b1500
