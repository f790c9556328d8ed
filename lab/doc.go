// Package lab is a laboratory's bench as a program sees it: what `xlab` does with a
// bench, another program can do with a Lab (see the example).
//
// Terms:
//
//   - A job is the work of one run (package procedure). CarryOut begins a run with
//     it, Resume takes one up, Replay does its work again over the record.
//   - A run's past is what earlier segments have recorded. Until it ends everything
//     that the work asks is answered from it; then the run goes live.
//   - Attendance is what keeps a run going when nobody is there: the ladder that
//     brings a lost link back, the conditions that are checked before stress, and the
//     alarm that tells people.
//
// The rooms below: config (what bench.yaml says), boxes (the instruments that a bench
// can have), sim (the simulated bench), session (an open bench), procedure (what can
// be done), plan (chains of it).
package lab
