// Package b1500 is the protocol side of a simulated Keysight (Agilent) B1500A
// parameter analyzer: it interprets FLEX command lines, sets the outputs of
// the bench through bench.Terminals, lets virtual time pass as the instrument
// would, and formats what the meters show.
//
// # Terms
//
// Slot and channel: a module in slot n (1 to 10) is channel n, also written
// n01; its letter in a record is the n-th of A to J. Unit: the number of the
// source-measure unit on the bench's side. SMU: source-measure unit. HRSMU,
// MPSMU, HPSMU, MCSMU: high-resolution, medium-power, high-power and
// medium-current SMU. Compliance: the bound on the quantity that is not
// forced. PLC: power line cycle, 20 ms at 50 Hz. ADC: analog-to-digital
// converter, a high-speed one in every SMU and one high-resolution one shared
// by all. FMT: the format of answers. Record: status, channel, type and
// number of one value. Block: the comma-joined records of one measurement,
// ended by CR LF with EOI.
//
// # Where the rules come from
//
// The command set follows the B1500 series programming guide as summarised in
// the project's instrument notes, and the digits follow the golden frames in
// hwdocs/golden. The following is recalled and not confirmed on hardware (K):
//
//   - numbers of the error codes other than 100, 102, 103, 120 to 124, 200 and 205
//   - 80 us for a conversion of the ADC (Timing.Conversion), 20 us to execute a
//     command (Timing.Command), one conversion for the reading of a pulse
//   - a command line of 256 bytes at most, its end included (Options.InputBuffer)
//   - 115 % of a range as the most it can show
//   - the place of the reading in a pulse (its last part), and that MCPT's
//     average repeats the pulse
//   - the fourth parameter of PT taken as a delay of the pulse within its period
//   - bit 3 of the status byte shows the contact of the interlock as it is now
//   - records of the steps that an aborted sweep did not reach: status 001 and
//     199.9999E+99
//   - status letters W and E, right-aligned in three characters, and types v and
//     i on source values in format 21
//   - one query answer is kept, the next query replaces it; it is read before
//     any measured data
//   - an error does not stop the commands behind it on the same line
//   - a device clear does what *RST does and clears the buffers; neither of
//     them touches the error queue
//
// # What is not simulated
//
// Capacitance units, pulse generators, quasi-pulsed and search measurements,
// external triggers, binary formats and program variables: commands for them
// end in error 100 or 120, as they would on an analyzer without the option.
// The 1 Mohm series resistor is refused because the bench has none. A range
// with limited auto ranging measures like auto ranging. Since a command has
// done its work when Write returns, AB and a device clear find nothing to
// interrupt; that the client cannot see results earlier is the business of the
// GPIB adapter, which knows how long the work took.
package b1500
