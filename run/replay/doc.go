// Package replay runs an algorithm again over what a run has recorded.
//
// Terms:
//
//   - The tape is the record of a run's earlier segments, read forward once and
//     never held in memory.
//   - While the tape lasts, everything that the algorithm asks for is compared
//     with what was recorded, and answered with the recorded results, to the last
//     bit; nothing is touched. A Difference says that something else was asked.
//   - Where the tape ends the run goes live: questions go to the bench, answers
//     to the journal. A tape without a journal never goes live; there the
//     algorithm ends with ErrEnd.
//   - The first thing asked behind the end of the tape is unknown when it is
//     stress whose intent is on disk: it may have happened. It is never repeated;
//     the device is read instead, and the stress steps have Unknown results.
//
// An algorithm that is run again does the same because it is deterministic given
// the results: this is what makes a run that was cut off at any point one that
// can be taken up, and a recorded run a reproducible report of a bug.
//
// What is on the tape: intents, parts, results, events of the kinds
// array.EventRead and record.Recall, and record.Resume, which says up to where a
// later segment used the record. Everything else in a journal is for people.
package replay
