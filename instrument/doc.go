// Package instrument is the vocabulary of the bench: the quantities it is
// spoken in, the limits under everything, the errors, and the capabilities
// that an instrument may have. It imports nothing else of xlab, so that
// drivers, algorithms and tests can all stand on it.
//
// Terms, as the field uses them:
//
//   - A channel is one source-measure unit (SMU) of an analyzer. It forces a
//     voltage and measures a current, or the other way round.
//   - Compliance is the bound on the quantity that is not forced: the current
//     of a voltage source, the voltage of a current source. There is no drive
//     without it.
//   - A spot is one measurement under constant bias; a pulse is a level held
//     for a width and then taken back to 0 V; a sweep is a staircase of levels.
//   - A line is one word (row) or bit (column) wire of a crossbar, a bus one of
//     the wires of the switch board that a line can be connected to.
//   - The interlock is the analyzer's hardware contact that must be closed for
//     high voltage; an open one is an error, never a warning.
//
// All values are float64 in SI units. The sign convention everywhere is the
// voltage of the row (top electrode) minus that of the column (bottom
// electrode): positive raises the conductance (SET), negative lowers it (RESET).
package instrument
