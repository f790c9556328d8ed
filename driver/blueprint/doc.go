// Package blueprint is the driver to copy. It is small and complete, it is
// compiled and tested like any other, and its instrument does not exist: the
// SM1, a source-measure box with one channel and a protocol of text lines.
//
// # The box
//
// Every line to the SM1 is answered by exactly one line, ended by LF:
//
//	*IDN?        Example,SM1,4711,1.0
//	VOLT v,i     ok            force v volts with a compliance of i amperes
//	WAIT s       ok            wait s seconds
//	CURR? s      1.5e-06,0     measure for s seconds: amperes, flags (1 in compliance, 2 over range)
//	PULS v,i,s   1.5e-06,0     from 0 V to v for s seconds and back to 0 V, measured at its end
//	OFF          ok            0 V and disconnected
//	ON           ok            connected at 0 V
//	TIME?        12.345        seconds since it was switched on
//
// What it cannot do it answers with "error" and a reason: "error 7 interlock is
// open". It sources in steps of 1 mV up to 10 V, its pulses last 1 ms to 1 s in
// steps of 1 ms, and it has no sweep.
//
// # How to write a driver from this
//
//  1. Write down the protocol, as above, and a golden file of frames that the
//     driver and the simulated instrument both follow (hwdocs/golden).
//  2. wire.go: turn answers into values. Be strict: an answer that is not
//     exactly what the instrument sends is an error that shows the text.
//  3. check.go: turn a step into what the instrument will really do, rounded to
//     its resolution, and check THAT against the limits. This file sends nothing.
//  4. device.go: New touches nothing, Open asks who answers, Run checks all
//     steps before the first byte and then sends all of them in one exchange,
//     Safe works in every state.
//  5. Run the conformance suites of instrument/instrumenttest, as
//     conformance_test.go does.
package blueprint
