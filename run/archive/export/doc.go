// Package export writes what a run measured into files that other programs read:
// CSV, JSON, NumPy's npz, Parquet and NetCDF.
//
// Terms:
//
//   - A source is a run directory that is read. A run that is still going on can
//     be exported up to where it was when the source was opened.
//   - The table of readings has one row per step on a device, in the order in
//     which they happened, and of a sweep one row per level.
//   - The table of devices has one row per device: what is known of it at the end.
//   - Provenance says where the numbers come from: bench, instruments, chip,
//     limits, program, seed, run, arguments, outcome, and what is missing. It is in
//     every file.
//
// All values are in SI units, which are in the names of the columns and, where the
// format has a place for them, beside them. A value that was not measured is not
// a number, or empty.
//
// Rows are read from the journal as they are written; no table is held in
// memory, except that of devices, whose size is that of the arrays. NumPy's
// format wants columns one after the other: they wait in temporary files.
package export
