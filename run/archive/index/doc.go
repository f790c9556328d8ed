// Package index finds runs quickly, by command, array, chip, outcome, time and
// text in their arguments.
//
// The index is an SQLite database, .index.sqlite in the directory of the runs,
// in write-ahead mode, so that readers and a writer do not wait for each other.
// It is never the only copy of anything: whatever is in it is read from the
// runs' directories, and it may be deleted at any time.
//
// Terms:
//
//   - A mark is what a run directory looks like from outside: the sizes and
//     times of its journal's segments and of its result. A run whose mark has
//     changed is read again before the next search.
//   - Bypassing the index means reading all run directories instead, which gives
//     the same and takes longer.
//
// A database that is corrupt, of another version or of another program is
// replaced by a new one. One that cannot be used at all, on a read-only or
// network file system, is bypassed; both with a note for a person, and neither
// is an error. SQLite's locks end with their process, so that a crash leaves
// none.
package index
