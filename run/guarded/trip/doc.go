// Package trip keeps an unattended run from going on where it should not.
//
// Terms:
//
//   - A condition is asked before every stress. One that cannot be told counts as
//     not met: watching fails closed.
//   - A trip is a condition that is not met: what it is, the value and its limit.
//     It is journaled, nothing is sent, and the run ends as tripped, or, where
//     the plan says so, as interrupted, to be taken up again. Leaving the bench
//     safe is the business of run.Guard, as at every other end.
//
// Watched are the status that instruments put on readings, reads in compliance,
// the leakage of the array against its own history, and whatever else is given
// as a Condition, such as a Sensor's temperature. The status of the instruments
// before stress is asked by run/recovery, the free space of the disk by the
// journal, both likewise before every stress.
package trip
