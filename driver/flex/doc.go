// Package flex builds and reads FLEX, the command language of the Agilent and
// Keysight parameter analyzers (B1500A, E5260, E5270), without any knowledge
// of one box and without any input or output of its own.
//
// Terms, as the programming guide uses them:
//
//   - A command is a header and its parameters: "DV 1,20,0.2,0.0001". Commands
//     on one line are joined by ';', and a line has a limited length.
//   - A range code is the number that names a source or measuring range.
//     A negative code fixes the range.
//   - A record is one measured value with its status, its channel's letter and
//     its type: "000BI-4.000000E-06". FMT says which of several forms it has.
//   - The status byte is what a serial poll gives; the error queue is read
//     entry by entry with ERRX?.
//
// Numbers go out in two steps: Quantize gives what the instrument will really
// do, the caller checks that against its limits, and Number writes exactly
// that value. Nothing is rounded on the way to the wire.
package flex
